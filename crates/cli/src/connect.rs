//! Which server a command speaks to.

use std::path::PathBuf;
use std::time::Duration;

use boxwood::{Client, ClientBuilder};
use clap::Args;

use crate::Failure;
use crate::output::Output;

/// How long a call is tried again while no server answers: long enough for one that is just being started.
const PATIENCE: Duration = Duration::from_secs(1);

/// Options of all commands that speak to a server.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Server and output")]
pub(crate) struct Options {
    /// The server: http://host:port, https://host:port or unix:PATH [default: BOXWOOD_URL, TILEBOX_API_URL, http://127.0.0.1:8080]
    #[arg(long, value_name = "URL", visible_alias = "api-url")]
    url: Option<String>,
    /// The key to show the server [default: BOXWOOD_API_KEY, TILEBOX_API_KEY]
    #[arg(long, value_name = "KEY", hide_env_values = true)]
    api_key: Option<String>,
    /// A PEM file of authorities to trust at https:// besides those of the system [default: BOXWOOD_CA_CERTIFICATE]
    #[arg(long, value_name = "FILE")]
    ca_certificate: Option<PathBuf>,
    /// Print one JSON value instead of text
    #[arg(long)]
    json: bool,
}

/// The names of [`Options`].
pub(crate) const OPTIONS: [&str; 4] = ["url", "api_key", "ca_certificate", "json"];

impl Options {
    /// These, and what they leave open taken from `others`.
    pub(crate) fn or(self, others: Self) -> Self {
        Self {
            url: self.url.or(others.url),
            api_key: self.api_key.or(others.api_key),
            ca_certificate: self.ca_certificate.or(others.ca_certificate),
            json: self.json || others.json,
        }
    }

    /// Whether none was given.
    pub(crate) fn is_empty(&self) -> bool {
        self.url.is_none() && self.api_key.is_none() && self.ca_certificate.is_none() && !self.json
    }

    /// Where the address is from: `option`, the name of a variable, or `default`.
    pub(crate) fn url_source(&self) -> &'static str {
        let given = self.url.is_some().then_some("option");
        given.or_else(|| first_set(["BOXWOOD_URL", "TILEBOX_API_URL"])).unwrap_or("default")
    }

    /// Where the key is from: `option` or the name of a variable; none if there is no key.
    pub(crate) fn api_key_source(&self) -> Option<&'static str> {
        match &self.api_key {
            Some(key) => (!key.is_empty()).then_some("option"),
            None => first_set(["BOXWOOD_API_KEY", "TILEBOX_API_KEY"]),
        }
    }

    /// What standard output gets.
    pub(crate) fn output(&self) -> Output {
        Output::new(self.json)
    }

    /// A client of the server.
    ///
    /// # Errors
    /// If address or key cannot be used. Nothing is sent yet.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        Ok(self.builder().build()?)
    }

    /// A client that waits this long for a server that went away.
    ///
    /// # Errors
    /// As [`client`](Self::client).
    pub(crate) fn patient_client(&self, patience: Duration) -> Result<Client, Failure> {
        Ok(self.builder().retry_for(patience).build()?)
    }

    fn builder(&self) -> ClientBuilder {
        let mut builder = Client::builder().from_env().retry_for(PATIENCE);
        if let Some(url) = &self.url {
            builder = builder.url(url);
        }
        if let Some(key) = &self.api_key {
            builder = builder.token(key);
        }
        if let Some(file) = &self.ca_certificate {
            builder = builder.ca_certificate_file(file);
        }
        builder
    }
}

/// The first of these variables that is set and not empty.
fn first_set(names: [&'static str; 2]) -> Option<&'static str> {
    names.into_iter().find(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}
