//! `boxwood whoami`: which server commands speak to, and with which key.

use std::time::{Duration, SystemTime};

use clap::Args;
use serde::Serialize;

use crate::Failure;
use crate::connect::Options;
use crate::output::Output;
use crate::text::shown;
use crate::when::{about, rfc_3339};

/// Says which server is used.
#[derive(Args, Debug)]
pub(crate) struct WhoamiArgs {
    #[command(flatten)]
    options: Options,
}

#[derive(Serialize)]
struct WhoamiJson {
    url: String,
    /// Where the address is from: `option`, the name of a variable, or `default`.
    url_source: &'static str,
    api_key_set: bool,
    /// Where the key is from: `option` or the name of a variable; none if there is no key.
    api_key_source: Option<&'static str>,
    /// The version of this program.
    version: &'static str,
    reachable: bool,
    /// Of the server, as far as it answers.
    server_version: Option<String>,
    server_started_at: Option<String>,
    database: Option<String>,
}

/// Says it; `others` are options given before the word `whoami`.
///
/// # Errors
/// [`Failure::Unreachable`] if no server answers; what is known without it was said then.
pub(crate) async fn run(args: WhoamiArgs, others: Options) -> Result<(), Failure> {
    let options = args.options.or(others);
    let (output, client) = (options.output(), options.client()?);
    let asked = client.insight().server().await;
    let api_key_source = options.api_key_source();
    let mut told = WhoamiJson {
        url: client.url().to_owned(),
        url_source: options.url_source(),
        api_key_set: api_key_source.is_some(),
        api_key_source,
        version: env!("CARGO_PKG_VERSION"),
        reachable: asked.is_ok(),
        server_version: None,
        server_started_at: None,
        database: None,
    };
    let mut up = None;
    if let Ok(server) = &asked {
        told.server_version = Some(server.version.clone());
        told.server_started_at = server.started_at.map(rfc_3339);
        told.database = Some(server.database.clone());
        up = server.started_at.and_then(|start| SystemTime::now().duration_since(start).ok());
    }
    say(&told, up, output)?;
    asked.map(drop).map_err(Failure::from)
}

fn say(told: &WhoamiJson, up: Option<Duration>, output: Output) -> Result<(), Failure> {
    if output.json {
        return output.value(told);
    }
    let from = |source: &str| match source {
        "default" => " (the default)".to_owned(),
        "option" => String::new(),
        variable => format!(" (from {variable})"),
    };
    let mut text = format!("server    {}{}\n", shown(&told.url), from(told.url_source));
    let key = match told.api_key_source {
        None => "none".to_owned(),
        Some(source) => format!("set{}", from(source)),
    };
    text.push_str(&format!("api key   {key}\n"));
    if let (Some(version), Some(database)) = (&told.server_version, &told.database) {
        let program =
            if version == told.version { String::new() } else { format!("; this program is {}", told.version) };
        text.push_str(&format!("version   {}{program}\ndatabase  {}\n", shown(version), shown(database)));
    }
    if let Some(up) = up {
        text.push_str(&format!("up        {}\n", about(up)));
    }
    output.data(&text)
}
