//! What a broker's answer proves about an order: the events that it owes.

use std::time::Duration;

use hookfill_domain::lifecycle::{Change, Exposure, OrderEvent, OrderState};
use hookfill_domain::order::Order;
use hookfill_domain::time::Timestamp;

use crate::broker::Answer;

/// The first and the longest wait before asking again about what is in doubt.
const DOUBT_WAIT: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(60));

/// What to do with an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Record these, in order.
    Record(Vec<Change>),
    /// Nothing is new: look again then.
    Postpone(Timestamp),
}

/// How far an order has come, as the broker's reports count it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Known {
    Nothing,
    AtBroker,
    Filled,
}

fn known(state: OrderState) -> Known {
    match state {
        OrderState::New
        | OrderState::Submitting
        | OrderState::InDoubt
        | OrderState::Canceling { exposure: Exposure::Unsent | Exposure::Unknown, .. } => Known::Nothing,
        OrderState::Accepted
        | OrderState::PartlyFilled
        | OrderState::Canceling { exposure: Exposure::Working | Exposure::PartlyFilled, .. } => {
            Known::AtBroker
        }
        OrderState::Filled
        | OrderState::Closing { .. }
        | OrderState::Reducing { .. }
        | OrderState::Closed
        | OrderState::Canceled
        | OrderState::Rejected
        | OrderState::Expired => Known::Filled,
    }
}

/// Turns an answer into the events that are missing in the order's history, or into a time to look again.
///
/// One answer can owe several events: an order that filled and closed during an outage still shows both. What cannot
/// have happened to the order proves nothing, and is asked about again.
pub(super) fn verdict(order: &Order, answer: Answer, now: Timestamp) -> Verdict {
    let verdict = owed(order, answer, now);
    if let Verdict::Record(changes) = &verdict
        && !can_happen(order, changes, now)
    {
        tracing::warn!(order = %order.id, state = order.state().as_str(), ?changes, "the broker contradicts itself");
        return Verdict::Postpone(now.plus(DOUBT_WAIT.1));
    }
    verdict
}

fn can_happen(order: &Order, changes: &[Change], at: Timestamp) -> bool {
    let events = changes.iter().map(|change| OrderEvent { at, change: change.clone() });
    events.into_iter().try_fold(order.clone(), |order, event| order.apply(&event)).is_ok()
}

/// The events that an answer owes, taken at its word.
fn owed(order: &Order, answer: Answer, now: Timestamp) -> Verdict {
    let known = known(order.state());
    let accepted = |broker_order_id, check_again_at| {
        (known < Known::AtBroker).then_some(Change::Accepted { broker_order_id, check_again_at })
    };
    match answer {
        Answer::Working { broker_order_id, check_again_at } => {
            match accepted(broker_order_id, check_again_at) {
                Some(change) => Verdict::Record(vec![change]),
                None => Verdict::Postpone(check_again_at),
            }
        }
        Answer::PartlyFilled { broker_order_id, filled, check_again_at } => {
            // Reports may come late: what has filled does not become less.
            if known == Known::Filled || order.progress.filled.is_some_and(|before| filled <= before) {
                return Verdict::Postpone(check_again_at);
            }
            let events = accepted(broker_order_id, check_again_at);
            Verdict::Record(
                events.into_iter().chain([Change::PartlyFilled { filled, check_again_at }]).collect(),
            )
        }
        Answer::Filled { broker_order_id, executed_at, check_again_at } => {
            if known == Known::Filled {
                return Verdict::Postpone(check_again_at);
            }
            let events = accepted(broker_order_id, check_again_at);
            Verdict::Record(
                events.into_iter().chain([Change::Executed { executed_at, check_again_at }]).collect(),
            )
        }
        Answer::Closed { broker_order_id, executed_at, closed_at, reason } => {
            let executed = (known < Known::Filled)
                .then_some(Change::Executed { executed_at, check_again_at: closed_at });
            let events = accepted(broker_order_id, closed_at).into_iter().chain(executed);
            Verdict::Record(events.chain([Change::Closed { closed_at, reason }]).collect())
        }
        Answer::Reduced { fraction, reduced_at, check_again_at } => {
            Verdict::Record(vec![Change::Reduced { fraction, reduced_at, check_again_at }])
        }
        Answer::Canceled => Verdict::Record(vec![Change::Canceled]),
        Answer::Rejected { reason } => Verdict::Record(vec![Change::Rejected { reason }]),
        Answer::Expired { reason } => Verdict::Record(vec![Change::Expired { reason }]),
        Answer::NeverArrived { why, check_again_at } if known == Known::Nothing => {
            Verdict::Record(vec![Change::NotSubmitted { why, check_again_at }])
        }
        // The broker has confirmed this order before: that it knows nothing now proves nothing.
        Answer::NeverArrived { .. } => Verdict::Postpone(now.plus(DOUBT_WAIT.1)),
        Answer::Refused { why, check_again_at } => refused(order, why, check_again_at),
        Answer::Unknown { why } => unknown(order, why, now),
    }
}

fn refused(order: &Order, why: String, check_again_at: Timestamp) -> Verdict {
    match order.state() {
        OrderState::Canceling {
            exposure: Exposure::Unknown | Exposure::Working | Exposure::PartlyFilled,
            ..
        } => Verdict::Record(vec![Change::CancelRefused { why, check_again_at }]),
        OrderState::Closing { .. } | OrderState::Reducing { .. } => {
            Verdict::Record(vec![Change::CloseRefused { why, check_again_at }])
        }
        OrderState::New
        | OrderState::Submitting
        | OrderState::InDoubt
        | OrderState::Accepted
        | OrderState::PartlyFilled
        | OrderState::Canceling { exposure: Exposure::Unsent, .. }
        | OrderState::Filled
        | OrderState::Closed
        | OrderState::Canceled
        | OrderState::Rejected
        | OrderState::Expired => Verdict::Postpone(check_again_at),
    }
}

/// Nothing is known: the first time is put on record, then the questions are spaced out as the doubt grows older.
fn unknown(order: &Order, why: String, now: Timestamp) -> Verdict {
    let (began, recorded) = match order.state() {
        OrderState::Submitting | OrderState::InDoubt => {
            (order.progress.submission.as_ref().map(|sent| sent.at), true)
        }
        OrderState::Canceling { exposure: Exposure::Unsent, .. } => (None, false),
        OrderState::Canceling { requested_at, .. }
        | OrderState::Closing { requested_at }
        | OrderState::Reducing { requested_at, .. } => (Some(requested_at), true),
        OrderState::New
        | OrderState::Accepted
        | OrderState::PartlyFilled
        | OrderState::Filled
        | OrderState::Closed
        | OrderState::Canceled
        | OrderState::Rejected
        | OrderState::Expired => (order.due_at, false),
    };
    let age = began.map_or(Duration::ZERO, |began| now.since(began));
    let check_again_at = now.plus((age / 2).clamp(DOUBT_WAIT.0, DOUBT_WAIT.1));
    if recorded && order.progress.doubts == 0 {
        Verdict::Record(vec![Change::AnswerLost { why, check_again_at }])
    } else {
        Verdict::Postpone(check_again_at)
    }
}

#[cfg(test)]
mod tests;
