//! What is done to a journal past the store is found, and named.

use hookfill_domain::audit::{AuditAction, ChainHash, JournalEntry, Place, audit_id};
use hookfill_domain::ids::{OrderId, Seq, UserId};
use hookfill_domain::time::Timestamp;
use hookfill_store::contract::{Trial, accepted, executed, submitting};
use hookfill_store::{ChainState, Journal, Role};
use rusqlite::OptionalExtension;
use uuid::Uuid;

use crate::on_disk::OnDisk;

/// Two users with journals: the first one's has entries at (0, 1), (1, 0), (1, 1), (1, 2), (2, 0).
async fn journals() -> OnDisk {
    let disk = OnDisk::fresh();
    let trial = Trial::open(disk.clone()).await;
    for name in ["ann", "bob"] {
        let trader = trial.register(name).await;
        let order = trial.accept(&trader, "EURUSD").await;
        trial.record(&order, 20, vec![submitting(), accepted(30), executed(30)]).await;
    }
    assert_eq!(trial.store.verify().await.unwrap(), ChainState::Intact { entries: 10 });
    drop(trial);
    disk
}

async fn verified(disk: &OnDisk) -> ChainState {
    disk.open_as(Role::Tool).unwrap().verify().await.unwrap()
}

/// Does the edit to a copy; it must be found at this place of the first user's journal.
async fn is_found(disk: &OnDisk, edit: &str, (seq, step): (i64, i64)) -> Option<Uuid> {
    let copy = disk.copy();
    copy.raw().execute_batch(edit).unwrap();
    match verified(&copy).await {
        ChainState::Intact { .. } => panic!("nobody noticed: {edit}"),
        ChainState::Broken { user_id, place, id } => {
            assert_eq!((user_id, place), (UserId(1), Place { seq: Seq(seq), step }), "{edit}");
            let select = "SELECT hash FROM journal WHERE user_id = 1 AND seq = ?1 AND step = ?2";
            let hash: Option<Vec<u8>> =
                copy.raw().query_row(select, [seq, step], |row| row.get(0)).optional().unwrap();
            let shown = hash.and_then(|hash| hash.try_into().ok()).map(|hash| audit_id(&ChainHash(hash), 0));
            assert!(id.is_none() || id == shown, "{edit}: {id:?} is not the id of the entry");
            id
        }
    }
}

#[tokio::test]
async fn a_changed_entry_is_found_where_it_stands() {
    let disk = journals().await;
    let changes = [
        "details = CAST('{}' AS BLOB)",
        "message = CAST('{}' AS BLOB)",
        "at = at + 1",
        "action = 'order_closed'",
        "order_id = NULL",
        "prev_seq = 0, prev_step = 1",
        "order_id = zeroblob(16)",
        "hash = zeroblob(32)",
        "hash = (SELECT hash FROM journal WHERE user_id = 2 AND seq = 1 AND step = 0)",
    ];
    for change in changes {
        let edit = format!("UPDATE journal SET {change} WHERE user_id = 1 AND seq = 1 AND step = 0");
        let id = is_found(&disk, &edit, (1, 0)).await;
        assert!(id.is_some(), "{edit}: the entry is named as the log shows it");
    }
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_is_found_where_it_stands() {
    let disk = journals().await;
    for change in ["action = 'nonsense'", "hash = x'00'", "order_id = x'00'"] {
        let edit = format!("UPDATE journal SET {change} WHERE user_id = 1 AND seq = 1 AND step = 1");
        assert_eq!(is_found(&disk, &edit, (1, 1)).await, None);
    }
}

#[tokio::test]
async fn a_message_put_in_or_taken_out_is_found() {
    let disk = journals().await;
    let put = "UPDATE journal SET message = CAST('{}' AS BLOB) WHERE user_id = 1 AND seq = 1 AND step = 1";
    is_found(&disk, put, (1, 1)).await;
    is_found(&disk, "UPDATE journal SET message = NULL WHERE user_id = 1 AND seq = 2", (2, 0)).await;
}

#[tokio::test]
async fn a_deleted_entry_is_found_at_the_one_that_follows() {
    let disk = journals().await;
    for (gone, found) in [((0, 1), (1, 0)), ((1, 0), (1, 1)), ((1, 1), (1, 2)), ((1, 2), (2, 0))] {
        let (seq, step) = gone;
        let edit = format!("DELETE FROM journal WHERE user_id = 1 AND seq = {seq} AND step = {step}");
        is_found(&disk, &edit, found).await;
    }
}

#[tokio::test]
async fn a_deleted_entry_is_found_though_the_later_ones_have_moved_up() {
    let disk = journals().await;
    let edit = "DELETE FROM journal WHERE user_id = 1 AND seq = 1 AND step = 1;
                UPDATE journal SET step = 1 WHERE user_id = 1 AND seq = 1 AND step = 2";
    is_found(&disk, edit, (1, 1)).await;
}

#[tokio::test]
async fn swapped_entries_are_found_at_the_first_of_them() {
    let disk = journals().await;
    let edit = "UPDATE journal SET step = 99 WHERE user_id = 1 AND seq = 1 AND step = 1;
                UPDATE journal SET step = 1 WHERE user_id = 1 AND seq = 1 AND step = 2;
                UPDATE journal SET step = 2 WHERE user_id = 1 AND seq = 1 AND step = 99";
    is_found(&disk, edit, (1, 1)).await;
}

#[tokio::test]
async fn an_entry_put_in_is_found_where_it_stands() {
    let disk = journals().await;
    for (seq, step) in [(1, 3), (2, 1), (3, 0)] {
        let message = if step == 0 { "CAST('{}' AS BLOB)" } else { "NULL" };
        let edit = format!(
            "INSERT INTO journal SELECT user_id, {seq}, {step}, at, action, order_id, NULL, NULL, details, {message}, hash
             FROM journal WHERE user_id = 1 AND seq = 1 AND step = 1"
        );
        is_found(&disk, &edit, (seq, step)).await;
    }
}

#[tokio::test]
async fn a_journal_that_was_cut_short_is_found_at_its_new_end() {
    let disk = journals().await;
    is_found(&disk, "DELETE FROM journal WHERE user_id = 1 AND seq = 2", (1, 2)).await;
    is_found(&disk, "DELETE FROM journal WHERE user_id = 1", (0, 0)).await;
    is_found(&disk, "DELETE FROM heads WHERE user_id = 1", (2, 0)).await;
    is_found(&disk, "UPDATE heads SET step = 1 WHERE user_id = 1", (2, 0)).await;
}

#[tokio::test]
async fn a_journal_of_nobody_is_found() {
    let disk = journals().await;
    let edit =
        "INSERT INTO journal SELECT 99, seq, step, at, action, order_id, NULL, NULL, details, message, hash
                FROM journal WHERE user_id = 1";
    disk.raw().execute_batch(edit).unwrap();
    let state = verified(&disk).await;
    assert!(matches!(state, ChainState::Broken { user_id: UserId(99), .. }), "{state:?}");
}

#[tokio::test]
async fn the_second_users_journal_is_checked_as_well() {
    let disk = journals().await;
    disk.raw().execute_batch("UPDATE journal SET at = at + 1 WHERE user_id = 2 AND seq = 2").unwrap();
    let state = verified(&disk).await;
    let place = Place { seq: Seq(2), step: 0 };
    assert!(matches!(state, ChainState::Broken { user_id: UserId(2), place: found, .. } if found == place));
}

/// Whoever edits the file and knows how to chain can do much, but not leave a gap in the numbers.
#[tokio::test]
async fn a_gap_in_the_numbers_is_found_though_every_hash_fits() {
    let disk = journals().await;
    let raw = disk.raw();
    let select =
        "SELECT e.at, e.order_id, e.details, e.message, b.hash, e.prev_seq, e.prev_step FROM journal e JOIN journal b USING (user_id)
                  WHERE user_id = 1 AND e.seq = 2 AND b.seq = 1 AND b.step = 2";
    let place = Place { seq: Seq(3), step: 0 };
    let (moved, before) = raw
        .query_row(select, [], |row| {
            let order_id = Some(OrderId(Uuid::from_bytes(row.get(1)?)));
            let (at, user_id) = (Timestamp::from_micros(row.get(0)?), UserId(1));
            let (action, details, message) = (AuditAction::OrderExecuted, row.get(2)?, row.get(3)?);
            let previous = Some(Place { seq: Seq(row.get(5)?), step: row.get(6)? });
            let entry = JournalEntry { user_id, place, at, action, order_id, previous, details, message };
            Ok((entry, ChainHash(row.get(4)?)))
        })
        .unwrap();
    let hash = moved.chained(&before).0;
    raw.execute("UPDATE journal SET seq = 3, hash = ?1 WHERE user_id = 1 AND seq = 2", [hash]).unwrap();
    raw.execute("UPDATE heads SET seq = 3, hash = ?1 WHERE user_id = 1", [hash]).unwrap();
    let state = verified(&disk).await;
    assert!(matches!(state, ChainState::Broken { place: found, .. } if found == place), "{state:?}");
}
