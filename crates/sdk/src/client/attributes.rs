//! What logs and spans say besides their text.

use std::fmt;
use std::time::{Duration, SystemTime};

use boxwood_proto::opentelemetry::proto::common::v1::any_value::Value;
use boxwood_proto::opentelemetry::proto::common::v1::{AnyValue, KeyValue};

use crate::id::TaskId;

/// The value of an attribute, or the body of a log record, with its type (O-38).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names say it")]
pub enum AttributeValue {
    Empty,
    Text(String),
    Bool(bool),
    Integer(i64),
    Double(f64),
    Bytes(Vec<u8>),
    List(Vec<AttributeValue>),
    Map(Vec<(String, AttributeValue)>),
}

impl AttributeValue {
    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number, if it is one.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn from_wire(value: AnyValue) -> Self {
        match value.value {
            None => Self::Empty,
            Some(Value::StringValue(text)) => Self::Text(text),
            Some(Value::BoolValue(value)) => Self::Bool(value),
            Some(Value::IntValue(number)) => Self::Integer(number),
            Some(Value::DoubleValue(number)) => Self::Double(number),
            Some(Value::BytesValue(bytes)) => Self::Bytes(bytes),
            Some(Value::ArrayValue(list)) => Self::List(list.values.into_iter().map(Self::from_wire).collect()),
            Some(Value::KvlistValue(map)) => Self::Map(attributes(map.values)),
            Some(Value::StringValueStrindex(index)) => Self::Integer(index.into()),
        }
    }
}

impl PartialEq<str> for AttributeValue {
    fn eq(&self, text: &str) -> bool {
        self.as_str() == Some(text)
    }
}

impl PartialEq<&str> for AttributeValue {
    fn eq(&self, text: &&str) -> bool {
        *self == **text
    }
}

impl fmt::Display for AttributeValue {
    /// Texts as they are, bytes in hexadecimal digits, lists in square brackets and maps in braces.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => Ok(()),
            Self::Text(text) => f.write_str(text),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Double(number) => write!(f, "{number}"),
            Self::Bytes(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
            Self::List(values) => {
                f.write_str("[")?;
                for (index, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Self::Map(entries) => {
                f.write_str("{")?;
                for (index, (key, value)) in entries.iter().enumerate() {
                    write!(f, "{}{key}: {value}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str("}")
            }
        }
    }
}

pub(super) fn attributes(entries: Vec<KeyValue>) -> Vec<(String, AttributeValue)> {
    let value = |entry: KeyValue| (entry.key, AttributeValue::from_wire(entry.value.into_option().unwrap_or_default()));
    entries.into_iter().map(value).collect()
}

pub(super) fn find<'a>(attributes: &'a [(String, AttributeValue)], key: &str) -> Option<&'a AttributeValue> {
    attributes.iter().find(|(known, _)| known == key).map(|(_, value)| value)
}

/// The task that a record names (O-14, O-15).
pub(super) fn task_of(attributes: &[(String, AttributeValue)]) -> Option<TaskId> {
    find(attributes, "task_id").and_then(AttributeValue::as_str).and_then(|id| id.parse().ok())
}

/// The identifier of a trace or span, in hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn time_of(nanos: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o_38_values_are_written_for_people() {
        let value = AttributeValue::Map(vec![
            ("list".to_owned(), AttributeValue::List(vec![AttributeValue::Integer(1), AttributeValue::Bool(true)])),
            ("bytes".to_owned(), AttributeValue::Bytes(vec![0, 255])),
        ]);
        assert_eq!(value.to_string(), "{list: [1, true], bytes: 00ff}");
    }
}
