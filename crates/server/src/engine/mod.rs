//! The engine: takes orders that are due, decides purely what to do, does it, records what came of it.
//!
//! It never acts on a request directly: a handler stores what is wanted, and the engine finds it in the store.
//! What wakes it is a hint; without one it looks once a second.

mod evidence;
mod perform;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use hookfill_domain::ids::{Seq, UserId};
use hookfill_domain::time::Timestamp;
use hookfill_store::{Leased, SharedStore, StoreError};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::broker::Broker;
use crate::clock::Clock;
use crate::shutdown::Stop;
use crate::telemetry::Metrics;

pub use perform::CALL_LIMIT;

/// Orders that are worked at the same time.
const IN_FLIGHT: usize = 512;
/// How long it sleeps at most: the store is the truth, whatever hints were lost.
const POLL: Duration = Duration::from_secs(1);
/// How long it waits after the store has failed it.
const PAUSE: Duration = Duration::from_millis(250);

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

    /// Rings in any case.
    fn ring_now(&self) {
        self.rung.notify_one();
    }
}

/// What the engine works with.
pub struct Engine {
    /// Where orders are.
    pub store: SharedStore,
    /// Where they are worked.
    pub broker: Arc<dyn Broker>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// What wakes it.
    pub alarm: Arc<Alarm>,
    /// What it counts.
    pub metrics: Arc<Metrics>,
}

/// An order's place among all orders, and what came of working it.
type Worked = ((UserId, Seq), Result<(), StoreError>);

/// What the loop remembers between two looks.
struct Round {
    tasks: JoinSet<Worked>,
    in_flight: HashSet<(UserId, Seq)>,
    pause: bool,
}

impl Engine {
    /// Works orders until told to stop, then finishes what is in hand.
    pub async fn run(self: Arc<Self>, mut stop: Stop) {
        let mut round = Round { tasks: JoinSet::new(), in_flight: HashSet::new(), pause: false };
        while !stop.is_ordered() {
            // Registered before the store is asked: what is committed meanwhile rings.
            let rung = self.alarm.rung.notified();
            self.alarm.planned.store(i64::MAX, Ordering::Release);
            let sleep = self.look(&mut round).await;
            tokio::select! {
                () = rung => {}
                () = tokio::time::sleep(sleep) => {}
                Some(done) = round.tasks.join_next() => round.note(done, &self.metrics),
                () = stop.ordered() => {}
            }
            while let Some(done) = round.tasks.try_join_next() {
                round.note(done, &self.metrics);
            }
        }
        while let Some(done) = round.tasks.join_next().await {
            round.note(done, &self.metrics);
        }
    }

    /// Takes up what is due and says how long there is to sleep.
    async fn look(self: &Arc<Self>, round: &mut Round) -> Duration {
        if std::mem::take(&mut round.pause) {
            return PAUSE;
        }
        let now = self.clock.now();
        let room = IN_FLIGHT.saturating_sub(round.in_flight.len());
        if room == 0 {
            return POLL;
        }
        // Those in flight are due as well, until their result is recorded.
        let asked = room + round.in_flight.len();
        let due = match self.store.due(now, asked).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(%error, "the engine cannot see what is due");
                return PAUSE;
            }
        };
        let full = due.len() == asked;
        let mut taken = 0;
        for leased in due {
            let key = (leased.order.user_id, leased.order.seq);
            if taken < room && round.in_flight.insert(key) {
                taken += 1;
                self.take_up(leased, now, &mut round.tasks);
            }
        }
        self.metrics.engine_in_flight.set(i64::try_from(round.in_flight.len()).unwrap_or(i64::MAX));
        if full { POLL } else { self.until_next(now).await }
    }

    fn take_up(self: &Arc<Self>, leased: Leased, now: Timestamp, tasks: &mut JoinSet<Worked>) {
        if let Some(due_at) = leased.order.due_at {
            self.metrics.engine_lag_seconds.observe(now.since(due_at).as_secs_f64());
        }
        let engine = Arc::clone(self);
        let key = (leased.order.user_id, leased.order.seq);
        tasks.spawn(async move { (key, engine.work(leased).await) });
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
    fn note(&mut self, done: Result<Worked, tokio::task::JoinError>, metrics: &Metrics) {
        match done {
            Ok((key, outcome)) => {
                self.in_flight.remove(&key);
                if let Err(error) = outcome {
                    tracing::warn!(%error, user = %key.0, seq = %key.1, "an order could not be worked; it stays due");
                    self.pause = true;
                }
            }
            Err(error) => {
                // The order's key is lost with the task: forget all, the store tells what is due.
                tracing::error!(%error, "working an order ended in a panic");
                self.in_flight.clear();
                self.pause = true;
            }
        }
        metrics.engine_in_flight.set(i64::try_from(self.in_flight.len()).unwrap_or(i64::MAX));
    }
}
