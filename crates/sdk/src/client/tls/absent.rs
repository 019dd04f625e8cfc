//! What stands in for TLS where the feature is off.

use boxwood_proto::connectrpc::ConnectError;
use boxwood_proto::connectrpc::client::{Http2Connection, Http2ConnectionBuilder};
use http::Uri;

use crate::Error;

/// Nobody to trust.
#[derive(Clone, Debug, Default)]
pub(crate) struct Authorities(());

impl Authorities {
    pub(crate) fn trust(&self) -> Result<Trust, Error> {
        Err(Error::setting(
            "url",
            "an https:// address needs the feature `tls`: write features = [\"tls\"] at boxwood in Cargo.toml, or use \
             http:// to a server nearby",
        ))
    }
}

/// There is none.
#[derive(Clone)]
pub(crate) enum Trust {}

impl Trust {
    pub(crate) fn connection(&self, _: Http2ConnectionBuilder, _: Uri) -> Http2Connection {
        match *self {}
    }
}

pub(crate) fn untrusted(_: &ConnectError) -> Option<String> {
    None
}
