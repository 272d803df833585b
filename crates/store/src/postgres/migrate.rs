//! What a server must be, and what its schema must be, before anything is promised on it.

use tokio_postgres::Client;

use super::error::sentence;
use crate::OpenError;
use crate::sqlite::Role;

/// The advisory lock under which migrations run: one node at a time. The bytes `hookfill`.
const LOCK: i64 = 0x686f_6f6b_6669_6c6c;

mod embedded {
    refinery::embed_migrations!("../../migrations/postgres");
}

/// Refuses a server that acknowledges what it may lose.
pub(super) async fn check_server(client: &Client, name: &str) -> Result<(), OpenError> {
    let sql = "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off'";
    let unreadable = |error| OpenError::Unreadable { path: name.to_owned(), cause: sentence(&error) };
    for row in client.query(sql, &[]).await.map_err(unreadable)? {
        let setting: String = row.try_get(0).map_err(unreadable)?;
        if setting == "fsync" {
            return Err(OpenError::Unsafe { path: name.to_owned(), setting: "fsync" });
        }
        tracing::warn!(
            "the database server runs with full_page_writes = off: unless its file system never tears a page, a \
             power failure can destroy what was acknowledged"
        );
    }
    Ok(())
}

/// Brings an older schema up to date where the role may; refuses one that is newer, altered or damaged.
pub(super) async fn bring_up_to_date(client: &mut Client, name: &str, role: Role) -> Result<(), OpenError> {
    let schema = |cause: String| OpenError::Schema { path: name.to_owned(), cause };
    let failed = |error: tokio_postgres::Error| schema(sentence(&error));
    let runner = embedded::migrations::runner().set_abort_divergent(true).set_abort_missing(true);
    // A migration takes as long as it takes; another node may be at it.
    client.batch_execute("SET statement_timeout = 0; SET lock_timeout = 0").await.map_err(failed)?;
    client.execute("SELECT pg_advisory_lock($1)", &[&LOCK]).await.map_err(failed)?;
    let begun = client.query_one("SELECT to_regclass('refinery_schema_history') IS NOT NULL", &[]).await;
    let begun: bool = begun.and_then(|row| row.try_get(0)).map_err(failed)?;
    let applied = if begun { runner.get_applied_migrations_async(client).await } else { Ok(Vec::new()) };
    let applied = applied.map_err(|error| schema(error.to_string()))?;
    let newest = runner.get_migrations().iter().map(refinery::Migration::version).max().unwrap_or_default();
    if let Some(newer) = applied.iter().map(refinery::Migration::version).find(|version| *version > newest) {
        return Err(schema(format!(
            "it has migration V{newer} and this version knows V{newest} at most; upgrade hookfill"
        )));
    }
    if role == Role::Tool && applied.len() < runner.get_migrations().len() {
        return Err(schema("it has migrations to come; run `hookfill migrate`".to_owned()));
    }
    runner.run_async(client).await.map_err(|error| schema(error.to_string()))?;
    let missing = missing_part(client).await.map_err(failed)?;
    client.execute("SELECT pg_advisory_unlock($1)", &[&LOCK]).await.map_err(failed)?;
    match missing {
        Some(part) => Err(schema(format!("it lacks the {part}; restore it from a backup"))),
        None => Ok(()),
    }
}

/// The first table or index that the migrations made and that is gone or no good: without a unique index, say,
/// promises break and nothing else does.
async fn missing_part(client: &Client) -> Result<Option<String>, tokio_postgres::Error> {
    let runner = embedded::migrations::runner();
    let parts: Vec<Part> =
        runner.get_migrations().iter().filter_map(refinery::Migration::sql).flat_map(made).collect();
    let names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
    let unique: Vec<bool> = parts.iter().map(|part| part.is_unique).collect();
    let sql = "SELECT place FROM unnest($1::text[], $2::bool[]) WITH ORDINALITY AS made (name, is_unique, place) \
               LEFT JOIN pg_index i ON i.indexrelid = to_regclass(name) \
               WHERE to_regclass(name) IS NULL OR NOT coalesce(i.indisvalid, true) \
               OR (is_unique AND NOT coalesce(i.indisunique, false)) ORDER BY place LIMIT 1";
    let Some(row) = client.query(sql, &[&names, &unique]).await?.into_iter().next() else { return Ok(None) };
    let place: i64 = row.try_get(0)?;
    let missing = usize::try_from(place - 1).ok().and_then(|index| parts.get(index));
    Ok(missing.map(|part| format!("{} {}", part.kind, part.name)))
}

/// A table or an index.
struct Part {
    kind: &'static str,
    name: String,
    is_unique: bool,
}

/// What a migration makes: what it names, and the indexes of the keys of its tables, under the names that the server
/// gives them.
fn made(migration: &str) -> Vec<Part> {
    let index = |name: String| Part { kind: "unique index", name, is_unique: true };
    let mut parts = Vec::new();
    let mut table = "";
    for line in migration.lines() {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        if let Some(name) = name_behind(line, "CREATE TABLE ") {
            table = name;
            parts.push(Part { kind: "table", name: name.to_owned(), is_unique: false });
        } else if let Some(name) = name_behind(line, "CREATE UNIQUE INDEX ") {
            parts.push(index(name.to_owned()));
        } else if let Some(name) = name_behind(line, "CREATE INDEX ") {
            parts.push(Part { kind: "index", name: name.to_owned(), is_unique: false });
        } else if line.starts_with(' ') && line.contains("PRIMARY KEY") {
            parts.push(index(format!("{table}_pkey")));
        } else if line.starts_with(' ') && words.any(|word| word.trim_end_matches(',') == "UNIQUE") {
            parts.push(index(format!("{table}_{first}_key")));
        }
    }
    parts
}

/// The word behind some others at the beginning of a line.
fn name_behind<'l>(line: &'l str, verb: &str) -> Option<&'l str> {
    line.strip_prefix(verb)?.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_and_every_index_of_the_migrations_is_known() {
        let runner = embedded::migrations::runner();
        let parts: Vec<_> =
            runner.get_migrations().iter().filter_map(refinery::Migration::sql).flat_map(made).collect();
        let names = |kind| parts.iter().filter(move |part| part.kind == kind).map(|part| part.name.as_str());
        assert_eq!(names("table").count(), 11, "{:?}", names("table").collect::<Vec<_>>());
        for table in names("table") {
            assert!(names("unique index").any(|name| name == format!("{table}_pkey")), "{table}");
        }
        for name in ["users_username_key", "api_keys_key_hash_key", "orders_by_key", "partitions_by_epoch"] {
            assert!(names("unique index").any(|known| known == name), "{name}");
        }
        assert!(names("index").any(|name| name == "orders_due"));
    }
}
