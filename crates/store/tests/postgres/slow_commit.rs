//! A commit that is still under way while it is looked for: what is found then must be what becomes of it.

use std::sync::Arc;

use hookfill_domain::ids::UserId;
use hookfill_rig::Proxy;
use hookfill_store::contract::{Trader, Trial, patient};
use hookfill_store::{Accepted, Partition, Registered};
use tokio::task::JoinSet;

use crate::scene::{OnServer, PATIENCE, intact, node, trial, until};

/// Each commit that has written an entry takes 1.4 s, on the server, with all its locks.
const SLOWLY: &str = "
    CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN
            IF current_setting('test.dawdled', true) IS DISTINCT FROM txid_current()::text THEN
                PERFORM set_config('test.dawdled', txid_current()::text, true), pg_sleep(1.4);
            END IF;
            RETURN NULL;
        END$$;
    CREATE CONSTRAINT TRIGGER dawdle AFTER INSERT ON journal DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION dawdle();";

async fn on_a_slow_server() -> (OnServer, Proxy, Trial) {
    let server = OnServer::fresh(false);
    let (proxy, url) = server.proxy();
    let trial = trial(&url, node(1)).await;
    (server, proxy, trial)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_accept_whose_commit_is_still_under_way_is_waited_for_and_stored_once() {
    let (server, proxy, trial) = on_a_slow_server().await;
    let trader = trial.register("ann").await;
    server.database.psql(SLOWLY);
    let lost = proxy.cut_after("COMMIT\0", 1);
    let accepted = trial.store.accept_signal(trial.draft(&trader, "EURUSD"), patient()).await;
    assert_eq!(lost.fired(), 1);
    let Ok(Accepted::Created(seq)) = accepted else { panic!("{accepted:?}") };
    let seen = trial.seen(trader.id).await;
    assert_eq!(seen.orders.iter().map(|order| order.seq).collect::<Vec<_>>(), [seq]);
    assert_eq!(intact(&*trial.store).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registration_whose_commit_is_still_under_way_is_the_callers() {
    let (server, proxy, trial) = on_a_slow_server().await;
    server.database.psql(SLOWLY);
    let lost = proxy.cut_after("COMMIT\0", 1);
    let registered = trial.store.register(trial.registration("ann")).await;
    assert_eq!(lost.fired(), 1);
    assert!(matches!(registered, Ok(Registered::Created { .. })), "{registered:?}");
    assert_eq!(server.database.psql("SELECT count(*) FROM users"), "1");
}

/// A new user's head is nothing that others could lock: the rest of the group must not be misjudged by it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_in_a_group_with_a_registration_are_judged_alike() {
    let (server, proxy, trial) = on_a_slow_server().await;
    let mut traders = Vec::new();
    for number in 0..12 {
        traders.push(trial.register(&format!("trader {number}")).await);
    }
    // Registrations go through the lane of user 0.
    let lane = |user_id| Partition::of(user_id).index() % 4;
    traders.retain(|trader| lane(trader.id) == lane(UserId(0)));
    assert!(traders.len() > 1);
    server.database.psql(SLOWLY);
    let mut accepts = JoinSet::new();
    let mut accept = |trader: &Trader| {
        let (store, draft) = (Arc::clone(&trial.store), trial.draft(trader, "EURUSD"));
        accepts.spawn(async move { store.accept_signal(draft, patient()).await });
    };
    accept(&traders[0]);
    // While that one takes its time, the others gather for the next group: the registration first.
    until("a commit is under way", PATIENCE, async || {
        let busy = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query = 'COMMIT' \
                    AND wait_event = 'PgSleep'";
        (server.database.psql(busy) == "1").then_some(())
    })
    .await;
    let (store, registration) = (Arc::clone(&trial.store), trial.registration("newcomer"));
    let registered = tokio::spawn(async move { store.register(registration).await });
    tokio::task::yield_now().await;
    traders.iter().for_each(&mut accept);
    let lost = proxy.cut_after("COMMIT\0", 1);
    let registered = registered.await.unwrap();
    assert!(matches!(registered, Ok(Registered::Created { .. })), "{registered:?}");
    for accepted in accepts.join_all().await {
        assert!(matches!(accepted, Ok(Accepted::Created(_))), "{accepted:?}");
    }
    assert_eq!(lost.fired(), 1);
    assert_eq!(server.database.psql("SELECT count(*) FROM orders"), (traders.len() + 1).to_string());
    intact(&*trial.store).await;
}
