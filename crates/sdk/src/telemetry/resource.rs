//! What this process says of itself (O-17).

use std::sync::OnceLock;

use boxwood_proto::opentelemetry::proto::common::v1::any_value::Value;
use boxwood_proto::opentelemetry::proto::resource::v1::Resource;
use rand::Rng as _;

use super::encode::attribute;
use crate::TaskId;

/// The name of the service unless it is given one.
pub(super) const SERVICE_DEFAULT: &str = "boxwood-rust";
const NAMESPACE: &str = "boxwood.workflows";

/// The attributes of all records of this process.
pub(super) fn resource(service: &str) -> Resource {
    let text = |key, value: &str| attribute(key, Value::StringValue(value.to_owned()));
    let os = match std::env::consts::OS {
        // As OpenTelemetry calls it.
        "macos" => "darwin",
        os => os,
    };
    let mut attributes = vec![
        text("service.namespace", NAMESPACE),
        text("service.name", service),
        text("service.instance.id", instance_id()),
        text("service.version", env!("CARGO_PKG_VERSION")),
        attribute("process.pid", Value::IntValue(std::process::id().into())),
        text("host.arch", std::env::consts::ARCH),
        text("os.type", os),
    ];
    attributes.extend(host_name().map(|name| text("host.name", &name)));
    Resource { attributes, ..Default::default() }
}

/// A UUID that stands for this process; what started it may have chosen it (W-2).
fn instance_id() -> &'static str {
    static ID: OnceLock<String> = OnceLock::new();
    ID.get_or_init(|| {
        let given = std::env::var("TILEBOX_RUNTIME_ID").ok().and_then(|id| id.parse::<TaskId>().ok());
        let id = given.unwrap_or_else(|| {
            let mut bytes = [0; 16];
            rand::rng().fill_bytes(&mut bytes);
            // Version 4, variant 1: a random UUID.
            bytes[6] = bytes[6] & 0x0f | 0x40;
            bytes[8] = bytes[8] & 0x3f | 0x80;
            TaskId::from_bytes(bytes)
        });
        id.to_string()
    })
}

/// What the machine is called. The standard library does not tell.
fn host_name() -> Option<String> {
    let named = |name: String| Some(name.trim().to_owned()).filter(|name| !name.is_empty());
    if cfg!(target_os = "linux") {
        return std::fs::read_to_string("/proc/sys/kernel/hostname").ok().and_then(named);
    }
    if cfg!(windows) {
        return std::env::var("COMPUTERNAME").ok().and_then(named);
    }
    let output = std::process::Command::new("uname").arg("-n").output().ok()?;
    String::from_utf8(output.stdout).ok().and_then(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o_17_a_process_says_what_it_is() {
        let resource = resource("mosaic");
        let keys: Vec<&str> = resource.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
        for key in ["service.namespace", "service.name", "service.version", "process.pid", "host.name", "os.type"] {
            assert!(keys.contains(&key), "{key} is missing in {keys:?}");
        }
        assert_eq!(instance_id(), instance_id());
        assert_eq!(instance_id().len(), 36);
    }
}
