//! Random histories against a model of lists and counters: the store agrees with it in everything that can be seen.

use std::collections::BTreeMap;
use std::time::Duration;

use hookfill_domain::audit::{AuditAction, Place};
use hookfill_domain::ids::{OrderId, Seq};
use hookfill_domain::lifecycle::{Change, OrderEvent};
use hookfill_domain::order::{Bracket, Order};
use hookfill_domain::wire::{Status, StreamMessage, message_type};
use hookfill_store::contract::{
    Trader, Trial, accepted, at, closed, executed, happening, keyed, patient, submitting,
};
use hookfill_store::{
    Accepted, ChainState, Fence, Leased, Made, Refusal, Remembered, Request, Requested, StoreError,
};
use proptest::prelude::*;

use crate::on_disk::OnDisk;

/// One thing that is done; numbers pick among what there is.
#[derive(Debug, Clone)]
enum Act {
    Accept { user: usize, gold: bool, key: Option<(u8, u8)> },
    Refuse { user: usize },
    Record { user: usize, pick: usize, changes: Vec<usize> },
    Request { user: usize, pick: usize, close: bool },
    Postpone { user: usize, pick: usize },
    Reopen,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let (user, pick) = (0usize..2, 0usize..8);
    let key = proptest::option::of((0u8..3, 0u8..2));
    let changes = proptest::collection::vec(0usize..15, 1..4);
    let act = prop_oneof![
        4 => (user.clone(), any::<bool>(), key).prop_map(|(user, gold, key)| Act::Accept { user, gold, key }),
        1 => user.clone().prop_map(|user| Act::Refuse { user }),
        12 => (user.clone(), pick.clone(), changes)
            .prop_map(|(user, pick, changes)| Act::Record { user, pick, changes }),
        3 => (user.clone(), pick.clone(), any::<bool>())
            .prop_map(|(user, pick, close)| Act::Request { user, pick, close }),
        1 => (user, pick).prop_map(|(user, pick)| Act::Postpone { user, pick }),
        1 => Just(Act::Reopen),
    ];
    proptest::collection::vec(act, 1..60)
}

/// Every kind of change; the life of an order comes first, so that it is picked often enough.
fn change(kind: usize, second: i64) -> Change {
    let check_again_at = at(second + 5);
    let why = || "why".to_owned();
    match kind {
        0 | 1 => submitting(),
        2 => accepted(second + 5),
        3 | 4 => executed(second),
        5 => closed(second),
        6 => Change::AnswerLost { why: why(), check_again_at },
        7 => Change::NotSubmitted { why: why(), check_again_at },
        8 => Change::PartlyFilled { filled: "0.50".parse().unwrap(), check_again_at },
        9 => Change::Canceled,
        10 => Change::CancelRefused { why: why(), check_again_at },
        11 => Change::CloseRefused { why: why(), check_again_at },
        12 => Change::Rejected { reason: why() },
        13 => Change::Expired { reason: why() },
        _ => Change::Modified { bracket: Bracket { stop_loss: None, take_profits: vec![] } },
    }
}

/// What one user's part of the store must be.
struct Model {
    trader: Trader,
    name: &'static str,
    orders: Vec<Order>,
    keys: BTreeMap<u8, (OrderId, u8)>,
    messages: Vec<String>,
    entries: Vec<(AuditAction, Option<OrderId>, Place)>,
}

impl Model {
    fn append(&mut self, action: AuditAction, about: Option<(&Order, Option<&'static str>)>, second: i64) {
        let last = self.entries.last().map_or(Place::default(), |(_, _, place)| *place);
        let mut place = Place { seq: last.seq, step: last.step + 1 };
        if let Some((order, Some(kind))) = about {
            place = Place { seq: last.seq.next(), step: 0 };
            let message = StreamMessage::about(order, kind, place.seq, at(second), self.name);
            self.messages.push(serde_json::to_string(&message).unwrap());
        }
        self.entries.push((action, about.map(|(order, _)| order.id), place));
    }

    /// The order after the events, or none of them.
    fn apply(&mut self, index: usize, events: &[OrderEvent], second: i64) -> Option<Order> {
        let mut lives = vec![self.orders[index].clone()];
        for event in events {
            lives.push(lives.last()?.clone().apply(event).ok()?);
        }
        for (event, pair) in events.iter().zip(lives.windows(2)) {
            let shown = message_type(Some(&pair[0]), &pair[1]);
            self.append(AuditAction::from(&event.change), Some((&pair[1], shown)), second);
        }
        self.orders[index] = lives.pop()?;
        Some(self.orders[index].clone())
    }

    async fn accept(&mut self, trial: &Trial, gold: bool, key: Option<(u8, u8)>) {
        let mut new = trial.draft(&self.trader, if gold { "XAUUSD" } else { "EURUSD" });
        new.idempotency = key.map(|(key, body)| keyed(key, body));
        let answer = trial.store.accept_signal(new.clone(), patient()).await.unwrap();
        if let Some((key, body)) = key {
            if let Some((order_id, first)) = self.keys.get(&key) {
                let known = Remembered { made: Made::Order(*order_id), same_body: *first == body };
                return assert_eq!(answer, Accepted::Remembered(known));
            }
            self.keys.insert(key, (new.order.id, body));
        }
        let mut order = new.order;
        order.seq = Seq(i64::try_from(self.messages.len()).unwrap() + 1);
        assert_eq!(answer, Accepted::Created(order.seq));
        self.append(AuditAction::OrderCreated, Some((&order, message_type(None, &order))), 10);
        self.orders.push(order);
    }

    async fn record(&mut self, trial: &Trial, index: usize, events: Vec<OrderEvent>, second: i64) {
        let leased = Leased { order: self.orders[index].clone(), fence: Fence(0) };
        let answer = trial.store.record(&leased, events.clone()).await;
        match self.apply(index, &events, second) {
            Some(order) => assert_eq!(answer, Ok(order)),
            None => assert!(matches!(answer, Err(StoreError::Illegal(_))), "{answer:?}"),
        }
    }

    async fn request(&mut self, trial: &Trial, index: usize, close: bool, second: i64) {
        let order = self.orders[index].clone();
        let (asked, needed, change) = match close {
            false => (Request::Cancel, Status::Pending, Change::CancelRequested),
            true => (Request::Close, Status::Executed, Change::CloseRequested),
        };
        let answer = trial.store.request(self.trader.id, order.id, asked, at(second)).await.unwrap();
        let expected = if order.status() != needed {
            Requested::WrongStatus(order)
        } else if order.state().request().is_some() {
            Requested::Stored(order)
        } else {
            let event = OrderEvent { at: at(second), change };
            Requested::Stored(self.apply(index, &[event], second).unwrap())
        };
        assert_eq!(answer, expected);
    }

    async fn postpone(&mut self, trial: &Trial, index: usize, second: i64) {
        let order = &mut self.orders[index];
        if order.due_at.is_some() {
            let leased = Leased { order: order.clone(), fence: Fence(0) };
            trial.store.postpone(&leased, at(second + 100)).await.unwrap();
            order.due_at = Some(at(second).plus(Duration::from_secs(100)));
        }
    }

    async fn agrees(&self, trial: &Trial) {
        let seen = trial.seen(self.trader.id).await;
        assert_eq!(seen.orders.iter().rev().collect::<Vec<_>>(), self.orders.iter().collect::<Vec<_>>());
        let messages: Vec<_> = seen.events.iter().map(|event| event.message.to_string()).collect();
        assert_eq!((messages.len(), &messages), (usize::try_from(seen.head.0).unwrap(), &self.messages));
        let entries = seen.entries.iter().rev().map(|entry| (entry.action, entry.order_id, entry.place));
        assert_eq!(entries.collect::<Vec<_>>(), self.entries);
        for (status, count) in Status::ALL.into_iter().zip(seen.tally.by_status) {
            let expected = self.orders.iter().filter(|order| order.status() == status).count();
            assert_eq!(usize::try_from(count), Ok(expected), "{status}");
        }
        for (instrument, count) in seen.tally.by_instrument {
            let expected = self.orders.iter().filter(|order| order.terms.instrument.as_str() == instrument);
            assert_eq!(usize::try_from(count), Ok(expected.count()), "{instrument}");
        }
        for order in &self.orders {
            let history = trial.history(self.trader.id, order.id).await;
            let places: Vec<_> = history.iter().map(|entry| entry.place).collect();
            let expected = self.entries.iter().filter(|(_, id, _)| *id == Some(order.id));
            assert_eq!(places, expected.map(|(_, _, place)| *place).collect::<Vec<_>>());
        }
    }
}

async fn all_agrees(trial: &Trial, models: &[Model]) {
    for model in models {
        model.agrees(trial).await;
    }
    let entries = models.iter().map(|model| model.entries.len() as u64).sum();
    assert_eq!(trial.store.verify().await.unwrap(), ChainState::Intact { entries });
    let due = models.iter().flat_map(|model| &model.orders).filter_map(|order| order.due_at).min();
    assert_eq!(trial.store.next_due(at(0)).await.unwrap(), due);
}

async fn play(acts: Vec<Act>) {
    let mut trial = Trial::open(OnDisk::fresh()).await;
    let mut models = Vec::new();
    for name in ["ann", "bob"] {
        let trader = trial.register(name).await;
        let first = (AuditAction::AccountCreated, None, Place { seq: Seq(0), step: 1 });
        let (orders, keys, messages) = (Vec::new(), BTreeMap::new(), Vec::new());
        models.push(Model { trader, name, orders, keys, messages, entries: vec![first] });
    }
    for (second, act) in (20..).zip(acts) {
        let picked = |model: &Model, pick: usize| pick % model.orders.len().max(1);
        match act {
            Act::Accept { user, gold, key } => models[user].accept(&trial, gold, key).await,
            Act::Refuse { user } => {
                let refusal =
                    Refusal { user_id: models[user].trader.id, at: at(second), details: b"{}".to_vec() };
                trial.store.refuse_signal(refusal, patient()).await.unwrap();
                models[user].append(AuditAction::SignalRejected, None, second);
            }
            Act::Reopen => {
                trial = trial.reopen().await;
                all_agrees(&trial, &models).await;
            }
            Act::Record { user, .. } | Act::Request { user, .. } | Act::Postpone { user, .. }
                if models[user].orders.is_empty() => {}
            Act::Record { user, pick, changes } => {
                let index = picked(&models[user], pick);
                let changes = changes.into_iter().map(|kind| change(kind, second)).collect();
                models[user].record(&trial, index, happening(second, changes), second).await;
            }
            Act::Request { user, pick, close } => {
                let index = picked(&models[user], pick);
                models[user].request(&trial, index, close, second).await;
            }
            Act::Postpone { user, pick } => {
                let index = picked(&models[user], pick);
                models[user].postpone(&trial, index, second).await;
            }
        }
    }
    all_agrees(&trial, &models).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_history_leaves_what_the_model_says(acts in acts()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(play(acts));
    }
}
