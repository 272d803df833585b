//! A copy of a database in one file that is complete by itself.
//!
//! `VACUUM INTO` reads one snapshot: a server beside it goes on writing, and however much it writes, the copy is never
//! begun again, as one page by page would be. What it costs the server is that the log grows until the copy is made.

use std::path::Path;

use hookfill_domain::time::Timestamp;
use rusqlite::{Connection, OpenFlags};
use thiserror::Error;

use super::open::{self, APPLICATION_ID};
use super::wal;
use crate::{OpenError, Role};

/// What a copy holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// How many users.
    pub users: i64,
    /// How many orders.
    pub orders: i64,
    /// When the last entry was written to the journal; `None` if there is none.
    pub latest: Option<Timestamp>,
}

/// Why there is no copy.
#[derive(Debug, Error)]
pub enum BackupError {
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot be read, or the copy not written.
    #[error("the database cannot be copied: {0}")]
    Copy(#[from] rusqlite::Error),
    /// What was copied is not whole, and so was not what it was copied from.
    #[error("the database is damaged: {0}")]
    Damaged(String),
}

/// Copies a database, also beside a server, into an empty file, and checks the copy. Nothing is said about whether the
/// copy has reached the disk.
///
/// # Errors
/// [`BackupError`]; what is in the file then is of no use.
pub fn backup(path: &str, copy: &str) -> Result<Copied, BackupError> {
    let path = Path::new(path);
    wal::refuse_incomplete(path)?;
    let connection =
        open::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    open::check_owner(&connection, path)?;
    let owner: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if owner != APPLICATION_ID {
        let cause = "nothing is in it".to_owned();
        return Err(OpenError::Schema { path: path.display().to_string(), cause }.into());
    }
    connection.execute("VACUUM INTO ?1", [copy])?;
    wal::before_closing(&connection, Role::Tool);
    drop(connection);
    complete(copy)
}

/// Takes the mark of a served database off the copy and looks at all of it.
fn complete(copy: &str) -> Result<Copied, BackupError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(copy, flags)?;
    // No further file beside a copy that nobody needs before it is whole.
    connection.pragma_update_and_check(None, "journal_mode", "memory", |_| Ok(()))?;
    wal::mark_complete(&connection)?;
    let verdict: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if verdict != "ok" {
        return Err(BackupError::Damaged(verdict));
    }
    let count =
        |table: &str| connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0));
    let latest: Option<i64> = connection.query_row("SELECT max(at) FROM journal", [], |row| row.get(0))?;
    Ok(Copied {
        users: count("users")?,
        orders: count("orders")?,
        latest: latest.map(Timestamp::from_micros),
    })
}
