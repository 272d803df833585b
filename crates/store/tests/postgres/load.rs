//! Users who send orders all the time, and whether what they were told is what is stored.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hookfill_domain::ids::OrderId;
use hookfill_store::contract::{Trader, Trial};
use hookfill_store::{Accepted, OrderQuery, Patience, SharedStore, StoreError};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::scene::intact;

/// What became of an order that was sent.
pub(crate) type Sent = (OrderId, Result<Accepted, StoreError>, Duration);

/// Users who send one order after another until they are told to stop.
pub(crate) struct Load {
    stop: watch::Sender<bool>,
    senders: JoinSet<Vec<Sent>>,
}

impl Load {
    pub(crate) fn on(trial: &Arc<Trial>, traders: &[Trader]) -> Self {
        let stop = watch::Sender::new(false);
        let mut senders = JoinSet::new();
        for trader in traders {
            let (trial, trader, stopped) = (Arc::clone(trial), trader.clone(), stop.subscribe());
            senders.spawn(async move {
                let mut sent = Vec::new();
                while !*stopped.borrow() {
                    let (draft, began) = (trial.draft(&trader, "EURUSD"), Instant::now());
                    let id = draft.order.id;
                    let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
                    let answer = trial.store.accept_signal(draft, Patience::until(deadline)).await;
                    if answer.is_err() {
                        tokio::time::sleep(Duration::from_millis(2)).await;
                    }
                    sent.push((id, answer, began.elapsed()));
                }
                sent
            });
        }
        Self { stop, senders }
    }

    pub(crate) async fn end(self) -> Vec<Sent> {
        self.stop.send_replace(true);
        self.senders.join_all().await.concat()
    }
}

pub(crate) async fn traders(trial: &Trial, count: usize) -> Vec<Trader> {
    let mut traders = Vec::new();
    for number in 0..count {
        traders.push(trial.register(&format!("trader {number}")).await);
    }
    traders
}

/// What was acknowledged is there, what was refused is not, and whoever does not know may find either.
pub(crate) async fn is_as_was_said(store: &SharedStore, traders: &[Trader], sent: &[Sent]) {
    let mut stored = HashMap::new();
    for trader in traders {
        let mut before = None;
        loop {
            let query = OrderQuery { limit: 1000, before, ..Default::default() };
            let page = store.orders(trader.id, query).await.unwrap();
            stored.extend(page.items.into_iter().map(|order| (order.id, order.seq)));
            before = page.next;
            if before.is_none() {
                break;
            }
        }
    }
    for (id, answer, _) in sent {
        match answer {
            Ok(Accepted::Created(seq)) => assert_eq!(stored.get(id), Some(seq), "acknowledged and gone"),
            Ok(Accepted::Remembered(known)) => panic!("there was no key: {known:?}"),
            Err(StoreError::Unavailable(why)) => {
                assert!(!stored.contains_key(id), "refused and there: {why}");
            }
            Err(StoreError::OutcomeUnknown) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    intact(&**store).await;
}
