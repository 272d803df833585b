//! A server that goes away, and one that does not answer: nothing that was acknowledged is lost, nobody waits long to
//! be told, and service goes on by itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hookfill_rig::{Postgres, Proxy};
use hookfill_store::contract::{Trader, Trial, patient};
use hookfill_store::{Patience, StoreError};
use tokio::task::JoinSet;

use crate::load::{Load, is_as_was_said, traders};
use crate::scene::{OnServer, PATIENCE, blocking, node, trial, until};

/// Far below any time-out of a statement: who is told by then was told at once.
const AT_ONCE: Duration = Duration::from_millis(1500);

async fn serves_again(trial: &Trial, trader: &Trader) -> Duration {
    let began = Instant::now();
    until("writes and reads are served again", PATIENCE, async || {
        let accepted = trial.store.accept_signal(trial.draft(trader, "EURUSD"), patient()).await;
        (accepted.is_ok() && trial.store.head(trader.id).await.is_ok()).then_some(())
    })
    .await;
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_under_load_loses_nothing_and_is_used_again_when_it_is_back() {
    let server = Arc::new(blocking(Postgres::start).await);
    let database = Arc::new(server.database());
    let trial = Arc::new(trial(database.url(), node(1)).await);
    let traders = traders(&trial, 8).await;
    let mut sent = Vec::new();
    for _ in 0..2 {
        let load = Load::on(&trial, &traders);
        until("there is load", PATIENCE, async || {
            (trial.store.head(traders[0].id).await.ok()?.0 > 20).then_some(())
        })
        .await;
        let killed = Arc::clone(&server);
        blocking(move || killed.kill_immediate()).await;
        let began = Instant::now();
        let refused = trial.store.accept_signal(trial.draft(&traders[0], "EURUSD"), patient()).await;
        let took = began.elapsed();
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        assert!(took < AT_ONCE, "refused after {took:?}");
        let read = trial.store.head(traders[0].id).await;
        assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
        let restarted = Arc::clone(&server);
        blocking(move || restarted.restart()).await;
        let back = serves_again(&trial, &traders[0]).await;
        eprintln!("refused after {took:?}; served again {back:?} after the server was back");
        assert!(back < Duration::from_secs(3), "{back:?}");
        sent.extend(load.end().await);
    }
    let acknowledged = sent.iter().filter(|(_, answer, _)| answer.is_ok()).count();
    assert!(acknowledged > 100 && acknowledged < sent.len(), "{acknowledged} of {}", sent.len());
    let waits: Vec<_> = sent.iter().filter(|(_, answer, _)| answer.is_err()).map(|(.., took)| took).collect();
    let worst = waits.iter().max().unwrap();
    eprintln!("{acknowledged} acknowledged, {} refused, the slowest after {worst:?}", waits.len());
    is_as_was_said(&trial.store, &traders, &sent).await;
}

/// In the middle of a group, at its end, or with nothing to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_is_ended_is_noticed_by_no_caller() {
    let server = OnServer::fresh(false);
    let trial = Arc::new(trial(server.database.url(), node(1)).await);
    let traders = traders(&trial, 8).await;
    let load = Load::on(&trial, &traders);
    for sessions in 0..10 {
        let ended = until("a session is ended", PATIENCE, async || {
            let one = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                       WHERE datname = current_database() \
                       AND (state = 'idle in transaction' OR query = 'COMMIT') LIMIT 1";
            (server.database.psql(one) == "t").then_some(())
        });
        ended.await;
        let head = trial.store.head(traders[0].id).await;
        assert!(head.is_ok(), "after {sessions}: {head:?}");
    }
    let sent = load.end().await;
    let refused: Vec<_> = sent.iter().filter(|(_, answer, _)| answer.is_err()).collect();
    assert!(refused.is_empty(), "of {}: {refused:?}", sent.len());
    is_as_was_said(&trial.store, &traders, &sent).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_store_whose_connections_were_all_ended_serves_the_next_call() {
    let server = OnServer::fresh(false);
    let trial = trial(server.database.url(), node(1)).await;
    let trader = trial.register("ann").await;
    // So that the readers have connections too.
    sixteen_heads(&trial, &trader).await;
    server.database.psql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
    trial.store.head(trader.id).await.unwrap();
    let accepted = trial.store.accept_signal(trial.draft(&trader, "EURUSD"), patient()).await;
    assert!(accepted.is_ok(), "{accepted:?}");
    sixteen_heads(&trial, &trader).await;
}

async fn sixteen_heads(trial: &Trial, trader: &Trader) {
    let mut heads = JoinSet::new();
    for _ in 0..16 {
        let (store, user_id) = (Arc::clone(&trial.store), trader.id);
        heads.spawn(async move { store.head(user_id).await.unwrap() });
    }
    heads.join_all().await;
}

async fn through_a_proxy() -> (OnServer, Proxy, Arc<Trial>, Vec<Trader>) {
    let server = OnServer::fresh(false);
    let (proxy, url) = server.proxy();
    let trial = Arc::new(trial(&url, node(1)).await);
    let traders = traders(&trial, 8).await;
    (server, proxy, trial, traders)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_network_that_stands_still_nobody_waits_beyond_the_deadline() {
    let (_server, proxy, trial, traders) = through_a_proxy().await;
    let load = Load::on(&trial, &traders);
    serves_again(&trial, &traders[0]).await;
    proxy.freeze();
    let began = Instant::now();
    let deadline = tokio::time::Instant::now() + Duration::from_millis(500);
    let written =
        trial.store.accept_signal(trial.draft(&traders[0], "EURUSD"), Patience::until(deadline)).await;
    let told = matches!(written, Err(StoreError::Unavailable(_) | StoreError::OutcomeUnknown));
    assert!(told && began.elapsed() < AT_ONCE, "{written:?} after {:?}", began.elapsed());
    let began = Instant::now();
    let read = trial.store.head(traders[0].id).await;
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert!(matches!(trial.store.probe().await, Err(StoreError::Unavailable(_))));
    proxy.thaw();
    let back = serves_again(&trial, &traders[0]).await;
    eprintln!("served again {back:?} after the network went on");
    let sent = load.end().await;
    is_as_was_said(&trial.store, &traders, &sent).await;
}

/// A way that lets nobody through, and then does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_refuses_connections_is_used_again_when_it_takes_them() {
    let (_server, proxy, trial, traders) = through_a_proxy().await;
    let load = Load::on(&trial, &traders);
    serves_again(&trial, &traders[0]).await;
    proxy.refuse();
    let began = Instant::now();
    until("a write is refused", PATIENCE, async || {
        trial.store.accept_signal(trial.draft(&traders[0], "EURUSD"), patient()).await.err()
    })
    .await;
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    proxy.accept();
    let back = serves_again(&trial, &traders[0]).await;
    assert!(back < Duration::from_secs(3), "{back:?}");
    let sent = load.end().await;
    is_as_was_said(&trial.store, &traders, &sent).await;
}

/// Ends the server before its databases are dropped: a server that wants a standby would not drop one.
struct Ended<'s>(&'s Postgres);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.kill_immediate();
    }
}

/// A COMMIT that waits for a standby which is not there is not acknowledged, however long that takes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_standby_has_is_not_acknowledged() {
    let server = blocking(Postgres::start).await;
    let database = server.database();
    let trial = trial(database.url(), node(1)).await;
    let trader = trial.register("ann").await;
    let _ended = Ended(&server);
    database.psql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    database.psql("SELECT pg_reload_conf()");
    until("the server wants a standby", PATIENCE, async || {
        (database.psql("SHOW synchronous_standby_names") == "nobody").then_some(())
    })
    .await;
    // Longer than the server lets a statement take, and than a lane waits for it.
    let deadline = tokio::time::Instant::now() + Duration::from_secs(7);
    let accepted = trial.store.accept_signal(trial.draft(&trader, "EURUSD"), Patience::until(deadline)).await;
    assert_eq!(accepted, Err(StoreError::OutcomeUnknown));
}
