//! The loop against a store in memory and brokers with bad manners, on a clock that is only waited for in name.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use hookfill_domain::ids::{Seq, UserId};
use hookfill_domain::lifecycle::{Change, OrderEvent, OrderState};
use hookfill_domain::order::Order;
use hookfill_store::Fence;

use super::super::*;
use crate::broker::Answer;
use crate::shutdown;
use crate::specimen::order;

/// Tells the runtime's time, which a paused runtime moves on when all wait.
pub(super) struct RuntimeClock(Instant);

impl Clock for RuntimeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_000_000_000_000).plus(self.0.elapsed())
    }
}

/// A store in memory.
pub(super) struct Memory {
    orders: Mutex<BTreeMap<OrderKey, Order>>,
    alarm: Arc<Alarm>,
    looks: AtomicUsize,
    pub(super) out_of_order: AtomicBool,
    /// The right to work an order is over as soon as it was decided to send it.
    pub(super) lease_ends_early: AtomicBool,
    /// Recording anything for this order panics.
    cursed: Option<Seq>,
}

impl Memory {
    fn orders(&self) -> MutexGuard<'_, BTreeMap<OrderKey, Order>> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn order(&self, seq: i64) -> Order {
        self.orders()[&(UserId(1), Seq(seq))].clone()
    }

    fn is_ours(&self, order: &Order) -> bool {
        !self.lease_ends_early.load(Ordering::Relaxed) || order.state() != OrderState::Submitting
    }

    pub(super) fn apply(&self, seq: i64, at: Timestamp, change: Change) {
        let mut orders = self.orders();
        let stored = orders.get_mut(&(UserId(1), Seq(seq))).unwrap();
        *stored = stored.clone().apply(&OrderEvent { at, change }).unwrap();
        self.alarm.ring(stored.due_at.unwrap_or(at));
    }
}

#[async_trait]
impl Work for Memory {
    async fn due(
        &self,
        now: Timestamp,
        limit: usize,
        busy: &HashSet<OrderKey>,
    ) -> Result<Vec<Leased>, StoreError> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        if self.out_of_order.load(Ordering::Relaxed) {
            return Err(StoreError::Unavailable("out of order".to_owned()));
        }
        let is_due = |order: &&Order| {
            let is_free = !busy.contains(&(order.user_id, order.seq));
            order.due_at.is_some_and(|at| at <= now) && is_free && self.is_ours(order)
        };
        let mut due: Vec<Order> = self.orders().values().filter(is_due).cloned().collect();
        due.sort_by_key(|order| order.due_at);
        due.truncate(limit);
        Ok(due.into_iter().map(|order| Leased { order, fence: Fence(0) }).collect())
    }

    async fn next_due(&self, after: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.orders().values().filter_map(|order| order.due_at).filter(|at| *at > after).min())
    }

    async fn record(&self, leased: &Leased, events: Vec<OrderEvent>) -> Result<Order, StoreError> {
        let key = (leased.order.user_id, leased.order.seq);
        assert!(self.cursed != Some(key.1), "a curse");
        let mut orders = self.orders();
        let after = events.iter().try_fold(orders[&key].clone(), |order, event| order.apply(event))?;
        if let Some(due_at) = after.due_at {
            self.alarm.ring(due_at);
        }
        orders.insert(key, after.clone());
        Ok(after)
    }

    async fn postpone(&self, leased: &Leased, until: Timestamp) -> Result<(), StoreError> {
        let mut orders = self.orders();
        let stored = orders.get_mut(&(leased.order.user_id, leased.order.seq)).unwrap();
        if stored.due_at == leased.order.due_at && stored.state() == leased.order.state() {
            stored.due_at = Some(until);
        }
        self.alarm.ring(until);
        Ok(())
    }

    fn holds(&self, leased: &Leased) -> bool {
        self.is_ours(&leased.order)
    }

    async fn retire(&self) {}

    async fn probe(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

pub(super) type Answering = Pin<Box<dyn Future<Output = Answer> + Send>>;
type Manners = dyn Fn(&'static str, &Order, Timestamp) -> Answering + Send + Sync;

/// A broker with the manners of a test, which notes its calls.
pub(super) struct Rude {
    manners: Box<Manners>,
    calls: Mutex<Vec<(&'static str, i64)>>,
}

impl Rude {
    async fn called(&self, call: &'static str, order: &Order, now: Timestamp) -> Answer {
        self.calls.lock().unwrap().push((call, order.seq.0));
        (self.manners)(call, order, now).await
    }

    pub(super) fn calls_about(&self, seq: i64) -> Vec<&'static str> {
        self.calls.lock().unwrap().iter().filter(|(_, about)| *about == seq).map(|(call, _)| *call).collect()
    }
}

#[async_trait]
impl Broker for Rude {
    fn fix(&self) -> String {
        "fixed".to_owned()
    }
    async fn submit(&self, order: &Order, now: Timestamp) -> Answer {
        self.called("submit", order, now).await
    }
    async fn query(&self, order: &Order, now: Timestamp) -> Answer {
        self.called("query", order, now).await
    }
    async fn cancel(&self, order: &Order, now: Timestamp) -> Answer {
        self.called("cancel", order, now).await
    }
    async fn close(&self, order: &Order, now: Timestamp) -> Answer {
        self.called("close", order, now).await
    }
}

/// An engine at work.
pub(super) struct Scene {
    pub(super) store: Arc<Memory>,
    pub(super) broker: Arc<Rude>,
    pub(super) clock: Arc<RuntimeClock>,
    stop: shutdown::Stopper,
    running: tokio::task::JoinHandle<()>,
}

impl Scene {
    pub(super) fn begin(
        orders: i64,
        manners: impl Fn(&'static str, &Order, Timestamp) -> Answering + Send + Sync + 'static,
    ) -> Self {
        Self::begin_cursed(orders, None, manners)
    }

    pub(super) fn begin_cursed(
        orders: i64,
        cursed: Option<i64>,
        manners: impl Fn(&'static str, &Order, Timestamp) -> Answering + Send + Sync + 'static,
    ) -> Self {
        let (clock, alarm) = (Arc::new(RuntimeClock(Instant::now())), Arc::new(Alarm::default()));
        let made = (1..=orders).map(|seq| ((UserId(1), Seq(seq)), order(seq, clock.now()))).collect();
        let store = Arc::new(Memory {
            orders: Mutex::new(made),
            alarm: Arc::clone(&alarm),
            looks: AtomicUsize::new(0),
            out_of_order: AtomicBool::new(false),
            lease_ends_early: AtomicBool::new(false),
            cursed: cursed.map(Seq),
        });
        let broker = Arc::new(Rude { manners: Box::new(manners), calls: Mutex::default() });
        let (stop, stopping) = shutdown::order();
        let engine = Engine {
            store: Arc::clone(&store) as Arc<dyn Work>,
            broker: Arc::clone(&broker) as Arc<dyn Broker>,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            alarm,
            metrics: Arc::default(),
        };
        let running = tokio::spawn(Arc::new(engine).run(stopping));
        Self { store, broker, clock, stop, running }
    }

    pub(super) fn looks(&self) -> usize {
        self.store.looks.load(Ordering::Relaxed)
    }

    pub(super) fn in_state(&self, state: OrderState) -> usize {
        self.store.orders().values().filter(|order| order.state() == state).count()
    }

    pub(super) async fn stop(self) {
        self.stop.stop();
        self.running.await.unwrap();
    }
}

pub(super) async fn pass(seconds: f64) {
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
}

pub(super) fn said(answer: Answer) -> Answering {
    Box::pin(std::future::ready(answer))
}

pub(super) fn working(check_again_at: Timestamp) -> Answer {
    Answer::Working { broker_order_id: "B".to_owned(), check_again_at }
}

pub(super) fn closed(now: Timestamp) -> Answer {
    Answer::Closed { broker_order_id: "B".to_owned(), executed_at: now, closed_at: now, reason: None }
}

pub(super) fn hangs() -> Answering {
    Box::pin(std::future::pending())
}

pub(super) fn in_an_hour(now: Timestamp) -> Timestamp {
    now.plus(Duration::from_secs(3600))
}
