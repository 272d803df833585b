//! A database is its main file and its log: one without the other is noticed, and no tool makes it so.

use std::fs;
use std::os::unix::fs::symlink;

use hookfill_store::contract::{Trader, Trial, at};
use hookfill_store::{Accounts, ChainState, Journal, OpenError, OrderQuery, Orders, Role, Work};
use rusqlite::Connection;

use crate::on_disk::OnDisk;

const ROLES: [Role; 2] = [Role::Server, Role::Tool];

/// A served database with an order that stands in the log alone.
async fn served() -> (OnDisk, Trial, Trader) {
    let disk = OnDisk::fresh();
    let trial = Trial::open(disk.clone()).await;
    let ann = trial.register("ann").await;
    trial.accept(&ann, "EURUSD").await;
    (disk, trial, ann)
}

/// Both roles refuse it as incomplete, and leave the files as they are.
fn is_refused_untouched(disk: &OnDisk, because: &str) {
    let files = || (fs::read(disk.path()).unwrap(), fs::read(disk.log()).ok());
    let before = files();
    for role in ROLES {
        let Err(error) = disk.open_as(role) else { panic!("{role:?} opened it") };
        assert!(matches!(error, OpenError::Incomplete { .. }), "{role:?}: {error}");
        assert!(error.to_string().contains(because), "{role:?}: {error}");
        assert!(files() == before, "{role:?} changed the files");
    }
}

/// It is opened, and the order and the whole chain are there.
async fn is_whole(disk: &OnDisk, role: Role, ann: &Trader) {
    let store = disk.open_as(role).unwrap();
    let query = OrderQuery { limit: 10, ..OrderQuery::default() };
    assert_eq!(store.orders(ann.id, query).await.unwrap().items.len(), 1, "{role:?}");
    let chain = store.verify().await.unwrap();
    assert!(matches!(chain, ChainState::Intact { .. }), "{chain:?}");
}

#[tokio::test]
async fn a_main_file_without_its_log_is_refused() {
    let (disk, _trial, _ann) = served().await;
    let half = disk.copy();
    is_refused_untouched(&half, &format!("touch {}", half.log().display()));
}

#[tokio::test]
async fn the_mark_stands_before_the_first_order_does() {
    let disk = OnDisk::fresh();
    let _server = disk.open_as(Role::Server).unwrap();
    is_refused_untouched(&disk.copy(), "is missing");
}

#[tokio::test]
async fn both_halves_of_a_killed_servers_database_are_whole_again_and_again() {
    let (disk, _trial, ann) = served().await;
    let killed = disk.as_if_killed();
    is_whole(&killed, Role::Server, &ann).await;
    // Killed once more before anything was written.
    let server = killed.open_as(Role::Server).unwrap();
    let idle = killed.as_if_killed();
    assert_eq!(fs::metadata(idle.log()).unwrap().len(), 0);
    drop(server);
    is_whole(&idle, Role::Server, &ann).await;
}

#[tokio::test]
async fn a_closed_database_is_all_in_its_main_file() {
    let (disk, trial, ann) = served().await;
    // Readers have the log open from their first query on.
    trial.store.verify().await.unwrap();
    drop(trial);
    assert!(!disk.log().exists());
    for role in ROLES {
        is_whole(&disk.copy(), role, &ann).await;
    }
}

#[tokio::test]
async fn a_tool_leaves_a_killed_servers_log_where_it_is() {
    let (disk, trial, ann) = served().await;
    let killed = disk.as_if_killed();
    let key = trial.fresh_key();
    let tool = killed.open_as(Role::Tool).unwrap();
    tool.issue_key("ann", key.clone(), at(5)).await.unwrap();
    drop(tool);
    assert!(killed.log().exists());
    is_refused_untouched(&killed.copy(), "is missing");
    let server = killed.open_as(Role::Server).unwrap();
    assert!(server.principal(key.hash).await.unwrap().is_some());
    drop(server);
    is_whole(&killed.copy(), Role::Server, &ann).await;
}

#[tokio::test]
async fn a_refusal_for_another_reason_leaves_the_log_too() {
    let (disk, _trial, ann) = served().await;
    disk.raw().execute_batch("DROP INDEX orders_by_id").unwrap();
    let killed = disk.as_if_killed();
    for role in ROLES {
        let Err(error) = killed.open_as(role) else { panic!("{role:?} opened it") };
        assert!(matches!(error, OpenError::Schema { .. }), "{error}");
        assert!(killed.log().exists(), "{role:?}");
    }
    let repair = Connection::open(killed.path()).unwrap();
    repair.execute_batch("CREATE UNIQUE INDEX orders_by_id ON orders (id)").unwrap();
    is_whole(&killed, Role::Server, &ann).await;
}

#[tokio::test]
async fn a_tool_beside_a_server_changes_nothing_about_the_halves() {
    let (disk, _trial, ann) = served().await;
    drop(disk.open_as(Role::Tool).unwrap());
    is_refused_untouched(&disk.copy(), "is missing");
    is_whole(&disk.as_if_killed(), Role::Server, &ann).await;
}

#[tokio::test]
async fn what_a_tool_writes_into_a_closed_database_is_in_the_main_file_when_it_ends() {
    let (disk, trial, _ann) = served().await;
    let key = trial.fresh_key();
    drop(trial);
    let tool = disk.open_as(Role::Tool).unwrap();
    tool.issue_key("ann", key.clone(), at(5)).await.unwrap();
    drop(tool);
    assert!(!disk.log().exists());
    let alone = disk.copy();
    let server = alone.open_as(Role::Server).unwrap();
    assert!(server.principal(key.hash).await.unwrap().is_some());
}

/// The way out of a refusal that is wrong: SQLite's own shell was the last to close the database, say.
#[tokio::test]
async fn an_empty_log_says_that_another_program_has_merged_it() {
    let (disk, _trial, ann) = served().await;
    let merged = disk.as_if_killed();
    let orders: i64 = merged.raw().query_row("SELECT count(*) FROM orders", [], |row| row.get(0)).unwrap();
    assert_eq!(orders, 1);
    is_refused_untouched(&merged, "another program has merged");
    fs::write(merged.log(), "").unwrap();
    is_whole(&merged, Role::Server, &ann).await;
}

#[tokio::test]
async fn a_database_from_before_the_mark_is_opened() {
    let (disk, _trial, ann) = served().await;
    disk.raw().execute_batch("PRAGMA user_version = 0; PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let before = disk.copy();
    is_whole(&before, Role::Tool, &ann).await;
    is_whole(&before, Role::Server, &ann).await;
    let killed = disk.as_if_killed();
    is_whole(&killed, Role::Server, &ann).await;
}

/// As after a backup was copied back and the log of what was there before was left beside it.
#[tokio::test]
async fn a_log_that_cannot_be_its_own_is_refused_and_not_merged() {
    let (disk, _trial, _ann) = served().await;
    let restored = OnDisk::fresh();
    restored.raw().execute_batch("CREATE TABLE users (id INTEGER)").unwrap();
    fs::copy(disk.log(), restored.log()).unwrap();
    is_refused_untouched(&restored, "is not its own");

    for log in ["acknowledged orders ".repeat(10).into_bytes(), with_other_pages(&disk)] {
        let mixed = disk.copy();
        fs::write(mixed.log(), log).unwrap();
        is_refused_untouched(&mixed, "is not its own");
    }
}

/// The log of the database, were its pages 1 KiB.
fn with_other_pages(disk: &OnDisk) -> Vec<u8> {
    let mut log = fs::read(disk.log()).unwrap();
    log[8..12].copy_from_slice(&1024_u32.to_be_bytes());
    log
}

#[tokio::test]
async fn a_log_that_cannot_be_looked_at_is_no_missing_log_and_no_empty_one() {
    let (disk, _trial, _ann) = served().await;
    let half = disk.copy();
    symlink(half.log(), half.log()).unwrap();
    for role in ROLES {
        let Err(error) = half.open_as(role) else { panic!("{role:?} opened it") };
        assert!(matches!(error, OpenError::Unreadable { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_stops_while_another_program_reads_leaves_both_halves() {
    let (disk, trial, ann) = served().await;
    let reader = disk.raw();
    reader.execute_batch("BEGIN; SELECT count(*) FROM users").unwrap();
    trial.accept(&ann, "GBPUSD").await;
    drop(trial);
    is_refused_untouched(&disk.copy(), "is missing");
    let both = disk.as_if_killed();
    let server = both.open_as(Role::Server).unwrap();
    let query = OrderQuery { limit: 10, ..OrderQuery::default() };
    assert_eq!(server.orders(ann.id, query).await.unwrap().items.len(), 2);
}

#[tokio::test]
async fn a_server_starts_while_another_program_reads() {
    let (disk, trial, ann) = served().await;
    drop(trial);
    let reader = disk.raw();
    reader.execute_batch("BEGIN; SELECT count(*) FROM users").unwrap();
    let server = disk.open_as(Role::Server).unwrap();
    server.probe().await.unwrap();
    drop(reader);
    drop(server);
    is_whole(&disk.copy(), Role::Server, &ann).await;
}
