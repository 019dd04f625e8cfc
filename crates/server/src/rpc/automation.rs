//! `AutomationService`: there are no automations yet, so the list is empty and the rest is not served.

use boxwood_proto::buffa_types::google::protobuf::Empty;
use boxwood_proto::connectrpc::{RequestContext, Response, ServiceRequest, ServiceResult};
use boxwood_proto::tilebox::v1::ID;
use boxwood_proto::workflows::v1 as wire;

pub(super) struct Automations;

impl wire::AutomationService for Automations {
    async fn list_automations(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, Empty>,
    ) -> ServiceResult<wire::Automations> {
        Response::ok(wire::Automations::default())
    }

    /// Clients before version 0.53 ask this when they make a runner.
    async fn list_storage_locations(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, Empty>,
    ) -> ServiceResult<wire::StorageLocations> {
        Response::ok(wire::StorageLocations::default())
    }

    not_served! {
        get_automation(ID) -> wire::AutomationPrototype;
        create_automation(wire::AutomationPrototype) -> wire::AutomationPrototype;
        update_automation(wire::AutomationPrototype) -> wire::AutomationPrototype;
        delete_automation(wire::DeleteAutomationRequest) -> Empty;
        get_storage_location(ID) -> wire::StorageLocation;
        create_storage_location(wire::StorageLocation) -> wire::StorageLocation;
        delete_storage_location(ID) -> Empty;
    }
}
