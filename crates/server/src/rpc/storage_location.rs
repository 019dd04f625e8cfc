//! `StorageLocationService`: there are no storage locations yet, so the list is empty and the rest is not served.

use boxwood_proto::buffa_types::google::protobuf::Empty;
use boxwood_proto::connectrpc::{RequestContext, Response, ServiceRequest, ServiceResult};
use boxwood_proto::tilebox::v1::ID;
use boxwood_proto::workflows::v1 as wire;

pub(super) struct StorageLocations;

impl wire::StorageLocationService for StorageLocations {
    async fn list_storage_locations(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, Empty>,
    ) -> ServiceResult<wire::StorageLocations> {
        Response::ok(wire::StorageLocations::default())
    }

    not_served! {
        get_storage_location(ID) -> wire::StorageLocation;
        create_storage_location(wire::CreateStorageLocationRequest) -> wire::StorageLocation;
        update_storage_location(wire::UpdateStorageLocationRequest) -> wire::StorageLocation;
        delete_storage_location(ID) -> Empty;
        create_storage_subscription(wire::CreateStorageSubscriptionRequest) -> wire::StorageSubscription;
        list_storage_subscriptions(wire::ListStorageSubscriptionsRequest) -> wire::StorageSubscriptions;
        get_storage_subscription(ID) -> wire::StorageSubscription;
        delete_storage_subscription(ID) -> Empty;
        list_storage_subscription_events(wire::ListStorageSubscriptionEventsRequest) -> wire::StorageSubscriptionEvents;
        notify_object_created(wire::NotifyObjectCreatedRequest) -> Empty;
    }
}
