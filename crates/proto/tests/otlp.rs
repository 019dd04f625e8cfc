//! Do our OpenTelemetry messages read what the official exporters send?
//!
//! Numbers and types are compared with the table below, which lists the public specification (the
//! generation of version 1.45); a request serialized by the official Python classes is read back.

use std::collections::BTreeSet;
use std::error::Error;

use boxwood_proto::FILE_DESCRIPTOR_SET;
use boxwood_proto::buffa::{Enumeration as _, Message as _};
use boxwood_proto::opentelemetry::proto::collector::trace::v1::ExportTraceServiceRequest;
use boxwood_proto::opentelemetry::proto::common::v1::any_value::Value;
use boxwood_proto::opentelemetry::proto::trace::v1::span::SpanKind;
use boxwood_proto::opentelemetry::proto::trace::v1::status::StatusCode;
use buffa_descriptor::generated::descriptor::field_descriptor_proto::{Label, Type};
use buffa_descriptor::generated::descriptor::{DescriptorProto, FileDescriptorSet};

/// One message a line: its name, then number, name and type of each field. Types of the same
/// package are written without it; `[]` stands for repeated and `|` for a case of the oneof `value`.
const SPECIFICATION: &str = "
collector.logs.v1.ExportLogsPartialSuccess: 1 rejected_log_records int64; 2 error_message string
collector.logs.v1.ExportLogsServiceRequest: 1 resource_logs logs.v1.ResourceLogs[]
collector.logs.v1.ExportLogsServiceResponse: 1 partial_success collector.logs.v1.ExportLogsPartialSuccess
collector.trace.v1.ExportTracePartialSuccess: 1 rejected_spans int64; 2 error_message string
collector.trace.v1.ExportTraceServiceRequest: 1 resource_spans trace.v1.ResourceSpans[]
collector.trace.v1.ExportTraceServiceResponse: 1 partial_success collector.trace.v1.ExportTracePartialSuccess
common.v1.AnyValue: 1 string_value string|; 2 bool_value bool|; 3 int_value int64|; 4 double_value double|; 5 array_value common.v1.ArrayValue|; 6 kvlist_value common.v1.KeyValueList|; 7 bytes_value bytes|; 8 string_value_strindex int32|
common.v1.ArrayValue: 1 values common.v1.AnyValue[]
common.v1.EntityRef: 1 schema_url string; 2 type string; 3 id_keys string[]; 4 description_keys string[]
common.v1.InstrumentationScope: 1 name string; 2 version string; 3 attributes common.v1.KeyValue[]; 4 dropped_attributes_count uint32
common.v1.KeyValue: 1 key string; 2 value common.v1.AnyValue; 3 key_strindex int32
common.v1.KeyValueList: 1 values common.v1.KeyValue[]
logs.v1.LogRecord: 1 time_unix_nano fixed64; 2 severity_number logs.v1.SeverityNumber; 3 severity_text string; 5 body common.v1.AnyValue; 6 attributes common.v1.KeyValue[]; 7 dropped_attributes_count uint32; 8 flags fixed32; 9 trace_id bytes; 10 span_id bytes; 11 observed_time_unix_nano fixed64; 12 event_name string
logs.v1.ResourceLogs: 1 resource resource.v1.Resource; 2 scope_logs logs.v1.ScopeLogs[]; 3 schema_url string
logs.v1.ScopeLogs: 1 scope common.v1.InstrumentationScope; 2 log_records logs.v1.LogRecord[]; 3 schema_url string
resource.v1.Resource: 1 attributes common.v1.KeyValue[]; 2 dropped_attributes_count uint32; 3 entity_refs common.v1.EntityRef[]
trace.v1.ResourceSpans: 1 resource resource.v1.Resource; 2 scope_spans trace.v1.ScopeSpans[]; 3 schema_url string
trace.v1.ScopeSpans: 1 scope common.v1.InstrumentationScope; 2 spans trace.v1.Span[]; 3 schema_url string
trace.v1.Span: 1 trace_id bytes; 2 span_id bytes; 3 trace_state string; 4 parent_span_id bytes; 5 name string; 6 kind trace.v1.Span.SpanKind; 7 start_time_unix_nano fixed64; 8 end_time_unix_nano fixed64; 9 attributes common.v1.KeyValue[]; 10 dropped_attributes_count uint32; 11 events trace.v1.Span.Event[]; 12 dropped_events_count uint32; 13 links trace.v1.Span.Link[]; 14 dropped_links_count uint32; 15 status trace.v1.Status; 16 flags fixed32
trace.v1.Span.Event: 1 time_unix_nano fixed64; 2 name string; 3 attributes common.v1.KeyValue[]; 4 dropped_attributes_count uint32
trace.v1.Span.Link: 1 trace_id bytes; 2 span_id bytes; 3 trace_state string; 4 attributes common.v1.KeyValue[]; 5 dropped_attributes_count uint32; 6 flags fixed32
trace.v1.Status: 2 message string; 3 code trace.v1.Status.StatusCode
";

#[test]
fn our_telemetry_messages_have_the_fields_of_the_specification() -> Result<(), Box<dyn Error>> {
    let definitions = FileDescriptorSet::decode_from_slice(FILE_DESCRIPTOR_SET)?;
    let mut ours = BTreeSet::new();
    for file in &definitions.file {
        let package = file.package.as_deref().unwrap_or_default();
        if let Some(package) = package.strip_prefix("opentelemetry.proto.") {
            for message in &file.message_type {
                write_out(package, message, &mut ours);
            }
        }
    }
    let specified: BTreeSet<String> = SPECIFICATION.trim().lines().map(str::to_owned).collect();
    assert_eq!(ours, specified);
    Ok(())
}

/// Adds the line of a message, and those of the messages within it.
fn write_out(scope: &str, message: &DescriptorProto, lines: &mut BTreeSet<String>) {
    let name = format!("{scope}.{}", message.name.as_deref().unwrap_or_default());
    let mut fields: Vec<_> = message.field.iter().collect();
    fields.sort_by_key(|field| field.number);
    let fields: Vec<String> = fields
        .into_iter()
        .map(|field| {
            let kind = match field.type_name.as_deref() {
                Some(reference) => reference.trim_start_matches(".opentelemetry.proto.").to_owned(),
                None => {
                    let scalar = field.r#type.unwrap_or(Type::TYPE_GROUP);
                    scalar.proto_name().trim_start_matches("TYPE_").to_lowercase()
                }
            };
            let repeated = field.label == Some(Label::LABEL_REPEATED);
            let mark = match (repeated, field.oneof_index) {
                (true, _) => "[]",
                (false, Some(_)) => "|",
                (false, None) => "",
            };
            let number = field.number.unwrap_or_default();
            format!("{number} {} {kind}{mark}", field.name.as_deref().unwrap_or_default())
        })
        .collect();
    lines.insert(format!("{name}: {}", fields.join("; ")));
    for nested in &message.nested_type {
        write_out(&name, nested, lines);
    }
}

/// A request with one span, serialized by the official Python classes.
const EXPORTED: &str = "\
0af8010a1c0a1a0a0b70726f636573732e706964120b18fbffffffffffffffff0112d7010a1b0a1974696c65626f\
782e636f6d2f6f62736572766162696c69747912b7010a10000102030405060708090a0b0c0d0e0f120800010203\
04050607220800000000000000002a097461736b2f4c65616630013901002a36fe9c97174102002a36fe9c97174a\
0e0a077461736b5f696412030a01784a150a046c697374120d2a0b0a0921000000000000f83f5a23090700000000\
0000001209657863657074696f6e1a0d0a0765736361706564120210007a1e121a5461736b206661696c65642077\
69746820657863657074696f6e1802850103000000";

#[test]
fn a_request_of_the_official_exporter_is_read_in_full() -> Result<(), Box<dyn Error>> {
    let bytes = (0..EXPORTED.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&EXPORTED[at..at + 2], 16))
        .collect::<Result<Vec<u8>, _>>()?;
    let request = ExportTraceServiceRequest::decode_from_slice(&bytes)?;

    let group = &request.resource_spans[0];
    let process = &group.resource.attributes[0];
    assert_eq!(process.key, "process.pid");
    assert_eq!(process.value.value, Some(Value::IntValue(-5)));
    assert_eq!(group.scope_spans[0].scope.name, "tilebox.com/observability");
    let span = &group.scope_spans[0].spans[0];
    assert_eq!(span.trace_id, (0..16).collect::<Vec<u8>>());
    assert_eq!(span.span_id, (0..8).collect::<Vec<u8>>());
    assert_eq!(span.parent_span_id, [0; 8]);
    assert_eq!(span.name, "task/Leaf");
    assert_eq!(span.kind.as_known(), Some(SpanKind::SPAN_KIND_INTERNAL));
    assert_eq!(span.start_time_unix_nano, 1_700_000_000_000_000_001);
    assert_eq!(span.end_time_unix_nano, 1_700_000_000_000_000_002);
    assert_eq!(span.flags, 3);
    assert_eq!(span.attributes[0].value.value, Some(Value::StringValue("x".to_owned())));
    let Some(Value::ArrayValue(list)) = &span.attributes[1].value.value else {
        return Err("the second attribute is not a list".into());
    };
    assert_eq!(list.values[0].value, Some(Value::DoubleValue(1.5)));
    assert_eq!(span.events[0].time_unix_nano, 7);
    // A false that was set is not the same as no value.
    assert_eq!(span.events[0].attributes[0].value.value, Some(Value::BoolValue(false)));
    assert_eq!(span.status.code.as_known(), Some(StatusCode::STATUS_CODE_ERROR));
    assert_eq!(span.status.message, "Task failed with exception");
    // Nothing was passed over as unknown, and nothing is lost on the way out.
    assert_eq!(request.encode_to_vec(), bytes);
    Ok(())
}
