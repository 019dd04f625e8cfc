//! Attributes of log records and spans: as JSON, and as `key=value` in a terminal.

use boxwood::AttributeValue;
use serde_json::{Map, Value};

use crate::text::shown;

/// Those that are wanted, each as [`pair`] writes it.
pub(super) fn pairs(attributes: &Map<String, Value>, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    attributes.iter().filter(|(key, _)| wanted(key)).map(|(key, value)| pair(key, value)).collect()
}

/// `key=value` on one line, in quotes where blanks would make it ambiguous.
pub(super) fn pair(key: &str, value: &Value) -> String {
    let text = plain(value);
    let quoted = text.is_empty() || text.contains(|c: char| c.is_whitespace() || c == '"' || c == '=');
    let text = if quoted { Value::String(text).to_string() } else { text };
    format!("{}={}", shown(key), shown(&text))
}

/// A text as it is, everything else as JSON.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Attributes as a JSON object.
pub(super) fn attributes(entries: Vec<(String, AttributeValue)>) -> Map<String, Value> {
    entries.into_iter().map(|(key, entry)| (key, value(entry))).collect()
}

/// The value in the types of JSON (O-38); bytes in hexadecimal digits.
pub(super) fn value(any: AttributeValue) -> Value {
    match any {
        AttributeValue::Empty => Value::Null,
        AttributeValue::Text(text) => text.into(),
        AttributeValue::Bool(value) => value.into(),
        AttributeValue::Integer(number) => number.into(),
        // JSON has no infinities.
        AttributeValue::Double(number) if number.is_finite() => number.into(),
        AttributeValue::List(values) => values.into_iter().map(value).collect(),
        AttributeValue::Map(entries) => Value::Object(attributes(entries)),
        other => other.to_string().into(),
    }
}
