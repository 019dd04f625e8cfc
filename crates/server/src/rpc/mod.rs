//! The services of the API: each call checks and converts, asks the lane or the reader, and converts the answer.
//!
//! No rule of jobs or tasks is written here, and no SQL.

#![allow(refining_impl_trait, reason = "the generated traits promise less than the services give")]

/// Methods that exist on the wire and are not served yet.
macro_rules! not_served {
    ($($method:ident($request:ty) -> $answer:ty;)*) => {$(
        async fn $method(
            &self,
            context: boxwood_proto::connectrpc::RequestContext,
            _: boxwood_proto::connectrpc::ServiceRequest<'_, $request>,
        ) -> boxwood_proto::connectrpc::ServiceResult<$answer> {
            Err(crate::error::not_served(&context))
        }
    )*};
}

mod automation;
mod diagram;
mod insight;
mod job;
mod storage_location;
pub(crate) mod task;
mod workflows;

use std::sync::Arc;

use boxwood_proto::connectrpc::Router;
use boxwood_proto::workflows::v1 as wire;
use boxwood_proto::{FILE_DESCRIPTOR_SET, health, reflection};

use crate::door::Door;
use crate::telemetry::Telemetry;

/// The services that are served, by their names on the wire.
pub(crate) const SERVICES: [&str; 8] = [
    wire::JOB_SERVICE_SERVICE_NAME,
    wire::TASK_SERVICE_SERVICE_NAME,
    wire::WORKFLOWS_SERVICE_SERVICE_NAME,
    wire::AUTOMATION_SERVICE_SERVICE_NAME,
    wire::STORAGE_LOCATION_SERVICE_SERVICE_NAME,
    wire::DIAGRAM_SERVICE_SERVICE_NAME,
    wire::TELEMETRY_QUERY_SERVICE_SERVICE_NAME,
    boxwood_proto::boxwood::v1::INSIGHT_SERVICE_SERVICE_NAME,
];

/// Every service, with health and reflection; and the handle that says whether they serve.
pub(crate) fn router(door: &Arc<Door>, telemetry: &Telemetry) -> (Router, Arc<health::StaticChecker>) {
    let (router, health) = health::install_static(services(door, telemetry), SERVICES);
    let listed = SERVICES.into_iter().chain([
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    ]);
    let reflector = reflection::Reflector::from_descriptor_set_bytes(FILE_DESCRIPTOR_SET)
        .expect("the descriptors are made by the build")
        .with_services(listed);
    (reflection::install(router, reflector), health)
}

/// Every service of Boxwood.
pub(crate) fn services(door: &Arc<Door>, telemetry: &Telemetry) -> Router {
    Router::new()
        .add_service(Arc::new(job::Jobs(door.clone())))
        .add_service(Arc::new(task::Tasks(door.clone())))
        .add_service(Arc::new(workflows::Workflows(door.clone())))
        .add_service(Arc::new(automation::Automations))
        .add_service(Arc::new(storage_location::StorageLocations))
        .add_service(Arc::new(diagram::Diagrams(door.clone())))
        .add_service(Arc::new(insight::Insight { door: door.clone(), telemetry: telemetry.service() }))
        .add_service(telemetry.service())
}
