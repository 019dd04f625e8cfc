//! What the derive macro makes of a struct, and what it refuses.

use boxwood::Task;
use serde::{Deserialize, Serialize};

#[derive(Task, Debug, PartialEq)]
struct Nothing;

#[derive(Task, Debug, PartialEq)]
struct NoFields {}

#[derive(Task, Serialize, Deserialize, Debug, PartialEq)]
#[task(name = "acme.One")]
struct One {
    n: u64,
}

#[derive(Task, Debug, PartialEq)]
#[task(version = "v1.10", input = "value", display = "{n:>3} of {{n}}")]
struct Bare {
    n: u64,
}

#[derive(Task, Debug, PartialEq)]
#[task(input = "value")]
struct Wrapped(Vec<String>);

#[derive(Task, Serialize, Deserialize, Debug, PartialEq)]
#[task(name = "acme.Several")]
#[task(version = "v2.0", display = "{name} has {value:.1}", input = "object")]
struct Several {
    name: String,
    #[serde(default)]
    value: f64,
    digits: Option<usize>,
}

#[test]
fn t_51_without_options_the_name_is_that_of_the_struct_and_the_version_v0_0() {
    assert_eq!(Nothing::identifier().to_string(), "Nothing v0.0");
    assert_eq!(Nothing.display(), "Nothing");
    assert_eq!(One::identifier().to_string(), "acme.One v0.0");
    assert_eq!(One { n: 7 }.display(), "One");
    assert_eq!(Bare::identifier().to_string(), "Bare v1.10");
}

#[test]
fn t_20_no_fields_are_no_bytes_and_any_bytes_come_back() {
    assert_eq!(Nothing.to_input().unwrap(), b"");
    assert_eq!(NoFields {}.to_input().unwrap(), b"");
    for bytes in [&b""[..], b"{}", b"null", &[0xff, 0x00]] {
        assert_eq!(Nothing::from_input(bytes).unwrap(), Nothing);
        assert_eq!(NoFields::from_input(bytes).unwrap(), NoFields {});
    }
}

#[test]
fn t_28_one_field_is_an_object_unless_t_21_the_bare_value_is_asked_for() {
    assert_eq!(One { n: 7 }.to_input().unwrap(), br#"{"n":7}"#);
    assert_eq!(One::from_input(br#"{"n":7}"#).unwrap(), One { n: 7 });
    assert_eq!(Bare { n: 7 }.to_input().unwrap(), b"7");
    assert_eq!(Bare::from_input(b"7").unwrap(), Bare { n: 7 });
    let wrapped = Wrapped(vec!["a".into(), "b".into()]);
    assert_eq!(wrapped.to_input().unwrap(), br#"["a","b"]"#);
    assert_eq!(Wrapped::from_input(br#"["a","b"]"#).unwrap(), wrapped);
}

#[test]
fn t_27_unknown_keys_are_ignored_defaults_supplied_and_wrong_types_refused() {
    let several = Several { name: "a".into(), value: 0.0, digits: None };
    assert_eq!(several.to_input().unwrap(), br#"{"name":"a","value":0.0,"digits":null}"#);
    assert_eq!(Several::from_input(br#"{"name":"a","more":[1]}"#).unwrap(), several);
    let error = Several::from_input(br#"{"name":1}"#).unwrap_err().to_string();
    assert!(error.contains("acme.Several") && error.contains("line 1 column 9"), "{error}");
    assert!(One::from_input(b"").is_err());
    assert!(Bare::from_input(br#"{"n":7}"#).is_err());
}

#[test]
fn t_40_displays_name_fields_as_format_does() {
    assert_eq!(Bare { n: 7 }.display(), "  7 of {n}");
}

#[test]
fn t_50_what_is_wrong_is_said_at_the_word_with_the_remedy() {
    trybuild::TestCases::new().compile_fail("tests/derive/*.rs");
}
