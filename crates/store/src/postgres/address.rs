//! Where a database is, and how to reach it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio_postgres::config::{Config, Host, SslMode};

use super::tls::Encryption;
use crate::error::Error;

/// How long connecting to one host may take, unless the URL says otherwise.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// After how long without an answer to what was sent, or to a keep-alive, the system gives a connection up.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// A database, as a URL names it.
#[derive(Clone)]
pub struct Address {
    pub(super) config: Config,
    pub(super) encryption: Encryption,
}

/// How the server's certificate is looked at (`sslmode` of libpq).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verify {
    Nothing,
    Chain,
    ChainAndName,
}

impl Address {
    /// Reads `postgres://user:password@host:port/database?options`, also with several hosts, or libpq's `key=value` form.
    /// `sslmode` (`disable`, `prefer`, `require`, `verify-ca`, `verify-full`) and `sslrootcert` are those of libpq: with
    /// `sslrootcert` or the two last modes the server's certificate is verified, with the others it is not.
    ///
    /// # Errors
    /// [`Error::Incompatible`] if it is no such URL, or the certificates cannot be read. The message holds no password.
    pub fn parse(url: &str) -> Result<Self, Error> {
        let (rest, mode, roots) = take_tls_options(url)?;
        let mut config: Config = rest.parse().map_err(|error| wrong(&format!("{error}")))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(wrong("it names no host"));
        }
        if config.get_user().is_none() {
            return Err(wrong("it names no user"));
        }
        let verify = match mode.as_deref() {
            None | Some("disable" | "prefer") if roots.is_none() => Verify::Nothing,
            None | Some("prefer" | "disable") => Verify::Chain,
            Some("require") if roots.is_none() => Verify::Nothing,
            Some("require" | "verify-ca") => Verify::Chain,
            Some("verify-full") => Verify::ChainAndName,
            Some(other) => {
                return Err(wrong(&format!(
                    "sslmode {other:?} is none of disable, prefer, require, verify-ca, verify-full"
                )));
            }
        };
        // As with libpq, what is said over a unix socket is not encrypted, whatever the mode: it stays on the machine.
        let local = config.get_hosts().iter().all(|host| !matches!(host, Host::Tcp(_)));
        let local = local && config.get_hostaddrs().is_empty();
        config.ssl_mode(match mode.as_deref() {
            _ if local => SslMode::Disable,
            Some("disable") => SslMode::Disable,
            None | Some("prefer") if verify == Verify::Nothing => SslMode::Prefer,
            _ => SslMode::Require,
        });
        if config.get_application_name().is_none() {
            config.application_name("boxwood");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_WITHIN);
        }
        config.keepalives_idle(SILENCE_MAX / 2);
        config.keepalives_interval(Duration::from_secs(2));
        config.keepalives_retries(3);
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(SILENCE_MAX);
        }
        let roots = match roots {
            Some(file) => Some(certificates(&file)?),
            None => None,
        };
        let encryption = match verify {
            Verify::Nothing => Encryption::unverified(),
            Verify::Chain => Encryption::verified(roots, false)?,
            Verify::ChainAndName => Encryption::verified(roots, true)?,
        };
        Ok(Self { config, encryption })
    }
}

/// Shows where the database is, without the password.
impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("postgres://")?;
        for (place, host) in self.config.get_hosts().iter().enumerate() {
            if place > 0 {
                out.write_str(",")?;
            }
            match host {
                Host::Tcp(name) => out.write_str(name)?,
                #[cfg(unix)]
                Host::Unix(path) => write!(out, "{}", path.display())?,
            }
            if let Some(port) = self.config.get_ports().get(place).or(self.config.get_ports().first()) {
                write!(out, ":{port}")?;
            }
        }
        write!(out, "/{}", self.config.get_dbname().unwrap_or_default())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self}")
    }
}

fn wrong(why: &str) -> Error {
    Error::Incompatible(format!(
        "the database URL cannot be used: {why}; write it as postgres://user:password@host:5432/database"
    ))
}

/// The URL without the options that the client library does not know, and these: `sslmode` and `sslrootcert`.
fn take_tls_options(url: &str) -> Result<(String, Option<String>, Option<String>), Error> {
    let (mut mode, mut roots) = (None, None);
    let mut keep = |option: &str| -> Result<bool, Error> {
        let Some((name, value)) = option.split_once('=') else { return Ok(true) };
        let place = match name.trim() {
            "sslmode" => &mut mode,
            "sslrootcert" => &mut roots,
            _ => return Ok(true),
        };
        *place = Some(percent_decoded(value.trim()).ok_or_else(|| wrong(&format!("{name} is not UTF-8")))?);
        Ok(false)
    };
    let rest = if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        match url.split_once('?') {
            None => url.to_owned(),
            Some((base, options)) => {
                let mut kept = Vec::new();
                for option in options.split('&') {
                    if keep(option)? {
                        kept.push(option);
                    }
                }
                if kept.is_empty() { base.to_owned() } else { format!("{base}?{}", kept.join("&")) }
            }
        }
    } else {
        let mut kept = Vec::new();
        for option in url.split_whitespace() {
            if keep(option)? {
                kept.push(option);
            }
        }
        kept.join(" ")
    };
    Ok((rest, mode, roots))
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        match (first, after) {
            (b'%', [high, low, after @ ..]) => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                bytes.push(u8::try_from(digit(high)? * 16 + digit(low)?).ok()?);
                rest = after;
            }
            (byte, after) => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

fn certificates(file: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let unusable = |why: String| wrong(&format!("sslrootcert {file}: {why}"));
    let found: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(file).map_err(|error| unusable(error.to_string()))?.collect();
    let found = found.map_err(|error| unusable(error.to_string()))?;
    if found.is_empty() { Err(unusable("it holds no certificate".into())) } else { Ok(found) }
}

impl Address {
    pub(super) fn shared(self) -> Arc<Self> {
        Arc::new(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_shown_without_the_password() {
        let address = Address::parse("postgres://me:s3cret@db.example:5433/jobs?sslmode=disable").expect("a URL");
        assert_eq!(address.to_string(), "postgres://db.example:5433/jobs");
        assert!(!format!("{address:?}").contains("s3cret"));
    }

    #[test]
    fn options_of_libpq_are_understood() {
        for url in [
            "postgres://me@h/d?sslmode=verify-full&application_name=x",
            "postgres://me@h/d?application_name=x&sslmode=prefer",
            "postgres://me@/d?host=/run/postgresql",
            "host=h user=me dbname=d sslmode=require",
        ] {
            let parsed = Address::parse(url);
            assert!(parsed.is_ok(), "{url}: {:?}", parsed.err());
        }
        for url in ["postgres://me@h/d?sslmode=maybe", "postgres://h/d", "mysql://me@h/d", "", "postgres://me@h/d?x=1"]
        {
            let error = Address::parse(url).expect_err(url).to_string();
            assert!(error.contains("postgres://user:password@host:5432/database"), "{error}");
        }
    }

    #[test]
    fn certificates_that_cannot_be_read_are_named() {
        let error =
            Address::parse("postgres://me@h/d?sslrootcert=/not/there.pem").expect_err("no such file").to_string();
        assert!(error.contains("sslrootcert /not/there.pem"), "{error}");
    }
}
