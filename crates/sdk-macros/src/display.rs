//! The text shown for a task: a format text that names fields.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::{Error, Fields, Ident, LitStr, Result};

/// The expression of the display: `format!` with the fields that the text names.
pub(crate) fn expression(fields: &Fields, text: &LitStr) -> Result<TokenStream> {
    let braces = Braces::of(&text.value());
    match fields {
        Fields::Named(named) => {
            let named: Vec<&Ident> = named.named.iter().filter_map(|field| field.ident.as_ref()).collect();
            for name in braces.shown.iter().chain(&braces.numbers) {
                if !named.iter().any(|ident| ident.unraw() == name.as_str()) && !is_constant(name) {
                    return Err(Error::new(text.span(), unknown(name, &named)));
                }
            }
            // Only what the text names is bound, so that other fields need no `Display` and nothing is unused. Widths
            // and precisions are handed over by value: `format!` takes them in no other way.
            let among = |names: &[String], ident: &Ident| names.iter().any(|name| ident.unraw() == name.as_str());
            let bound = named.iter().filter(|ident| among(&braces.shown, ident) && !among(&braces.numbers, ident));
            let handed = named.iter().filter(|ident| among(&braces.numbers, ident)).map(|ident| {
                let name = Ident::new(&ident.unraw().to_string(), ident.span());
                quote_spanned! { text.span() => #name = self.#ident }
            });
            Ok(quote! {
                let Self { #(#bound,)* .. } = self;
                ::std::format!(#text #(, #handed)*)
            })
        }
        Fields::Unnamed(unnamed) if unnamed.unnamed.len() == 1 => {
            let other = |name: &&String| !name.is_empty() && name.as_str() != "0" && !is_constant(name);
            if let Some(name) = braces.shown.iter().chain(&braces.numbers).find(other) {
                let problem = format!("there is no field `{name}`; the only one is shown by `{{0}}`");
                return Err(Error::new(text.span(), problem));
            }
            let handed = (!braces.shown.is_empty()).then(|| quote_spanned! { text.span() => , self.0 });
            Ok(quote! { ::std::format!(#text #handed) })
        }
        Fields::Unnamed(_) | Fields::Unit => {
            match braces.shown.iter().chain(&braces.numbers).find(|name| !is_constant(name)) {
                Some(_) => {
                    Err(Error::new(text.span(), "there is no field to show; a brace is written as `{{` or `}}`"))
                }
                None => Ok(quote! { ::std::format!(#text) }),
            }
        }
    }
}

/// What stands in the braces of a format text.
#[derive(Default)]
struct Braces {
    /// What is shown: names and numbers of arguments, empty where the next one is meant, or whatever else was written.
    shown: Vec<String>,
    /// The names that widths and precisions are taken from.
    numbers: Vec<String>,
}

impl Braces {
    /// Of a malformed text, what can be told; `format!` reports it.
    fn of(text: &str) -> Self {
        let mut braces = Self::default();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (brace, after) = rest[at..].split_at(1);
            if let Some(escaped) = after.strip_prefix(brace) {
                rest = escaped;
                continue;
            }
            rest = after;
            if brace == "{"
                && let Some((inside, after)) = rest.split_once('}')
            {
                braces.add(inside);
                rest = after;
            }
        }
        braces
    }

    fn add(&mut self, inside: &str) {
        let (shown, format) = inside.split_once(':').unwrap_or((inside, ""));
        self.shown.push(shown.trim().to_owned());
        let mut before = format;
        while let Some((start, _)) = before.rsplit_once('$') {
            let name = start.rsplit(|c: char| c != '_' && !c.is_alphanumeric()).next().unwrap_or_default();
            // A width such as `08` may stand before a name only by a sign between them; a fill can be any character.
            if !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) {
                self.numbers.push(name.to_owned());
            }
            before = start;
        }
    }
}

/// Whether a name is written as those of constants are, which `format!` finds by itself.
fn is_constant(name: &str) -> bool {
    !name.is_empty()
        && name.chars().all(|c| c == '_' || c.is_alphanumeric() && !c.is_lowercase())
        && !name.starts_with(|c: char| c.is_ascii_digit())
}

fn unknown(name: &str, fields: &[&Ident]) -> String {
    let fields: Vec<String> = fields.iter().map(|ident| format!("`{{{}}}`", ident.unraw())).collect();
    let there_are = match fields.as_slice() {
        [] => "there are none".to_owned(),
        [one] => format!("there is {one}"),
        [most @ .., last] => format!("there are {} and {last}", most.join(", ")),
    };
    let is_name = name.chars().all(|c| c == '_' || c.is_alphanumeric());
    match name {
        "" => format!("`{{}}` does not say which field is shown; {there_are}"),
        _ if !is_name => format!(
            "`{{{name}}}` is more than the name of a field; {there_are}, and anything else is for \
             `context.set_display(…)` in `execute`"
        ),
        _ => format!("there is no field `{name}` to show; {there_are}"),
    }
}
