//! Which spans and events are shown, and which are exported.

use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};

use crate::{Error, spans};

/// Dependencies that are at work in every program. What they tell below a warning is for those who develop them.
const QUIET: [&str; 12] = [
    "connectrpc::",
    "h2::",
    "hyper::",
    "hyper_util::",
    "mio::",
    "object_store::",
    "reqwest::",
    "rustls::",
    "tokio::",
    "tokio_util::",
    "tower::",
    "want::",
];

/// The modules of the SDK. Its own diagnostics are of no use to those who read the logs of a job (O-19).
const OWN: &str = "boxwood::";

/// What a person at the terminal sees: the program from INFO up, dependencies from WARN up, and what `directives`
/// changes.
///
/// # Errors
/// [`Error::Setting`] if `directives` are malformed.
pub(super) fn shown(setting: &'static str, directives: &str) -> Result<Targets, Error> {
    let mut levels = with_defaults(setting, directives, &[])?;
    if levels.default_level() != Some(LevelFilter::OFF) {
        // The console names the task of every line.
        let debug = levels.would_enable(spans::TARGET, &Level::DEBUG);
        levels = levels.with_target(spans::TARGET, if debug { LevelFilter::DEBUG } else { LevelFilter::INFO });
    }
    Ok(levels)
}

/// What is exported: the program from INFO up, dependencies from WARN up, diagnostics of the SDK from ERROR up (O-19),
/// and what `directives` changes.
///
/// # Errors
/// [`Error::Setting`] if `directives` are malformed.
pub(super) fn exported(setting: &'static str, directives: &str) -> Result<Targets, Error> {
    let levels = with_defaults(setting, directives, &[(OWN, LevelFilter::ERROR)])?;
    // The spans of jobs and tasks are what all others hang on.
    Ok(levels.with_target(spans::TARGET, LevelFilter::DEBUG))
}

fn with_defaults(
    setting: &'static str,
    directives: &str,
    further: &[(&'static str, LevelFilter)],
) -> Result<Targets, Error> {
    let wanted = parse(setting, directives)?;
    let mut levels = Targets::new().with_default(wanted.default_level().unwrap_or(LevelFilter::INFO));
    let quiet = QUIET.map(|target| (target, LevelFilter::WARN));
    for (target, level) in quiet.iter().chain(further) {
        // Whoever names `hyper` means all of it.
        if !wanted.iter().any(|(named, _)| target.starts_with(named)) {
            levels = levels.with_target(*target, *level);
        }
    }
    // `off` and `error` hold for them too.
    let levels = match wanted.default_level() {
        Some(default) if default < LevelFilter::WARN => Targets::new().with_default(default),
        _ => levels,
    };
    Ok(levels.with_targets(wanted.iter()))
}

/// Directives as `tracing` knows them: `info,my_program=debug,hyper=warn`; empty ones change nothing.
fn parse(setting: &'static str, directives: &str) -> Result<Targets, Error> {
    let directives = directives.trim();
    if directives.is_empty() {
        return Ok(Targets::new().with_default(LevelFilter::INFO));
    }
    let targets: Targets = directives.parse().map_err(|_| {
        let problem = format!("{directives:?} is no list of levels; write for example debug, or info,my_program=trace");
        Error::setting(setting, problem)
    })?;
    // Naming a module does not silence the others.
    Ok(match targets.default_level() {
        None => targets.with_default(LevelFilter::INFO),
        Some(_) => targets,
    })
}

/// A level as Python calls it, as what starts a runner hands it on (W-2).
pub(super) fn of_python(level: &str) -> String {
    match level.trim().to_ascii_uppercase().as_str() {
        "WARNING" => "warn".to_owned(),
        "CRITICAL" | "FATAL" => "error".to_owned(),
        "NOTSET" => "trace".to_owned(),
        other => other.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level_of(levels: &Targets, target: &str) -> Option<Level> {
        let all = [Level::TRACE, Level::DEBUG, Level::INFO, Level::WARN, Level::ERROR];
        all.into_iter().find(|level| levels.would_enable(target, level))
    }

    #[test]
    fn dependencies_are_quiet_unless_they_are_named() {
        for (directives, program, hyper, h2) in [
            ("", Some(Level::INFO), Some(Level::WARN), Some(Level::WARN)),
            ("debug", Some(Level::DEBUG), Some(Level::WARN), Some(Level::WARN)),
            ("hyper=trace", Some(Level::INFO), Some(Level::TRACE), Some(Level::WARN)),
            ("program=debug", Some(Level::DEBUG), Some(Level::WARN), Some(Level::WARN)),
            ("warn,program=info", Some(Level::INFO), Some(Level::WARN), Some(Level::WARN)),
            ("error", Some(Level::ERROR), Some(Level::ERROR), Some(Level::ERROR)),
            ("off", None, None, None),
            ("off,program=warn", Some(Level::WARN), None, None),
        ] {
            let levels = shown("BOXWOOD_LOG", directives).unwrap();
            let seen =
                (level_of(&levels, "program::tiles"), level_of(&levels, "hyper::proto"), level_of(&levels, "h2::x"));
            assert_eq!(seen, (program, hyper, h2), "{directives:?}");
        }
    }

    #[test]
    fn o_19_diagnostics_of_the_sdk_are_exported_from_error_up() {
        for (directives, program, own) in [
            ("", Some(Level::INFO), Some(Level::ERROR)),
            ("debug", Some(Level::DEBUG), Some(Level::ERROR)),
            ("boxwood=info", Some(Level::INFO), Some(Level::INFO)),
            ("off", None, None),
        ] {
            let levels = exported("BOXWOOD_LOG_EXPORT", directives).unwrap();
            assert_eq!(level_of(&levels, "boxwood_mosaic"), program, "{directives:?}");
            assert_eq!(level_of(&levels, "boxwood::runner"), own, "{directives:?}");
            assert_eq!(level_of(&levels, spans::TARGET), Some(Level::DEBUG), "{directives:?}");
        }
    }

    #[test]
    fn the_console_needs_the_spans_of_tasks_at_every_level() {
        for (directives, level) in [("warn", Some(Level::INFO)), ("trace", Some(Level::DEBUG)), ("off", None)] {
            assert_eq!(level_of(&shown("BOXWOOD_LOG", directives).unwrap(), spans::TARGET), level, "{directives:?}");
        }
    }

    #[test]
    fn malformed_levels_name_their_setting() {
        let error = shown("BOXWOOD_LOG", "program=loud").unwrap_err().to_string();
        assert!(error.starts_with("BOXWOOD_LOG: ") && error.contains("info,my_program=trace"), "{error}");
    }
}
