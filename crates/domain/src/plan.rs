//! What is due for an order: the one decision, made purely, acted on elsewhere.

use crate::lifecycle::{Exposure, OrderState};
use crate::order::Order;
use crate::time::Timestamp;

/// What to do for an order now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Send it to the broker.
    Submit,
    /// Ask the broker about it.
    Query,
    /// Ask the broker to cancel it.
    Cancel,
    /// Nothing is at the broker: the cancel is done without asking.
    Withdraw,
    /// Ask the broker to close the position, or the part of it that the state names.
    Close,
    /// It is too old to be sent.
    Expire,
    /// Nothing until then; `None`: nothing ever.
    Wait(Option<Timestamp>),
}

/// Decides what is due for an order at this moment.
#[must_use]
pub fn next_step(order: &Order, now: Timestamp) -> Step {
    let state = order.state();
    if state.is_final() {
        return Step::Wait(None);
    }
    if let Some(due_at) = order.due_at
        && due_at > now
    {
        return Step::Wait(Some(due_at));
    }
    match state {
        OrderState::New if order.terms.valid_until.is_some_and(|until| now > until) => Step::Expire,
        OrderState::New => Step::Submit,
        // A stored decision without a stored answer: whether the call was made is unknown, so ask, never repeat.
        OrderState::Submitting | OrderState::InDoubt => Step::Query,
        OrderState::Accepted | OrderState::PartlyFilled | OrderState::Filled => Step::Query,
        OrderState::Canceling { exposure: Exposure::Unsent, .. } => Step::Withdraw,
        OrderState::Canceling { .. } => Step::Cancel,
        OrderState::Closing { .. } | OrderState::Reducing { .. } => Step::Close,
        OrderState::Closed | OrderState::Canceled | OrderState::Rejected | OrderState::Expired => {
            Step::Wait(None)
        }
    }
}
