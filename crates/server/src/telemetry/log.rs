//! The log: which filters are accepted, and what is never logged whatever the filter says.

use std::io::{self, IsTerminal};

use thiserror::Error;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

/// hookfill's own crates. They may log at any level, because they never log contents.
const OWN: [&str; 3] = ["hookfill", "hookfill_domain", "hookfill_store"];
/// `lib.rs`, which declares the modules of this crate. Nothing logs under a target outside them.
const MODULES: &str = include_str!("../lib.rs");
/// The names of the levels; their numbers are accepted as well.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
/// How similar a word must be to be suggested instead: Jaro-Winkler, as clap does for flags.
const NEAR: f64 = 0.8;

/// The libraries that log, each with the most verbose level at which it logs nothing of what passes through it. Beyond
/// that they would log keys, messages, statement parameters or handshakes, so no filter can enable it.
const DEPENDENCIES: [(&str, LevelFilter); 20] = [
    // At `trace`, rejections quote part of the body.
    ("axum", LevelFilter::INFO),
    ("axum_core", LevelFilter::INFO),
    // At `debug`, subjects and server addresses, never a payload.
    ("async_nats", LevelFilter::DEBUG),
    ("deadpool", LevelFilter::TRACE),
    ("deadpool_postgres", LevelFilter::TRACE),
    // At `trace`, headers.
    ("hyper", LevelFilter::DEBUG),
    ("hyper_util", LevelFilter::DEBUG),
    ("jiff", LevelFilter::TRACE),
    ("jiff_core", LevelFilter::TRACE),
    ("mio", LevelFilter::TRACE),
    ("refinery", LevelFilter::DEBUG),
    ("refinery_core", LevelFilter::DEBUG),
    // At `trace`, handshakes.
    ("rustls", LevelFilter::DEBUG),
    ("tokio", LevelFilter::DEBUG),
    // At `debug`, statements with their parameters.
    ("tokio_postgres", LevelFilter::INFO),
    ("tokio_tungstenite", LevelFilter::DEBUG),
    ("tower", LevelFilter::DEBUG),
    // At `trace`, messages and frames; at `debug`, the texts of close frames.
    ("tungstenite", LevelFilter::INFO),
    // At `debug`, requests; at `trace`, their bytes.
    ("ureq", LevelFilter::INFO),
    ("ureq_proto", LevelFilter::INFO),
];

/// Why a filter cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FilterError {
    /// It is not in the syntax of filters.
    #[error("is not a filter in `tracing` syntax")]
    Syntax,
    /// It has a word that is neither a level nor a target that logs.
    #[error("names `{word}`, which is neither a level ({levels}) nor a target that logs here{hint}", levels = LEVELS.join(", "))]
    Unknown {
        /// The word, escaped and cut to 60 characters.
        word: String,
        /// The most similar known word, as the end of the sentence; empty if there is none.
        hint: String,
    },
}

impl FilterError {
    fn unknown(word: &str, candidates: impl Iterator<Item = &'static str>) -> Self {
        let lower = word.to_ascii_lowercase();
        let alike = candidates.map(|candidate| (candidate, strsim::jaro_winkler(candidate, &lower)));
        let nearest =
            alike.filter(|(_, alike)| *alike > NEAR).max_by(|(_, one), (_, other)| one.total_cmp(other));
        Self::Unknown {
            word: word.escape_debug().take(60).collect(),
            hint: nearest.map(|(meant, _)| format!(" (did you mean `{meant}`?)")).unwrap_or_default(),
        }
    }
}

/// Reads a filter in the syntax of `tracing`: comma-separated directives such as `info`, `hookfill::http=debug` or
/// `[span{field=1}]=trace`. Returns it without the blanks around directives.
///
/// # Errors
/// [`FilterError`], also for a word that is neither a level nor a target that logs. `tracing` itself would take it for a
/// target and log nothing.
pub fn read_filter(text: &str) -> Result<String, FilterError> {
    let directives: Vec<&str> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    if directives.is_empty() {
        return Err(FilterError::Syntax);
    }
    for directive in &directives {
        check(directive)?;
    }
    let filter = directives.join(",");
    EnvFilter::builder().parse(&filter).map(|_| filter).map_err(|_| FilterError::Syntax)
}

/// Checks the words of `LEVEL`, `TARGET`, `TARGET=LEVEL` or `TARGET[SPAN{FIELD=VALUE}]=LEVEL`.
fn check(directive: &str) -> Result<(), FilterError> {
    let end = directive.find(['[', '=']).unwrap_or(directive.len());
    let (target, rest) = directive.split_at(end);
    if rest.is_empty() {
        return if is_level(target) { Ok(()) } else { check_target(target, true) };
    }
    if !target.is_empty() {
        check_target(target, false)?;
    }
    let level = if rest.starts_with('[') {
        let after = rest.rfind(']').map(|at| &rest[at + 1..]).ok_or(FilterError::Syntax)?;
        if after.is_empty() {
            return Ok(());
        }
        after
    } else {
        rest
    };
    match level.strip_prefix('=') {
        Some(level) if is_level(level) => Ok(()),
        Some("") | None => Err(FilterError::Syntax),
        Some(word) => Err(FilterError::unknown(word, LEVELS.into_iter())),
    }
}

fn is_level(word: &str) -> bool {
    LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word))
        || matches!(word, "0" | "1" | "2" | "3" | "4" | "5")
}

/// Checks the first two parts of a target: a known crate and, for `hookfill`, one of its modules.
fn check_target(target: &str, or_level: bool) -> Result<(), FilterError> {
    let name = first(target);
    let names = || OWN.into_iter().chain(DEPENDENCIES.iter().map(|(name, _)| *name));
    if !names().any(|known| known == name) {
        let levels = LEVELS.into_iter().filter(|_| or_level);
        return Err(FilterError::unknown(target, levels.chain(names())));
    }
    let module = target.strip_prefix("hookfill::").map(|rest| rest.split("::").next().unwrap_or(rest));
    match module {
        Some(module) if !modules().any(|known| known == module) => {
            Err(FilterError::unknown(module, modules()))
        }
        _ => Ok(()),
    }
}

fn modules() -> impl Iterator<Item = &'static str> {
    MODULES.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
}

/// The crate of a target. Some libraries separate the parts with a dot instead of `::`.
fn first(target: &str) -> &str {
    target.split([':', '.']).next().unwrap_or(target)
}

/// The most verbose level that a target may log at. For a crate that is not in the table it is `warn`.
fn loudest(target: &str) -> LevelFilter {
    let name = first(target);
    if OWN.contains(&name) {
        return LevelFilter::TRACE;
    }
    let known = DEPENDENCIES.iter().find(|(known, _)| *known == name);
    known.map_or(LevelFilter::WARN, |(_, loudest)| *loudest)
}

/// Starts the log. A second call in one process changes nothing.
///
/// # Errors
/// [`FilterError`] for a filter that [`read_filter`] does not take.
pub fn start_log(filter: &str, json: bool) -> Result<(), FilterError> {
    // refinery would log the same at `info` at every start, and the NATS client at every attempt to connect; the bus logs
    // each change of the connection once. A filter that names one of them overrides this.
    let filter = format!("refinery_core=warn,async_nats=off,{}", read_filter(filter)?);
    let filter = EnvFilter::try_new(filter).map_err(|_| FilterError::Syntax)?;
    let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    // A line that cannot be written (a full disk, a closed pipe) is dropped: reporting it would panic in the code that
    // logs.
    let lines = fmt::layer().with_ansi(colours).with_writer(io::stderr).log_internal_errors(false);
    // A separate layer, so that no directive of the filter can override it.
    let contents = filter_fn(|metadata| *metadata.level() <= loudest(metadata.target()));
    let log = tracing_subscriber::registry().with(filter).with(contents);
    let started = if json { log.with(lines.json()).try_init() } else { log.with(lines).try_init() };
    // Tests run several servers in one process; all of them use the first one's log.
    drop(started);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("info", "info")]
    #[case("OFF", "OFF")]
    #[case("4", "4")]
    #[case(" info , hookfill=DEBUG ,", "info,hookfill=DEBUG")]
    #[case("hookfill::http=trace,warn", "hookfill::http=trace,warn")]
    #[case("hookfill::bus::nats::connection", "hookfill::bus::nats::connection")]
    #[case("hookfill_store::postgres=debug", "hookfill_store::postgres=debug")]
    #[case(
        "hyper=debug,tokio_postgres=info,async_nats=debug",
        "hyper=debug,tokio_postgres=info,async_nats=debug"
    )]
    #[case("tungstenite::protocol=trace,rustls=trace", "tungstenite::protocol=trace,rustls=trace")]
    #[case("[request]=debug", "[request]=debug")]
    #[case("hookfill[request{user=7}]=trace,[{order}]", "hookfill[request{user=7}]=trace,[{order}]")]
    fn a_filter_of_levels_and_known_targets_is_accepted(#[case] text: &str, #[case] filter: &str) {
        assert_eq!(read_filter(text), Ok(filter.to_owned()));
    }

    #[rstest]
    #[case("loud", "loud", None)]
    #[case("inof", "inof", Some("info"))]
    #[case("Debgu", "Debgu", Some("debug"))]
    #[case("warning", "warning", Some("warn"))]
    #[case("info,hokfill=debug", "hokfill", Some("hookfill"))]
    #[case("hook=debug", "hook", Some("hookfill"))]
    #[case("hookfill=loud", "loud", None)]
    #[case("hookfill=infoo", "infoo", Some("info"))]
    #[case("hookfill::htttp=debug", "htttp", Some("http"))]
    #[case("tokio-postgres=info", "tokio-postgres", Some("tokio_postgres"))]
    #[case("info hookfill=debug", "info hookfill", None)]
    #[case("nobody[request]=debug", "nobody", None)]
    #[case("[request]=loud", "loud", None)]
    #[case("6", "6", None)]
    fn a_word_that_is_neither_a_level_nor_a_target_is_refused(
        #[case] text: &str,
        #[case] wrong: &str,
        #[case] meant: Option<&str>,
    ) {
        match read_filter(text) {
            Err(FilterError::Unknown { word, hint }) => {
                assert_eq!(word, wrong);
                let expected = meant.map(|meant| format!(" (did you mean `{meant}`?)")).unwrap_or_default();
                assert_eq!(hint, expected);
            }
            other => panic!("{text}: {other:?}"),
        }
    }

    #[rstest]
    #[case("")]
    #[case(" , ")]
    #[case("hookfill=")]
    #[case("[request")]
    #[case("[request]debug")]
    #[case("hookfill[{}]=info")]
    fn a_filter_with_wrong_syntax_is_refused(#[case] text: &str) {
        assert_eq!(read_filter(text), Err(FilterError::Syntax), "{text}");
    }

    /// The crates in the lock file that can log, by the names with which their targets begin.
    fn crates_that_log() -> Vec<String> {
        let lock = include_str!("../../../../Cargo.lock");
        let logs = |package: &&str| package.lines().any(|line| matches!(line, " \"log\"," | " \"tracing\","));
        let name =
            |package: &str| package.lines().find_map(|line| line.strip_prefix("name = ").map(str::to_owned));
        let names = lock.split("[[package]]").filter(logs).filter_map(name);
        names.map(|name| name.trim_matches('"').replace('-', "_")).collect()
    }

    #[test]
    fn every_crate_that_can_log_has_a_level_in_the_table() {
        // These are part of logging itself, or run only while hookfill is built.
        let others = ["tracing_log", "tracing_subscriber", "zopfli"];
        let found = crates_that_log();
        assert!(found.len() > 8, "{found:?}");
        for name in found.iter().filter(|name| !others.contains(&name.as_str())) {
            assert_eq!(read_filter(&format!("{name}=info")), Ok(format!("{name}=info")), "{name}");
        }
        assert!(modules().any(|module| module == "http"));
    }

    #[rstest]
    #[case("hookfill::stream::session", LevelFilter::TRACE)]
    #[case("hookfill_store::postgres::lane", LevelFilter::TRACE)]
    #[case("tungstenite::protocol", LevelFilter::INFO)]
    #[case("tokio_postgres::query", LevelFilter::INFO)]
    #[case("deadpool.postgres", LevelFilter::TRACE)]
    #[case("hookfillish", LevelFilter::WARN)]
    #[case("somebody::new", LevelFilter::WARN)]
    fn a_library_is_capped_at_the_level_in_the_table_and_an_unknown_crate_at_warn(
        #[case] target: &str,
        #[case] level: LevelFilter,
    ) {
        assert_eq!(loudest(target), level);
    }
}
