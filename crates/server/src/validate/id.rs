//! Ids (N-8).

use boxwood_proto::buffa::MessageFieldView;
use boxwood_proto::tilebox::v1::IDView;
use std::fmt::Display;

use super::{Invalid, invalid};

/// Reads an id that must be there.
pub(crate) fn required_id<T>(
    field: impl Display,
    id: &MessageFieldView<IDView<'_>>,
    read: impl FnOnce(&[u8]) -> Option<T>,
) -> Result<T, Invalid> {
    match optional_id(&field, id, read)? {
        Some(id) => Ok(id),
        None => invalid(format!("{field}: is required, an id of 16 bytes")),
    }
}

/// Reads an id that may be left out.
pub(crate) fn optional_id<T>(
    field: impl Display,
    id: &MessageFieldView<IDView<'_>>,
    read: impl FnOnce(&[u8]) -> Option<T>,
) -> Result<Option<T>, Invalid> {
    let Some(id) = id.as_option() else { return Ok(None) };
    match read(id.uuid) {
        Some(id) => Ok(Some(id)),
        None if id.uuid.len() == 16 => invalid(format!("{field}: all bytes of the id are zero")),
        None => invalid(format!("{field}: the id has {} bytes, an id has 16", id.uuid.len())),
    }
}

/// Reads ids of a list, of which there may be `most`.
pub(crate) fn ids<'a, T>(
    field: &str,
    ids: impl IntoIterator<Item = &'a IDView<'a>>,
    most: usize,
    read: impl Fn(&[u8]) -> Option<T>,
) -> Result<Vec<T>, Invalid> {
    let mut found = Vec::new();
    for (place, id) in ids.into_iter().enumerate() {
        if place == most {
            return invalid(format!("{field}: at most {most} are allowed"));
        }
        let Some(id) = read(id.uuid) else {
            return invalid(format!("{field}[{place}]: is no id of 16 bytes of which one is not zero"));
        };
        found.push(id);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use boxwood_engine::JobId;

    fn field(uuid: &[u8]) -> MessageFieldView<IDView<'_>> {
        MessageFieldView::set(IDView { uuid, ..Default::default() })
    }

    #[test]
    fn n_8_ids_have_16_bytes_of_which_one_is_not_zero() {
        assert!(required_id("job_id", &field(&[7; 16]), JobId::from_bytes).is_ok());
        for (bytes, says) in [(&[][..], "0 bytes"), (&[1; 15], "15 bytes"), (&[1; 17], "17 bytes"), (&[0; 16], "zero")]
        {
            for refused in [
                required_id("job_id", &field(bytes), JobId::from_bytes).expect_err("no id"),
                optional_id("job_id", &field(bytes), JobId::from_bytes).expect_err("no id"),
            ] {
                assert!(refused.0.contains("job_id") && refused.0.contains(says), "{refused:?}");
            }
        }
        let absent = MessageFieldView::default();
        assert_eq!(optional_id("job_id", &absent, JobId::from_bytes), Ok(None));
        assert!(required_id("job_id", &absent, JobId::from_bytes).is_err());
    }
}
