//! What can be said in `#[task(…)]`.

use proc_macro2::Span;
use syn::spanned::Spanned as _;
use syn::{Attribute, Error, LitStr, Result};

/// The longest name of a task, in bytes.
const NAME_BYTES_MAX: usize = 256;

const KNOWN: [&str; 4] = ["name", "version", "display", "input"];

/// How the input is written.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Shape {
    /// A JSON object of all fields.
    Object,
    /// The JSON of the only field.
    Value,
}

/// The options of one task; none of them need be given.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) name: Option<LitStr>,
    pub(crate) version: Option<(u64, u64)>,
    pub(crate) display: Option<LitStr>,
    /// The shape, and the word that asked for it.
    pub(crate) input: Option<(Shape, Span)>,
}

impl Options {
    /// Reads all `#[task(…)]` attributes; reports every mistake, each at its word.
    pub(crate) fn read(attributes: &[Attribute]) -> Result<Self> {
        let mut options = Self::default();
        let mut seen: Vec<String> = Vec::new();
        let mut mistakes: Option<Error> = None;
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("task")) {
            let read = attribute.parse_nested_meta(|meta| {
                let key = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
                if !KNOWN.contains(&key.as_str()) {
                    // Its value is skipped, so that later options are read too.
                    if meta.input.peek(syn::Token![=]) {
                        meta.value()?.parse::<syn::Expr>()?;
                    }
                    note(&mut mistakes, Error::new(meta.path.span(), unknown(&key)));
                    return Ok(());
                }
                if seen.contains(&key) {
                    note(&mut mistakes, Error::new(meta.path.span(), format!("`{key}` is given twice; remove one")));
                }
                seen.push(key.clone());
                if !meta.input.peek(syn::Token![=]) {
                    let text = format!("`{key}` needs a value; write `{key} = \"{}\"`", example(&key));
                    return Err(Error::new(meta.path.span(), text));
                }
                let value = meta.value()?.parse::<syn::Expr>()?;
                match text_of(&value, &key).and_then(|text| options.set(&key, text)) {
                    Ok(()) => (),
                    Err(mistake) => note(&mut mistakes, mistake),
                }
                Ok(())
            });
            if let Err(mistake) = read {
                note(&mut mistakes, mistake);
            }
        }
        mistakes.map_or(Ok(options), Err)
    }

    fn set(&mut self, key: &str, text: LitStr) -> Result<()> {
        let value = text.value();
        match key {
            "name" if value.is_empty() || value.len() > NAME_BYTES_MAX => {
                let problem = format!("a name has 1 to {NAME_BYTES_MAX} bytes, this one has {}", value.len());
                return Err(Error::new(text.span(), problem));
            }
            "name" => self.name = Some(text),
            "version" => {
                let problem = format!("`{value}` is no version; write `v<major>.<minor>`, for example \"v1.3\"");
                self.version = Some(version(&value).ok_or_else(|| Error::new(text.span(), problem))?);
            }
            "display" if value.is_empty() => {
                return Err(Error::new(text.span(), "the display is empty; leave it out for the name of the struct"));
            }
            "display" => self.display = Some(text),
            _ => {
                let shape = match value.as_str() {
                    "object" => Shape::Object,
                    "value" => Shape::Value,
                    _ => {
                        let problem = format!("`{value}` is no shape of an input; write \"object\" or \"value\"");
                        return Err(Error::new(text.span(), problem));
                    }
                };
                self.input = Some((shape, text.span()));
            }
        }
        Ok(())
    }
}

fn note(mistakes: &mut Option<Error>, mistake: Error) {
    match mistakes {
        Some(earlier) => earlier.combine(mistake),
        None => *mistakes = Some(mistake),
    }
}

fn text_of(value: &syn::Expr, key: &str) -> Result<LitStr> {
    match value {
        syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Ok(text.clone()),
        other => {
            let problem = format!("`{key}` takes a text in quotes, for example `{key} = \"{}\"`", example(key));
            Err(Error::new(other.span(), problem))
        }
    }
}

fn example(key: &str) -> &'static str {
    match key {
        "name" => "acme.Mosaic",
        "version" => "v1.3",
        "display" => "Tile {x}/{y}",
        _ => "object",
    }
}

fn unknown(key: &str) -> String {
    let near = KNOWN.iter().find(|known| {
        let same_start = known.chars().zip(key.chars()).take_while(|(one, other)| one == other).count();
        key.len() >= 2 && (same_start >= 2 || is_shuffled(known, key))
    });
    match near {
        Some(near) => format!("unknown option `{key}`; did you mean `{near}`?"),
        None => format!("unknown option `{key}`; there are `name`, `version`, `display` and `input`"),
    }
}

/// Whether two words have the same letters but for at most one.
fn is_shuffled(one: &str, other: &str) -> bool {
    let mut left: Vec<char> = other.chars().collect();
    let missing = one.chars().filter(|c| left.iter().position(|l| l == c).map(|at| left.remove(at)).is_none()).count();
    missing + left.len() <= 1
}

fn version(text: &str) -> Option<(u64, u64)> {
    let number = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
    let (major, minor) = text.strip_prefix('v')?.split_once('.')?;
    Some((number(major)?, number(minor)?))
}
