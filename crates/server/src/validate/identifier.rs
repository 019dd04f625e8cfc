//! Task identifiers and retries (LM-8, LM-9, LM-11).

use boxwood_engine::{Identifier, Version, limits};
use std::fmt::Display;

use super::{Invalid, invalid};

/// Reads an identifier.
pub(crate) fn identifier(field: impl Display, name: &str, version: &str) -> Result<Identifier, Invalid> {
    if name.is_empty() || name.len() > limits::NAME_BYTES_MAX {
        return invalid(format!("{field}.name: has {} bytes, 1 to {} are allowed", name.len(), limits::NAME_BYTES_MAX));
    }
    match Version::parse(version) {
        Ok(version) => Ok(Identifier { name: name.into(), version }),
        Err(error) => invalid(format!("{field}.version: {error}")),
    }
}

/// Reads how often a task may be retried. No task lives to see four billion retries.
pub(crate) fn max_retries(field: impl Display, value: i64) -> Result<u32, Invalid> {
    if value < 0 {
        return invalid(format!("{field}: is {value}, 0 or more are allowed"));
    }
    Ok(u32::try_from(value).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lm_8_names_have_1_to_256_bytes() {
        assert!(identifier("identifier", &"é".repeat(128), "v0.0").is_ok());
        for (name, says) in [(String::new(), "0 bytes"), ("é".repeat(128) + "x", "257 bytes")] {
            let refused = identifier("identifier", &name, "v0.0").expect_err("a wrong length").0;
            assert!(refused.starts_with("identifier.name: ") && refused.contains(says), "{refused}");
        }
    }

    #[test]
    fn lm_9_versions_have_the_form_v_major_minor() {
        for version in ["", "1.0", "v1", "v1.0.0", "latest"] {
            let refused = identifier("identifier", "Tile", version).expect_err(version).0;
            assert!(refused.starts_with("identifier.version: "), "{refused}");
        }
    }

    #[test]
    fn lm_11_t_114_negative_retries_are_refused() {
        assert_eq!(max_retries("max_retries", 0), Ok(0));
        assert_eq!(max_retries("max_retries", i64::MAX), Ok(u32::MAX));
        assert!(max_retries("max_retries", -1).expect_err("negative").0.contains("-1"));
    }
}
