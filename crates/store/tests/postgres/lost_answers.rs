//! Commits whose answers are lost, or that never arrived: in either case each write is there once, and its caller
//! is told so.
//!
//! A failure is a write that was acknowledged and is missing or doubled, one that was refused and is there, a gap in
//! the numbers, a broken chain, or a caller with a long deadline who is not told. What the harness cannot control is
//! which writes meet in the group that a cut hits; it counts the cuts that have thrown a COMMIT's answer away.

use std::sync::Arc;

use hookfill_domain::audit::AuditAction;
use hookfill_domain::manage::Command;
use hookfill_domain::order::Order;
use hookfill_domain::signal::CancelSignal;
use hookfill_rig::{Database, Proxy, Trigger};
use hookfill_store::contract::{Trader, Trial, at, happening, patient, submitting};
use hookfill_store::{
    Accepted, Idempotency, Made, Managed, NewCommand, Refusal, Registered, Request, Requested, StoreError,
};
use tokio::task::{JoinHandle, JoinSet};

use crate::scene::{OnServer, PATIENCE, blocking, intact, node, trial, until};

const ROUNDS: u8 = 12;

fn spawn<T: Send + 'static>(
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> JoinHandle<T> {
    tokio::spawn(async move { work.await.unwrap_or_else(|error| panic!("{error:?}")) })
}

fn cancel(trader: &Trader, key: Idempotency) -> NewCommand {
    let instrument = Some("USDJPY".parse().unwrap());
    let signal = CancelSignal { instrument, side: None, reference: None, notes: Vec::new() };
    let (command, details) = (Command::Cancel(signal), serde_json::Map::new());
    NewCommand { user_id: trader.id, account_id: None, command, idempotency: Some(key), details, at: at(50) }
}

/// One write of each kind at once, as far as they do not depend on each other.
async fn write_of_each_kind(trial: Arc<Trial>, trader: Trader, round: u8) {
    let prepared: [Order; 3] = [
        trial.accept(&trader, "EURUSD").await,
        trial.accept(&trader, "GBPUSD").await,
        trial.accept(&trader, "USDJPY").await,
    ];
    let leased = trial.lease(&prepared[0]).await;
    let key = |kind| Idempotency {
        key_hash: [round, kind, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        body_hash: [1; 16],
    };
    let store = || Arc::clone(&trial.store);

    let plain = trial.draft(&trader, "EURUSD");
    let plain_id = plain.order.id;
    let accept = |draft| {
        let store = store();
        spawn(async move { store.accept_signal(draft, patient()).await })
    };
    let plain = accept(plain);
    let keyed = [1, 2].map(|_| {
        let mut draft = trial.draft(&trader, "EURUSD");
        draft.idempotency = Some(key(1));
        (draft.order.id, accept(draft))
    });
    let recorded = spawn({
        let store = store();
        async move { store.record(&leased, happening(20, vec![submitting()])).await }
    });
    let (request, refuse, manage, register) = (store(), store(), store(), store());
    let (user_id, asked) = (trader.id, prepared[1].id);
    let requested = spawn(async move { request.request(user_id, asked, Request::Cancel, at(40)).await });
    let refusal = Refusal { user_id, at: at(i64::from(round)), details: b"{}".to_vec() };
    let refused = spawn(async move { refuse.refuse_signal(refusal, patient()).await });
    let command = cancel(&trader, key(2));
    let managed = spawn(async move { manage.manage(command, patient()).await });
    let newcomer = trial.registration(&format!("newcomer {round} of {user_id}"));
    let registered = spawn(async move { register.register(newcomer).await });

    let Accepted::Created(seq) = plain.await.unwrap() else { panic!("there was no key") };
    let stored = trial.store.order(user_id, plain_id).await.unwrap();
    assert_eq!(stored.map(|order| order.seq), Some(seq), "an acknowledged order is there");
    let mut made = Vec::new();
    for (id, keyed) in keyed {
        made.push(match keyed.await.unwrap() {
            Accepted::Created(_) => id,
            Accepted::Remembered(known) => match known.made {
                Made::Order(id) => id,
                Made::Command { .. } => panic!("an order's key"),
            },
        });
    }
    assert_eq!(made[0], made[1], "one key, one order");
    recorded.await.unwrap();
    assert!(matches!(requested.await.unwrap(), Requested::Stored(_)));
    refused.await.unwrap();
    let Managed::Touched { orders: touched, .. } = managed.await.unwrap() else {
        panic!("nothing was touched")
    };
    assert_eq!(touched.iter().map(|order| order.id).collect::<Vec<_>>(), [prepared[2].id]);
    let registered = registered.await.unwrap();
    assert!(matches!(registered, Registered::Created { .. }), "{registered:?}");
}

async fn are_all_there_once(trial: &Trial, traders: &[Trader]) {
    let rounds = usize::from(ROUNDS);
    for trader in traders {
        let seen = trial.seen(trader.id).await;
        assert_eq!(seen.orders.len(), rounds * 5, "three prepared, one plain, one of the pair with a key");
        assert_eq!(seen.tally.by_status.iter().sum::<i64>(), i64::try_from(rounds * 5).unwrap());
        let numbers: Vec<i64> = seen.events.iter().map(|shown| shown.seq.0).collect();
        assert_eq!(numbers, (1..=seen.head.0).collect::<Vec<_>>());
        let count = |action| seen.entries.iter().filter(|entry| entry.action == action).count();
        assert_eq!(count(AuditAction::OrderCreated), rounds * 5);
        assert_eq!(count(AuditAction::from(&submitting())), rounds, "recorded once");
        assert_eq!(count(AuditAction::SignalRejected), rounds);
        assert_eq!(count(AuditAction::CommandAccepted), rounds);
    }
    intact(&*trial.store).await;
}

/// Rounds of writes, in each of which the way to the server fails as `fail` says.
async fn rounds(fail: impl AsyncFn(&Proxy, &Database) -> Trigger) -> Vec<Trigger> {
    let server = OnServer::fresh(false);
    let (proxy, url) = server.proxy();
    let trial = Arc::new(trial(&url, node(1)).await);
    let mut traders = Vec::new();
    for name in ["ann", "bob", "cyd"] {
        traders.push(trial.register(name).await);
    }
    let mut failed = Vec::new();
    for round in 0..ROUNDS {
        let mut writes = JoinSet::new();
        for trader in &traders {
            writes.spawn(write_of_each_kind(Arc::clone(&trial), trader.clone(), round));
        }
        failed.push(fail(&proxy, &server.database).await);
        writes.join_all().await;
        proxy.disarm();
    }
    are_all_there_once(&trial, &traders).await;
    let users = server.database.psql("SELECT count(*) FROM users");
    assert_eq!(users, (traders.len() * (1 + usize::from(ROUNDS))).to_string());
    failed
}

async fn fired(trigger: Trigger, times: u32) -> Trigger {
    blocking(move || {
        trigger.wait_until_fired(times, PATIENCE);
        trigger
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_is_found_and_not_made_again() {
    let cuts =
        rounds(async |proxy, _| fired(proxy.cut_after_answer("COMMIT\0", "COMMIT\0", 3), 3).await).await;
    let lost: u32 = cuts.iter().map(Trigger::answers_lost).sum();
    assert_eq!(lost, u32::from(ROUNDS) * 3, "each cut has thrown the answer to a COMMIT away");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_is_cut_off_in_the_middle_of_its_answers_is_found_or_made() {
    let cuts = rounds(async |proxy, _| fired(proxy.cut_after("COMMIT\0", 3), 3).await).await;
    assert!(cuts.iter().all(|cut| cut.fired() == 3));
}

/// The server ends the session that waits for the COMMIT, and others that are between two steps of a group with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_never_arrives_is_made_once() {
    let held = rounds(async |proxy, database| {
        let held = fired(proxy.freeze_before("COMMIT\0", 1), 1).await;
        until("the session is ended", PATIENCE, async || {
            let ended = database.psql(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                 WHERE datname = current_database() AND state = 'idle in transaction'",
            );
            (ended != "0").then_some(())
        })
        .await;
        held
    })
    .await;
    assert!(held.iter().all(|held| held.fired() == 1));
}
