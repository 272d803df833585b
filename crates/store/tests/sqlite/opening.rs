//! Which databases are opened, and which are refused and left as they are.

use hookfill_store::contract::{Trial, at};
use hookfill_store::sqlite::SqliteStore;
use hookfill_store::{Accounts, ChainState, OpenError, Role, Work};

use crate::on_disk::OnDisk;

/// A closed database with a user and an order in it.
async fn used() -> OnDisk {
    let disk = OnDisk::fresh();
    let trial = Trial::open(disk.clone()).await;
    let ann = trial.register("ann").await;
    trial.accept(&ann, "EURUSD").await;
    drop(trial);
    disk
}

fn refusal(disk: &OnDisk, role: Role) -> OpenError {
    match disk.open_as(role) {
        Ok(_) => panic!("it was opened"),
        Err(error) => error,
    }
}

/// Both roles refuse it as a database that does not fit, and not a byte of it changes.
fn is_refused_untouched(disk: &OnDisk, because: &str) {
    let before = std::fs::read(disk.path()).unwrap();
    for role in [Role::Server, Role::Tool] {
        let error = refusal(disk, role);
        assert!(matches!(error, OpenError::Schema { .. }), "{role:?}: {error}");
        assert!(error.to_string().contains(because), "{role:?}: {error}");
        assert!(std::fs::read(disk.path()).unwrap() == before, "{role:?} changed the file");
    }
}

#[test]
fn a_second_server_is_refused_while_the_first_one_lives() {
    let disk = OnDisk::fresh();
    let first = disk.open_as(Role::Server).unwrap();
    let error = refusal(&disk, Role::Server);
    assert!(matches!(error, OpenError::Locked(_)), "{error}");
    drop(first);
    disk.open_as(Role::Server).unwrap();
}

#[tokio::test]
async fn a_key_issued_by_a_tool_is_seen_by_the_server() {
    let disk = OnDisk::fresh();
    let trial = Trial::open(disk.clone()).await;
    let ann = trial.register("ann").await;
    let before = trial.store.credentials_revision().await.unwrap();
    let tool = disk.open_as(Role::Tool).unwrap();
    let key = trial.fresh_key();
    assert_eq!(tool.issue_key("ann", key.clone(), at(5)).await.unwrap(), Some(ann.id));
    assert!(trial.store.credentials_revision().await.unwrap() > before);
    assert_eq!(trial.store.principal(key.hash).await.unwrap().map(|found| found.user_id), Some(ann.id));
    // The server appends where the tool has stopped, and the other way round.
    trial.accept(&ann, "EURUSD").await;
    tool.issue_key("ann", trial.fresh_key(), at(6)).await.unwrap();
    assert_eq!(trial.store.verify().await.unwrap(), ChainState::Intact { entries: 4 });
}

#[test]
fn a_tool_makes_no_database() {
    let disk = OnDisk::fresh();
    let error = refusal(&disk, Role::Tool);
    assert!(matches!(error, OpenError::Unreadable { .. }), "{error}");
    assert!(!disk.path().exists());
    std::fs::write(disk.path(), "").unwrap();
    let error = refusal(&disk, Role::Tool);
    assert!(matches!(error, OpenError::Schema { .. }), "{error}");
}

#[test]
fn a_directory_that_is_not_there_is_an_error_and_not_made() {
    let disk = OnDisk::fresh();
    let path = disk.path().join("deeper.db");
    let path = path.to_str().unwrap();
    let opened = SqliteStore::open(path, Role::Server, std::sync::Arc::new(hookfill_store::NoListener));
    assert!(matches!(opened, Err(OpenError::Unreadable { .. })));
    assert!(!disk.path().exists());
}

#[test]
fn another_programs_database_is_refused() {
    let disk = OnDisk::fresh();
    disk.raw().execute_batch("CREATE TABLE notes (text TEXT); INSERT INTO notes VALUES ('mine')").unwrap();
    is_refused_untouched(&disk, "another program");
    let marked = OnDisk::fresh();
    marked.raw().execute_batch("PRAGMA application_id = 7; CREATE TABLE notes (text TEXT)").unwrap();
    is_refused_untouched(&marked, "another program");
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let disk = OnDisk::fresh();
    let text = "Dear diary, this is no database, however long it is. ".repeat(100);
    std::fs::write(disk.path(), &text).unwrap();
    for role in [Role::Server, Role::Tool] {
        let error = refusal(&disk, role);
        assert!(matches!(error, OpenError::Unreadable { .. }), "{error}");
        assert_eq!(std::fs::read_to_string(disk.path()).unwrap(), text);
    }
}

#[tokio::test]
async fn a_newer_database_is_refused() {
    let disk = used().await;
    let newer =
        "INSERT INTO refinery_schema_history VALUES (999, 'from_the_future', '2030-01-01T00:00:00Z', '1')";
    disk.raw().execute_batch(newer).unwrap();
    is_refused_untouched(&disk, "upgrade hookfill");
}

#[tokio::test]
async fn a_database_with_an_altered_migration_is_refused() {
    let disk = used().await;
    disk.raw().execute_batch("UPDATE refinery_schema_history SET checksum = '1'").unwrap();
    is_refused_untouched(&disk, "");
}

#[tokio::test]
async fn a_database_without_the_notes_of_its_migrations_is_refused() {
    let disk = used().await;
    disk.raw().execute_batch("DROP TABLE refinery_schema_history").unwrap();
    let error = refusal(&disk, Role::Server);
    assert!(matches!(error, OpenError::Schema { .. }), "{error}");
    let users: i64 = disk.raw().query_row("SELECT count(*) FROM users", [], |row| row.get(0)).unwrap();
    assert_eq!(users, 1);
}

#[tokio::test]
async fn a_database_that_misses_a_table_or_an_index_is_refused() {
    let used = used().await;
    let kinds = "SELECT type, name FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'refinery%'";
    let raw = used.raw();
    let mut select = raw.prepare(kinds).unwrap();
    let parts = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let parts: Vec<(String, String)> = parts.collect::<Result<_, _>>().unwrap();
    assert!(parts.len() >= 13, "{parts:?}");
    for (kind, name) in parts {
        let disk = used.copy();
        disk.raw().execute_batch(&format!("PRAGMA foreign_keys = off; DROP {kind} {name}")).unwrap();
        is_refused_untouched(&disk, &name);
    }
}

#[tokio::test]
async fn a_marked_database_without_tables_is_refused() {
    let disk = OnDisk::fresh();
    disk.raw().execute_batch("PRAGMA application_id = 0x686b666c; VACUUM").unwrap();
    is_refused_untouched(&disk, "no table");
}

#[tokio::test]
async fn a_first_start_that_was_cut_off_is_begun_again() {
    let disk = OnDisk::fresh();
    let notes = "CREATE TABLE refinery_schema_history \
                 (version INT4 PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255), checksum VARCHAR(255))";
    disk.raw().execute_batch(notes).unwrap();
    disk.open_as(Role::Server).unwrap().probe().await.unwrap();
}

#[test]
fn the_log_is_written_ahead() {
    let disk = OnDisk::fresh();
    let _server = disk.open_as(Role::Server).unwrap();
    let mode: String = disk.raw().pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
}
