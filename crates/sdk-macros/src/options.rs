//! What can be said in `#[task(…)]`.

use proc_macro2::Span;
use syn::spanned::Spanned as _;
use syn::{Attribute, Error, LitStr, Path, Result, parse_quote};

/// The longest name of a task, in bytes.
const NAME_BYTES_MAX: usize = 256;

const KNOWN: [&str; 5] = ["name", "version", "display", "input", "crate"];

/// Options of a submission, which people look for here.
const OF_A_SUBMISSION: [&str; 5] = ["max_retries", "retries", "optional", "cluster", "depends_on"];

/// How the input is written.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Shape {
    /// A JSON object of all fields.
    Object,
    /// The JSON of the only field.
    Value,
    /// The encoding of the only field, a message of the crate `prost`.
    Prost,
    /// The encoding of the only field, a message of the crate `buffa`.
    Buffa,
}

impl Shape {
    const ALL: [Self; 4] = [Self::Object, Self::Value, Self::Prost, Self::Buffa];

    /// The word that asks for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Value => "value",
            Self::Prost => "prost",
            Self::Buffa => "buffa",
        }
    }
}

/// The options of one task; none of them need be given.
pub(crate) struct Options {
    pub(crate) name: Option<LitStr>,
    pub(crate) version: Option<(u64, u64)>,
    pub(crate) display: Option<LitStr>,
    /// The shape, and the word that asked for it.
    pub(crate) input: Option<(Shape, Span)>,
    /// Where the crate `boxwood` is found.
    pub(crate) boxwood: Path,
}

impl Options {
    /// Reads all `#[task(…)]` attributes, and what is wrong with them: every mistake, each at its word.
    pub(crate) fn read(attributes: &[Attribute]) -> (Self, Option<Error>) {
        let mut options =
            Self { name: None, version: None, display: None, input: None, boxwood: parse_quote!(::boxwood) };
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
        (options, mistakes)
    }

    fn set(&mut self, key: &str, text: LitStr) -> Result<()> {
        let value = text.value();
        let wrong = |problem: String| Err(Error::new(text.span(), problem));
        match key {
            "name" if value.is_empty() || value.len() > NAME_BYTES_MAX => {
                return wrong(format!(
                    "a name has 1 to {NAME_BYTES_MAX} bytes, this one has {}; without `name` it is that of the struct",
                    value.len()
                ));
            }
            "name" => self.name = Some(text),
            "version" => match version(&value) {
                Some(version) => self.version = Some(version),
                None => return wrong(format!("`{value}` is no version; write \"{}\"", near_version(&value))),
            },
            "display" if value.is_empty() => {
                return wrong("the display is empty; leave it out for the name of the struct".to_owned());
            }
            "display" => self.display = Some(text),
            "crate" => match text.parse::<Path>() {
                Ok(path) => self.boxwood = path,
                Err(_) => return wrong(format!("`{value}` is no path; write the name of the crate, such as \"bw\"")),
            },
            _ => match Shape::ALL.into_iter().find(|shape| shape.word() == value) {
                Some(shape) => self.input = Some((shape, text.span())),
                None => return wrong(unknown_shape(&value)),
            },
        }
        Ok(())
    }
}

/// Adds a mistake to those already found.
pub(crate) fn note(mistakes: &mut Option<Error>, mistake: Error) {
    match mistakes {
        Some(earlier) => earlier.combine(mistake),
        None => *mistakes = Some(mistake),
    }
}

fn text_of(value: &syn::Expr, key: &str) -> Result<LitStr> {
    let wish = match value {
        syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => return Ok(text.clone()),
        // What a macro was given for `$version:literal`.
        syn::Expr::Group(group) => return text_of(&group.expr, key),
        // What was meant is often clear: a number that is a version, a word without quotes.
        syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Float(number), .. }) if key == "version" => {
            near_version(&number.to_string())
        }
        syn::Expr::Path(path) if key != "version" => {
            path.path.get_ident().map_or_else(|| example(key).to_owned(), ToString::to_string)
        }
        _ => example(key).to_owned(),
    };
    Err(Error::new(value.span(), format!("`{key}` takes a text in quotes; write `{key} = \"{wish}\"`")))
}

fn example(key: &str) -> &'static str {
    match key {
        "name" => "acme.Mosaic",
        "version" => "v1.3",
        "display" => "Tile {x}/{y}",
        "crate" => "bw",
        _ => "object",
    }
}

fn unknown(key: &str) -> String {
    if OF_A_SUBMISSION.contains(&key) {
        let method = if key == "retries" { "max_retries" } else { key };
        return format!(
            "`{key}` is no option of a task, but of each submission; call `.{method}(…)` where it is submitted"
        );
    }
    let near = KNOWN.iter().find(|known| {
        let same_start = known.chars().zip(key.chars()).take_while(|(one, other)| one == other).count();
        key.len() >= 2 && (same_start >= 2 || is_shuffled(known, key))
    });
    match near {
        Some(near) => format!("unknown option `{key}`; did you mean `{near}`?"),
        None => format!("unknown option `{key}`; there are `name`, `version`, `display`, `input` and `crate`"),
    }
}

/// Whether two words have the same letters but for at most one.
fn is_shuffled(one: &str, other: &str) -> bool {
    let mut left: Vec<char> = other.chars().collect();
    let missing = one.chars().filter(|c| left.iter().position(|l| l == c).map(|at| left.remove(at)).is_none()).count();
    missing + left.len() <= 1
}

fn unknown_shape(value: &str) -> String {
    match value {
        "protobuf" | "proto" | "message" => {
            format!("`{value}` could be two crates; write \"prost\" or \"buffa\", whichever the message is made with")
        }
        _ => format!("`{value}` is no shape of an input; write \"object\", \"value\", \"prost\" or \"buffa\""),
    }
}

fn version(text: &str) -> Option<(u64, u64)> {
    let number = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
    let (major, minor) = text.strip_prefix('v')?.split_once('.')?;
    Some((number(major)?, number(minor)?))
}

/// The version that was probably meant.
fn near_version(text: &str) -> String {
    let digits = text.trim().trim_start_matches(['v', 'V']);
    let parts: Vec<&str> = digits.split('.').collect();
    let near = match parts.as_slice() {
        [major] => format!("v{major}.0"),
        [major, minor, ..] => format!("v{major}.{minor}"),
        [] => String::new(),
    };
    if version(&near).is_some() { near } else { "v1.3".to_owned() }
}
