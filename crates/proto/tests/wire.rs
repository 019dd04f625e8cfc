//! What goes over the wire, where the two wire generations or the two encodings meet.

use std::error::Error;

use boxwood_proto::buffa::Message as _;
use boxwood_proto::buffa_types::google::protobuf::Timestamp;
use boxwood_proto::tilebox::v1::ID;
use boxwood_proto::workflows::v1::{
    CreateWorkflowRequest, Job, JobState, LegacyTaskSummary, StorageLocationReference, StorageType, TaskState,
    TaskSummary, UpdateClusterRequest,
};

fn id(first: u8) -> ID {
    let mut uuid = vec![0; 16];
    uuid[0] = first;
    ID { uuid, ..Default::default() }
}

/// Tag and length of a field with up to 127 bytes, and the bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).expect("short in these tests");
    [&[number << 3 | 2, length], bytes].concat()
}

#[test]
fn n_u_field_9_of_a_job_has_the_old_layout() {
    let summary = LegacyTaskSummary {
        id: id(1).into(),
        display: "leaf".to_owned(),
        state: TaskState::TASK_STATE_COMPUTED.into(),
        parent_id: id(2).into(),
        started_at: Timestamp { seconds: 5, ..Default::default() }.into(),
        stopped_at: Timestamp { seconds: 6, ..Default::default() }.into(),
        ..Default::default()
    };
    let job = Job { task_summaries: vec![summary], ..Default::default() };
    let expected = [
        field(1, &field(1, &id(1).uuid)),
        field(2, b"leaf"),
        vec![3 << 3, 3],
        field(4, &field(1, &id(2).uuid)),
        field(6, &[1 << 3, 5]),
        field(7, &[1 << 3, 6]),
    ]
    .concat();
    assert_eq!(job.encode_to_vec(), field(9, &expected));
}

#[test]
fn n_u_a_listed_task_has_the_new_layout() {
    let summary = TaskSummary {
        parent_id: id(2).into(),
        display: "leaf".to_owned(),
        state: TaskState::TASK_STATE_COMPUTED.into(),
        ..Default::default()
    };
    let expected = [field(2, &field(1, &id(2).uuid)), field(3, b"leaf"), vec![4 << 3, 3]].concat();
    assert_eq!(summary.encode_to_vec(), expected);
}

#[test]
fn n_u_both_names_of_a_storage_type_are_read_and_the_newer_is_written() -> Result<(), Box<dyn Error>> {
    for (name, storage_type) in [
        ("STORAGE_TYPE_S3", StorageType::STORAGE_TYPE_AWS_S3),
        ("STORAGE_TYPE_AWS_S3", StorageType::STORAGE_TYPE_AWS_S3),
        ("STORAGE_TYPE_FS", StorageType::STORAGE_TYPE_LOCAL),
        ("STORAGE_TYPE_LOCAL", StorageType::STORAGE_TYPE_LOCAL),
    ] {
        let reference: StorageLocationReference = serde_json::from_str(&format!(r#"{{"type":"{name}"}}"#))?;
        assert_eq!(reference.r#type.as_known(), Some(storage_type), "{name}");
        let written = serde_json::to_string(&reference)?;
        assert_eq!(written, format!(r#"{{"type":"{storage_type:?}"}}"#), "{name}");
    }
    Ok(())
}

#[test]
fn absent_and_empty_differ_where_presence_is_explicit() -> Result<(), Box<dyn Error>> {
    let unset = UpdateClusterRequest::default();
    assert_eq!(unset.encode_to_vec(), b"");
    let emptied = UpdateClusterRequest { description: Some(String::new()), ..Default::default() };
    assert_eq!(emptied.encode_to_vec(), field(3, b""));
    let read = UpdateClusterRequest::decode_from_slice(&field(3, b""))?;
    assert_eq!((read.name, read.description), (None, Some(String::new())));
    // Elsewhere an empty text is not sent at all.
    let plain = CreateWorkflowRequest { name: String::new(), ..Default::default() };
    assert_eq!(plain.encode_to_vec(), b"");
    Ok(())
}

#[test]
fn fields_and_enum_values_of_the_future_survive() -> Result<(), Box<dyn Error>> {
    let bytes = [field(2, b"name"), vec![12 << 3, 77], field(15, b"later")].concat();
    let job = Job::decode_from_slice(&bytes)?;
    assert_eq!(job.name, "name");
    assert_eq!((job.state.as_known(), job.state.to_i32()), (None, 77));
    assert_eq!(job.encode_to_vec(), bytes);
    Ok(())
}

#[test]
fn json_is_that_of_protobuf() -> Result<(), Box<dyn Error>> {
    let job = Job {
        id: id(255).into(),
        name: "a".to_owned(),
        submitted_at: Timestamp { seconds: 1, nanos: 500_000_000, ..Default::default() }.into(),
        state: JobState::JOB_STATE_RUNNING.into(),
        ..Default::default()
    };
    let text = serde_json::to_string(&job)?;
    let expected = r#"{"id":{"uuid":"/wAAAAAAAAAAAAAAAAAAAA=="},"name":"a","submittedAt":"1970-01-01T00:00:01.500Z","state":"JOB_STATE_RUNNING"}"#;
    assert_eq!(text, expected);
    assert_eq!(serde_json::from_str::<Job>(&text)?, job);
    // Names as in the definitions are read as well, and unknown ones are passed over.
    let other: Job = serde_json::from_str(r#"{"submitted_at":"1970-01-01T00:00:01.5Z","later":1}"#)?;
    assert_eq!(other.submitted_at, job.submitted_at);
    Ok(())
}

#[cfg(feature = "server")]
#[test]
fn reflection_knows_every_service() -> Result<(), Box<dyn Error>> {
    use boxwood_proto::{FILE_DESCRIPTOR_SET, reflection::Reflector, workflows::v1 as workflows};

    let reflector = Reflector::from_descriptor_set_bytes(FILE_DESCRIPTOR_SET)?;
    let known = reflector.service_names();
    for service in [
        workflows::AUTOMATION_SERVICE_SERVICE_NAME,
        workflows::DIAGRAM_SERVICE_SERVICE_NAME,
        workflows::JOB_SERVICE_SERVICE_NAME,
        workflows::STORAGE_LOCATION_SERVICE_SERVICE_NAME,
        workflows::TASK_RELEASE_SERVICE_SERVICE_NAME,
        workflows::TASK_SERVICE_SERVICE_NAME,
        workflows::TELEMETRY_QUERY_SERVICE_SERVICE_NAME,
        workflows::WORKER_SERVICE_SERVICE_NAME,
        workflows::WORKFLOWS_SERVICE_SERVICE_NAME,
    ] {
        assert!(known.iter().any(|name| name == service), "{service} is not in {known:?}");
    }
    let curated = reflector.with_services([workflows::JOB_SERVICE_SERVICE_NAME]);
    assert_eq!(curated.service_names(), [workflows::JOB_SERVICE_SERVICE_NAME]);
    Ok(())
}
