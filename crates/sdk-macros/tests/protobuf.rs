//! Inputs that are protobuf messages, of both libraries.

use boxwood::Task;

/// As prost makes it from `message SceneRequest { string scene = 1; google.protobuf.Timestamp at = 2; repeated uint32
/// bands = 3; }`.
#[derive(Clone, PartialEq, prost::Message)]
struct SceneRequest {
    #[prost(string, tag = "1")]
    scene: String,
    #[prost(message, optional, tag = "2")]
    at: Option<Timestamp>,
    #[prost(uint32, repeated, tag = "3")]
    bands: Vec<u32>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Timestamp {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Task, Debug, PartialEq)]
#[task(name = "acme.Download", version = "v1.0", display = "Download", input = "prost")]
struct Download {
    request: SceneRequest,
}

#[derive(Task, Debug, PartialEq)]
#[task(input = "prost")]
struct At(Timestamp);

#[derive(Task, Debug, PartialEq)]
#[task(input = "buffa")]
struct AtBuffa {
    time: buffa_types::google::protobuf::Timestamp,
}

/// What Python's `Timestamp(seconds=1_700_000_000, nanos=500).SerializeToString()` gives.
const TIMESTAMP: &[u8] = b"\x08\x80\xe2\xcf\xaa\x06\x10\xf4\x03";

#[test]
fn t_22_the_input_is_the_encoding_of_the_message_byte_for_byte() {
    let at = At(Timestamp { seconds: 1_700_000_000, nanos: 500 });
    assert_eq!(at.to_input().unwrap(), TIMESTAMP);
    assert_eq!(At::from_input(TIMESTAMP).unwrap(), at);

    let time = buffa_types::google::protobuf::Timestamp { seconds: 1_700_000_000, nanos: 500, ..Default::default() };
    let at = AtBuffa { time };
    assert_eq!(at.to_input().unwrap(), TIMESTAMP);
    assert_eq!(AtBuffa::from_input(TIMESTAMP).unwrap(), at);
}

#[test]
fn t_29_messages_of_several_fields_and_empty_ones() {
    let request = SceneRequest {
        scene: "S2A".to_owned(),
        at: Some(Timestamp { seconds: 1_700_000_000, nanos: 500 }),
        bands: vec![4, 300],
    };
    let download = Download { request };
    // As Python writes the same message.
    let expected = b"\n\x03S2A\x12\x09\x08\x80\xe2\xcf\xaa\x06\x10\xf4\x03\x1a\x03\x04\xac\x02";
    assert_eq!(download.to_input().unwrap(), expected);
    assert_eq!(Download::from_input(expected).unwrap(), download);

    let empty = Download { request: SceneRequest::default() };
    assert_eq!(empty.to_input().unwrap(), b"");
    assert_eq!(Download::from_input(b"").unwrap(), empty);
}

#[test]
fn t_27_bytes_that_are_no_message_are_refused_with_task_and_field() {
    for text in [
        Download::from_input(b"{\"scene\":\"S2A\"}").unwrap_err().to_string(),
        AtBuffa::from_input(b"\x08").unwrap_err().to_string(),
    ] {
        let told = text.starts_with("input of task acme.Download: field `request`: the bytes are no encoding")
            || text.starts_with("input of task AtBuffa: field `time`: the bytes are no encoding");
        assert!(told, "{text}");
    }
}
