//! The write-ahead log is half of a database: a mark in the main file says so, so that a copy without it is noticed.
//!
//! The mark is in the main file before anything is served, and is taken off once everything is in the main file. A log
//! that is there is believed to be the right one: SQLite gives a log and its database nothing in common to compare.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;

use super::unreadable;
use crate::{OpenError, Role};

/// The mark, kept as `user_version`: a server has the database or was killed with it, and the latest is in the log.
const SERVED: u32 = 1;
/// No mark: all is in the main file, or the database is older than the mark.
const COMPLETE: u32 = 0;
/// How a database begins, in the file format of SQLite 3.
const MAGIC: &[u8] = b"SQLite format 3\0";
/// How a write-ahead log begins, in the same format; its last bit says how checksums are counted.
const LOG_MAGIC: u32 = 0x377f_0682;
/// In the header's place for the version: the database is written without a write-ahead log.
const WITHOUT_LOG: u8 = 1;
/// Bytes of a log's header: one that is no longer holds nothing.
const LOG_HEADER: u64 = 32;

/// The header of a main file.
struct Header([u8; 100]);

impl Header {
    /// `None` where the file is not there or too short to hold anything.
    fn of(path: &Path) -> Result<Option<Self>, OpenError> {
        let mut header = [0; 100];
        match File::open(path).and_then(|mut file| file.read_exact(&mut header)) {
            Ok(()) => Ok(Some(Self(header))),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::UnexpectedEof) => Ok(None),
            Err(error) => Err(unreadable(path, error)),
        }
    }

    fn is_of_a_database(&self) -> bool {
        self.0.starts_with(MAGIC)
    }

    fn page_size(&self) -> u32 {
        // 64 KiB does not fit into two bytes and is written as 1.
        match u16::from_be_bytes([self.0[16], self.0[17]]) {
            1 => 65_536,
            size => size.into(),
        }
    }

    fn mark(&self) -> u32 {
        u32::from_be_bytes([self.0[60], self.0[61], self.0[62], self.0[63]])
    }
}

/// What SQLite or the service keeps beside a database.
pub(super) fn beside(database: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", database.display()))
}

/// Refuses a database of which a half is missing, or that lies beside the log of another one.
///
/// To be called before this process opens the database: closing a file gives up the locks that the process has on it.
pub(super) fn refuse_incomplete(path: &Path) -> Result<(), OpenError> {
    let log = beside(path, "-wal");
    let size = match fs::metadata(&log) {
        Ok(found) => Some(found.len()),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(unreadable(&log, error)),
    };
    let cause = match (Header::of(path)?, size) {
        (None, Some(1..)) => return Err(lost(path, &log)),
        (Some(main), None) if main.is_of_a_database() && main.mark() == SERVED => without_log(path, &log),
        (Some(main), Some(1..)) if main.is_of_a_database() && main.0[18] == WITHOUT_LOG => foreign(&log),
        (Some(main), Some(size)) if main.is_of_a_database() && size > LOG_HEADER => {
            if is_log_of(&log, main.page_size())? {
                return Ok(());
            }
            foreign(&log)
        }
        (None | Some(_), None | Some(_)) => return Ok(()),
    };
    Err(OpenError::Incomplete { path: path.display().to_string(), cause })
}

fn without_log(path: &Path, log: &Path) -> String {
    let (path, log) = (path.display(), log.display());
    format!(
        "it was being served, and {log}, the log with its latest orders, is missing; bring that file back, or restore \
         a backup; if another program has merged the log into {path}, say so with an empty file: touch {log}"
    )
}

fn foreign(log: &Path) -> String {
    format!("the log {} is not its own and would damage it; move that file away", log.display())
}

/// A database that is missing or empty, and something beside it that shows that it was not.
pub(super) fn lost(path: &Path, witness: &Path) -> OpenError {
    let cause = format!(
        "it is missing or empty, and {} shows that it was not; restore it from a backup, or move that file away to \
         begin anew",
        witness.display()
    );
    OpenError::Incomplete { path: path.display().to_string(), cause }
}

/// Whether a log can be this database's at all: SQLite passes over one that cannot, as if nothing were in it.
fn is_log_of(log: &Path, page_size: u32) -> Result<bool, OpenError> {
    let mut header = [0; 12];
    let read = File::open(log).and_then(|mut file| file.read_exact(&mut header));
    read.map_err(|error| unreadable(log, error))?;
    let number = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    Ok(number(0) & !1 == LOG_MAGIC && number(8) == page_size)
}

/// Lets no connection remove the log by being the last to close: only [`before_closing`] decides when the log may go.
pub(super) fn keep_log(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map(|_| ())
}

/// Puts the mark into the main file, and with it all that is in the log.
pub(super) fn mark_served(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "user_version", SERVED)?;
    if !merge(connection)? {
        // Waiting would refuse signals for as long as, say, a backup takes.
        tracing::warn!(
            "another program reads the database, so its log is merged later; until then a copy without the log may \
             pass for a whole one"
        );
    }
    Ok(())
}

/// Takes the mark off.
pub(super) fn mark_complete(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "user_version", COMPLETE)
}

/// Moves the log into the main file and empties it; `false` where another program's reading prevents that.
fn merge(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| Ok(row.get::<_, i64>(0)? == 0))
}

/// Settles what becomes of the log, on a store's connection that closes last. What a server leaves is all in the main
/// file, without the mark.
pub(super) fn before_closing(connection: &Connection, role: Role) {
    if let Err(error) = let_go(connection, role) {
        tracing::warn!(%error, "the database was not closed cleanly; it is whole as long as its log stays beside it");
    }
}

fn let_go(connection: &Connection, role: Role) -> rusqlite::Result<()> {
    // First all the rest: the page with the mark is the first that is copied, and a crash may follow.
    if role == Role::Server && merge(connection)? {
        mark_complete(connection)?;
        merge(connection)?;
    }
    let mark: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if mark != SERVED {
        connection.set_db_config(SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    }
    Ok(())
}
