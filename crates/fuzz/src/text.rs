//! Texts that people and programs write: ids, versions, slugs, times, addresses, keys of caches, trace parents, and
//! whatever the command line shows.

use std::path::{Component, Path};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use boxwood::{Client, Error, JobId, TaskIdentifier};
use boxwood_engine::{Version, is_slug, name_key, name_words, slug_from_name};
use tokio::runtime::{Builder, Runtime};

#[allow(dead_code, unreachable_pub, reason = "a source of the command line")]
#[path = "../../cli/src/when.rs"]
mod when;

#[allow(dead_code, unreachable_pub, reason = "a source of the command line")]
#[path = "../../cli/src/text.rs"]
mod shown;

#[allow(dead_code, unreachable_pub, reason = "a source of the SDK")]
#[path = "../../sdk/src/cache/key.rs"]
mod key;

#[allow(dead_code, unreachable_pub, unexpected_cfgs, reason = "a source of the SDK")]
#[path = "../../sdk/src/trace_parent.rs"]
mod trace_parent;

pub(crate) fn run(bytes: &[u8]) {
    let text = &*String::from_utf8_lossy(bytes);
    id(text);
    version(text);
    slug(text);
    names(text);
    times(text);
    cache_key(text);
    terminal(text);
    if let Ok(read) = text.parse::<trace_parent::TraceParent>() {
        assert_eq!(read.to_string()[..53], text[..53], "a trace parent is written as it was read, but for its flags");
    }
    address(text);
}

/// What is shown says what is wrong, on one line, and is no longer than it must be.
fn refused(message: &str, text: &str) {
    assert!(!message.is_empty() && message.len() < 600 + 6 * text.len(), "{message}");
}

fn id(text: &str) {
    match text.parse::<JobId>() {
        Ok(id) => {
            let written = id.to_string();
            assert_eq!(written.parse::<JobId>(), Ok(id));
            assert_eq!(written.replace('-', ""), text.replace('-', "").to_lowercase());
            let _ = id.created_at();
        }
        Err(error) => refused(&error.to_string(), text),
    }
}

fn version(text: &str) {
    match Version::parse(text) {
        Ok(version) => {
            assert_eq!(version.as_str(), text, "a version is kept as it was written");
            assert!(version.runs(&version), "a runner runs its own version");
        }
        Err(error) => refused(&error.to_string(), text),
    }
    let identifier = TaskIdentifier::new("T", text);
    if let Ok(identifier) = &identifier {
        assert!(Version::parse(&identifier.version().to_string()).is_ok(), "the server takes what the SDK sends");
    }
    if let Ok(named) = TaskIdentifier::new(text, "v1.0") {
        assert!((1..=boxwood::NAME_BYTES_MAX).contains(&named.name().len()));
    }
}

fn slug(text: &str) {
    let made = slug_from_name(text, "12345678901234");
    assert!(is_slug(&made) && made.ends_with("-12345678901234"), "{made:?} was made from {text:?}");
    if is_slug(text) {
        assert!(text.len() <= 100 && text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-'));
    }
}

/// A job is found by each of the words of its own name.
fn names(text: &str) {
    let key = name_key(text);
    for word in name_words(text) {
        assert!(key.contains(&word), "{text:?} is not found by its word {word:?}");
    }
}

fn times(text: &str) {
    match when::parse_duration(text) {
        Ok(time) => {
            assert!(!when::took(time).is_empty());
        }
        Err(error) => refused(&error, text),
    }
    match when::parse_time(text) {
        Ok(time) => {
            let written = when::rfc_3339(time);
            assert_eq!(when::parse_time(&written), Ok(time), "{written}");
            assert!(!when::local(time).is_empty() && !when::local_exact(time).is_empty());
            let later = SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
            assert!(when::age(time, later).len() < 16);
        }
        Err(error) => refused(&error, text),
    }
}

/// A key is a path below its job, whatever it is, and is the same key when it is read again.
fn cache_key(text: &str) {
    let job = key::Levels::default().join("job").expect("a plain level");
    let Ok(path) = job.join(text) else { return };
    let path = path.as_str();
    assert!(path == "job" || path.starts_with("job/"), "{text:?} became {path:?}");
    let plain = |component: Component<'_>| matches!(component, Component::Normal(_));
    assert!(Path::new(path).components().all(plain), "{text:?} became {path:?}");
    assert!(path.split('/').all(|level| !level.is_empty() && !level.contains('\0')), "{text:?} became {path:?}");
    let again = key::Levels::default().join(path).expect("what was made of it is a key");
    assert_eq!(again.as_str(), path);
}

/// A text from elsewhere neither drives the terminal nor takes more room than it is given.
fn terminal(text: &str) {
    let one = shown::shown(text);
    assert!(!one.contains(shown::is_hostile) && !one.contains(char::is_control), "{text:?} is shown as {one:?}");
    assert_eq!(shown::shown(&one), one, "what is shown is harmless");
    assert!(shown::shown_lines(text).all(|line| !line.contains(shown::is_hostile)), "{text:?}");
    assert!(!shown::first_line(text).contains(shown::is_hostile), "{text:?}");
    for columns_max in [0, 1, 2, 16, text.len() % 256] {
        let cut = shown::fit(&one, columns_max);
        assert!(shown::columns(&cut) <= columns_max, "{cut:?} is wider than {columns_max} columns");
    }
}

fn address(text: &str) {
    // Clients live in a runtime.
    static RUNTIME: LazyLock<Mutex<Runtime>> = LazyLock::new(|| {
        let runtime = Builder::new_current_thread().build();
        Mutex::new(runtime.expect("a runtime"))
    });
    let runtime = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    runtime.block_on(async {
        match Client::builder().url(text).build() {
            Ok(client) => assert_eq!(client.url(), text),
            Err(error) => {
                assert!(matches!(error, Error::Setting { .. }), "{error}");
                refused(&error.to_string(), text);
            }
        }
        // What waits for the client to be used ends now.
        tokio::task::yield_now().await;
    });
}
