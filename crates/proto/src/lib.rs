//! Wire messages and service stubs of the workflows.v1 API, generated from our own .proto files.
//!
//! The messages are the union of the two wire generations that clients in use speak: what only one
//! of them has is kept, and where the two contradict each other the older form lives under a name
//! of its own ([`workflows::v1::LegacyTaskSummary`]). Fields that a message does not know are kept
//! while it is passed on.
//!
//! Every service of the `.proto` files yields a trait to implement, named like the service, and
//! with the `client` feature a client, named like the service with `Client` appended.
//!
//! [`buffa`], [`buffa_types`] and [`connectrpc`] are re-exported, so that their versions are chosen
//! here alone.
//!
//! ```
//! use boxwood_proto::buffa::Message as _;
//! use boxwood_proto::{tilebox, workflows};
//!
//! let request = workflows::v1::GetJobRequest {
//!     job_id: tilebox::v1::ID { uuid: vec![7; 16], ..Default::default() }.into(),
//!     ..Default::default()
//! };
//! let bytes = request.encode_to_vec();
//! assert_eq!(workflows::v1::GetJobRequest::decode_from_slice(&bytes)?, request);
//! # Ok::<(), boxwood_proto::buffa::DecodeError>(())
//! ```

/// What the build script generates. The lints that the code of this project keeps do not concern
/// it; names and comments come from the `.proto` files.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::unwrap_used, clippy::unimplemented)]
mod wire {
    include!(concat!(env!("OUT_DIR"), "/wire.rs"));
}

pub use wire::{boxwood, opentelemetry, tilebox, workflows};

pub use {buffa, buffa_types, connectrpc};

/// The standard gRPC health service, `grpc.health.v1`.
#[cfg(feature = "server")]
pub use connectrpc_health as health;
/// The standard gRPC reflection service, `grpc.reflection.v1` and `v1alpha`; it answers from
/// [`FILE_DESCRIPTOR_SET`].
#[cfg(feature = "server")]
pub use connectrpc_reflection as reflection;

/// The definitions of all messages and services of this crate and of everything they import, as a
/// serialized `google.protobuf.FileDescriptorSet`.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/file_descriptor_set.bin"));

/// The largest message that either side accepts, in bytes: what the Python client is set to take.
/// Libraries stop at 4 MiB unless told otherwise, which one report with many sub-tasks exceeds.
pub const MESSAGE_BYTES_MAX: usize = 512 * 1024 * 1024;
