//! What stands in for TLS where the feature is off.

use boxwood_proto::connectrpc::ConnectError;
use boxwood_proto::connectrpc::client::{Http2Connection, Http2ConnectionBuilder};
use http::Uri;
#[cfg(feature = "telemetry")]
use tokio::net::TcpStream;

use crate::Error;

/// Nobody to trust.
#[derive(Clone, Debug, Default)]
pub(crate) struct Authorities(());

impl Authorities {
    pub(crate) fn trust(&self, setting: &'static str) -> Result<Trust, Error> {
        Err(Error::setting(
            setting,
            "an https:// address needs the feature `tls`: write features = [\"tls\"] at boxwood in Cargo.toml, or use \
             http:// to a server nearby",
        ))
    }
}

/// There is none.
#[derive(Clone, Debug)]
pub(crate) enum Trust {}

impl Trust {
    pub(crate) fn connection(&self, _: Http2ConnectionBuilder, _: Uri) -> Http2Connection {
        match *self {}
    }

    #[cfg(feature = "telemetry")]
    pub(crate) async fn secure(&self, _: &str, _: TcpStream) -> Result<TcpStream, super::Disagreement> {
        match *self {}
    }
}

pub(crate) fn untrusted(_: &ConnectError) -> Option<String> {
    None
}
