//! What a server must be, and what its schema must be, before anything is promised on it.

use tokio_postgres::{Client, Error};

use super::connect::Target;
use super::error::sentence;
use crate::migration::{self, Applied, Migration, Standing, pending};
use crate::{OpenError, Role};

/// The advisory lock under which migrations run: one node at a time. The bytes `hookfill`.
const LOCK: i64 = 0x686f_6f6b_6669_6c6c;

/// Where the migrations are noted that a database has had, as refinery does it.
const HISTORY: &str = "refinery_schema_history";
const MAKE_HISTORY: &str = "CREATE TABLE IF NOT EXISTS refinery_schema_history \
    (version INT4 PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255), checksum VARCHAR(255))";
const NOTE: &str = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) \
    VALUES ($1, $2, to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), $3)";

/// The oldest server that hookfill is tried on.
const OLDEST: u32 = 150_000;

mod embedded {
    refinery::embed_migrations!("../../migrations/postgres");
}

/// Refuses a server that acknowledges what it may lose, or that cannot keep every text.
pub(super) async fn check_server(client: &Client, name: &str) -> Result<(), OpenError> {
    let sql = "SELECT name, setting FROM pg_settings \
               WHERE name IN ('fsync', 'full_page_writes', 'server_encoding', 'server_version_num')";
    let unreadable = |error| OpenError::Unreadable { path: name.to_owned(), cause: sentence(&error) };
    for row in client.query(sql, &[]).await.map_err(unreadable)? {
        let (setting, value): (&str, &str) =
            (row.try_get(0).map_err(unreadable)?, row.try_get(1).map_err(unreadable)?);
        match (setting, value) {
            ("fsync", "off") => return Err(OpenError::Unsafe { path: name.to_owned(), setting: "fsync" }),
            ("full_page_writes", "off") => tracing::warn!(
                "the database server runs with full_page_writes = off: unless its file system never tears a page, a \
                 power failure can destroy what was acknowledged"
            ),
            ("server_encoding", encoding) if encoding != "UTF8" => {
                let cause = format!("its encoding is {encoding}; make it with ENCODING 'UTF8'");
                return Err(OpenError::Schema { path: name.to_owned(), cause });
            }
            ("server_version_num", version) if version.parse().is_ok_and(|version: u32| version < OLDEST) => {
                tracing::warn!(version, "hookfill is tried on PostgreSQL 15 and newer; this server is older");
            }
            _ => {}
        }
    }
    Ok(())
}

/// The migrations of this version.
fn known() -> Vec<Migration> {
    migration::embedded(&embedded::migrations::runner())
}

/// Every migration of this version, and when the database has had it. Changes nothing.
///
/// # Errors
/// As [`PostgresStore::open`](super::PostgresStore::open).
pub async fn migrations(url: &str) -> Result<Vec<Standing>, OpenError> {
    let database = Opened::at(url).await?;
    database.standing().await
}

/// Applies what is to come, all of it or nothing, and says what that was.
///
/// # Errors
/// As [`PostgresStore::open`](super::PostgresStore::open).
pub async fn migrate(url: &str) -> Result<Vec<Migration>, OpenError> {
    let mut database = Opened::at(url).await?;
    check_server(&database.client, &database.name).await?;
    database.bring_up_to_date(Role::Server).await
}

/// A connection for migrations.
pub(super) struct Opened {
    pub(super) client: Client,
    pub(super) name: String,
}

impl Opened {
    async fn at(url: &str) -> Result<Self, OpenError> {
        let target = Target::parse(url).map_err(OpenError::Url)?;
        let name = target.name();
        match target.connect().await {
            Ok(client) => Ok(Self { client, name }),
            Err(error) => Err(OpenError::Unreadable { path: name, cause: sentence(&error) }),
        }
    }

    fn misfit(&self, cause: impl Into<String>) -> OpenError {
        OpenError::Schema { path: self.name.clone(), cause: cause.into() }
    }

    /// Brings an older schema up to date where the role may, and says what was applied; refuses one that is newer,
    /// altered or damaged.
    pub(super) async fn bring_up_to_date(&mut self, role: Role) -> Result<Vec<Migration>, OpenError> {
        if role == Role::Server {
            let locked = lock(&self.client).await;
            locked.map_err(|error| self.misfit(sentence(&error)))?;
        }
        let to_come = pending(self.standing().await?);
        if role == Role::Tool && !to_come.is_empty() {
            return Err(self.misfit("it has migrations to come; run `hookfill migrate`"));
        }
        if !to_come.is_empty() {
            let applied = apply(&mut self.client, &to_come).await;
            applied.map_err(|cause| self.misfit(format!("no migration was applied, because {cause}")))?;
        }
        if role == Role::Server {
            let unlocked = self.client.execute("SELECT pg_advisory_unlock($1)", &[&LOCK]).await;
            unlocked.map_err(|error| self.misfit(sentence(&error)))?;
        }
        Ok(to_come)
    }

    /// How the database stands to the migrations of this version.
    async fn standing(&self) -> Result<Vec<Standing>, OpenError> {
        let unread = |error: Error| {
            self.misfit(format!("its notes of migrations cannot be read: {}", sentence(&error)))
        };
        let history = history(&self.client).await.map_err(unread)?;
        let standing = migration::compare(&known(), &history).map_err(|cause| self.misfit(cause))?;
        let had = standing.iter().filter(|standing| standing.applied_at.is_some());
        match missing_part(&self.client, had.map(|standing| &standing.migration)).await.map_err(unread)? {
            Some(part) => Err(self.misfit(format!("it lacks the {part}; restore it from a backup"))),
            None => Ok(standing),
        }
    }
}

/// A migration takes as long as it takes, and another node may be at it.
async fn lock(client: &Client) -> Result<(), Error> {
    client.batch_execute("SET statement_timeout = 0; SET lock_timeout = 0").await?;
    client.execute("SELECT pg_advisory_lock($1)", &[&LOCK]).await.map(drop)
}

async fn history(client: &Client) -> Result<Vec<Applied>, Error> {
    let begun = client.query_one("SELECT to_regclass($1) IS NOT NULL", &[&HISTORY]).await?;
    if !begun.try_get::<_, bool>(0)? {
        return Ok(Vec::new());
    }
    let sql = "SELECT version, name, applied_on, checksum FROM refinery_schema_history ORDER BY version";
    let read = |row: &tokio_postgres::Row| {
        Ok(Applied {
            version: row.try_get(0)?,
            name: row.try_get(1)?,
            at: row.try_get(2)?,
            checksum: row.try_get(3)?,
        })
    };
    client.query(sql, &[]).await?.iter().map(read).collect()
}

/// Applies migrations with their notes in one transaction: whoever is killed in the middle has applied none.
async fn apply(client: &mut Client, to_come: &[Migration]) -> Result<(), String> {
    let text = |error: Error| sentence(&error);
    let transaction = client.transaction().await.map_err(text)?;
    transaction.batch_execute(MAKE_HISTORY).await.map_err(text)?;
    for Migration { version, name, sql, checksum } in to_come {
        let failed = |error: Error| format!("V{version} {name} failed: {}", sentence(&error));
        transaction.batch_execute(sql).await.map_err(failed)?;
        transaction.execute(NOTE, &[version, name, checksum]).await.map_err(failed)?;
    }
    transaction.commit().await.map_err(text)
}

/// The first table or index that these migrations made and that is gone or no good: without a unique index, say,
/// promises break and nothing else does.
async fn missing_part<'a>(
    client: &Client,
    migrations: impl Iterator<Item = &'a Migration>,
) -> Result<Option<String>, Error> {
    let parts: Vec<Part> = migrations.flat_map(|migration| made(&migration.sql)).collect();
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
        let parts: Vec<_> = known().iter().flat_map(|migration| made(&migration.sql)).collect();
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
