//! Do our `.proto` files say what the official definitions say?
//!
//! Both sides are written out as lines, one for each fact (a field, an enum value, a method, a
//! reserved number), and the two sets of lines are compared. `descriptors.json` holds the facts of
//! the newer wire generation, of which ours is a superset: what the older one adds is listed here.

use std::collections::BTreeSet;
use std::error::Error;

use boxwood_proto::FILE_DESCRIPTOR_SET;
use boxwood_proto::buffa::{Enumeration as _, Message as _};
use buffa_descriptor::generated::descriptor::field_descriptor_proto::{Label, Type};
use buffa_descriptor::generated::descriptor::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet,
};
use serde_json::Value;

type Facts = BTreeSet<String>;

/// The packages that `descriptors.json` describes.
const COMPARED_PACKAGES: [&str; 2] = ["tilebox.v1", "workflows.v1"];

/// What the older wire generation has and the newer one has not (N-U).
const ADDITIONS: &[&str] = &[
    // Task summaries inside a job, in their old layout under a name of our own.
    "workflows.v1.Job 9 task_summaries repeated workflows.v1.LegacyTaskSummary",
    "workflows.v1.LegacyTaskSummary",
    "workflows.v1.LegacyTaskSummary 1 id optional tilebox.v1.ID",
    "workflows.v1.LegacyTaskSummary 2 display implicit string",
    "workflows.v1.LegacyTaskSummary 3 state implicit workflows.v1.TaskState",
    "workflows.v1.LegacyTaskSummary 4 parent_id optional tilebox.v1.ID",
    "workflows.v1.LegacyTaskSummary 6 started_at optional google.protobuf.Timestamp",
    "workflows.v1.LegacyTaskSummary 7 stopped_at optional google.protobuf.Timestamp",
    "workflows.v1.LegacyTaskSummary reserves 5",
    // The progress poll.
    "workflows.v1.GetJobProgressRequest",
    "workflows.v1.GetJobProgressRequest 1 job_id optional tilebox.v1.ID",
    "/workflows.v1.JobService/GetJobProgress workflows.v1.GetJobProgressRequest -> workflows.v1.Job",
    // Storage locations as a part of automations.
    "/workflows.v1.AutomationService/ListStorageLocations google.protobuf.Empty -> workflows.v1.StorageLocations",
    "/workflows.v1.AutomationService/GetStorageLocation tilebox.v1.ID -> workflows.v1.StorageLocation",
    "/workflows.v1.AutomationService/CreateStorageLocation workflows.v1.StorageLocation -> workflows.v1.StorageLocation",
    "/workflows.v1.AutomationService/DeleteStorageLocation tilebox.v1.ID -> google.protobuf.Empty",
    // The older names of two enum values.
    "workflows.v1.StorageType 2 STORAGE_TYPE_S3",
    "workflows.v1.StorageType 3 STORAGE_TYPE_FS",
];

/// What the newer wire generation has and we have not: it reserves the field we write for clients
/// of the older one (N-U).
const OMISSIONS: &[&str] = &["workflows.v1.Job reserves 9", "workflows.v1.Job reserves task_summaries"];

#[test]
fn n_10_every_official_definition_is_ours_and_what_we_add_is_listed() -> Result<(), Box<dyn Error>> {
    let official = official_facts()?;
    let ours = our_facts(&our_definitions()?);
    // Each message has at least its own line; a file read wrongly would leave far fewer.
    assert!(official.len() > 600, "only {} facts in descriptors.json", official.len());
    assert_eq!(lines(&official - &ours), sorted(OMISSIONS), "official definitions that are not ours");
    assert_eq!(lines(&ours - &official), sorted(ADDITIONS), "definitions of ours that are not official");
    Ok(())
}

#[test]
fn n_10_a_changed_definition_is_noticed() -> Result<(), Box<dyn Error>> {
    let official = official_facts()?;
    let before = our_facts(&our_definitions()?);
    type Change = fn(&mut FieldDescriptorProto);
    let changes: [(&str, Change); 4] = [
        ("number", |field| field.number = Some(99)),
        ("name", |field| field.name = Some("label".to_owned())),
        ("type", |field| field.r#type = Some(Type::TYPE_BYTES)),
        ("presence", |field| field.proto3_optional = Some(true)),
    ];
    for (what, change) in changes {
        let mut definitions = our_definitions()?;
        let field = definitions
            .file
            .iter_mut()
            .flat_map(|file| &mut file.message_type)
            .find(|message| message.name.as_deref() == Some("TaskFailedRequest"))
            .and_then(|message| message.field.iter_mut().find(|field| field.name.as_deref() == Some("display")))
            .ok_or("TaskFailedRequest.display is not defined")?;
        change(field);
        let after = our_facts(&definitions);
        assert_eq!((&before - &after).len(), 1, "{what}");
        assert_eq!((&official - &after).len(), OMISSIONS.len() + 1, "{what}");
    }
    Ok(())
}

fn lines(facts: Facts) -> Vec<String> {
    facts.into_iter().collect()
}

fn sorted(listed: &[&str]) -> Vec<String> {
    lines(listed.iter().map(ToString::to_string).collect())
}

fn our_definitions() -> Result<FileDescriptorSet, Box<dyn Error>> {
    Ok(FileDescriptorSet::decode_from_slice(FILE_DESCRIPTOR_SET)?)
}

// ---- official side ------------------------------------------------------------------------------

fn official_facts() -> Result<Facts, Box<dyn Error>> {
    let root: Value = serde_json::from_str(include_str!("descriptors.json"))?;
    let mut facts = Facts::new();
    for (name, message) in entries(&root["messages"])? {
        facts.insert(name.clone());
        for field in list(&message["fields"])? {
            facts.insert(official_field(name, field)?);
        }
        for reserved in list(&message["reserved_numbers"])? {
            facts.insert(format!("{name} reserves {reserved}"));
        }
        for reserved in list(&message["reserved_names"])? {
            facts.insert(format!("{name} reserves {}", text(reserved)?));
        }
        // None is known today; a copy of newer definitions must not pass unnoticed.
        assert_eq!(message["oneofs"], Value::Array(Vec::new()), "{name} has a oneof");
    }
    for (name, declaration) in entries(&root["enums"])? {
        for value in list(&declaration["values"])? {
            facts.insert(format!("{name} {} {}", value["number"], text(&value["name"])?));
        }
    }
    for (_, service) in entries(&root["services"])? {
        for method in list(&service["methods"])? {
            facts.insert(method_fact(
                text(&method["path"])?,
                text(&method["request"])?,
                text(&method["response"])?,
                method["client_streaming"] == true,
                method["server_streaming"] == true,
            ));
        }
    }
    Ok(facts)
}

fn official_field(message: &str, field: &Value) -> Result<String, Box<dyn Error>> {
    let presence = match text(&field["presence"])? {
        "message" | "explicit" => "optional",
        other => other,
    };
    let kind = field["type_name"].as_str().map_or_else(|| text(&field["type"]), Ok)?;
    let mut fact = format!("{message} {} {} {presence} {kind}", field["number"], text(&field["name"])?);
    if field["packed"] == true {
        fact.push_str(" packed");
    }
    if field["deprecated"] == true {
        fact.push_str(" deprecated");
    }
    // Nothing but the automatic name in JSON is known today.
    assert_eq!(text(&field["json_name"])?, automatic_json_name(text(&field["name"])?), "{fact}");
    Ok(fact)
}

fn entries(value: &Value) -> Result<&serde_json::Map<String, Value>, Box<dyn Error>> {
    value.as_object().ok_or_else(|| format!("not an object: {value}").into())
}

fn list(value: &Value) -> Result<&Vec<Value>, Box<dyn Error>> {
    value.as_array().ok_or_else(|| format!("not a list: {value}").into())
}

fn text(value: &Value) -> Result<&str, Box<dyn Error>> {
    value.as_str().ok_or_else(|| format!("not a string: {value}").into())
}

// ---- our side -----------------------------------------------------------------------------------

fn our_facts(definitions: &FileDescriptorSet) -> Facts {
    let mut facts = Facts::new();
    for file in &definitions.file {
        let package = file.package.as_deref().unwrap_or_default();
        if !COMPARED_PACKAGES.contains(&package) {
            continue;
        }
        for message in &file.message_type {
            message_facts(package, message, &mut facts);
        }
        for declaration in &file.enum_type {
            enum_facts(package, declaration, &mut facts);
        }
        for service in &file.service {
            let service_name = service.name.as_deref().unwrap_or_default();
            for method in &service.method {
                let method_name = method.name.as_deref().unwrap_or_default();
                facts.insert(method_fact(
                    &format!("/{package}.{service_name}/{method_name}"),
                    type_name(method.input_type.as_deref()),
                    type_name(method.output_type.as_deref()),
                    method.client_streaming.unwrap_or_default(),
                    method.server_streaming.unwrap_or_default(),
                ));
            }
        }
    }
    facts
}

fn message_facts(scope: &str, message: &DescriptorProto, facts: &mut Facts) {
    let name = format!("{scope}.{}", message.name.as_deref().unwrap_or_default());
    facts.insert(name.clone());
    for field in &message.field {
        facts.insert(field_fact(&name, message, field));
    }
    for range in &message.reserved_range {
        // The end of a range is not part of it.
        for number in range.start.unwrap_or_default()..range.end.unwrap_or_default() {
            facts.insert(format!("{name} reserves {number}"));
        }
    }
    for reserved in &message.reserved_name {
        facts.insert(format!("{name} reserves {reserved}"));
    }
    for nested in &message.nested_type {
        message_facts(&name, nested, facts);
    }
    for declaration in &message.enum_type {
        enum_facts(&name, declaration, facts);
    }
}

fn field_fact(message_name: &str, message: &DescriptorProto, field: &FieldDescriptorProto) -> String {
    let name = field.name.as_deref().unwrap_or_default();
    let proto_type = field.r#type.unwrap_or(Type::TYPE_GROUP);
    let optional = field.proto3_optional.unwrap_or_default();
    let repeated = field.label == Some(Label::LABEL_REPEATED);
    let oneof = field
        .oneof_index
        // The compiler wraps every `optional` field into a oneof of its own.
        .filter(|_| !optional)
        .and_then(|index| message.oneof_decl.get(usize::try_from(index).ok()?)?.name.as_deref());
    let presence = match oneof {
        _ if repeated => "repeated".to_owned(),
        Some(oneof) => format!("oneof:{oneof}"),
        None if optional || proto_type == Type::TYPE_MESSAGE => "optional".to_owned(),
        None => "implicit".to_owned(),
    };
    let kind = match field.type_name.as_deref() {
        Some(reference) => type_name(Some(reference)).to_owned(),
        None => proto_type.proto_name().trim_start_matches("TYPE_").to_lowercase(),
    };
    let mut fact = format!("{message_name} {} {name} {presence} {kind}", field.number.unwrap_or_default());
    // Numbers, booleans and enums are packed in proto3 unless the field says otherwise.
    let packable = !matches!(proto_type, Type::TYPE_STRING | Type::TYPE_BYTES | Type::TYPE_MESSAGE);
    if repeated && packable && field.options.packed != Some(false) {
        fact.push_str(" packed");
    }
    if field.options.deprecated == Some(true) {
        fact.push_str(" deprecated");
    }
    let json_name = field.json_name.as_deref().unwrap_or_default();
    if json_name != automatic_json_name(name) {
        fact.push_str(&format!(" json:{json_name}"));
    }
    fact
}

fn enum_facts(scope: &str, declaration: &EnumDescriptorProto, facts: &mut Facts) {
    let name = format!("{scope}.{}", declaration.name.as_deref().unwrap_or_default());
    for value in &declaration.value {
        let value_name = value.name.as_deref().unwrap_or_default();
        facts.insert(format!("{name} {} {value_name}", value.number.unwrap_or_default()));
    }
}

// ---- both sides ---------------------------------------------------------------------------------

fn method_fact(path: &str, request: &str, response: &str, client: bool, server: bool) -> String {
    let mark = |streaming| if streaming { "stream " } else { "" };
    format!("{path} {}{request} -> {}{response}", mark(client), mark(server))
}

/// Without the dot that marks a name as complete.
fn type_name(reference: Option<&str>) -> &str {
    reference.unwrap_or_default().trim_start_matches('.')
}

/// The name a field has in JSON unless it asks for another: `max_retries` becomes `maxRetries`.
fn automatic_json_name(field: &str) -> String {
    let mut name = String::new();
    let mut capital = false;
    for letter in field.chars() {
        if letter == '_' {
            capital = true;
        } else {
            name.push(if capital { letter.to_ascii_uppercase() } else { letter });
            capital = false;
        }
    }
    name
}
