use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc as std_mpsc;
use std::time::Duration;

use hookfill_domain::ids::UserId;
use hookfill_domain::time::Timestamp;
use rusqlite::params;
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::super::{Role, open};
use super::*;
use crate::queue::{GROUP, GROUP_TIME, QUEUE};

/// What a listener was told beside the messages.
#[derive(Default)]
struct Told {
    due: Mutex<Vec<Timestamp>>,
    failures: Mutex<Vec<String>>,
    groups: Mutex<Vec<usize>>,
}

impl CommitListener for Told {
    fn committed(&self, commit: &Commit) {
        self.due.lock().unwrap().extend(commit.due_here);
    }
    fn group_committed(&self, writes: usize, _took: Duration) {
        self.groups.lock().unwrap().push(writes);
    }
    fn failed(&self, cause: &str) {
        self.failures.lock().unwrap().push(cause.to_owned());
    }
}

fn start() -> (TempDir, Arc<Writer>, Arc<Told>) {
    let dir = tempfile::tempdir().unwrap();
    let connection = open::writer(&dir.path().join("store.db"), Role::Server).unwrap();
    let told = Arc::new(Told::default());
    let writer = Writer::start(connection, Role::Server, Arc::clone(&told) as _).unwrap();
    (dir, Arc::new(writer), told)
}

fn insert(group: &Group, name: &str) -> Result<(), StoreError> {
    group
        .books
        .connection
        .execute("INSERT INTO users (username, created_at) VALUES (?1, 0)", params![name])?;
    Ok(())
}

async fn names(writer: &Writer) -> Vec<String> {
    let select = |group: &mut Group| {
        let mut select = group.books.connection.prepare("SELECT username FROM users ORDER BY username")?;
        Ok(select.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?)
    };
    writer.write(Patience::standard(), None, select).await.unwrap()
}

/// Keeps the writer busy until the sender is dropped; whatever is sent meanwhile comes in one group.
async fn occupy(writer: &Arc<Writer>, asking: &mut JoinSet<Result<(), StoreError>>) -> std_mpsc::Sender<()> {
    let (sender, gate) = std_mpsc::channel::<()>();
    let (gate, busy) = (Mutex::new(gate), Arc::new(Notify::new()));
    let (writer, begun) = (Arc::clone(writer), Arc::clone(&busy));
    asking.spawn(async move {
        let wait = move |_: &mut Group| {
            begun.notify_one();
            // It comes back with an error as soon as the other end is dropped.
            let _ = gate.lock().unwrap().recv();
            Ok(())
        };
        writer.write(Patience::standard(), None, wait).await
    });
    busy.notified().await;
    sender
}

/// On a runtime of one thread the few tasks that were spawned have all run up to their first wait after this.
async fn let_all_ask() {
    tokio::task::yield_now().await;
}

#[tokio::test]
async fn a_write_that_fails_fails_alone_and_is_undone() {
    let (_dir, writer, _told) = start();
    let runs = Arc::new(AtomicUsize::new(0));
    let mut asking = JoinSet::new();
    let gate = occupy(&writer, &mut asking).await;
    for turn in 0..5 {
        let (writer, runs) = (Arc::clone(&writer), Arc::clone(&runs));
        asking.spawn(async move {
            let work = move |group: &mut Group| {
                insert(group, &format!("user {turn}"))?;
                if turn == 2 {
                    runs.fetch_add(1, Ordering::Relaxed);
                    insert(group, &format!("user {turn}"))?;
                }
                Ok(())
            };
            writer.write(Patience::standard(), None, work).await
        });
    }
    let_all_ask().await;
    drop(gate);
    let failures: Vec<_> = asking.join_all().await.into_iter().filter_map(Result::err).collect();
    assert!(matches!(failures[..], [StoreError::Corrupt(_)]), "{failures:?}");
    assert_eq!(names(&writer).await, ["user 0", "user 1", "user 3", "user 4"]);
    assert_eq!(runs.load(Ordering::Relaxed), 2, "once in the group with the others, once by itself");
}

/// Queues these writes while the writer is busy, so that all of them wait when the next group begins.
async fn at_once<F>(writer: &Arc<Writer>, writes: impl IntoIterator<Item = (Owner, F)>)
where
    F: FnMut(&mut Group) -> Result<(), StoreError> + Send + 'static,
{
    let mut asking = JoinSet::new();
    let gate = occupy(writer, &mut asking).await;
    for (owner, work) in writes {
        let writer = Arc::clone(writer);
        asking.spawn(async move { writer.write(Patience::standard(), owner, work).await });
        // One after the other, so that the runtime does not choose the order.
        let_all_ask().await;
    }
    drop(gate);
    assert!(asking.join_all().await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn a_write_that_waits_behind_a_running_one_can_still_be_withdrawn() {
    let (_dir, writer, _told) = start();
    let mut asking = JoinSet::new();
    let first = occupy(&writer, &mut asking).await;
    let (sender, gate) = std_mpsc::channel::<()>();
    let (gate, busy) = (Mutex::new(gate), Arc::new(Notify::new()));
    let (ahead, begun) = (Arc::clone(&writer), Arc::clone(&busy));
    asking.spawn(async move {
        let wait = move |group: &mut Group| {
            begun.notify_one();
            let _ = gate.lock().unwrap().recv();
            insert(group, "ahead")
        };
        ahead.write(Patience::standard(), None, wait).await
    });
    let_all_ask().await;
    let soon = Patience::until(Instant::now() + Duration::from_millis(50));
    let behind = writer.write(soon, None, |group: &mut Group| insert(group, "behind"));
    let (withdrawn, ()) = tokio::join!(behind, async {
        drop(first);
        busy.notified().await;
    });
    assert!(matches!(withdrawn, Err(StoreError::Unavailable(_))), "{withdrawn:?}");
    drop(sender);
    assert_eq!(asking.join_all().await, [Ok(()), Ok(())]);
    assert_eq!(names(&writer).await, ["ahead"]);
}

#[tokio::test]
async fn a_group_that_has_used_up_its_time_leaves_the_rest_to_the_next() {
    let (_dir, writer, told) = start();
    let slow = |_: &mut Group| {
        let began = StdInstant::now();
        while began.elapsed() < GROUP_TIME {
            std::hint::spin_loop();
        }
        Ok(())
    };
    at_once(&writer, [(None, slow), (None, slow), (None, slow)]).await;
    assert_eq!(*told.groups.lock().unwrap(), [1, 1, 1, 1]);
}

#[tokio::test]
async fn a_write_counts_by_the_work_that_it_did() {
    let (_dir, writer, told) = start();
    let heavy = |group: &mut Group| {
        group.work += GROUP / 2;
        Ok(())
    };
    at_once(&writer, [(None, heavy), (None, heavy), (None, heavy)]).await;
    assert_eq!(*told.groups.lock().unwrap(), [1, 2, 1]);
}

/// One user's flood of commands, each a whole group by itself, with two small writes of another user behind it.
#[tokio::test]
async fn another_users_writes_overtake_a_users_flood() {
    let (_dir, writer, _told) = start();
    let order = Arc::new(Mutex::new(Vec::new()));
    let write = |user: i64, work: usize| {
        let order = Arc::clone(&order);
        let run = move |group: &mut Group| {
            group.work += work;
            order.lock().unwrap().push(user);
            Ok(())
        };
        (Some(UserId(user)), run)
    };
    at_once(&writer, (0..20).map(|_| write(1, GROUP)).chain([write(2, 1), write(2, 1)])).await;
    let place = order.lock().unwrap().iter().rposition(|user| *user == 2);
    assert!(place <= Some(2), "the other user's writes did not overtake: {order:?}");
}

#[tokio::test]
async fn a_group_tells_the_earliest_time_at_which_any_of_it_is_due() {
    let (_dir, writer, told) = start();
    let mut asking = JoinSet::new();
    let gate = occupy(&writer, &mut asking).await;
    for due_at in [None, Some(300), Some(100), None, Some(200)] {
        let (writer, due_at) = (Arc::clone(&writer), due_at.map(Timestamp::from_micros));
        asking.spawn(async move {
            let work = move |group: &mut Group| {
                group.work_is_due(UserId(1), due_at);
                Ok(())
            };
            writer.write(Patience::standard(), None, work).await
        });
    }
    let_all_ask().await;
    drop(gate);
    assert!(asking.join_all().await.iter().all(Result::is_ok));
    assert_eq!(*told.due.lock().unwrap(), [Timestamp::from_micros(100)]);
}

#[tokio::test]
async fn a_full_disk_stores_nothing_and_is_no_end() {
    let (_dir, writer, told) = start();
    let limit = |pages: i64| {
        move |group: &mut Group| {
            let pragma = "max_page_count";
            Ok(group
                .books
                .connection
                .pragma_update_and_check(None, pragma, pages, |row| row.get::<_, i64>(0))?)
        }
    };
    // The least that SQLite allows is the size that the database has.
    let size = writer.write(Patience::standard(), None, limit(1)).await.unwrap();
    let long = "x".repeat(100_000);
    let fill = move |group: &mut Group| insert(group, &long);
    let full = writer.write(Patience::standard(), None, fill.clone()).await;
    assert!(matches!(full, Err(StoreError::Unavailable(_))), "{full:?}");
    assert_eq!(names(&writer).await, Vec::<String>::new());
    writer.write(Patience::standard(), None, limit(size + 1000)).await.unwrap();
    writer.write(Patience::standard(), None, fill).await.unwrap();
    assert_eq!(names(&writer).await.len(), 1);
    assert!(told.failures.lock().unwrap().is_empty());
}

#[tokio::test]
async fn after_a_disk_error_nothing_more_is_taken() {
    let (dir, writer, told) = start();
    let torn = |group: &mut Group| -> Result<(), StoreError> {
        insert(group, "torn")?;
        Err(StoreError::Failed("a sync failed".to_owned()))
    };
    let failed = StoreError::Failed("a sync failed".to_owned());
    assert_eq!(writer.write(Patience::standard(), None, torn).await, Err(failed.clone()));
    assert_eq!(
        writer.write(Patience::standard(), None, |group: &mut Group| insert(group, "later")).await,
        Err(failed)
    );
    assert_eq!(*told.failures.lock().unwrap(), ["a sync failed"]);
    drop(writer);
    assert!(dir.path().join("store.db-wal").exists(), "nor is the log merged");
}

#[tokio::test]
async fn more_writes_than_may_wait_are_turned_away_at_once() {
    let (_dir, writer, _told) = start();
    let mut asking = JoinSet::new();
    let gate = occupy(&writer, &mut asking).await;
    let passed = Instant::now() - Duration::from_secs(1);
    let mut away = 0;
    for _ in 0..2 * QUEUE {
        // Its deadline has passed when it asks: it waits, withdrawn, unless there is no room for it.
        let answer = writer.write(Patience::until(passed), None, |_: &mut Group| Ok(())).await;
        let Err(StoreError::Unavailable(why)) = answer else { panic!("{answer:?}") };
        away += usize::from(why.contains("wait already"));
    }
    assert_eq!(away, QUEUE);
    drop(gate);
    assert_eq!(asking.join_all().await, [Ok(())]);
}

#[tokio::test]
async fn what_waits_when_the_store_closes_is_committed() {
    let (dir, writer, _told) = start();
    let mut asking = JoinSet::new();
    let gate = occupy(&writer, &mut asking).await;
    for turn in 0..3 {
        let writer = Arc::clone(&writer);
        asking.spawn(async move {
            writer
                .write(Patience::standard(), None, move |group: &mut Group| {
                    insert(group, &format!("user {turn}"))
                })
                .await
        });
    }
    let_all_ask().await;
    // Nobody waits for an answer any more.
    asking.shutdown().await;
    drop(gate);
    drop(writer);
    let connection = open::reader(&dir.path().join("store.db")).unwrap();
    let users: i64 = connection.query_row("SELECT count(*) FROM users", [], |row| row.get(0)).unwrap();
    assert_eq!(users, 3);
}
