//! The migrations of a SQLite database: what it has had, and applying what is to come.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::open::APPLICATION_ID;
use super::{open, unreadable, wal};
use crate::migration::{self, Applied, Migration, Standing, pending};
use crate::{OpenError, Role};

/// Where the migrations are noted that a database has had, as refinery does it.
pub(super) const HISTORY: &str = "refinery_schema_history";
/// The same table as refinery makes it.
const MAKE_HISTORY: &str = "CREATE TABLE IF NOT EXISTS refinery_schema_history \
    (version int4 PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255), checksum VARCHAR(255))";
const NOTE: &str = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) \
    VALUES (?1, ?2, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), ?3)";

mod embedded {
    refinery::embed_migrations!("../../migrations/sqlite");
}

/// The migrations of this version.
pub(super) fn known() -> Vec<Migration> {
    migration::embedded(&embedded::migrations::runner())
}

/// Every migration of this version, and when the database has had it. Changes nothing; a database that does not exist
/// has had none.
///
/// # Errors
/// As [`SqliteStore::open`](super::SqliteStore::open).
pub fn migrations(path: &str) -> Result<Vec<Standing>, OpenError> {
    let path = Path::new(path);
    wal::refuse_incomplete(path)?;
    if !path.try_exists().map_err(|error| unreadable(path, error))? {
        open::refuse_lost(path)?;
        return standing(
            &Connection::open_in_memory().map_err(|error| unreadable(path, error))?,
            path,
            &known(),
        );
    }
    let connection = open::reader(path)?;
    open::check_owner(&connection, path)?;
    let standing = standing(&connection, path, &known())?;
    wal::before_closing(&connection, Role::Tool);
    Ok(standing)
}

/// Applies what is to come, all of it or nothing, and says what that was. Creates the database.
///
/// # Errors
/// As [`SqliteStore::open`](super::SqliteStore::open) for a server; a database that is being served is refused only
/// where something is to come.
pub fn migrate(path: &str) -> Result<Vec<Migration>, OpenError> {
    if pending(migrations(path)?).is_empty() {
        return Ok(Vec::new());
    }
    let _lock = open::lock(Path::new(path))?;
    // Again: whoever had the lock may have done it.
    let to_come = pending(migrations(path)?);
    let connection = open::writer(Path::new(path), Role::Server)?;
    wal::before_closing(&connection, Role::Server);
    Ok(to_come)
}

/// Brings an older database up to date where `role` may; refuses one that is newer, half-migrated or altered.
pub(super) fn bring_up_to_date(
    connection: &mut Connection,
    path: &Path,
    role: Role,
    known: &[Migration],
) -> Result<(), OpenError> {
    let to_come = pending(standing(connection, path, known)?);
    if to_come.is_empty() {
        return Ok(());
    }
    if role == Role::Tool {
        return Err(misfit(
            path,
            "it has migrations to come; run `hookfill migrate`, or start `hookfill serve` once",
        ));
    }
    apply(connection, &to_come)
        .map_err(|cause| unreadable(path, format!("no migration was applied, because {cause}")))
}

/// How a database stands to these migrations.
fn standing(connection: &Connection, path: &Path, known: &[Migration]) -> Result<Vec<Standing>, OpenError> {
    let unread =
        |error: rusqlite::Error| misfit(path, format!("its notes of migrations cannot be read: {error}"));
    let history = history(connection).map_err(unread)?;
    let owner: i32 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(unread)?;
    if history.is_empty() && owner == APPLICATION_ID {
        let cause = "it has tables and no note of the migrations that made them; restore it from a backup";
        return Err(misfit(path, cause));
    }
    let standing = migration::compare(known, &history).map_err(|cause| misfit(path, cause))?;
    let had =
        standing.iter().filter(|standing| standing.applied_at.is_some()).map(|standing| &standing.migration);
    match missing_part(connection, had).map_err(unread)? {
        Some(part) => Err(misfit(path, format!("it lacks the {part}; restore it from a backup"))),
        None => Ok(standing),
    }
}

fn misfit(path: &Path, cause: impl Into<String>) -> OpenError {
    OpenError::Schema { path: path.display().to_string(), cause: cause.into() }
}

fn history(connection: &Connection) -> rusqlite::Result<Vec<Applied>> {
    if !connection.table_exists(None, HISTORY)? {
        return Ok(Vec::new());
    }
    let sql = format!("SELECT version, name, applied_on, checksum FROM {HISTORY} ORDER BY version");
    let mut select = connection.prepare(&sql)?;
    let rows = select.query_map([], |row| {
        Ok(Applied { version: row.get(0)?, name: row.get(1)?, at: row.get(2)?, checksum: row.get(3)? })
    })?;
    rows.collect()
}

/// Applies migrations with their notes in one transaction: whoever is killed in the middle has applied none.
fn apply(connection: &mut Connection, to_come: &[Migration]) -> Result<(), String> {
    let text = |error: rusqlite::Error| error.to_string();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(text)?;
    transaction.execute_batch(MAKE_HISTORY).map_err(text)?;
    for Migration { version, name, sql, checksum } in to_come {
        let applied = transaction
            .execute_batch(sql)
            .and_then(|()| transaction.execute(NOTE, (version, name, checksum)));
        applied.map_err(|error| format!("V{version} {name} failed: {error}"))?;
    }
    transaction.commit().map_err(text)
}

/// The first table or index that these migrations made and that is gone: without a unique index, say, promises break
/// and nothing else does.
fn missing_part<'a>(
    connection: &Connection,
    migrations: impl Iterator<Item = &'a Migration>,
) -> rusqlite::Result<Option<String>> {
    let whole = Connection::open_in_memory()?;
    for migration in migrations {
        whole.execute_batch(&migration.sql)?;
    }
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
