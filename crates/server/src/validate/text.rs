//! Texts: lengths and the form of slugs (LM-13, LM-15, LM-21 to LM-23, C-14).

use std::fmt::Display;
use std::ops::RangeInclusive;

use boxwood_engine::is_slug;

use super::{Invalid, invalid};

/// Checks how many characters a text has.
pub(crate) fn chars(field: impl Display, text: &str, allowed: RangeInclusive<usize>) -> Result<(), Invalid> {
    // A character has at most four bytes, so long texts need no counting to be too long.
    let (min, max) = (*allowed.start(), *allowed.end());
    if text.len() / 4 <= max && allowed.contains(&text.chars().count()) {
        return Ok(());
    }
    match text.chars().count() {
        0 => invalid(format!("{field}: is empty, at least {min} character is needed")),
        count if max == usize::MAX => invalid(format!("{field}: has {count} characters, at least {min} are needed")),
        count => invalid(format!("{field}: has {count} characters, {min} to {max} are allowed")),
    }
}

/// Checks a slug that may be left out.
pub(crate) fn slug(field: impl Display, slug: &str) -> Result<(), Invalid> {
    if is_slug(slug) {
        return Ok(());
    }
    let shown: String = slug.chars().take(100).collect();
    invalid(format!("{field}: {shown:?} is no slug; a slug has up to 100 letters, digits and hyphens"))
}

/// Checks a slug that must be there.
pub(crate) fn required_slug(field: impl Display, text: &str) -> Result<(), Invalid> {
    if text.is_empty() {
        return invalid(format!("{field}: is empty, a slug of 1 to 100 letters, digits and hyphens is needed"));
    }
    slug(field, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lm_21_lengths_count_characters_not_bytes() {
        assert!(chars("name", &"é".repeat(100), 1..=100).is_ok());
        for (text, says) in [("é".repeat(101), "101"), (String::new(), "empty"), ("x".repeat(100_000), "100000")] {
            let refused = chars("name", &text, 1..=100).expect_err("a wrong length").0;
            assert!(refused.starts_with("name: ") && refused.contains(says), "{refused}");
        }
        assert!(chars("job_name", &"x".repeat(100_000), 1..=usize::MAX).is_ok());
    }

    #[test]
    fn c_14_lm_22_slugs_are_checked_and_named() {
        assert!(slug("slug", "").is_ok() && slug("slug", "Dev-1").is_ok());
        assert!(required_slug("slug", "").is_err());
        for wrong in ["a b", "a_b", "ä", &"a".repeat(101)] {
            let refused = slug("cluster_slug", wrong).expect_err("no slug").0;
            assert!(refused.starts_with("cluster_slug: ") && refused.contains("100"), "{refused}");
        }
    }
}
