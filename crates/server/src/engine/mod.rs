//! The engine: takes orders that are due, decides purely what to do, does it, records what came of it.
//!
//! It never acts on a request directly: a handler stores what is wanted, and the engine finds it in the store.
//! What wakes it is a hint; without one it looks once a second.

mod evidence;
mod perform;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use hookfill_domain::time::Timestamp;
use hookfill_store::{Leased, OrderKey, StoreError, Work};
use tokio::sync::Notify;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use crate::broker::Broker;
use crate::clock::Clock;
use crate::shutdown::Stop;
use crate::telemetry::Metrics;

pub use perform::CALL_LIMIT;

/// How long it may finish what is in hand once it is told to stop. What is not is in doubt, and asked about later.
const DRAIN: Duration = Duration::from_secs(1);
/// Orders that are worked at the same time.
const IN_FLIGHT: usize = 512;
/// How long it sleeps at most: the store is the truth, whatever hints were lost.
const POLL: Duration = Duration::from_secs(1);
/// How long it waits after the store has failed it.
const PAUSE: Duration = Duration::from_millis(250);
/// Free places with which it looks at once even if more is due than it can take up.
const ROOM: usize = IN_FLIGHT / 4;
/// With so many in flight it looks no more often than every [`PACE`].
const MANY: usize = 32;
/// The shortest time between two looks under load.
const PACE: Duration = Duration::from_millis(2);
/// How long it rests otherwise: each look reads as many orders as are in flight.
const REST: Duration = Duration::from_millis(20);

/// Wakes the engine before its time.
#[derive(Default)]
pub struct Alarm {
    rung: Notify,
    /// When the engine means to look again, in microseconds; rings for what is due later are not needed.
    planned: AtomicI64,
}

impl Alarm {
    /// An order is due at that time.
    pub fn ring(&self, due_at: Timestamp) {
        if due_at.as_micros() < self.planned.load(Ordering::Acquire) {
            self.rung.notify_one();
        }
    }
}

/// What the engine works with.
pub struct Engine {
    /// Where orders are.
    pub store: Arc<dyn Work>,
    /// Where they are worked.
    pub broker: Arc<dyn Broker>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// What wakes it.
    pub alarm: Arc<Alarm>,
    /// What it counts.
    pub metrics: Arc<Metrics>,
}

/// What came of working an order.
type Worked = Result<(Id, Result<(), StoreError>), JoinError>;

/// What the loop remembers between two looks.
struct Round {
    tasks: JoinSet<Result<(), StoreError>>,
    in_flight: HashSet<OrderKey>,
    /// Which task works which order: one that ends in a panic takes nothing but its own order with it.
    keys: HashMap<Id, OrderKey>,
    /// No look before then.
    rest_until: Instant,
    /// Whether the rest is over as soon as there is room.
    only_crowded: bool,
}

impl Engine {
    /// Works orders until told to stop, then finishes what is in hand.
    pub async fn run(self: Arc<Self>, mut stop: Stop) {
        let mut round = Round::begin();
        while !stop.is_ordered() {
            // Registered before the store is asked: what is committed meanwhile rings.
            let rung = self.alarm.rung.notified();
            self.alarm.planned.store(i64::MAX, Ordering::Release);
            let sleep = self.look(&mut round).await;
            tokio::select! {
                () = rung => {}
                () = tokio::time::sleep(sleep) => {}
                Some(done) = round.tasks.join_next_with_id() => round.note(done),
                () = stop.ordered() => {}
            }
            while let Some(done) = round.tasks.try_join_next_with_id() {
                round.note(done);
            }
            self.show(&round);
        }
        let finish = async {
            while let Some(done) = round.tasks.join_next_with_id().await {
                round.note(done);
            }
        };
        let _ = tokio::time::timeout(DRAIN, finish).await;
        // When this returns nobody works with the store any more.
        round.tasks.shutdown().await;
        self.show(&round);
    }

    fn show(&self, round: &Round) {
        self.metrics.engine_in_flight.set(i64::try_from(round.in_flight.len()).unwrap_or(i64::MAX));
    }

    /// Takes up what is due and says how long there is to sleep.
    async fn look(self: &Arc<Self>, round: &mut Round) -> Duration {
        let room = IN_FLIGHT.saturating_sub(round.in_flight.len());
        if room == 0 {
            return POLL;
        }
        if let Some(rest) = round.rest(room) {
            return rest;
        }
        let now = self.clock.now();
        let due = match self.store.due(now, room, &round.in_flight).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(%error, "the engine cannot see what is due");
                round.pause();
                return PAUSE;
            }
        };
        let full = due.len() == room;
        for leased in due {
            round.in_flight.insert((leased.order.user_id, leased.order.seq));
            self.take_up(leased, now, round);
        }
        round.pace();
        self.show(round);
        if full {
            round.crowded();
            POLL
        } else {
            self.until_next(now).await
        }
    }

    fn take_up(self: &Arc<Self>, leased: Leased, now: Timestamp, round: &mut Round) {
        if let Some(due_at) = leased.order.due_at {
            self.metrics.engine_lag_seconds.observe(now.since(due_at).as_secs_f64());
        }
        let engine = Arc::clone(self);
        let key = (leased.order.user_id, leased.order.seq);
        let task = round.tasks.spawn(async move { engine.work(leased).await });
        round.keys.insert(task.id(), key);
    }

    /// How long until the next order is due that is not due already.
    async fn until_next(&self, now: Timestamp) -> Duration {
        let wait = match self.store.next_due(now).await {
            Ok(Some(next)) => next.since(self.clock.now()).min(POLL),
            Ok(None) => POLL,
            Err(_) => PAUSE,
        };
        self.alarm.planned.store(now.plus(wait).as_micros(), Ordering::Release);
        wait
    }
}

impl Round {
    fn begin() -> Self {
        Self {
            tasks: JoinSet::new(),
            in_flight: HashSet::new(),
            keys: HashMap::new(),
            rest_until: Instant::now(),
            only_crowded: false,
        }
    }

    /// How long there is to rest before the next look, if at all.
    fn rest(&self, room: usize) -> Option<Duration> {
        let rest = self.rest_until.saturating_duration_since(Instant::now());
        let is_over = rest.is_zero() || (self.only_crowded && room >= ROOM);
        (!is_over).then_some(rest)
    }

    /// The store has failed us.
    fn pause(&mut self) {
        self.rest_until = Instant::now() + PAUSE;
        self.only_crowded = false;
    }

    /// Many are in flight: what comes meanwhile is taken up together, for its results to be stored together.
    fn pace(&mut self) {
        if self.in_flight.len() >= MANY {
            self.rest_until = Instant::now() + PACE;
            self.only_crowded = false;
        }
    }

    /// More is due than there is room for.
    fn crowded(&mut self) {
        self.rest_until = Instant::now() + REST;
        self.only_crowded = true;
    }

    fn note(&mut self, done: Worked) {
        let (id, outcome) = match done {
            Ok((id, outcome)) => (id, outcome.map_err(|error| error.to_string())),
            Err(error) => (error.id(), Err(error.to_string())),
        };
        let Some(key) = self.keys.remove(&id) else { return };
        self.in_flight.remove(&key);
        if let Err(error) = outcome {
            tracing::warn!(error, user = %key.0, seq = %key.1, "an order could not be worked; it stays due");
            self.pause();
        }
    }
}

#[cfg(test)]
mod tests;
