//! What the server refuses for the sake of others: tried again where that can help, and told to its caller alone
//! where it cannot.

use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use hookfill_store::contract::{Trader, Trial, at, patient};
use hookfill_store::{Accepted, AccountChange, Linked, NewAccount, Partition, Patience, StoreError};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_postgres::Client;

use crate::scene::{OnServer, PATIENCE, intact, node, raw, trial, until};

/// An insertion of an order fails so often with that error, or always for one instrument.
fn failing(condition: &str, code: &str) -> String {
    format!(
        "CREATE SEQUENCE IF NOT EXISTS insertions;
         CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
             IF {condition} THEN RAISE EXCEPTION 'as the test wants' USING ERRCODE = '{code}'; END IF;
             RETURN NEW;
         END$$;
         CREATE TRIGGER fail BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION fail();"
    )
}

async fn on_server() -> (OnServer, Trial) {
    let server = OnServer::fresh(false);
    let trial = trial(server.database.url(), node(1)).await;
    (server, trial)
}

/// Users whose writes go through the same lane.
async fn lane_mates(trial: &Trial, count: usize) -> Vec<Trader> {
    let (mut mates, mut number) = (Vec::new(), 0);
    while mates.len() < count {
        let trader = trial.register(&format!("trader {number}")).await;
        number += 1;
        if Partition::of(trader.id).index().is_multiple_of(4) {
            mates.push(trader);
        }
    }
    mates
}

fn accept(trial: &Trial, trader: &Trader, instrument: &str) -> JoinHandle<Result<Accepted, StoreError>> {
    let (store, draft) = (Arc::clone(&trial.store), trial.draft(trader, instrument));
    tokio::spawn(async move { store.accept_signal(draft, patient()).await })
}

/// The same, but the write already waits in the lane when this returns.
fn queued(trial: &Trial, trader: &Trader, instrument: &str) -> JoinHandle<Result<Accepted, StoreError>> {
    let (store, draft) = (Arc::clone(&trial.store), trial.draft(trader, instrument));
    let mut accept = Box::pin(async move { store.accept_signal(draft, patient()).await });
    let first = accept.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(first.is_pending());
    tokio::spawn(accept)
}

async fn holding_heads(server: &OnServer, traders: &[&Trader]) -> Client {
    let client = raw(server.database.url()).await;
    client.batch_execute("BEGIN").await.unwrap();
    for trader in traders {
        lock_head(&client, trader).await;
    }
    client
}

async fn lock_head(client: &Client, trader: &Trader) {
    client.execute("SELECT FROM heads WHERE user_id = $1 FOR UPDATE", &[&trader.id.0]).await.unwrap();
}

/// So many sessions of the store wait for a lock.
async fn waiting(server: &OnServer, sessions: &str) {
    until("the lane waits for a lock", PATIENCE, async || {
        let count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                     AND application_name = 'hookfill' AND wait_event_type = 'Lock'";
        (server.database.psql(count) == sessions).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_met_others_is_run_again_and_stored_once() {
    for code in ["40001", "40P01"] {
        let (server, trial) = on_server().await;
        let ann = trial.register("ann").await;
        server.database.psql(&failing("nextval('insertions') <= 3", code));
        assert!(accept(&trial, &ann, "EURUSD").await.unwrap().is_ok(), "{code}");
        assert_eq!(server.database.psql("SELECT nextval('insertions')"), "5", "three failures and a success");
        assert_eq!(trial.seen(ann.id).await.orders.len(), 1);
        assert_eq!(intact(&*trial.store).await, 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_always_fails_fails_alone() {
    // Serialization, an error of the function's own, a row too long for its index, a lock.
    for code in ["40001", "P0001", "54000", "55P03"] {
        let (server, trial) = on_server().await;
        let mates = lane_mates(&trial, 3).await;
        server.database.psql(&failing("NEW.instrument = 'GBPUSD'", code));
        let holding = holding_heads(&server, &[&mates[2]]).await;
        // The lane is busy with this one, so that the others become one group.
        let mut others = vec![accept(&trial, &mates[2], "EURUSD")];
        waiting(&server, "1").await;
        others.push(accept(&trial, &mates[0], "EURUSD"));
        let poisoned = accept(&trial, &mates[1], "GBPUSD");
        others.push(accept(&trial, &mates[0], "USDJPY"));
        others.push(accept(&trial, &mates[2], "USDJPY"));
        holding.batch_execute("COMMIT").await.unwrap();
        let refused = poisoned.await.unwrap();
        let expected = matches!(refused, Err(StoreError::Unavailable(_) | StoreError::Corrupt(_)));
        assert!(expected, "{code}: {refused:?}");
        for accepted in others {
            let accepted = accepted.await.unwrap();
            assert!(matches!(accepted, Ok(Accepted::Created(_))), "{code}: {accepted:?}");
        }
        assert_eq!(trial.seen(mates[1].id).await.orders, []);
        intact(&*trial.store).await;
    }
}

/// Waits on the server until another session waits for a lock of this one, then locks a head. It runs on the server to
/// lose no time: the store must run into the deadlock before its lock timeout of 1.5 s.
async fn lock_once_waited_for(client: &Client, trader: &Trader) {
    let lock = format!(
        "DO $$BEGIN
             FOR look IN 1..12000 LOOP
                 EXIT WHEN EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)));
                 PERFORM pg_sleep(0.005);
             END LOOP;
             PERFORM FROM heads WHERE user_id = {} FOR UPDATE;
         END$$",
        trader.id
    );
    client.batch_execute(&lock).await.unwrap();
}

/// The store waits for the second head with the first one locked, and somebody else the other way round.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadlock_with_somebody_else_is_survived() {
    let (server, trial) = on_server().await;
    let mates = lane_mates(&trial, 3).await;
    let busy = holding_heads(&server, &[&mates[2]]).await;
    let adversary = holding_heads(&server, &[&mates[1]]).await;
    // PostgreSQL must cancel the store's transaction, not this one.
    adversary.batch_execute("SET deadlock_timeout = '1h'").await.unwrap();
    let mut accepts = vec![accept(&trial, &mates[2], "EURUSD")];
    waiting(&server, "1").await;
    // Both wait in the lane before it continues, so that they become one group.
    accepts.extend([queued(&trial, &mates[0], "EURUSD"), queued(&trial, &mates[1], "EURUSD")]);
    busy.batch_execute("COMMIT").await.unwrap();
    lock_once_waited_for(&adversary, &mates[0]).await;
    adversary.batch_execute("COMMIT").await.unwrap();
    for accepted in accepts {
        assert!(accepted.await.unwrap().is_ok());
    }
    let deadlocks = "SELECT pg_stat_force_next_flush(), deadlocks FROM pg_stat_database \
                     WHERE datname = current_database()";
    until("the deadlock is counted", PATIENCE, async || {
        (server.database.psql(deadlocks) == "|1").then_some(())
    })
    .await;
    intact(&*trial.store).await;
}

/// A group waits for a head that another session has locked. Another user's write in it reaches its deadline meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_in_a_group_that_waits_for_a_lock_can_still_be_withdrawn() {
    let (server, trial) = on_server().await;
    let mates = lane_mates(&trial, 3).await;
    let busy = holding_heads(&server, &[&mates[2]]).await;
    let holding = holding_heads(&server, &[&mates[0]]).await;
    let first = accept(&trial, &mates[2], "EURUSD");
    waiting(&server, "1").await;
    let kept = queued(&trial, &mates[0], "EURUSD");
    let (store, draft) = (Arc::clone(&trial.store), trial.draft(&mates[1], "EURUSD"));
    let soon = Patience::until(Instant::now() + Duration::from_millis(500));
    let mut withdrawn = Box::pin(async move { store.accept_signal(draft, soon).await });
    assert!(withdrawn.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    busy.batch_execute("COMMIT").await.unwrap();
    let withdrawn = withdrawn.await;
    assert!(matches!(withdrawn, Err(StoreError::Unavailable(_))), "{withdrawn:?}");
    holding.batch_execute("COMMIT").await.unwrap();
    assert!(first.await.unwrap().is_ok());
    let kept = kept.await.unwrap();
    assert!(matches!(kept, Ok(_) | Err(StoreError::Unavailable(_))), "{kept:?}");
    assert!(accept(&trial, &mates[1], "USDJPY").await.unwrap().is_ok());
    let orders = trial.seen(mates[1].id).await.orders;
    assert_eq!(orders.len(), 1, "what was withdrawn is not stored");
    intact(&*trial.store).await;
}

/// However many writes of that user wait: each by itself would hold the lane up again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_somebody_keeps_holds_up_its_own_user_and_no_other_for_long() {
    let (server, trial) = on_server().await;
    let mates = lane_mates(&trial, 2).await;
    let holding = holding_heads(&server, &[&mates[0]]).await;
    let kept: Vec<_> = (0..50).map(|_| accept(&trial, &mates[0], "EURUSD")).collect();
    waiting(&server, "1").await;
    let began = std::time::Instant::now();
    let other = accept(&trial, &mates[1], "EURUSD").await.unwrap();
    assert!(matches!(other, Ok(Accepted::Created(_))), "{other:?}");
    // A few waits of a second and a half, not fifty.
    assert!(began.elapsed().as_secs() < 15, "{:?}", began.elapsed());
    for refused in kept {
        let refused = refused.await.unwrap();
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    }
    holding.batch_execute("COMMIT").await.unwrap();
    assert_eq!(trial.seen(mates[0].id).await.orders, [], "what is unavailable is not stored");
    assert!(accept(&trial, &mates[0], "EURUSD").await.unwrap().is_ok());
}

/// A group's rows are written only after all of its jobs have run, in an order in which no account is active twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_deleted_and_linked_again_in_one_group() {
    let (server, trial) = on_server().await;
    let ann = trial.register("ann").await;
    let twin = || {
        let (broker_name, account_id) = (ann.account.broker_name.clone(), ann.account.account_id.clone());
        NewAccount { broker_name, account_id, ..trial.fresh_account() }
    };
    let (second, third) = (twin(), twin());
    let ids = [ann.account.id, second.id, third.id];
    let holding = holding_heads(&server, &[&ann]).await;
    // This write keeps the lane busy, so that the others become one group.
    let busy = accept(&trial, &ann, "EURUSD");
    waiting(&server, "1").await;
    let delete = |id| trial.store.change_account(ann.id, id, AccountChange::Deactivate, at(5));
    let (first, linked, second, again, released) = tokio::join!(
        delete(ids[0]),
        trial.store.link_account(ann.id, second, at(6)),
        delete(ids[1]),
        trial.store.link_account(ann.id, third, at(7)),
        holding.batch_execute("COMMIT"),
    );
    released.unwrap();
    assert!(busy.await.unwrap().is_ok());
    assert!(!first.unwrap().unwrap().is_active && !second.unwrap().unwrap().is_active);
    for (linked, id) in [(linked, ids[1]), (again, ids[2])] {
        let Linked::Created(account) = linked.unwrap() else { panic!("{id} was not linked") };
        assert_eq!(account.id, id);
    }
    let listed = trial.seen(ann.id).await.accounts;
    assert_eq!(listed.iter().map(|account| account.id).collect::<Vec<_>>(), ids);
    assert_eq!(listed.iter().map(|account| account.is_active).collect::<Vec<_>>(), [false, false, true]);
    let transactions = "SELECT count(DISTINCT xmin::text) FROM broker_accounts";
    assert_eq!(server.database.psql(transactions), "1", "the group was not split");
    intact(&*trial.store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_somebody_keeps_is_unavailable_to_writes_and_reads() {
    let (server, trial) = on_server().await;
    let ann = trial.register("ann").await;
    let order = trial.accept(&ann, "EURUSD").await;
    let holding = raw(server.database.url()).await;
    holding.batch_execute("BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let (written, read) = (accept(&trial, &ann, "EURUSD"), trial.store.order(ann.id, order.id).await);
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    let written = written.await.unwrap();
    assert!(matches!(written, Err(StoreError::Unavailable(_))), "{written:?}");
    holding.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(trial.store.order(ann.id, order.id).await.unwrap(), Some(order));
    assert!(accept(&trial, &ann, "EURUSD").await.unwrap().is_ok());
    assert_eq!(trial.seen(ann.id).await.orders.len(), 2);
}
