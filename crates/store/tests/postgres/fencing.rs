//! A node that is paused and wakes up: what it was about to write is stored once, or not at all, and it is told so.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hookfill_domain::audit::AuditAction;
use hookfill_domain::lifecycle::Change;
use hookfill_domain::order::Order;
use hookfill_rig::Proxy;
use hookfill_store::contract::{Trader, Trial, at, happening, patient, submitting};
use hookfill_store::postgres::{Options, PostgresStore};
use hookfill_store::{Accepted, Journal, Leased, MAX_PAGE, Orders, StoreError, Work};
use tokio::task::JoinHandle;

use crate::scene::{OnServer, PATIENCE, blocking, intact, leased, node, store, trial, until};

/// Short, and long enough for a node on a machine that is busy to renew it.
const LEASE: Duration = Duration::from_millis(2500);

fn short_lived(number: u128) -> Options {
    Options { lease: LEASE, ..node(number) }
}

/// A node that works an order, and the way to its database, which can be stopped.
struct Scene {
    server: OnServer,
    proxy: Proxy,
    ann: Trial,
    trader: Trader,
    order: Order,
    leased: Leased,
}

async fn a_node_that_works() -> Scene {
    let server = OnServer::fresh(false);
    let (proxy, url) = server.proxy();
    let ann = trial(&url, short_lived(1)).await;
    let trader = ann.register("ann").await;
    let order = ann.accept(&trader, "EURUSD").await;
    let leased = ann.lease(&order).await;
    Scene { server, proxy, ann, trader, order, leased }
}

/// The order as another node has it, as soon as it may work it.
async fn taken_over(other: &PostgresStore, order: &Order) -> Leased {
    until("the work is taken over", PATIENCE, async || leased(other, order).await).await
}

async fn submissions(store: &dyn Journal, order: &Order) -> usize {
    let history = store.history(order.user_id, order.id, None, MAX_PAGE).await.unwrap().unwrap();
    history.items.iter().filter(|entry| entry.action == AuditAction::from(&submitting())).count()
}

fn record(node: &Trial, leased: &Leased) -> JoinHandle<Result<Order, StoreError>> {
    let (store, leased) = (Arc::clone(&node.store), leased.clone());
    tokio::spawn(async move { store.record(&leased, happening(20, vec![submitting()])).await })
}

/// Whatever the node says under its old right is refused, as soon as it reaches the server again.
async fn is_fenced(node: &Trial, before: &Leased) {
    let refused = until("the node is back", PATIENCE, async || {
        match node.store.record(before, happening(40, vec![Change::Canceled])).await {
            Err(StoreError::Unavailable(_)) => None,
            recorded => Some(recorded),
        }
    })
    .await;
    assert_eq!(refused, Err(StoreError::LeaseLost));
    assert_eq!(node.store.postpone(before, at(500)).await, Err(StoreError::LeaseLost));
    assert!(!node.store.holds(before));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_nodes_work_is_taken_over_and_what_it_says_later_is_not_kept() {
    let Scene { server, proxy, ann, order, leased: before, .. } = a_node_that_works().await;
    let other = store(server.database.url(), short_lived(2)).await;
    assert_eq!(leased(&*other, &order).await, None, "the first node has it");
    proxy.freeze();
    let paused_at = Instant::now();
    let late = record(&ann, &before);
    let after = taken_over(&other, &order).await;
    let took = paused_at.elapsed();
    assert!(took < LEASE + Duration::from_secs(2), "taken over after {took:?}");
    eprintln!("taken over after {took:?}, with a lease of {LEASE:?}");
    assert!(after.fence.0 > before.fence.0);
    assert!(!ann.store.holds(&before) && other.holds(&after));
    other.record(&after, happening(30, vec![submitting()])).await.unwrap();
    proxy.thaw();
    // Withdrawn, if the pause was longer than a lane waits.
    let late = late.await.unwrap();
    assert!(matches!(late, Err(StoreError::LeaseLost | StoreError::Unavailable(_))), "{late:?}");
    is_fenced(&ann, &before).await;
    assert_eq!(submissions(&*other, &order).await, 1);
    intact(&*other).await;
}

/// It has written its rows, holds the user's head and the partition, and its COMMIT is on the way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_paused_before_its_commit_keeps_nobody_from_going_on() {
    let Scene { server, proxy, ann, trader, order, leased: before } = a_node_that_works().await;
    let other = store(server.database.url(), short_lived(2)).await;
    let held = proxy.freeze_before("COMMIT\0", 1);
    let record = record(&ann, &before);
    blocking(move || held.wait_until_fired(1, PATIENCE)).await;
    proxy.freeze();
    let paused_at = Instant::now();
    // The same user, whose head the paused node has locked.
    let accepted = other.accept_signal(ann.draft(&trader, "EURUSD"), patient()).await;
    let waited = paused_at.elapsed();
    assert!(matches!(accepted, Ok(Accepted::Created(_))), "{accepted:?}");
    assert!(waited < Duration::from_secs(3), "the head was locked for {waited:?}");
    let after = taken_over(&other, &order).await;
    let took = paused_at.elapsed();
    assert!(took < LEASE + Duration::from_secs(2), "taken over after {took:?}");
    eprintln!("head free after {waited:?}, work taken over after {took:?}");
    assert!(after.order.due_at == order.due_at && after.fence.0 > before.fence.0);
    assert_eq!(submissions(&*other, &order).await, 0, "the paused node's group is undone");
    other.record(&after, happening(30, vec![submitting()])).await.unwrap();
    proxy.thaw();
    assert_eq!(record.await.unwrap(), Err(StoreError::LeaseLost));
    assert_eq!(submissions(&*other, &order).await, 1);
    intact(&*other).await;
}

/// Accepting needs no lease: what was paused is made again, and the sender is told its number.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_accept_that_is_paused_before_its_commit_is_stored_once_later() {
    let Scene { server, proxy, ann, trader, .. } = a_node_that_works().await;
    let other = store(server.database.url(), short_lived(2)).await;
    let held = proxy.freeze_before("COMMIT\0", 1);
    let draft = ann.draft(&trader, "EURUSD");
    let id = draft.order.id;
    let accept = tokio::spawn({
        let store = Arc::clone(&ann.store);
        async move { store.accept_signal(draft, patient()).await }
    });
    blocking(move || held.wait_until_fired(1, PATIENCE)).await;
    proxy.freeze();
    let beside = other.accept_signal(ann.draft(&trader, "EURUSD"), patient()).await;
    assert!(matches!(beside, Ok(Accepted::Created(_))), "{beside:?}");
    assert_eq!(other.order(trader.id, id).await.unwrap(), None);
    proxy.thaw();
    let Ok(Accepted::Created(seq)) = accept.await.unwrap() else { panic!("it is stored") };
    assert_eq!(seq.0, 3, "behind the one that came meanwhile");
    assert_eq!(other.order(trader.id, id).await.unwrap().map(|order| order.seq), Some(seq));
    intact(&*other).await;
}

/// The server has the COMMIT, and the node does not know.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_committed_before_the_pause_is_stored_once() {
    let Scene { server, proxy, ann, order, leased: before, .. } = a_node_that_works().await;
    let other = store(server.database.url(), short_lived(2)).await;
    let lost = proxy.cut_after_answer("COMMIT\0", "COMMIT\0", 1);
    let record = record(&ann, &before);
    let lost = blocking(move || {
        lost.wait_until_fired(1, PATIENCE);
        lost
    })
    .await;
    proxy.freeze();
    assert_eq!(lost.answers_lost(), 1);
    let after = taken_over(&other, &order).await;
    assert_eq!(after.order.state().as_str(), "submitting", "the other node sees the intent");
    proxy.thaw();
    // It may have looked before the pause began; either way it is told of what is stored.
    let recorded = record.await.unwrap();
    assert!(recorded.is_ok(), "{recorded:?}");
    assert_eq!(submissions(&*other, &order).await, 1);
    is_fenced(&ann, &before).await;
    intact(&*other).await;
}
