//! What every call costs: the same number of rows, however many there are.
//!
//! The server itself counts what it reads. Nothing is analysed, so that a plan owes nothing to what the tables held
//! when it was made.

use std::collections::{BTreeMap, HashSet};

use hookfill_domain::ids::{Seq, UserId};
use hookfill_domain::manage::Command;
use hookfill_domain::signal::CancelSignal;
use hookfill_domain::wire::Status;
use hookfill_store::contract::{Trader, Trial, accepted, at, happening, keyed, patient, submitting};
use hookfill_store::{NewCommand, OrderQuery, Request};

use crate::scene::{OnServer, PATIENCE, node, trial, trial_again, until};

/// Rows that were read of each table, by walking it and by an index.
type Reads = BTreeMap<String, (i64, i64)>;

/// Once nobody is connected any more: a session counts for itself until it ends.
async fn reads(server: &OnServer) -> Reads {
    until("all sessions have ended", PATIENCE, async || {
        let others = "SELECT count(*) FROM pg_stat_activity \
                      WHERE datname = current_database() AND pid <> pg_backend_pid()";
        (server.database.psql(others) == "0").then_some(())
    })
    .await;
    let counts = "SELECT t.relname, max(t.seq_tup_read), max(t.idx_tup_fetch) + sum(i.idx_tup_read) \
                  FROM pg_stat_user_tables t JOIN pg_stat_user_indexes i USING (relid) \
                  WHERE t.relname NOT IN ('partitions', 'nodes', 'revision') GROUP BY 1";
    let rows = server.database.psql(counts);
    let read = |row: &str| {
        let mut columns = row.split('|');
        let name = columns.next()?.to_owned();
        Some((name, (columns.next()?.parse().ok()?, columns.next()?.parse().ok()?)))
    };
    rows.lines().filter_map(read).collect()
}

/// A user with so many orders more, all of them due, and as many messages.
async fn with_history(server: &OnServer, orders: usize) -> Trader {
    let trial = trial(server.database.url(), node(1)).await;
    let trader = trial.register("ann").await;
    let order = trial.accept(&trader, "EURUSD").await;
    trial.record(&order, 20, vec![submitting(), accepted(30)]).await;
    let mut keyed_order = trial.draft(&trader, "USDJPY");
    keyed_order.idempotency = Some(keyed(1, 1));
    trial.store.accept_signal(keyed_order, patient()).await.unwrap();
    drop(trial);
    for table in ["orders", "journal", "heads", "instrument_counts"] {
        server.database.psql(&format!("ALTER TABLE {table} SET (autovacuum_enabled = off)"));
    }
    server.database.psql(&format!(
        "INSERT INTO orders SELECT user_id, 2 + n, gen_random_uuid(), broker_account_id, source_id, instrument, state, \
             terms, bracket, progress, partition, due_at + n, created_at, updated_at, last_seq, last_step, \
             decode('ee' || lpad(to_hex(n), 30, '0'), 'hex'), decode(repeat('00', 16), 'hex') \
         FROM orders, generate_series(1, {orders}) n WHERE seq = 1; \
         INSERT INTO journal SELECT user_id, 2 + n, 0, at, action, order_id, prev_seq, prev_step, details, message, hash \
         FROM journal, generate_series(1, {orders}) n WHERE seq = 1 AND step = 0; \
         UPDATE heads SET seq = 2 + {orders}, step = 0 WHERE user_id = {}",
        trader.id
    ));
    trader
}

/// What servers ask the store.
async fn everything_is_asked(trial: &Trial, trader: &Trader) {
    let (store, ann) = (&trial.store, trader.id);
    let page = |status, instrument: Option<&str>| OrderQuery {
        before: Some(Seq(150)),
        status,
        instrument: instrument.map(|symbol| symbol.parse().unwrap()),
        limit: 100,
    };
    assert_eq!(store.orders(ann, page(None, None)).await.unwrap().items.len(), 100);
    store.orders(ann, page(Some(Status::Closed), Some("EURUSD"))).await.unwrap();
    assert_eq!(store.events_after(ann, Seq(100), 50).await.unwrap().len(), 50);
    assert_eq!(store.entries(ann, None, 50).await.unwrap().len(), 50);
    let due = store.due(at(10_000_000), 20, &HashSet::new()).await.unwrap();
    assert_eq!(due.len(), 20);
    let busy = due.iter().map(|leased| (leased.order.user_id, leased.order.seq)).collect();
    assert_eq!(store.due(at(10_000_000), 20, &busy).await.unwrap().len(), 20);
    assert!(store.next_due(at(0)).await.unwrap().is_some());
    let order = store.orders(ann, OrderQuery { before: Some(Seq(2)), ..page(None, None) }).await.unwrap();
    let order = order.items[0].clone();
    assert_eq!(trial.history(ann, order.id).await.len(), 3);
    assert_eq!(store.order(ann, order.id).await.unwrap(), Some(order.clone()));
    assert!(store.remembered(ann, keyed(1, 1)).await.unwrap().is_some());
    let cancel = cancel_usdjpy();
    assert_eq!(store.rehearse(ann, None, &cancel).await.unwrap(), None);
    store.head(ann).await.unwrap();
    assert_eq!(store.heads(&[ann, UserId(0)]).await.unwrap().len(), 2);
    store.tally(ann).await.unwrap();
    store.accounts(ann).await.unwrap();
    assert!(store.principal(trader.key_hash).await.unwrap().is_some());
    store.sample_secrets().await.unwrap();
    everything_is_written(trial, trader).await;
    let leased = due.into_iter().find(|leased| leased.order.id == order.id).unwrap();
    store.postpone(&leased, at(31)).await.unwrap();
    store.record(&leased, happening(40, vec![hookfill_domain::lifecycle::Change::Canceled])).await.unwrap();
}

fn cancel_usdjpy() -> Command {
    let instrument = Some("USDJPY".parse().unwrap());
    Command::Cancel(CancelSignal { instrument, side: None, reference: None, notes: Vec::new() })
}

async fn everything_is_written(trial: &Trial, trader: &Trader) {
    let (store, user_id) = (&trial.store, trader.id);
    let mut draft = trial.draft(trader, "GBPUSD");
    draft.idempotency = Some(keyed(2, 2));
    let id = draft.order.id;
    store.accept_signal(draft, patient()).await.unwrap();
    store.request(user_id, id, Request::Cancel, at(40)).await.unwrap();
    let (command, details) = (cancel_usdjpy(), serde_json::Map::new());
    let idempotency = Some(keyed(3, 3));
    let new = NewCommand { user_id, account_id: None, command, idempotency, details, at: at(50) };
    store.manage(new, patient()).await.unwrap();
    trial.register("bob").await;
    store.link_account(user_id, trial.fresh_account(), at(60)).await.unwrap();
    store.issue_key("ann", trial.fresh_key(), at(60)).await.unwrap();
}

/// Rows read by everything together, beyond a history of so many orders.
async fn cost(orders: usize) -> Reads {
    let server = OnServer::fresh(false);
    let trader = with_history(&server, orders).await;
    let before = reads(&server).await;
    let trial = trial_again(server.database.url(), 1).await;
    everything_is_asked(&trial, &trader).await;
    drop(trial);
    let after = reads(&server).await;
    let less = |table: &String, (walked, found): (i64, i64)| {
        let (walked_before, found_before) = before.get(table).copied().unwrap_or_default();
        (walked - walked_before, found - found_before)
    };
    after.into_iter().map(|(table, counts)| (table.clone(), less(&table, counts))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_reads_as_many_rows_of_a_long_history_as_of_a_short_one() {
    let (short, long) = (cost(300).await, cost(6_000).await);
    // A group that is run again, or an index that begins to be used, reads a few rows more; a walk along what the long
    // history has more would read thousands.
    for (table, (_, found)) in &long {
        assert!(found.abs_diff(short[table].1) < 200, "{table}: {short:?} and {long:?}");
    }
    let walked: Vec<_> = long.iter().filter(|(_, (walked, _))| *walked > 0).collect();
    assert!(walked.is_empty(), "no table is walked: {walked:?}");
    let (_, orders) = long["orders"];
    // A page, what a filter looks at beyond it, two looks at what is due with what is busy, and a few by key.
    assert!((200..2_000).contains(&orders), "{orders}");
}
