//! `hookfill doctor`: check this installation, one line a check.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::time::Duration;

use hookfill_domain::time::Timestamp;
use hookfill_store::StoredSecret;
use rustix::process::{Resource, getrlimit};
use secrecy::ExposeSecret;

use super::{Outcome, harmless};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, ConfigError, Environment, Flags, Registration};
use crate::database::{load_keys, open_for_tool};
use crate::secrets::Loaded;

/// Each client holds one open file; below this a busy day runs out of them.
const FEW_FILES: u64 = 4096;
/// Whoever makes up a token by hand makes it shorter than this.
const SHORT_TOKEN: usize = 16;
/// The first of January 2026, in microseconds: this program is younger.
const YOUTH: i64 = 1_767_225_600_000_000;
/// A file may be this much newer than now, as file systems round.
const TOLERANCE: Duration = Duration::from_secs(2);

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Ok,
    Warn,
    Fail,
}

/// A check's line: its level, what was checked, and a sentence.
type Finding = (Level, &'static str, String);

/// Checks everything and says what it found; fails if any check does.
///
/// # Errors
/// Standard output does not take it.
pub fn run(flags: &Flags) -> anyhow::Result<Outcome> {
    let mut findings = Vec::new();
    let mut written = None;
    match settings(flags) {
        Ok(config) => {
            findings.push(accepted(&config));
            // Before it is opened here, which may write to it.
            written = config.database_url.path().and_then(last_written);
            findings.extend(database(&config)?);
        }
        Err(error) => findings.push((Level::Fail, "settings", error.to_string())),
    }
    findings.push(clock(SystemClock.now(), written));
    findings.push(open_files(getrlimit(Resource::Nofile).current));
    let mut out = io::stdout().lock();
    for (level, subject, sentence) in &findings {
        let level = match level {
            Level::Ok => "ok  ",
            Level::Warn => "warn",
            Level::Fail => "FAIL",
        };
        writeln!(out, "{level} {subject}: {}", harmless(sentence))?;
    }
    out.flush()?;
    let failed = findings.iter().any(|(level, ..)| *level == Level::Fail);
    Ok(if failed { Outcome::Failed } else { Outcome::Done })
}

fn settings(flags: &Flags) -> Result<Config, ConfigError> {
    let environment = Environment::read()?;
    environment.refuse_unknown_names()?;
    Config::load(flags, &environment)
}

fn accepted(config: &Config) -> Finding {
    let token = config.admin_token.as_ref().map(|token| token.expose_secret().len());
    match (config.registration, token) {
        (Some(Registration::Token), None) => {
            let sentence =
                "registration asks for a token and HOOKFILL_ADMIN_TOKEN is not set: nobody can register";
            (Level::Warn, "settings", sentence.to_owned())
        }
        (_, Some(length)) if length < SHORT_TOKEN => {
            let sentence =
                format!("HOOKFILL_ADMIN_TOKEN is shorter than {SHORT_TOKEN} characters and could be guessed");
            (Level::Warn, "settings", sentence)
        }
        (None | Some(Registration::Open | Registration::Token | Registration::Closed), _) => {
            (Level::Ok, "settings", "all are understood".to_owned())
        }
    }
}

/// The findings about the database, its server and its key.
fn database(config: &Config) -> io::Result<Vec<Finding>> {
    let path = config.database_url.path();
    if let Some(path) = path.filter(|path| !fs::exists(path).unwrap_or(true)) {
        return Ok(vec![creatable(path), key(config, &[])]);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let samples = runtime.block_on(async {
        let store = open_for_tool(&config.database_url).await.map_err(|error| error.to_string())?;
        store.sample_secrets().await.map_err(|error| error.to_string())
    });
    let samples = match samples {
        Ok(samples) => samples,
        Err(sentence) => return Ok(vec![(Level::Fail, "database", sentence)]),
    };
    let named = path.unwrap_or("the PostgreSQL database");
    let reachable = (Level::Ok, "database", format!("{named} is there and up to date"));
    Ok([Some(reachable), path.map(server), Some(key(config, &samples))].into_iter().flatten().collect())
}

/// A database that does not exist yet needs a directory that takes files.
fn creatable(path: &str) -> Finding {
    let directory = Path::new(path).parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    match tempfile_in(directory) {
        Ok(()) => (Level::Ok, "database", format!("{path} will be created")),
        Err(error) => {
            let sentence =
                format!("{path} cannot be created: {} takes no files: {error}", directory.display());
            (Level::Fail, "database", sentence)
        }
    }
}

/// Asking for permissions is no proof (read-only mounts, quotas): making a file is.
fn tempfile_in(directory: &Path) -> io::Result<()> {
    let path = directory.join(format!(".hookfill-doctor-{}", std::process::id()));
    File::create_new(&path)?;
    fs::remove_file(path)
}

fn server(path: &str) -> Finding {
    let locked = File::open(format!("{path}.lock")).map(|file| file.try_lock_shared());
    let sentence = match locked {
        Ok(Err(TryLockError::WouldBlock)) => "the database is being served by a running process".to_owned(),
        Ok(Ok(())) => "none is running on this database".to_owned(),
        Ok(Err(TryLockError::Error(error))) => {
            return (Level::Warn, "server", format!("whether one is running cannot be told: {error}"));
        }
        Err(error) if error.kind() == ErrorKind::NotFound => "none has run on this database here".to_owned(),
        Err(error) => return (Level::Warn, "server", format!("{path}.lock cannot be opened: {error}")),
    };
    (Level::Ok, "server", sentence)
}

fn key(config: &Config, samples: &[StoredSecret]) -> Finding {
    match load_keys(config, samples) {
        Ok(Loaded::Nothing) => (Level::Ok, "encryption key", "a key file will be created".to_owned()),
        Ok(Loaded::Keys { warning: Some(warning), .. }) => (Level::Warn, "encryption key", warning),
        Ok(Loaded::Keys { warning: None, .. }) if samples.is_empty() => {
            (Level::Ok, "encryption key", "it is there, and no secret is stored yet".to_owned())
        }
        Ok(Loaded::Keys { warning: None, .. }) => {
            (Level::Ok, "encryption key", "it opens what is stored".to_owned())
        }
        Err(error) => (Level::Fail, "encryption key", error.to_string()),
    }
}

/// A clock that was never set, or that was set back: the database was written at a time that is still to come.
fn clock(now: Timestamp, written: Option<Timestamp>) -> Finding {
    if now.as_micros() < YOUTH {
        return (Level::Fail, "clock", format!("it says {now}, which is past; set it"));
    }
    match written {
        Some(at) if at > now.plus(TOLERANCE) => {
            let sentence =
                format!("it says {now}, and the database was written at {at}: the clock was set back");
            (Level::Warn, "clock", sentence)
        }
        Some(_) | None => (Level::Ok, "clock", format!("it says {now}")),
    }
}

/// When the database was last written to.
fn last_written(path: &str) -> Option<Timestamp> {
    [path.to_owned(), format!("{path}-wal")].iter().filter_map(|path| written(path)).max()
}

fn written(path: &str) -> Option<Timestamp> {
    let modified = fs::metadata(path).ok()?.modified().ok()?;
    let since = modified.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Timestamp::from_micros(i64::try_from(since.as_micros()).ok()?))
}

fn open_files(limit: Option<u64>) -> Finding {
    match limit {
        Some(limit) if limit < FEW_FILES => {
            let sentence = format!(
                "{limit} at most, one for each client; raise it with `ulimit -n {FEW_FILES}` or more"
            );
            (Level::Warn, "open files", sentence)
        }
        Some(limit) => (Level::Ok, "open files", format!("{limit} at most")),
        None => (Level::Ok, "open files", "no limit".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_never_set_fails_and_one_that_was_set_back_is_warned_of() {
        let young = Timestamp::from_micros(YOUTH);
        let later = young.plus(Duration::from_secs(3600));
        assert_eq!(clock(Timestamp::from_micros(0), None).0, Level::Fail);
        assert_eq!(clock(later, Some(young)).0, Level::Ok);
        assert_eq!(clock(young, Some(later)).0, Level::Warn);
    }

    #[test]
    fn few_open_files_are_warned_of() {
        assert_eq!(open_files(Some(1024)).0, Level::Warn);
        assert_eq!(open_files(Some(4096)).0, Level::Ok);
        assert_eq!(open_files(None).0, Level::Ok);
    }
}
