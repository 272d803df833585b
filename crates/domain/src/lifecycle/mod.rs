//! What may happen to an order: the states, the events, and the one transition table.

mod event;
mod state;

use thiserror::Error;

use crate::order::{Order, Submission};
use crate::time::Timestamp;

pub use event::{Change, OrderEvent};
pub use state::{Exposure, OrderState};

/// An event that cannot happen in the order's state.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{event} cannot happen to an order that is {state}")]
pub struct IllegalTransition {
    /// The state the order is in.
    pub state: &'static str,
    /// The event that was offered.
    pub event: &'static str,
}

/// The transition table: the state after an event, or `None` where the event cannot happen.
///
/// Every illegal pair is spelled out as well, so that a new state or event has to be placed by hand.
#[rustfmt::skip]
#[expect(clippy::too_many_lines, reason = "the one table is read as one")]
fn next_state(state: OrderState, change: &Change, at: Timestamp) -> Option<OrderState> {
    use Change as C;
    use Exposure::{PartlyFilled, Unknown, Unsent, Working};
    use OrderState as S;
    let canceling = |exposure, requested_at| Some(S::Canceling { exposure, requested_at });
    match (state, change) {
        (S::New, C::Submitting { .. }) => Some(S::Submitting),
        (S::New, C::CancelRequested) => canceling(Unsent, at),
        (S::New, C::Expired { .. }) => Some(S::Expired),

        (S::Submitting | S::InDoubt, C::Accepted { .. }) => Some(S::Accepted),
        (S::Submitting | S::InDoubt, C::AnswerLost { .. }) => Some(S::InDoubt),
        (S::Submitting | S::InDoubt, C::NotSubmitted { .. }) => Some(S::New),
        (S::Submitting | S::InDoubt, C::PartlyFilled { .. }) => Some(S::PartlyFilled),
        (S::Submitting | S::InDoubt, C::Executed { .. }) => Some(S::Filled),
        (S::Submitting | S::InDoubt, C::CancelRequested) => canceling(Unknown, at),
        (S::Submitting | S::InDoubt, C::Canceled) => Some(S::Canceled),
        (S::Submitting | S::InDoubt, C::Rejected { .. }) => Some(S::Rejected),
        (S::Submitting | S::InDoubt, C::Expired { .. }) => Some(S::Expired),

        (S::Accepted, C::PartlyFilled { .. }) => Some(S::PartlyFilled),
        (S::Accepted, C::Executed { .. }) => Some(S::Filled),
        (S::Accepted, C::CancelRequested) => canceling(Working, at),
        (S::Accepted, C::Canceled) => Some(S::Canceled),
        (S::Accepted, C::Rejected { .. }) => Some(S::Rejected), // some brokers accept first and check margin later
        (S::Accepted, C::Expired { .. }) => Some(S::Expired),

        (S::PartlyFilled, C::PartlyFilled { .. }) => Some(S::PartlyFilled),
        (S::PartlyFilled, C::Executed { .. }) => Some(S::Filled),
        (S::PartlyFilled, C::CancelRequested) => canceling(PartlyFilled, at),
        (S::PartlyFilled, C::Canceled) => Some(S::Filled), // the rest is gone, what filled is an open position
        (S::PartlyFilled, C::Expired { .. }) => Some(S::Filled), // likewise

        (S::Canceling { exposure: PartlyFilled, .. }, C::Canceled | C::Expired { .. }) => Some(S::Filled),
        (S::Canceling { exposure: Unsent | Unknown | Working, .. }, C::Canceled) => Some(S::Canceled),
        (S::Canceling { exposure: Unsent | Unknown | Working, .. }, C::Expired { .. }) => Some(S::Expired),
        (S::Canceling { exposure: Unknown | Working | PartlyFilled, .. }, C::Executed { .. }) => Some(S::Filled), // the fill won the race
        (S::Canceling { exposure: Unknown | Working, .. }, C::Rejected { .. }) => Some(S::Rejected),
        (S::Canceling { exposure: Unknown | Working, requested_at }, C::Accepted { .. }) => canceling(Working, requested_at),
        (S::Canceling { exposure: Unknown, requested_at }, C::NotSubmitted { .. }) => canceling(Unsent, requested_at),
        (S::Canceling { exposure: Unknown | Working | PartlyFilled, requested_at }, C::PartlyFilled { .. }) => canceling(PartlyFilled, requested_at),
        (S::Canceling { exposure: Unknown | Working | PartlyFilled, .. }, C::AnswerLost { .. }) => Some(state),
        (S::Canceling { exposure: Unknown, .. }, C::CancelRefused { .. }) => Some(S::InDoubt),
        (S::Canceling { exposure: Working, .. }, C::CancelRefused { .. }) => Some(S::Accepted),
        (S::Canceling { exposure: PartlyFilled, .. }, C::CancelRefused { .. }) => Some(S::PartlyFilled),

        (S::Filled, C::CloseRequested) => Some(S::Closing { requested_at: at }),
        (S::Filled, C::Closed { .. }) => Some(S::Closed),

        (S::Closing { .. }, C::Closed { .. }) => Some(S::Closed),
        (S::Closing { .. }, C::CloseRefused { .. }) => Some(S::Filled),
        (S::Closing { .. }, C::AnswerLost { .. }) => Some(state),

        (S::Filled, C::ReduceRequested { fraction }) => Some(S::Reducing { fraction: *fraction, requested_at: at }),
        (S::Reducing { .. }, C::Reduced { .. } | C::CloseRefused { .. }) => Some(S::Filled),
        (S::Reducing { .. }, C::Closed { .. }) => Some(S::Closed), // it closed by itself first
        (S::Reducing { .. }, C::AnswerLost { .. }) => Some(state),

        (S::Canceled | S::Expired, C::Executed { .. }) => Some(S::Filled), // brokers do report a fill after a cancel: it is real money

        (S::New | S::Submitting | S::InDoubt | S::Accepted | S::PartlyFilled | S::Canceling { .. } | S::Filled | S::Closing { .. } | S::Reducing { .. },
            C::Modified { .. }) => Some(state),

        (S::New, C::Accepted { .. } | C::AnswerLost { .. } | C::NotSubmitted { .. } | C::PartlyFilled { .. } | C::Executed { .. } | C::Canceled
            | C::CancelRefused { .. } | C::CloseRequested | C::Closed { .. } | C::CloseRefused { .. } | C::Rejected { .. })
        | (S::Submitting | S::InDoubt, C::Submitting { .. } | C::CancelRefused { .. } | C::CloseRequested | C::Closed { .. } | C::CloseRefused { .. })
        | (S::Accepted, C::Submitting { .. } | C::Accepted { .. } | C::AnswerLost { .. } | C::NotSubmitted { .. } | C::CancelRefused { .. }
            | C::CloseRequested | C::Closed { .. } | C::CloseRefused { .. })
        | (S::PartlyFilled, C::Submitting { .. } | C::Accepted { .. } | C::AnswerLost { .. } | C::NotSubmitted { .. } | C::CancelRefused { .. }
            | C::CloseRequested | C::Closed { .. } | C::CloseRefused { .. } | C::Rejected { .. })
        | (S::Canceling { .. }, C::Submitting { .. } | C::CancelRequested | C::CloseRequested | C::Closed { .. } | C::CloseRefused { .. })
        | (S::Canceling { exposure: Unsent, .. }, C::Accepted { .. } | C::AnswerLost { .. } | C::NotSubmitted { .. } | C::PartlyFilled { .. }
            | C::Executed { .. } | C::CancelRefused { .. } | C::Rejected { .. })
        | (S::Canceling { exposure: Working | PartlyFilled, .. }, C::NotSubmitted { .. })
        | (S::Canceling { exposure: PartlyFilled, .. }, C::Accepted { .. } | C::Rejected { .. })
        | (S::Filled, C::Submitting { .. } | C::Accepted { .. } | C::AnswerLost { .. } | C::NotSubmitted { .. } | C::PartlyFilled { .. } | C::Executed { .. }
            | C::CancelRequested | C::Canceled | C::CancelRefused { .. } | C::CloseRefused { .. } | C::Rejected { .. } | C::Expired { .. })
        | (S::Closing { .. }, C::Submitting { .. } | C::Accepted { .. } | C::NotSubmitted { .. } | C::PartlyFilled { .. } | C::Executed { .. }
            | C::CancelRequested | C::Canceled | C::CancelRefused { .. } | C::CloseRequested | C::Rejected { .. } | C::Expired { .. })
        | (S::Canceled | S::Expired | S::Closed | S::Rejected, C::Submitting { .. } | C::Accepted { .. } | C::AnswerLost { .. } | C::NotSubmitted { .. }
            | C::PartlyFilled { .. } | C::CancelRequested | C::Canceled | C::CancelRefused { .. } | C::CloseRequested | C::Closed { .. }
            | C::CloseRefused { .. } | C::Rejected { .. } | C::Expired { .. } | C::Modified { .. })
        | (S::Closed | S::Rejected, C::Executed { .. })
        | (S::Reducing { .. }, C::Submitting { .. } | C::Accepted { .. } | C::NotSubmitted { .. } | C::PartlyFilled { .. } | C::Executed { .. }
            | C::CancelRequested | C::Canceled | C::CancelRefused { .. } | C::CloseRequested | C::ReduceRequested { .. } | C::Rejected { .. }
            | C::Expired { .. })
        | (S::New | S::Submitting | S::InDoubt | S::Accepted | S::PartlyFilled | S::Canceling { .. } | S::Closing { .. } | S::Closed | S::Canceled
            | S::Rejected | S::Expired, C::ReduceRequested { .. } | C::Reduced { .. })
        | (S::Filled, C::Reduced { .. }) => None,
    }
}

impl Order {
    /// The order after an event. This is the only way in which an order changes.
    ///
    /// # Errors
    /// [`IllegalTransition`] where the event cannot happen in the order's state; the order is then as it was.
    pub fn apply(mut self, event: &OrderEvent) -> Result<Order, IllegalTransition> {
        let before = self.progress.state;
        let Some(state) = next_state(before, &event.change, event.at) else {
            return Err(IllegalTransition { state: before.as_str(), event: event.change.as_str() });
        };
        self.progress.state = state;
        self.updated_at = self.updated_at.max(event.at);
        self.note_change(&event.change, before, event.at);
        if let Change::AnswerLost { .. } = event.change {
            self.progress.doubts = self.progress.doubts.saturating_add(1);
        } else if !matches!(event.change, Change::Modified { .. }) {
            self.progress.doubts = 0;
        }
        if state.is_final() {
            self.due_at = None;
        }
        Ok(self)
    }

    /// What an event tells beside the new state.
    fn note_change(&mut self, change: &Change, before: OrderState, at: Timestamp) {
        match change {
            Change::Submitting { fixed } => {
                let attempt =
                    self.progress.submission.as_ref().map_or(1, |last| last.attempt.saturating_add(1));
                self.progress.submission = Some(Submission { at, fixed: fixed.clone(), attempt });
                self.due_at = Some(at);
            }
            Change::Accepted { broker_order_id, check_again_at } => {
                self.progress.broker_order_id = Some(broker_order_id.clone());
                self.due_at = Some(*check_again_at);
            }
            Change::PartlyFilled { filled, check_again_at } => {
                self.progress.filled = Some(*filled);
                self.due_at = Some(*check_again_at);
            }
            Change::Executed { executed_at, check_again_at } => {
                self.progress.executed_at = Some(*executed_at);
                self.progress.reason = None;
                self.due_at = Some(*check_again_at);
            }
            Change::AnswerLost { check_again_at, .. }
            | Change::NotSubmitted { check_again_at, .. }
            | Change::CancelRefused { check_again_at, .. }
            | Change::CloseRefused { check_again_at, .. } => self.due_at = Some(*check_again_at),
            Change::CancelRequested | Change::CloseRequested | Change::ReduceRequested { .. } => {
                self.due_at = Some(at);
            }
            Change::Reduced { fraction, reduced_at: _, check_again_at } => {
                self.progress.reduce(*fraction);
                self.due_at = Some(*check_again_at);
            }
            Change::Canceled => {
                self.progress.reason = Some(before.request().unwrap_or("canceled_by_broker").to_owned());
                self.keep_partial_fill(at);
            }
            Change::Closed { closed_at, reason } => {
                self.progress.closed_at = Some(*closed_at);
                self.progress.reason = reason.clone().or_else(|| before.request().map(str::to_owned));
            }
            Change::Rejected { reason } => self.progress.reason = Some(reason.clone()),
            Change::Expired { reason } => {
                self.progress.reason = Some(reason.clone());
                self.keep_partial_fill(at);
            }
            Change::Modified { bracket } => self.bracket = bracket.clone(),
        }
    }

    /// The rest of a partly filled order is gone: the filled part is a position, to be looked at again at once.
    fn keep_partial_fill(&mut self, at: Timestamp) {
        if self.progress.state == OrderState::Filled {
            self.progress.executed_at = self.progress.executed_at.or(Some(at));
            self.due_at = Some(at);
        }
    }
}

#[cfg(test)]
mod tests;
