//! W3C trace parents (LM-14, J-1).

use super::{Invalid, invalid};

/// Checks the form `00-<32 hex>-<16 hex>-<2 hex>`, any flags (J-10). Later versions may have more at the end.
pub(crate) fn trace_parent(field: &str, text: &str) -> Result<(), Invalid> {
    if text.is_empty() {
        return invalid(format!("{field}: is empty, a W3C trace parent of at least 1 character is needed"));
    }
    if is_trace_parent(text) {
        return Ok(());
    }
    let shown: String = text.chars().take(80).collect();
    invalid(format!(
        "{field}: {shown:?} is no W3C trace parent; its form is 00-<trace id, 32 hex digits>-<span id, 16 hex \
         digits>-<flags, 2 hex digits>"
    ))
}

fn is_trace_parent(text: &str) -> bool {
    let mut parts = text.splitn(5, '-');
    let mut hex = |digits: usize| {
        let part = parts.next().filter(|part| part.len() == digits);
        part.filter(|part| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
    };
    let (Some(version), Some(trace), Some(span), Some(_flags)) = (hex(2), hex(32), hex(16), hex(2)) else {
        return false;
    };
    let all = |part: &str, digit: u8| part.bytes().all(|byte| byte == digit);
    let longer = parts.next().is_some();
    !all(version, b'f') && !all(trace, b'0') && !all(span, b'0') && (version != "00" || !longer)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "6b5dd6328ae6f7dc35fc987eade2cb97";
    const SPAN: &str = "899fb70e0df2b53d";

    #[test]
    fn lm_14_trace_parents_have_the_w3c_form_with_any_flags() {
        for flags in ["00", "01", "03", "ff"] {
            assert!(trace_parent("trace_parent", &format!("00-{TRACE}-{SPAN}-{flags}")).is_ok(), "flags {flags}");
        }
        assert!(trace_parent("trace_parent", &format!("01-{TRACE}-{SPAN}-01-more")).is_ok(), "a later version");
        let wrong = [
            String::new(),
            "trace".into(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-1"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("00-{TRACE}-{SPAN}-01 "),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{}-{SPAN}-01", "0".repeat(32)),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{TRACE}é-{SPAN}-01"),
        ];
        for text in wrong {
            let refused = trace_parent("trace_parent", &text).expect_err(&text).0;
            assert!(refused.starts_with("trace_parent: "), "{refused}");
        }
    }
}
