use std::fs;

use tempfile::TempDir;

use super::*;

/// This version's migrations and one of the next.
fn next() -> Vec<Migration> {
    let mut known = known();
    let sql = "CREATE TABLE notes (text TEXT); ALTER TABLE users ADD COLUMN note TEXT";
    let next = refinery::Migration::unapplied("V999__notes", sql).unwrap();
    known.push(Migration {
        version: next.version(),
        name: next.name().to_owned(),
        sql: sql.to_owned(),
        checksum: next.checksum().to_string(),
    });
    known
}

fn database() -> (TempDir, Connection) {
    let dir = tempfile::tempdir().unwrap();
    let connection = open::writer(&dir.path().join("store.db"), Role::Server).unwrap();
    (dir, connection)
}

fn update(connection: &mut Connection, role: Role, known: &[Migration]) -> Result<(), String> {
    bring_up_to_date(connection, Path::new("store.db"), role, known).map_err(|error| error.to_string())
}

fn tables(connection: &Connection) -> Vec<String> {
    let mut select = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
    let names = select.query_map([], |row| row.get(0)).unwrap();
    names.collect::<rusqlite::Result<_>>().unwrap()
}

#[test]
fn a_newer_version_adds_to_a_database_and_the_older_one_refuses_it_then() {
    let (_dir, mut connection) = database();
    connection.execute("INSERT INTO users (username, created_at) VALUES ('ann', 0)", []).unwrap();
    let refused = update(&mut connection, Role::Tool, &next()).unwrap_err();
    assert!(refused.contains("hookfill migrate"), "{refused}");
    update(&mut connection, Role::Server, &next()).unwrap();
    update(&mut connection, Role::Tool, &next()).unwrap();
    for role in [Role::Server, Role::Tool] {
        let refused = update(&mut connection, role, &known()).unwrap_err();
        assert!(refused.contains("upgrade hookfill"), "{refused}");
    }
    let kept: i64 =
        connection.query_row("SELECT count(note) + count(*) FROM users", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 1);
}

#[test]
fn a_migration_that_fails_leaves_nothing_of_any() {
    let (_dir, mut connection) = database();
    let before = tables(&connection);
    let mut known = next();
    known.push(Migration {
        version: 1000,
        sql: "INSERT INTO nowhere VALUES (1)".to_owned(),
        ..known[1].clone()
    });
    let refused = update(&mut connection, Role::Server, &known).unwrap_err();
    assert!(refused.contains("V1000 notes failed: no such table"), "{refused}");
    assert_eq!(tables(&connection), before);
    update(&mut connection, Role::Server, &next()).unwrap();
}

/// What a process leaves that is killed between a migration and its note, with everything it wrote on disk.
#[test]
fn a_migration_that_is_killed_was_not_applied() {
    let (dir, mut connection) = database();
    let killed = dir.path().join("killed.db");
    // So small a memory that pages go to the log before the transaction ends.
    connection.execute_batch("PRAGMA cache_size = 1; PRAGMA cache_spill = 1").unwrap();
    let log = dir.path().join("store.db-wal");
    let idle = fs::metadata(&log).unwrap().len();
    let fill = "CREATE TABLE notes (text TEXT); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) \
                INSERT INTO notes SELECT hex(randomblob(500)) FROM n; SELECT killed()";
    let copy = (dir.path().to_owned(), killed.clone());
    let flags = rusqlite::functions::FunctionFlags::SQLITE_UTF8;
    connection
        .create_scalar_function("killed", 0, flags, move |_| {
            let (from, to) = &copy;
            fs::copy(from.join("store.db-wal"), wal::beside(to, "-wal")).unwrap();
            fs::copy(from.join("store.db"), to).unwrap();
            Ok(0)
        })
        .unwrap();
    let mut known = next();
    known[1].sql = fill.to_owned();
    update(&mut connection, Role::Server, &known).unwrap();
    assert!(
        fs::metadata(wal::beside(&killed, "-wal")).unwrap().len() > idle + 100_000,
        "pages were in the log"
    );
    let mut killed = open::writer(&killed, Role::Server).unwrap();
    assert!(!tables(&killed).contains(&"notes".to_owned()));
    update(&mut killed, Role::Server, &next()).unwrap();
    assert!(tables(&killed).contains(&"notes".to_owned()));
}

#[test]
fn a_history_that_cannot_be_read_is_a_sentence() {
    let (_dir, mut connection) = database();
    for (edit, because) in [
        ("UPDATE refinery_schema_history SET applied_on = x'ff'", "cannot be read"),
        ("UPDATE refinery_schema_history SET checksum = 'none', applied_on = 'yesterday'", "not the one"),
        ("UPDATE refinery_schema_history SET version = 'one'", "cannot be read"),
        ("DELETE FROM refinery_schema_history", "no note of the migrations"),
        ("DROP TABLE refinery_schema_history", "no note of the migrations"),
    ] {
        connection.execute_batch(edit).unwrap();
        for role in [Role::Server, Role::Tool] {
            let refused = update(&mut connection, role, &known()).unwrap_err();
            assert!(refused.contains(because), "{edit}: {refused}");
        }
    }
}
