//! What the derive macro makes of a struct.

use std::collections::BTreeMap;

use boxwood::{Error, Task};
use serde::{Deserialize, Serialize};

#[derive(Task, Debug, PartialEq)]
struct Nothing;

#[derive(Task, Debug, PartialEq)]
struct NoFields {}

#[derive(Task, Debug, PartialEq)]
#[task(input = "object")]
struct ForGo;

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
#[task(input = "value", display = "{0:?}")]
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

/// A comment is not in the way.
#[derive(Task, Serialize, Deserialize, Debug, PartialEq, Clone)]
#[serde(rename_all = "camelCase")]
#[task(display = "{type:-<width$}|{tile_index:.places$} of {MAX}")]
pub(crate) struct Everything {
    /// Named like a keyword.
    r#type: String,
    tile_index: f64,
    #[serde(rename = "w")]
    pub width: usize,
    #[serde(skip)]
    places: usize,
    step: Step,
    corner: Corner,
}

const MAX: u32 = 9;

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
enum Step {
    Load,
    Scale { by: u32 },
}

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
struct Corner {
    x: i64,
    y: i64,
}

#[derive(Task)]
struct r#Match;

fn problem<T: Task>(input: &[u8]) -> String {
    match T::from_input(input) {
        Ok(_) => panic!("the input was accepted"),
        Err(error @ Error::Input { .. }) => error.to_string(),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn t_51_without_options_the_name_is_that_of_the_struct_and_the_version_v0_0() {
    assert_eq!(Nothing::identifier().to_string(), "Nothing v0.0");
    assert_eq!(Nothing.display(), "Nothing");
    assert_eq!(One::identifier().to_string(), "acme.One v0.0");
    assert_eq!(One { n: 7 }.display(), "One");
    assert_eq!(Bare::identifier().to_string(), "Bare v1.10");
    assert_eq!(r#Match::identifier().to_string(), "Match v0.0");
}

#[test]
fn t_20_no_fields_are_no_bytes_and_any_bytes_come_back() {
    assert_eq!(Nothing.to_input().unwrap(), b"");
    assert_eq!(NoFields {}.to_input().unwrap(), b"");
    for bytes in [&b""[..], b"{}", b"null", &[0xff, 0x00]] {
        assert_eq!(Nothing::from_input(bytes).unwrap(), Nothing);
        assert_eq!(NoFields::from_input(bytes).unwrap(), NoFields {});
        assert_eq!(ForGo::from_input(bytes).unwrap(), ForGo);
    }
}

#[test]
fn t_28_no_fields_are_an_empty_object_on_request() {
    assert_eq!(ForGo.to_input().unwrap(), b"{}");
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
fn t_27_unknown_keys_are_ignored_and_defaults_supplied() {
    let several = Several { name: "a".into(), value: 0.0, digits: None };
    assert_eq!(several.to_input().unwrap(), br#"{"name":"a","value":0.0,"digits":null}"#);
    assert_eq!(Several::from_input(br#"{"name":"a","more":[1]}"#).unwrap(), several);
}

#[test]
fn t_27_what_does_not_fit_is_said_with_task_field_and_position() {
    #[derive(Task, Serialize, Deserialize)]
    struct Mosaic {
        tiles: Vec<Corner>,
    }

    let expected = [
        (problem::<Several>(br#"{"name":1}"#), "input of task acme.Several: field `name`: invalid type: integer `1`"),
        (problem::<Several>(br#"{"value":1}"#), "input of task acme.Several: missing field `name` at line 1 column 11"),
        (
            problem::<Mosaic>(br#"{"tiles":[{"x":1,"y":2},{"x":1,"y":"2"}]}"#),
            "field `tiles[1].y`: invalid type: string",
        ),
        (problem::<Mosaic>(br#"{"tiles":[{"x":1}]}"#), "field `tiles[0]`: missing field `y` at line 1 column 17"),
        (problem::<Mosaic>(br#"{"tiles":[]} more"#), "input of task Mosaic: trailing characters at line 1 column 14"),
        (
            problem::<Bare>(b"\"7\""),
            "input of task Bare: field `n`: invalid type: string \"7\", expected u64 at line 1",
        ),
        (problem::<Wrapped>(b"[1]"), "input of task Wrapped: field `0[0]`: invalid type: integer `1`"),
        (problem::<One>(b""), "it has zero bytes, and the fields of the task need JSON"),
        // What Python writes of one field, to a struct that expects an object.
        (problem::<One>(b"7"), "`#[task(input = \"value\")]`"),
        (problem::<Bare>(br#"{"n":7}"#), "field `n`: invalid type: map, expected u64"),
    ];
    for (text, part) in expected {
        assert!(text.contains(part), "{text}\nlacks\n{part}");
    }
}

#[test]
fn t_40_displays_name_fields_as_format_does() {
    assert_eq!(Bare { n: 7 }.display(), "  7 of {n}");
    assert_eq!(Wrapped(vec!["a".into()]).display(), "[\"a\"]");
}

#[test]
fn t_23_the_attributes_of_serde_apply_whatever_the_fields_are() {
    let task = Everything {
        r#type: "ndvi".into(),
        tile_index: 2.54,
        width: 6,
        places: 1,
        step: Step::Scale { by: 2 },
        corner: Corner { x: -1, y: i64::MAX },
    };
    assert_eq!(task.display(), "ndvi--|2.5 of 9");
    let input = task.to_input().unwrap();
    let expected =
        r#"{"type":"ndvi","tileIndex":2.54,"w":6,"step":{"Scale":{"by":2}},"corner":{"x":-1,"y":9223372036854775807}}"#;
    assert_eq!(String::from_utf8(input.clone()).unwrap(), expected);
    assert_eq!(Everything::from_input(&input).unwrap(), Everything { places: 0, ..task.clone() });
    assert_eq!(Everything { step: Step::Load, ..task }.display(), "ndvi--|2.5 of 9");
}

#[test]
fn t_23_what_json_cannot_carry_is_said_with_the_field() {
    #[derive(Task, Serialize, Deserialize)]
    struct Grid {
        name: String,
        cells: Vec<BTreeMap<(u32, u32), u8>>,
    }

    #[derive(Task, Serialize, Deserialize, Debug, PartialEq)]
    struct Numbers {
        large: u128,
        by_number: BTreeMap<u32, u8>,
        real: f64,
    }

    let grid = Grid { name: "a".into(), cells: vec![BTreeMap::from([((1, 2), 3)])] };
    let text = grid.to_input().unwrap_err().to_string();
    assert_eq!(text, "input of task Grid: field `cells[0]`: cannot be written as JSON: key must be a string");

    let numbers = Numbers { large: u128::MAX, by_number: BTreeMap::from([(7, 8)]), real: 0.1 };
    let input = numbers.to_input().unwrap();
    assert_eq!(Numbers::from_input(&input).unwrap(), numbers);

    let input = Numbers { real: f64::NAN, ..numbers }.to_input().unwrap();
    let text = problem::<Numbers>(&input);
    assert!(text.contains("field `real`: invalid type: null") && text.contains("NaN"), "{text}");
}

#[test]
fn t_50_a_struct_may_be_anywhere() {
    // Names of the standard library that mean something else here must not matter.
    #[allow(dead_code, reason = "only there to be in the way")]
    mod inside {
        struct String;
        struct Vec;
        struct Result;
        struct Option;

        #[derive(boxwood::Task)]
        #[task(display = "{0}", input = "value")]
        pub(super) struct Shadowed(pub(super) u32);
    }
    assert_eq!(inside::Shadowed(3).display(), "3");
    assert_eq!(inside::Shadowed(3).to_input().unwrap(), b"3");

    macro_rules! task {
        ($name:ident, $version:literal) => {
            #[derive(Task)]
            #[task(version = $version)]
            struct $name;
        };
    }
    task!(Made, "v3.1");
    assert_eq!(Made::identifier().to_string(), "Made v3.1");
}

#[test]
fn t_50_the_crate_may_have_another_name() {
    mod prelude {
        pub(super) use boxwood as bw;
    }

    #[derive(prelude::bw::Task)]
    #[task(crate = "prelude::bw")]
    struct Renamed;

    assert_eq!(Renamed::identifier().to_string(), "Renamed v0.0");
}
