//! Who works what: shares even out, what is in hand is kept, and nobody ever has what another has.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hookfill_domain::order::Order;
use hookfill_store::contract::{Trial, at, happening, submitting};
use hookfill_store::postgres::{Options, PostgresStore};
use hookfill_store::{OrderKey, Partition, Work};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use uuid::Uuid;

use crate::scene::{OnServer, PATIENCE, leased, node, raw, store, trial, until};

/// Short, and long enough for a node on a machine that is busy to renew it.
const LEASE: Duration = Duration::from_millis(2500);

fn short_lived(number: u128) -> Options {
    Options { lease: LEASE, ..node(number) }
}

fn works(store: &PostgresStore) -> usize {
    Partition::all().filter(|partition| store.works(*partition)).count()
}

/// What an engine asks, again and again.
async fn asks(store: &PostgresStore, busy: &HashSet<OrderKey>) {
    store.due(at(0), 10, busy).await.unwrap();
    store.next_due(at(0)).await.unwrap();
}

async fn share_out(a: &PostgresStore, b: &PostgresStore, shares: (usize, usize)) -> Duration {
    let began = Instant::now();
    until(&format!("shares of {shares:?}"), PATIENCE, async || {
        asks(a, &HashSet::new()).await;
        asks(b, &HashSet::new()).await;
        ((works(a), works(b)) == shares).then_some(())
    })
    .await;
    began.elapsed()
}

/// Every order is due somewhere, and nowhere twice.
async fn are_due_once(orders: &[Order], nodes: [&PostgresStore; 2]) {
    for order in orders {
        until("the order is due somewhere", PATIENCE, async || {
            let there = [leased(nodes[0], order).await, leased(nodes[1], order).await];
            let [first, second] = there.each_ref().map(|there| there.as_ref().map(|leased| leased.fence));
            // Where both had it, one after the other, it has changed hands in between.
            assert!(first.is_none() || first != second, "{there:?}");
            (first.is_some() != second.is_some()).then_some(())
        })
        .await;
    }
}

/// Looks at the table all the time: an epoch has one owner, and epochs only go up.
async fn watch(table: Client, done: Arc<AtomicBool>) -> usize {
    let mut owners: HashMap<(i16, i64), Uuid> = HashMap::new();
    let mut epochs: HashMap<i16, i64> = HashMap::new();
    let mut looks = 0;
    while !done.load(Ordering::Relaxed) {
        for row in table.query("SELECT partition, epoch, owner FROM partitions", &[]).await.unwrap() {
            let (partition, epoch, owner): (i16, i64, Option<Uuid>) = (row.get(0), row.get(1), row.get(2));
            assert!(epochs.insert(partition, epoch).is_none_or(|before| before <= epoch));
            if let Some(owner) = owner {
                assert_eq!(
                    *owners.entry((partition, epoch)).or_insert(owner),
                    owner,
                    "{partition} at {epoch}"
                );
            }
        }
        looks += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    looks
}

/// Asks one node twice and the other in between: only then have both had it at one time.
fn nothing_is_held_twice(a: &PostgresStore, b: &PostgresStore) {
    for partition in Partition::all() {
        assert!(!(a.works(partition) && b.works(partition) && a.works(partition)), "{partition:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shares_even_out_as_nodes_join_and_leave_and_die() {
    let server = OnServer::fresh(false);
    let url = server.database.url();
    let trial = trial(url, Options { role: hookfill_store::Role::Server, ..short_lived(9) }).await;
    let mut orders = Vec::new();
    for number in 0..6 {
        let trader = trial.register(&format!("trader {number}")).await;
        orders.push(trial.accept(&trader, "EURUSD").await);
    }
    trial.store.retire().await;
    let a = store(url, short_lived(1)).await;
    assert_eq!(works(&a), Partition::COUNT, "a node alone has everything at once");
    let done = Arc::new(AtomicBool::new(false));
    let watching = tokio::spawn(watch(raw(url).await, Arc::clone(&done)));

    let b = store(url, short_lived(2)).await;
    let both = {
        let (a, b, done) = (Arc::clone(&a), Arc::clone(&b), Arc::clone(&done));
        tokio::spawn(async move {
            while !done.load(Ordering::Relaxed) {
                nothing_is_held_twice(&a, &b);
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
    };
    let joined = share_out(&a, &b, (128, 128)).await;
    are_due_once(&orders, [&a, &b]).await;

    b.retire().await;
    let left = share_out(&a, &b, (256, 0)).await;
    assert!(left < LEASE + Duration::from_secs(2), "{left:?}");
    are_due_once(&orders, [&a, &b]).await;

    let c = store(url, short_lived(3)).await;
    share_out(&a, &c, (128, 128)).await;
    drop(c);
    let died = share_out(&a, &b, (256, 0)).await;
    assert!(died < LEASE + Duration::from_secs(2), "{died:?}");
    are_due_once(&orders, [&a, &b]).await;
    eprintln!("shares even after {joined:?}; all back {left:?} after leaving, {died:?} after dying");
    done.store(true, Ordering::Relaxed);
    both.await.unwrap();
    assert!(watching.await.unwrap() > 10);
}

/// A user whose partition a node with too much gives up first.
async fn an_order_that_would_leave(trial: &Trial) -> Order {
    for number in 0.. {
        let trader = trial.register(&format!("trader {number}")).await;
        if Partition::of(trader.id).index() >= Partition::COUNT / 2 {
            return trial.accept(&trader, "EURUSD").await;
        }
    }
    unreachable!("half of all users are there")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_with_work_in_hand_is_given_up_only_when_that_is_done() {
    let server = OnServer::fresh(false);
    let url = server.database.url();
    let trial = trial(url, short_lived(9)).await;
    let order = an_order_that_would_leave(&trial).await;
    trial.store.retire().await;
    let a = store(url, short_lived(1)).await;
    let in_hand = leased(&*a, &order).await.unwrap();
    let busy = HashSet::from([(order.user_id, order.seq)]);
    let b = store(url, short_lived(2)).await;
    until("all but the one in hand have left", PATIENCE, async || {
        asks(&a, &busy).await;
        (works(&b) == 127).then_some(())
    })
    .await;
    // Several rounds more of both nodes: seen by their renewals.
    let renewed = "SELECT extract(epoch FROM min(expires_at)) FROM partitions WHERE owner IS NOT NULL";
    for _ in 0..3 {
        let before = server.database.psql(renewed);
        until("another round", PATIENCE, async || {
            asks(&a, &busy).await;
            (server.database.psql(renewed) != before).then_some(())
        })
        .await;
    }
    assert!(a.holds(&in_hand));
    a.record(&in_hand, happening(20, vec![submitting()])).await.unwrap();
    share_out(&a, &b, (128, 128)).await;
    assert!(!a.holds(&in_hand));
    assert!(leased(&*b, &order).await.is_some());
}

async fn lock_all(url: &str, strength: &str) -> Client {
    let client = raw(url).await;
    client.batch_execute(&format!("BEGIN; SELECT FROM partitions {strength}")).await.unwrap();
    client
}

/// What lanes hold all the time under load.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leases_are_renewed_while_lanes_hold_their_partitions() {
    let server = OnServer::fresh(false);
    let url = server.database.url();
    let a = store(url, short_lived(1)).await;
    let lanes = lock_all(url, "FOR KEY SHARE").await;
    let table = raw(url).await;
    let lapsed = "SELECT bool_or(expires_at < clock_timestamp() OR owner IS NULL) OR count(DISTINCT epoch) <> 1 \
                  FROM partitions";
    let begun = Instant::now();
    while begun.elapsed() < 2 * LEASE {
        assert!(!table.query_one(lapsed, &[]).await.unwrap().get::<_, bool>(0));
        assert_eq!(works(&a), Partition::COUNT);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // The control: with the next stronger lock no renewal comes through, and the node knows.
    lanes.batch_execute("ROLLBACK").await.unwrap();
    let stronger = lock_all(url, "FOR SHARE").await;
    until("the leases run out", PATIENCE, async || (works(&a) == 0).then_some(())).await;
    stronger.batch_execute("ROLLBACK").await.unwrap();
    until("they are renewed", PATIENCE, async || (works(&a) == Partition::COUNT).then_some(())).await;
}

/// It died a moment after another, or says that it lives and renews nothing: its share is not left to it for long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ran_out_is_taken_even_from_a_node_that_counts_as_living() {
    let server = OnServer::fresh(false);
    let a = store(server.database.url(), short_lived(1)).await;
    server
        .database
        .psql("INSERT INTO nodes VALUES (gen_random_uuid(), 'a ghost', now(), now() + interval '1 hour')");
    // In the database: the node itself forgets them a moment earlier.
    until("a half is left to the ghost", PATIENCE, async || {
        asks(&a, &HashSet::new()).await;
        let free = server.database.psql("SELECT count(*) FROM partitions WHERE owner IS NULL");
        (free == (Partition::COUNT / 2).to_string()).then_some(())
    })
    .await;
    server.database.psql(
        "UPDATE partitions SET owner = gen_random_uuid(), expires_at = now() - interval '2 seconds'
         WHERE owner IS NULL",
    );
    until("it is taken back", PATIENCE, async || (works(&a) == Partition::COUNT).then_some(())).await;
}

/// An operator in a transaction, say: what they hold runs out, and nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_somebody_holds_keeps_no_other_from_being_renewed() {
    let server = OnServer::fresh(false);
    let url = server.database.url();
    let a = store(url, short_lived(1)).await;
    let somebody = lock_all(url, "WHERE partition = 7 FOR UPDATE").await;
    until("that one runs out", PATIENCE, async || (works(&a) == Partition::COUNT - 1).then_some(())).await;
    let begun = Instant::now();
    while begun.elapsed() < 2 * LEASE {
        assert_eq!(works(&a), Partition::COUNT - 1);
    }
    somebody.batch_execute("ROLLBACK").await.unwrap();
    until("it is renewed", PATIENCE, async || (works(&a) == Partition::COUNT).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_partition_changes_hands_while_a_lane_holds_it() {
    let server = OnServer::fresh(false);
    let url = server.database.url();
    let a = store(url, short_lived(1)).await;
    a.retire().await;
    let lane = lock_all(url, "WHERE partition = 7 FOR KEY SHARE").await;
    let other = raw(url).await;
    other.batch_execute("SET lock_timeout = 100").await.unwrap();
    other.batch_execute("UPDATE partitions SET expires_at = now() WHERE partition = 7").await.unwrap();
    let claimed = other.batch_execute("UPDATE partitions SET epoch = epoch + 1 WHERE partition = 7").await;
    assert_eq!(claimed.unwrap_err().code(), Some(&SqlState::LOCK_NOT_AVAILABLE));
    let b = store(url, short_lived(2)).await;
    assert_eq!(works(&b), Partition::COUNT - 1, "it is passed over, and nobody waits for it");
    lane.batch_execute("COMMIT").await.unwrap();
    until("it is taken as well", PATIENCE, async || (works(&b) == Partition::COUNT).then_some(())).await;
}
