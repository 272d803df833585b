//! `hookfill backup`: copy a SQLite database into one file, also while it is served.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf, absolute};

use anyhow::{Context, bail, ensure};
use clap::Args;
use hookfill_store::sqlite::{self, Copied};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::Outcome;
use crate::config::{self, DatabaseFlag, DatabaseUrl, Environment};
use crate::secrets::KeyFile;

/// Read and written by the owner alone.
const MODE: u32 = 0o600;

/// Which database, and where to.
#[derive(Args)]
#[command(about = "Copy a SQLite database into one file that is complete by itself, also while it is served")]
pub struct Arguments {
    /// The file to make; it must not exist yet
    path: String,
    #[command(flatten)]
    database: DatabaseFlag,
}

/// A copy that is not whole yet, under a name of its own. Removed unless it has got its final name.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Makes the copy and says what is in it.
///
/// # Errors
/// Why there is no copy; nothing has the final name then.
pub fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let url = config::database(&arguments.database, &Environment::read()?)?;
    let database = source(&url)?;
    ensure!(Path::new(database).exists(), "there is no database {database}; `hookfill serve` makes one");
    // Absolute: SQLite takes a name that begins with `file:` for a URL.
    let path = absolute(&arguments.path).with_context(|| format!("{} is no path", arguments.path))?;
    let unfinished = begin(&path)?;
    let name = unfinished.0.to_str().context("the path is not UTF-8")?;
    let copied = sqlite::backup(database, name)?;
    publish(&unfinished.0, &path).with_context(|| format!("{} cannot be made", path.display()))?;
    report(&arguments.path, fs::metadata(&path)?.len(), copied, database)
}

fn source(url: &DatabaseUrl) -> anyhow::Result<&str> {
    match url {
        DatabaseUrl::Sqlite(path) => Ok(path),
        DatabaseUrl::Postgres(_) => {
            bail!("hookfill backup copies SQLite databases; for PostgreSQL use pg_dump")
        }
    }
}

/// Takes the name of the unfinished copy, after a look at what is there already.
fn begin(path: &Path) -> anyhow::Result<Unfinished> {
    let beside = |suffix: &str| PathBuf::from(format!("{}{suffix}", path.display()));
    // A log that lies beside it would become a part of the copy.
    for taken in [path.to_owned(), beside("-wal"), beside("-journal")] {
        let is_free = fs::symlink_metadata(&taken).is_err_and(|error| error.kind() == ErrorKind::NotFound);
        ensure!(is_free, "{} is there already, and nothing is overwritten", taken.display());
    }
    let unfinished = beside(".unfinished");
    match OpenOptions::new().write(true).create_new(true).mode(MODE).open(&unfinished) {
        Ok(_) => Ok(Unfinished(unfinished)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => bail!(
            "{} is there: a backup to this path is under way, or was cut off; in the latter case remove it",
            unfinished.display()
        ),
        Err(error) => Err(error).with_context(|| format!("{} cannot be made", unfinished.display())),
    }
}

/// Gives the copy its final name once it is on disk, and never one that is taken.
fn publish(unfinished: &Path, path: &Path) -> io::Result<()> {
    File::open(unfinished)?.sync_all()?;
    match renameat_with(CWD, unfinished, CWD, path, RenameFlags::NOREPLACE) {
        // Some file systems cannot do that; a link does not take a name that is taken either.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => fs::hard_link(unfinished, path)?,
        renamed => renamed?,
    }
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}

fn report(path: &str, size: u64, copied: Copied, database: &str) -> anyhow::Result<Outcome> {
    let Copied { users, orders, latest } = copied;
    let latest = latest.map_or("never".to_owned(), |at| at.to_string());
    let key = KeyFile::of(database);
    let key =
        if key.path().exists() { key.path().display().to_string() } else { "ENCRYPTION_KEY".to_owned() };
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "made {path}: {size} bytes, users: {users}, orders: {orders}, last change: {latest}; \
         the encryption key is not in it: keep {key} as well"
    )?;
    out.flush()?;
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn for_postgresql_the_right_tool_is_named() {
        let url: DatabaseUrl = "postgres://u:canary@h/d".parse().unwrap();
        let sentence = source(&url).unwrap_err().to_string();
        assert!(sentence.contains("pg_dump") && !sentence.contains("canary"), "{sentence}");
    }

    #[test]
    fn a_name_that_was_taken_meanwhile_is_not_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let (unfinished, path) = (folder.path().join("new"), folder.path().join("old"));
        fs::write(&unfinished, "new").unwrap();
        fs::write(&path, "old").unwrap();
        assert_eq!(publish(&unfinished, &path).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }
}
