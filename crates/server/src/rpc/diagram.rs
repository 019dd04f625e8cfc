//! `DiagramService`: drawing a diagram text is not served yet.

use boxwood_proto::workflows::v1 as wire;

pub(super) struct Diagrams;

impl wire::DiagramService for Diagrams {
    not_served! {
        render(wire::RenderDiagramRequest) -> wire::Diagram;
    }
}
