//! Opening a database: the lock, the settings of a connection, whose it is.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::migrations::HISTORY;
use super::{migrations, unreadable, wal};
use crate::{OpenError, Role};

/// Marks a file as hookfill's: the bytes `hkfl`.
pub(super) const APPLICATION_ID: i32 = 0x686b_666c;
/// The first SQLite library without the write-ahead-log bug of 3.7.0 to 3.51.2.
const OLDEST_LIBRARY: i32 = 3_051_003;
/// How long to wait for another process (a tool) that is writing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(1);
/// Prepared statements kept by a connection.
const STATEMENTS: usize = 64;
/// The write-ahead log is cut back to this after a checkpoint, in bytes.
const WAL_SIZE_LIMIT: i64 = 64 * 1024 * 1024;

/// Takes the lock that makes a second server on the same database refuse to start.
pub(super) fn lock(database: &Path) -> Result<File, OpenError> {
    let path = wal::beside(database, ".lock");
    let file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(false)
        .open(&path)
        .map_err(|error| unreadable(&path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked(database.display().to_string())),
        Err(TryLockError::Error(error)) => Err(unreadable(&path, error)),
    }
}

/// The one connection that writes, on a database that is up to date.
pub(super) fn writer(path: &Path, role: Role) -> Result<Connection, OpenError> {
    if rusqlite::version_number() < OLDEST_LIBRARY {
        return Err(OpenError::LibraryTooOld(rusqlite::version().to_owned()));
    }
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if role == Role::Server {
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    }
    wal::refuse_incomplete(path)?;
    let mut connection = connect(path, flags)?;
    check_owner(&connection, path)?;
    settle(&connection).map_err(|error| unreadable(path, error))?;
    let mode = journal_mode(&connection).map_err(|error| unreadable(path, error))?;
    if mode != "wal" {
        let why = format!("its file system does not allow write-ahead logging (journal_mode stays {mode})");
        return Err(unreadable(path, why));
    }
    migrations::bring_up_to_date(&mut connection, path, role, &migrations::known())?;
    if role == Role::Server {
        wal::mark_served(&connection).map_err(|error| unreadable(path, error))?;
    }
    Ok(connection)
}

/// A connection that leaves the log where it is, also when it is closed because of an error.
pub(super) fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, OpenError> {
    let connection = Connection::open_with_flags(path, flags).map_err(|error| unreadable(path, error))?;
    wal::keep_log(&connection).map_err(|error| unreadable(path, error))?;
    Ok(connection)
}

/// A connection that only reads.
pub(super) fn reader(path: &Path) -> Result<Connection, OpenError> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    let set = || {
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        connection.pragma_update(None, "query_only", true)
    };
    set().map_err(|error| unreadable(path, error))?;
    Ok(connection)
}

/// Every commit is on disk when it returns.
fn settle(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    // Negative: KiB. What a group of many users touches is not read again for the next one.
    connection.pragma_update(None, "cache_size", -16_384)?;
    connection.pragma_update(None, "journal_size_limit", WAL_SIZE_LIMIT)?;
    connection.pragma_update(None, "wal_autocheckpoint", 4000)
}

fn journal_mode(connection: &Connection) -> rusqlite::Result<String> {
    connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))
}

/// Refuses a database without tables where it had some: the key file is made when there are tables.
pub(super) fn refuse_lost(path: &Path) -> Result<(), OpenError> {
    let key = wal::beside(path, ".key");
    if key.exists() { Err(wal::lost(path, &key)) } else { Ok(()) }
}

/// Refuses a database that is somebody else's, or that has lost what was in it.
pub(super) fn check_owner(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let read = || -> rusqlite::Result<(i32, i64)> {
        let owner = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
        let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name <> ?1";
        Ok((owner, connection.query_row(sql, [HISTORY], |row| row.get(0))?))
    };
    let cause = match read().map_err(|error| unreadable(path, error))? {
        (APPLICATION_ID, 0) => "it is marked as hookfill's and holds no table",
        (0, 0) => return refuse_lost(path),
        (APPLICATION_ID, _) => return Ok(()),
        _ => "it belongs to another program",
    };
    Err(OpenError::Schema { path: path.display().to_string(), cause: cause.to_owned() })
}

#[cfg(test)]
mod tests;
