//! Whose requests are answered while there is no authentication: those that name this server as their host. A web page
//! that resolves a name of its own to this machine names itself, and one that calls from elsewhere says so in `Origin`.

use std::net::IpAddr;

use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, Uri};

/// The names this server answers to.
pub(crate) struct Hosts {
    names: Vec<String>,
    any_address: bool,
    secure: bool,
}

impl Hosts {
    /// `names` are those the operator added and those of the certificate; `*.` stands for one label in front of a name.
    /// A server that listens on every address answers to every address: a page cannot make a name of its own out of a
    /// number. `secure` says that the server speaks TLS itself.
    pub(crate) fn new(listen: Option<IpAddr>, names: &[String], secure: bool) -> Self {
        let mut names: Vec<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
        names.extend(listen.map(|address| address.to_string()));
        Self { names, any_address: listen.is_some_and(|address| address.is_unspecified()), secure }
    }

    /// Checks the host a request names, and where it comes from. The error says what was refused and what to do.
    pub(crate) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), String> {
        let host = match (uri.authority(), headers.get(HOST)) {
            (Some(authority), _) => Some(authority.clone()),
            (None, Some(host)) => host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()),
            (None, None) => None,
        };
        let Some(host) = host else {
            return Err("the request names no host".into());
        };
        if !self.is_own(host.host()) {
            return Err(format!(
                "host {:?} is not a name of this server; allow it with --host-name, or use the server's address",
                host.host()
            ));
        }
        let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
        let origin = origin.to_str().unwrap_or_default();
        let same = origin.parse::<Uri>().is_ok_and(|origin| {
            let https = origin.scheme_str() == Some("https");
            // Pages in clear text are another origin. In front of clear text there may be a proxy that adds TLS.
            if self.secure && !https {
                return false;
            }
            let default_port = if https { 443 } else { 80 };
            origin.authority().is_some_and(|from| {
                from.host().eq_ignore_ascii_case(host.host())
                    && from.port_u16().unwrap_or(default_port) == host.port_u16().unwrap_or(default_port)
            })
        });
        if same { Ok(()) } else { Err(format!("requests from pages of {origin:?} are not answered")) }
    }

    fn is_own(&self, host: &str) -> bool {
        let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        if let Ok(address) = host.parse::<IpAddr>() {
            return self.any_address || address.is_loopback() || self.names.contains(&address.to_string());
        }
        let covered = || {
            let (_, domain) = host.split_once('.')?;
            self.names.iter().find(|name| name.strip_prefix("*.") == Some(domain))
        };
        host == "localhost" || host.ends_with(".localhost") || self.names.contains(&host) || covered().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(hosts: &Hosts, host: &str, origin: Option<&str>) -> Result<(), String> {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().expect("a header"));
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().expect("a header"));
        }
        hosts.check(&Uri::from_static("/workflows.v1.JobService/GetJob"), &headers)
    }

    #[test]
    fn names_of_this_machine_are_its_own_and_others_are_not() {
        let hosts =
            Hosts::new("127.0.0.1".parse().ok(), &["Boxwood.internal".into(), "*.boxwood.example".into()], false);
        for own in [
            "localhost",
            "localhost:8080",
            "LOCALHOST:1",
            "127.0.0.1:8080",
            "127.1.2.3",
            "[::1]:8080",
            "boxwood.internal:80",
            "a.localhost",
            "Eu.boxwood.example:443",
        ] {
            assert_eq!(check(&hosts, own, None), Ok(()), "{own}");
        }
        for foreign in [
            "evil.example",
            "evil.example:8080",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "192.168.0.7:8080",
            "[fe80::1]",
            "boxwood.internal.evil.example",
            "boxwood.example",
            "a.eu.boxwood.example",
        ] {
            assert!(check(&hosts, foreign, None).is_err(), "{foreign}");
        }
    }

    #[test]
    fn the_authority_of_http_2_counts_as_host() {
        let hosts = Hosts::new("127.0.0.1".parse().ok(), &[], false);
        let check = |uri: &'static str| hosts.check(&Uri::from_static(uri), &HeaderMap::new());
        assert_eq!(check("http://127.0.0.1:8080/a.B/C"), Ok(()));
        assert!(check("http://evil.example:8080/a.B/C").is_err());
        assert!(check("/a.B/C").is_err(), "no host at all");
    }

    #[test]
    fn pages_of_other_origins_are_refused() {
        let hosts = Hosts::new("127.0.0.1".parse().ok(), &[], false);
        assert_eq!(check(&hosts, "localhost:8080", Some("http://localhost:8080")), Ok(()));
        assert_eq!(check(&hosts, "localhost", Some("http://localhost:80")), Ok(()));
        for origin in ["http://evil.example", "http://localhost:3000", "null", "http://localhost", "file://"] {
            assert!(check(&hosts, "localhost:8080", Some(origin)).is_err(), "{origin}");
        }
    }

    #[test]
    fn with_tls_pages_in_clear_text_are_of_another_origin() {
        let hosts = Hosts::new("127.0.0.1".parse().ok(), &[], true);
        assert_eq!(check(&hosts, "localhost", Some("https://localhost")), Ok(()));
        assert_eq!(check(&hosts, "localhost:8443", Some("https://localhost:8443")), Ok(()));
        for origin in ["http://localhost", "http://localhost:80", "https://localhost:8443", "https://evil.example"] {
            assert!(check(&hosts, "localhost", Some(origin)).is_err(), "{origin}");
        }
    }

    #[test]
    fn a_server_on_every_address_answers_to_every_address_but_not_to_names() {
        let hosts = Hosts::new("0.0.0.0".parse().ok(), &[], false);
        assert_eq!(check(&hosts, "192.168.0.7:8080", None), Ok(()));
        assert!(check(&hosts, "evil.example:8080", None).is_err());
    }
}
