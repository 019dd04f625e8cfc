//! Fields of `tracing` spans and events, read as typed attributes.

use std::error::Error as StdError;
use std::fmt::{self, Write as _};

use tracing::field::{Field, Visit};

use super::record::Attributes;
use crate::AttributeValue;
use crate::exception;

/// The longest text of one value, in bytes; the rest is cut off. A record must fit into a request together with others.
pub(super) const TEXT_BYTES_MAX: usize = 64 << 10;

/// Collects fields.
pub(super) struct Fields<'a> {
    attributes: &'a mut Attributes,
    /// Where the field `message` goes; an attribute like any other if nowhere.
    message: Option<&'a mut String>,
}

impl<'a> Fields<'a> {
    /// Adds the fields of a span, and replaces those that are recorded again.
    pub(super) fn of_span(attributes: &'a mut Attributes) -> Self {
        Self { attributes, message: None }
    }

    /// Adds the fields of an event, whose message is its body.
    pub(super) fn of_event(attributes: &'a mut Attributes, message: &'a mut String) -> Self {
        Self { attributes, message: Some(message) }
    }

    fn add(&mut self, field: &Field, value: AttributeValue) {
        let name = field.name();
        // As `r#type` is written where `type` is meant.
        let name = name.strip_prefix("r#").unwrap_or(name);
        // What the bridge from the `log` crate adds, about the source and not by the user.
        if matches!(name, "log.target" | "log.module_path" | "log.file" | "log.line") {
            return;
        }
        if name == "message"
            && let Some(message) = &mut self.message
        {
            **message = match value {
                AttributeValue::Text(text) => text,
                other => other.to_string(),
            };
            return;
        }
        put(self.attributes, name, value);
    }
}

/// Adds an attribute, or replaces the one of that name.
pub(super) fn put(attributes: &mut Attributes, name: &'static str, value: AttributeValue) {
    match attributes.iter_mut().find(|(known, _)| *known == name) {
        Some((_, known)) => *known = value,
        None => attributes.push((name, value)),
    }
}

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, AttributeValue::Text(written(format_args!("{value:?}"))));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, AttributeValue::Text(written(format_args!("{value}"))));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, AttributeValue::Bool(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, AttributeValue::Integer(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, integer_or_text(value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.add(field, integer_or_text(value));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.add(field, integer_or_text(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, AttributeValue::Double(value));
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        self.add(field, AttributeValue::Bytes(value[..value.len().min(TEXT_BYTES_MAX)].to_vec()));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn StdError + 'static)) {
        self.add(field, AttributeValue::Text(written(format_args!("{value}"))));
        // O-15. The first error of a record is the one it is about.
        if !self.attributes.iter().any(|(name, _)| *name == exception::MESSAGE) {
            for (name, text) in exception::attributes(value) {
                put(self.attributes, name, AttributeValue::Text(written(format_args!("{text}"))));
            }
        }
    }
}

/// Numbers that OTLP has no type for are kept exactly, as text.
fn integer_or_text<N: TryInto<i64> + Copy + fmt::Display>(number: N) -> AttributeValue {
    match number.try_into() {
        Ok(number) => AttributeValue::Integer(number),
        Err(_) => AttributeValue::Text(number.to_string()),
    }
}

/// A text of at most [`TEXT_BYTES_MAX`] bytes.
pub(super) fn written(text: fmt::Arguments<'_>) -> String {
    let mut bounded = Bounded(String::new());
    // Fails when it is full: whatever writes stops there.
    let _ = bounded.write_fmt(text);
    bounded.0
}

struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = TEXT_BYTES_MAX.saturating_sub(self.0.len());
        if text.len() <= room {
            self.0.push_str(text);
            return Ok(());
        }
        self.0.push_str(&text[..text.floor_char_boundary(room)]);
        self.0.push('…');
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o_38_numbers_beyond_64_bits_stay_exact() {
        assert_eq!(integer_or_text(i64::MAX as u64), AttributeValue::Integer(i64::MAX));
        assert_eq!(integer_or_text(u64::MAX), AttributeValue::Text("18446744073709551615".to_owned()));
        assert_eq!(integer_or_text(i128::MIN), AttributeValue::Text(i128::MIN.to_string()));
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        let text = written(format_args!("a{}", "ä".repeat(TEXT_BYTES_MAX)));
        assert!(text.ends_with("ä…"));
        assert_eq!(text.len(), TEXT_BYTES_MAX - 1 + "…".len());
    }
}
