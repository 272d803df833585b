//! Opening a database: the lock, the settings of a connection, migrations.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::{Role, unreadable, wal};
use crate::OpenError;

/// Marks a file as hookfill's: the bytes `hkfl`.
const APPLICATION_ID: i32 = 0x686b_666c;
/// Where the migrations are noted that a database has had; made before the first of them runs.
const HISTORY: &str = "refinery_schema_history";
/// The first SQLite library without the write-ahead-log bug of 3.7.0 to 3.51.2.
const OLDEST_LIBRARY: i32 = 3_051_003;
/// How long to wait for another process (a tool) that is writing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(1);
/// Prepared statements kept by a connection.
const STATEMENTS: usize = 64;
/// The write-ahead log is cut back to this after a checkpoint, in bytes.
const WAL_SIZE_LIMIT: i64 = 64 * 1024 * 1024;

mod embedded {
    refinery::embed_migrations!("../../migrations/sqlite");
}

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
    migrate(&mut connection, path, role)?;
    if role == Role::Server {
        wal::mark_served(&connection).map_err(|error| unreadable(path, error))?;
    }
    Ok(connection)
}

/// A connection that leaves the log where it is, also when it is closed because of an error.
fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, OpenError> {
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

/// Refuses a database that is somebody else's, or that has lost what was in it.
fn check_owner(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let read = || -> rusqlite::Result<(i32, i64)> {
        let owner = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
        let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name <> ?1";
        Ok((owner, connection.query_row(sql, [HISTORY], |row| row.get(0))?))
    };
    let cause = match read().map_err(|error| unreadable(path, error))? {
        (APPLICATION_ID, 0) => "it is marked as hookfill's and holds no table",
        (0, 0) => {
            // The key file is made when there are tables.
            let key = wal::beside(path, ".key");
            return if key.exists() { Err(wal::lost(path, &key)) } else { Ok(()) };
        }
        (APPLICATION_ID, _) => return Ok(()),
        _ => "it belongs to another program",
    };
    Err(OpenError::Schema { path: path.display().to_string(), cause: cause.to_owned() })
}

/// Brings an older database up to date; refuses one that is newer, half-migrated or altered.
fn migrate(connection: &mut Connection, path: &Path, role: Role) -> Result<(), OpenError> {
    let schema = |cause: String| OpenError::Schema { path: path.display().to_string(), cause };
    let runner = embedded::migrations::runner().set_abort_divergent(true).set_abort_missing(true);
    let begun = connection.table_exists(None, HISTORY).map_err(|error| schema(error.to_string()))?;
    let applied = if begun { runner.get_applied_migrations(connection) } else { Ok(Vec::new()) };
    let applied = applied.map_err(|error| schema(error.to_string()))?;
    let newest = runner.get_migrations().iter().map(refinery::Migration::version).max().unwrap_or_default();
    if let Some(newer) = applied.iter().map(refinery::Migration::version).find(|version| *version > newest) {
        return Err(schema(format!(
            "it has migration V{newer} and this version knows V{newest} at most; upgrade hookfill"
        )));
    }
    if role == Role::Tool && applied.len() < runner.get_migrations().len() {
        return Err(schema("it has migrations to come; start `hookfill serve` once".to_owned()));
    }
    runner.run(connection).map_err(|error| schema(error.to_string()))?;
    match missing_part(connection).map_err(|error| schema(error.to_string()))? {
        Some(part) => Err(schema(format!("it lacks the {part}; restore it from a backup"))),
        None => Ok(()),
    }
}

/// The first table or index that the migrations made and that is gone: without a unique index, say, promises break
/// and nothing else does.
fn missing_part(connection: &Connection) -> Result<Option<String>, Box<dyn std::error::Error>> {
    let mut whole = Connection::open_in_memory()?;
    embedded::migrations::runner().run(&mut whole)?;
    let mut parts = whole.prepare("SELECT type, name FROM sqlite_schema WHERE sql IS NOT NULL")?;
    let mut select = connection.prepare("SELECT 1 FROM sqlite_schema WHERE type = ?1 AND name = ?2")?;
    let mut rows = parts.query([])?;
    while let Some(row) = rows.next()? {
        let (kind, name): (String, String) = (row.get(0)?, row.get(1)?);
        if !select.exists([&kind, &name])? {
            return Ok(Some(format!("{kind} {name}")));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
