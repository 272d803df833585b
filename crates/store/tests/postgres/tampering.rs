//! What is done to a journal past the store is found, and named.

use hookfill_domain::audit::{ChainHash, Place, audit_id};
use hookfill_domain::ids::{Seq, UserId};
use hookfill_store::contract::{accepted, executed, submitting};
use hookfill_store::{ChainState, Journal};

use crate::scene::{OnServer, intact, node, store, trial};

/// Two users with journals: the first one's has entries at (0, 1), (1, 0), (1, 1), (1, 2), (2, 0).
async fn journals() -> OnServer {
    let server = OnServer::fresh(false);
    let trial = trial(server.database.url(), node(1)).await;
    for name in ["ann", "bob"] {
        let trader = trial.register(name).await;
        let order = trial.accept(&trader, "EURUSD").await;
        trial.record(&order, 20, vec![submitting(), accepted(30), executed(30)]).await;
    }
    assert_eq!(intact(&*trial.store).await, 10);
    server
        .database
        .psql("CREATE TABLE heads_then AS TABLE heads; CREATE TABLE journal_then AS TABLE journal");
    server
}

/// Does each edit to the journals as they were; it must be found at that place of the first user's journal.
async fn are_found(edits: &[(&str, (i64, i64))]) {
    let server = journals().await;
    let store = store(server.database.url(), node(1)).await;
    for (edit, (seq, step)) in edits {
        server.database.psql(
            "TRUNCATE heads, journal; INSERT INTO heads TABLE heads_then; INSERT INTO journal TABLE journal_then",
        );
        assert_eq!(intact(&*store).await, 10, "the journals are as they were");
        server.database.psql(edit);
        let ChainState::Broken { user_id, place, id } = store.verify().await.unwrap() else {
            panic!("nobody noticed: {edit}");
        };
        assert_eq!((user_id, place), (UserId(1), Place { seq: Seq(*seq), step: *step }), "{edit}");
        let select = format!(
            "SELECT encode(hash, 'hex') FROM journal WHERE user_id = 1 AND seq = {seq} AND step = {step}"
        );
        let stored = server.database.psql(&select);
        let hash: Vec<u8> = stored.as_bytes().chunks(2).filter_map(byte).collect();
        let shown = hash.try_into().ok().map(|hash| audit_id(&ChainHash(hash), 0));
        assert!(id.is_none() || id == shown, "{edit}: {id:?} is not the id of the entry");
    }
}

fn byte(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_entry_is_found_where_it_stands() {
    let changes = [
        "details = '{}'",
        "message = '{}'",
        "at = at + 1",
        "action = 'order_closed'",
        "order_id = NULL",
        "prev_seq = 0, prev_step = 1",
        "order_id = '00000000-0000-0000-0000-000000000000'",
        "hash = decode(repeat('00', 32), 'hex')",
        "hash = (SELECT hash FROM journal WHERE user_id = 2 AND seq = 1 AND step = 0)",
        "action = 'nonsense'",
        "hash = '\\x00'",
        "message = NULL",
    ]
    .map(|change| format!("UPDATE journal SET {change} WHERE user_id = 1 AND seq = 1 AND step = 0"));
    let edits: Vec<_> = changes.iter().map(|edit| (edit.as_str(), (1, 0))).collect();
    are_found(&edits).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_taken_out_put_in_or_swapped_are_found() {
    are_found(&[
        ("DELETE FROM journal WHERE user_id = 1 AND seq = 0 AND step = 1", (1, 0)),
        ("DELETE FROM journal WHERE user_id = 1 AND seq = 1 AND step = 0", (1, 1)),
        ("DELETE FROM journal WHERE user_id = 1 AND seq = 1 AND step = 2", (2, 0)),
        (
            "DELETE FROM journal WHERE user_id = 1 AND seq = 1 AND step = 1; \
             UPDATE journal SET step = 1 WHERE user_id = 1 AND seq = 1 AND step = 2",
            (1, 1),
        ),
        (
            "UPDATE journal SET step = 99 WHERE user_id = 1 AND seq = 1 AND step = 1; \
             UPDATE journal SET step = 1 WHERE user_id = 1 AND seq = 1 AND step = 2; \
             UPDATE journal SET step = 2 WHERE user_id = 1 AND seq = 1 AND step = 99",
            (1, 1),
        ),
        ("UPDATE journal SET message = '{}' WHERE user_id = 1 AND seq = 1 AND step = 1", (1, 1)),
        (
            "INSERT INTO journal SELECT user_id, 1, 3, at, action, order_id, NULL, NULL, details, NULL, hash \
             FROM journal WHERE user_id = 1 AND seq = 1 AND step = 1",
            (1, 3),
        ),
        (
            "INSERT INTO journal SELECT user_id, 3, 0, at, action, order_id, NULL, NULL, details, message, hash \
             FROM journal WHERE user_id = 1 AND seq = 2 AND step = 0",
            (3, 0),
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_that_was_cut_short_or_has_another_end_is_found() {
    are_found(&[
        ("DELETE FROM journal WHERE user_id = 1 AND seq = 2", (1, 2)),
        ("DELETE FROM journal WHERE user_id = 1", (0, 0)),
        ("DELETE FROM heads WHERE user_id = 1", (2, 0)),
        ("UPDATE heads SET step = 1 WHERE user_id = 1", (2, 0)),
        ("UPDATE heads SET seq = 3 WHERE user_id = 1", (2, 0)),
        ("UPDATE heads SET hash = (SELECT hash FROM heads WHERE user_id = 2) WHERE user_id = 1", (2, 0)),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_other_journals_are_checked_as_well() {
    let server = journals().await;
    let store = store(server.database.url(), node(1)).await;
    let edits = [
        ("UPDATE journal SET at = at + 1 WHERE user_id = 2 AND seq = 2", 2),
        (
            "DELETE FROM journal WHERE user_id = 2; DELETE FROM heads WHERE user_id = 2; \
          INSERT INTO journal SELECT 99, seq, step, at, action, order_id, prev_seq, prev_step, details, message, hash \
          FROM journal WHERE user_id = 1",
            99,
        ),
        (
            "DELETE FROM journal WHERE user_id = 99; \
          INSERT INTO heads SELECT 98, 'nobody', 0, 1, hash, tally FROM heads WHERE user_id = 1",
            98,
        ),
    ];
    for (edit, owner) in edits {
        server.database.psql(edit);
        let state = store.verify().await.unwrap();
        assert!(
            matches!(state, ChainState::Broken { user_id, .. } if user_id == UserId(owner)),
            "{edit}: {state:?}"
        );
    }
}
