//! The mock broker: fills everything after a delay, closes it after another.
//!
//! It keeps no memory. Its answer is a pure function of the stored intent (when the order was submitted, the
//! delays fixed then, when the user asked to cancel or close) and of the time, so that a restart changes nothing.

use std::time::Duration;

use async_trait::async_trait;
use hookfill_domain::lifecycle::OrderState;
use hookfill_domain::money::Quantity;
use hookfill_domain::order::Order;
use hookfill_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Answer, Broker};

/// Fills and closes by the clock.
#[derive(Debug, Clone, Copy)]
pub struct MockBroker {
    execute_after: Duration,
    close_after: Duration,
}

/// The delays of one submission, as fixed when it was decided.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Delays {
    execute_after_us: u64,
    close_after_us: u64,
}

impl MockBroker {
    /// A broker that fills `execute_after` the submission and closes `close_after` the fill.
    #[must_use]
    pub fn new(execute_after: Duration, close_after: Duration) -> Self {
        Self { execute_after, close_after }
    }

    fn delays(&self) -> Delays {
        let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Delays { execute_after_us: micros(self.execute_after), close_after_us: micros(self.close_after) }
    }
}

/// What becomes of an order, all of it settled by what is stored.
struct Fate {
    broker_order_id: String,
    canceled: bool,
    executed_at: Timestamp,
    reduced: Option<(Quantity, Timestamp)>,
    closed_at: Timestamp,
}

impl Fate {
    fn of(order: &Order) -> Result<Self, String> {
        let submission = order.progress.submission.as_ref().ok_or("no submission is stored")?;
        let delays: Delays = serde_json::from_str(&submission.fixed).map_err(|error| error.to_string())?;
        let executed_at = submission.at.plus(Duration::from_micros(delays.execute_after_us));
        let by_itself = executed_at.plus(Duration::from_micros(delays.close_after_us));
        let (canceled, closed_at) = match order.state() {
            OrderState::Canceling { requested_at, .. } => (requested_at < executed_at, by_itself),
            OrderState::Closing { requested_at } => (false, by_itself.min(requested_at.max(executed_at))),
            OrderState::New
            | OrderState::Submitting
            | OrderState::InDoubt
            | OrderState::Accepted
            | OrderState::PartlyFilled
            | OrderState::Filled
            | OrderState::Reducing { .. }
            | OrderState::Closed
            | OrderState::Canceled
            | OrderState::Rejected
            | OrderState::Expired => (false, by_itself),
        };
        let id = order.id.0.simple().to_string().to_uppercase();
        let reduced = if let OrderState::Reducing { fraction, requested_at } = order.state() {
            (requested_at < by_itself).then(|| (fraction, requested_at.max(executed_at)))
        } else {
            None
        };
        let broker_order_id = format!("ORD-{}", &id[20..]);
        Ok(Self { broker_order_id, canceled, executed_at, reduced, closed_at })
    }

    fn at(self, now: Timestamp) -> Answer {
        let Self { broker_order_id, canceled, executed_at, reduced, closed_at } = self;
        if canceled {
            Answer::Canceled
        } else if now < executed_at {
            Answer::Working { broker_order_id, check_again_at: executed_at }
        } else if let Some((fraction, reduced_at)) = reduced {
            Answer::Reduced { fraction, reduced_at, check_again_at: closed_at }
        } else if now < closed_at {
            Answer::Filled { broker_order_id, executed_at, check_again_at: closed_at }
        } else {
            Answer::Closed { broker_order_id, executed_at, closed_at, reason: None }
        }
    }
}

fn answer(order: &Order, now: Timestamp) -> Answer {
    match Fate::of(order) {
        Ok(fate) => fate.at(now),
        Err(why) => Answer::Unknown { why },
    }
}

#[async_trait]
impl Broker for MockBroker {
    fn fix(&self) -> String {
        let Delays { execute_after_us, close_after_us } = self.delays();
        format!(r#"{{"execute_after_us":{execute_after_us},"close_after_us":{close_after_us}}}"#)
    }

    async fn submit(&self, order: &Order, now: Timestamp) -> Answer {
        answer(order, now)
    }

    async fn query(&self, order: &Order, now: Timestamp) -> Answer {
        answer(order, now)
    }

    async fn cancel(&self, order: &Order, now: Timestamp) -> Answer {
        answer(order, now)
    }

    async fn close(&self, order: &Order, now: Timestamp) -> Answer {
        answer(order, now)
    }
}

#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "a test names what it expects; all else fails it")]
mod tests;
