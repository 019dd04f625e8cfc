//! Drawing the tasks of a job (V-1 to V-20).

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use boxwood_proto::workflows::v1 as wire;

use super::Client;
use crate::Error;
use crate::id::JobId;

/// Where the children of a task are drawn (V-12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names say it")]
pub enum Direction {
    #[default]
    Down,
    Up,
    Left,
    Right,
}

/// Colours of a picture (V-7 to V-9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Theme {
    /// Dark text on light ground.
    #[default]
    Light,
    /// Light text on dark ground.
    Dark,
    /// As the console draws on light pages.
    ConsoleLight,
    /// As the console draws on dark pages.
    ConsoleDark,
}

/// A picture about to be drawn; await it for its SVG text. Made by
/// [`JobClient::visualize`](crate::JobClient::visualize).
#[must_use = "the job is drawn when this is awaited"]
#[derive(Debug)]
pub struct VisualizeJob {
    client: Client,
    request: wire::VisualizeJobRequest,
    is_folded: bool,
}

/// The header that asks a Boxwood server to fold (V-20); other servers pass it over.
const FOLD: &str = "boxwood-fold";

impl VisualizeJob {
    pub(super) fn new(client: Client, job: JobId) -> Self {
        let request = wire::VisualizeJobRequest { job_id: job.to_wire().into(), ..Default::default() };
        Self { client, request, is_folded: false }
    }

    /// Where the children of a task are drawn; below it unless set (V-12).
    pub fn direction(mut self, direction: Direction) -> Self {
        let text = match direction {
            Direction::Down => "down",
            Direction::Up => "up",
            Direction::Left => "left",
            Direction::Right => "right",
        };
        self.request.render_options.get_or_insert_default().direction = text.to_owned();
        self
    }

    /// How boxes are arranged: `"dagre"`, also without this, or `"elk"`, which draws right-angled lines (V-11).
    pub fn layout(mut self, layout: impl Into<String>) -> Self {
        self.request.render_options.get_or_insert_default().layout = layout.into();
        self
    }

    /// The space around the picture in pixels; none unless set (V-14).
    pub fn padding(mut self, pixels: u16) -> Self {
        self.request.render_options.get_or_insert_default().padding = pixels.into();
        self
    }

    /// Lines that look drawn by hand (V-13); exact ones unless set.
    pub fn sketchy(mut self) -> Self {
        self.request.render_options.get_or_insert_default().sketchy = true;
        self
    }

    /// The colours; light ones unless set (V-9).
    pub fn theme(mut self, theme: Theme) -> Self {
        self.request.theme = match theme {
            Theme::Light => wire::WorkflowDiagramTheme::WORKFLOW_DIAGRAM_THEME_LIGHT,
            Theme::Dark => wire::WorkflowDiagramTheme::WORKFLOW_DIAGRAM_THEME_DARK,
            Theme::ConsoleLight => wire::WorkflowDiagramTheme::WORKFLOW_DIAGRAM_THEME_CONSOLE_LIGHT,
            Theme::ConsoleDark => wire::WorkflowDiagramTheme::WORKFLOW_DIAGRAM_THEME_CONSOLE_DARK,
        }
        .into();
        self
    }

    /// Writes the name of the job above the picture (V-10).
    pub fn with_name(mut self) -> Self {
        self.request.include_job_name = true;
        self
    }

    /// Draws siblings that look alike as one stack with their count, so that a job far beyond the limit of V-16 is a
    /// picture to read (V-20). Jobs of up to 40 tasks are drawn as they are.
    pub fn folded(mut self) -> Self {
        self.is_folded = true;
        self
    }

    async fn send(self) -> Result<String, Error> {
        const CALL: &str = "visualize job";
        let service = self.client.job_service();
        let answer = self.client.endpoint().repeat(CALL, |options| {
            let request = self.request.clone();
            let options = if self.is_folded { options.with_header(FOLD, "true") } else { options };
            async move { Ok(service.visualize_job_with_options(request, options).await?.into_owned()) }
        });
        String::from_utf8(answer.await?.svg).map_err(|_| Error::answer(CALL, "the picture is not UTF-8 text"))
    }
}

impl IntoFuture for VisualizeJob {
    type Output = Result<String, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// # Errors
    /// [`Code::NotFound`](crate::Code::NotFound) if there is no such job (V-18);
    /// [`Code::InvalidArgument`](crate::Code::InvalidArgument) if it has more tasks than the server draws, 200 unless
    /// set otherwise there (V-16), and is not [`folded`](Self::folded), or if the layout is unknown (V-11).
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
