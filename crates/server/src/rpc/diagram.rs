//! `DiagramService`: drawing a text in the D2 language (V-19).

use std::sync::Arc;

use boxwood_proto::connectrpc::{ConnectError, RequestContext, Response, ServiceRequest, ServiceResult};
use boxwood_proto::workflows::v1 as wire;

use crate::convert;
use crate::door::Door;

pub(super) struct Diagrams(pub(super) Arc<Door>);

impl wire::DiagramService for Diagrams {
    async fn render(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::RenderDiagramRequest>,
    ) -> ServiceResult<wire::Diagram> {
        let (graph, options) = convert::text(&request, self.0.visualized_tasks_max)?;
        // Drawing takes up to a tenth of a second, which other calls on this thread must not wait for.
        let drawn = tokio::task::spawn_blocking(move || boxwood_diagram::render(&graph, &options)).await;
        let svg = drawn.map_err(|error| {
            tracing::error!(%error, "a text could not be drawn");
            ConnectError::internal("the server failed while drawing; its log says more")
        })?;
        Response::ok(wire::Diagram { svg: svg.into_bytes(), ..Default::default() })
    }
}
