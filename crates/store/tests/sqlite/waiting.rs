//! What happens to writes while another process has the database.

use std::time::Duration;

use hookfill_domain::ids::Seq;
use hookfill_store::contract::{Trader, Trial, patient};
use hookfill_store::{Accepted, Patience, StoreError};
use rusqlite::Connection;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::on_disk::OnDisk;

/// A store with a user, and another process that holds the write lock.
async fn held() -> (Trial, Trader, Connection) {
    let disk = OnDisk::fresh();
    let trial = Trial::open(disk.clone()).await;
    let ann = trial.register("ann").await;
    let other = disk.raw();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    (trial, ann, other)
}

#[tokio::test]
async fn a_lock_that_is_held_too_long_refuses_what_waits_and_stores_none_of_it() {
    let (trial, ann, other) = held().await;
    let mut asking = JoinSet::new();
    for _ in 0..40 {
        let (store, new) = (trial.store.clone(), trial.draft(&ann, "EURUSD"));
        asking.spawn(async move { store.accept_signal(new, patient()).await });
    }
    let began = Instant::now();
    for answer in asking.join_all().await {
        assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    }
    assert!(began.elapsed() < Duration::from_secs(20), "the lock was waited for once for each write");
    assert!(trial.store.probe().await.is_err());
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(trial.accept(&ann, "EURUSD").await.seq, Seq(1));
    assert_eq!(trial.seen(ann.id).await.orders.len(), 1);
}

#[tokio::test]
async fn what_still_waits_at_its_deadline_is_withdrawn_and_never_stored() {
    let (trial, ann, other) = held().await;
    let late = trial.draft(&ann, "EURUSD");
    let soon = Instant::now() + Duration::from_millis(20);
    let patiently = trial.draft(&ann, "EURUSD");
    let id = patiently.order.id;
    let (withdrawn, stored) = tokio::join!(
        async {
            let withdrawn = trial.store.accept_signal(late, Patience::until(soon)).await;
            other.execute_batch("ROLLBACK").unwrap();
            withdrawn
        },
        trial.store.accept_signal(patiently, patient())
    );
    assert!(matches!(withdrawn, Err(StoreError::Unavailable(_))), "{withdrawn:?}");
    assert_eq!(stored, Ok(Accepted::Created(Seq(1))));
    let orders = trial.seen(ann.id).await.orders;
    assert_eq!(orders.iter().map(|order| order.id).collect::<Vec<_>>(), [id]);
}

#[tokio::test]
async fn readers_read_while_another_process_writes() {
    let (trial, ann, other) = held().await;
    other.execute("UPDATE users SET username = 'eve'", []).unwrap();
    let principal = trial.store.principal(ann.key_hash).await.unwrap().unwrap();
    assert_eq!(&*principal.username, "ann");
    other.execute_batch("ROLLBACK").unwrap();
}
