//! One order, from what is due to what came of it.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use hookfill_domain::lifecycle::{Change, OrderEvent};
use hookfill_domain::order::Order;
use hookfill_domain::plan::{Step, next_step};
use hookfill_store::{Leased, StoreError};

use super::Engine;
use super::evidence::{Verdict, verdict};
use crate::broker::Answer;
use crate::telemetry::{BrokerLabels, EventLabels};

/// How long a broker may take to answer; then its answer is unknown.
pub const CALL_LIMIT: Duration = Duration::from_secs(10);
/// How long to leave an order alone after an event that did not fit it.
const MISFIT_WAIT: Duration = Duration::from_secs(1);
/// How soon a broker may be asked the same again, whatever it says: an answer that is always due is no tight loop.
const ASK_AGAIN: Duration = Duration::from_millis(10);
/// Steps taken for one order in a row; more wait for their turn.
const STEPS: usize = 4;

impl Engine {
    /// Does what is due for an order, step by step, as long as the next one is due at once.
    pub(super) async fn work(&self, mut leased: Leased) -> Result<(), StoreError> {
        for _ in 0..STEPS {
            let step = next_step(&leased.order, self.clock.now());
            if let Step::Wait(_) = step {
                break;
            }
            match self.perform(step, &leased).await {
                Ok(Some(order)) => leased.order = order,
                Ok(None) => break,
                // Either the order has moved on since it was read, and then this changes nothing, or the broker
                // says what cannot be, and then it is asked again later, not in a tight loop.
                Err(StoreError::Illegal(refused)) => {
                    tracing::warn!(%refused, order = %leased.order.id, "an event does not fit the order");
                    self.store.postpone(&leased, self.clock.now().plus(MISFIT_WAIT)).await?;
                    break;
                }
                Err(StoreError::LeaseLost) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Does one step. `None`: nothing more is due now.
    async fn perform(&self, step: Step, leased: &Leased) -> Result<Option<Order>, StoreError> {
        let order = &leased.order;
        let now = self.clock.now();
        self.still_ours(leased)?;
        let (call, answer) = match step {
            Step::Wait(_) => return Ok(None),
            Step::Withdraw => return self.record(leased, vec![Change::Canceled]).await.map(Some),
            Step::Expire => {
                let reason = "too_old_to_send".to_owned();
                return self.record(leased, vec![Change::Expired { reason }]).await.map(Some);
            }
            Step::Submit => {
                // The intent is on disk before the first byte leaves.
                let submitting =
                    self.record(leased, vec![Change::Submitting { fixed: self.broker.fix() }]).await?;
                let submitting = Leased { order: submitting, fence: leased.fence };
                self.still_ours(&submitting)?;
                let answer = limited(self.broker.submit(&submitting.order, self.clock.now())).await;
                return self.settle(submitting, "submit", answer).await;
            }
            Step::Query => ("query", limited(self.broker.query(order, now)).await),
            Step::Cancel => ("cancel", limited(self.broker.cancel(order, now)).await),
            Step::Close => ("close", limited(self.broker.close(order, now)).await),
        };
        self.settle(leased.clone(), call, answer).await
    }

    /// Looked at last before a broker is called: who was paused for longer than the lease must not do what another
    /// node has begun to do. What came of a call is fenced by the store; the call itself only by this.
    fn still_ours(&self, leased: &Leased) -> Result<(), StoreError> {
        if self.store.holds(leased) { Ok(()) } else { Err(StoreError::LeaseLost) }
    }

    /// Keeps what an answer proves.
    async fn settle(
        &self,
        leased: Leased,
        call: &'static str,
        answer: Answer,
    ) -> Result<Option<Order>, StoreError> {
        self.metrics.broker_calls.get_or_create(&BrokerLabels { call, answer: kind(&answer) }).inc();
        match verdict(&leased.order, answer, self.clock.now()) {
            Verdict::Record(changes) => {
                let order = self.record(&leased, changes).await?;
                self.mind_request(&leased, order).await.map(Some)
            }
            Verdict::Postpone(until) => {
                let until = until.max(self.clock.now().plus(ASK_AGAIN));
                self.store.postpone(&leased, until).await.map(|()| None)
            }
        }
    }

    /// What the user asked for while the broker was busy with something else is due at once: when to look at the
    /// order again, as the broker just told, is about the order as it was.
    async fn mind_request(&self, leased: &Leased, mut order: Order) -> Result<Order, StoreError> {
        let came_meanwhile = order.state().request().is_some() && leased.order.state().request().is_none();
        let now = self.clock.now();
        if came_meanwhile && order.due_at.is_some_and(|due_at| due_at > now) {
            let mut recorded = Leased { order, fence: leased.fence };
            self.store.postpone(&recorded, now).await?;
            recorded.order.due_at = Some(now);
            order = recorded.order;
        }
        Ok(order)
    }

    async fn record(&self, leased: &Leased, changes: Vec<Change>) -> Result<Order, StoreError> {
        let names: Vec<_> = changes.iter().map(Change::as_str).collect();
        let at = self.clock.now();
        let events = changes.into_iter().map(|change| OrderEvent { at, change }).collect();
        let order = self.store.record(leased, events).await?;
        for event in names {
            self.metrics.order_events.get_or_create(&EventLabels { event }).inc();
        }
        Ok(order)
    }
}

/// The answer, or that there was none in time, or none at all: an adapter that panics may have sent the order.
async fn limited(call: impl Future<Output = Answer>) -> Answer {
    match tokio::time::timeout(CALL_LIMIT, AssertUnwindSafe(call).catch_unwind()).await {
        Ok(Ok(answer)) => answer.bounded(),
        Ok(Err(_)) => Answer::Unknown { why: "the broker's adapter panicked".to_owned() },
        Err(_) => Answer::Unknown { why: format!("no answer within {} s", CALL_LIMIT.as_secs()) },
    }
}

fn kind(answer: &Answer) -> &'static str {
    match answer {
        Answer::Working { .. } => "working",
        Answer::PartlyFilled { .. } => "partly_filled",
        Answer::Filled { .. } => "filled",
        Answer::Closed { .. } => "closed",
        Answer::Reduced { .. } => "reduced",
        Answer::Canceled => "canceled",
        Answer::Rejected { .. } => "rejected",
        Answer::Expired { .. } => "expired",
        Answer::NeverArrived { .. } => "never_arrived",
        Answer::Refused { .. } => "refused",
        Answer::Unknown { .. } => "unknown",
    }
}
