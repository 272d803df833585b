//! Processes a signal: it is refused, stored, or still being stored when its sender must be answered.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use hookfill_domain::order::Order;
use hookfill_domain::time::Timestamp;
use hookfill_store::{
    Accepted, Idempotency, Made, NewCommand, NewOrder, Patience, Refusal, Remembered, StoreError,
};
use http::StatusCode;

use super::answer::{Done, command_details, order_details, refusal_details};
use super::command::manage;
use super::decide::{Decision, decide};
use super::delivery::Delivery;
use super::unknown::{Outcome, REMEMBERED, UnderWay, UnknownOutcomes};
use super::{Delivered, in_time};
use crate::http::error::ApiError;
use crate::http::limits::SIGNAL_ANSWER;
use crate::http::state::AppState;

/// How processing an accepted signal ends.
pub(super) enum Ended {
    /// The signal and what it made are on disk.
    Done(Done),
    /// Its sender must be answered before the outcome is known.
    UnderWay(UnderWay),
}

/// The result of trying to store a signal.
pub(super) enum Stored {
    Done(Done),
    /// To be put on the audit log before its sender is answered.
    Refused(ApiError),
    UnderWay(UnderWay),
}

/// Decides what a signal means, and stores the result.
///
/// # Errors
/// The answer to its sender if nothing was stored and nothing will be.
pub(super) async fn process(
    state: &AppState,
    delivered: &Delivered,
    delivery: &Delivery<'_>,
) -> Result<Ended, ApiError> {
    let (caller, answer_at) = (&delivered.caller, delivered.answer_at());
    let accounts = in_time(answer_at, state.credentials.accounts(caller.user_id)).await?;
    let at = state.clock.now();
    let stored = match decide(delivery, &accounts, caller, at) {
        Ok(Decision::Order(order)) => accept(state, delivered, delivery, *order).await?,
        Ok(Decision::Command { command, account_id }) => {
            let new = NewCommand {
                user_id: caller.user_id,
                account_id,
                command,
                idempotency: delivery.idempotency,
                details: command_details(delivery),
                at,
            };
            manage(state, delivered, new).await?
        }
        // A signal that was accepted once stays accepted, whatever the language or the policy says today. The key of an
        // understood signal is looked up where the signal is stored.
        Err(refused) => match delivery.idempotency {
            Some(key) => match in_time(answer_at, state.store.remembered(caller.user_id, key)).await? {
                Some(known) => Stored::Done(replay(known)?),
                None => Stored::Refused(refused),
            },
            None => Stored::Refused(refused),
        },
    };
    match stored {
        Stored::Done(done) => Ok(Ended::Done(done)),
        Stored::UnderWay(write) => Ok(Ended::UnderWay(write)),
        Stored::Refused(refused) => {
            note_refusal(state, delivered, delivery, &refused, at).await?;
            Err(refused)
        }
    }
}

/// A write that is waited for. If nobody waits for it any more, it is remembered: its sender has hung up before its
/// answer, knows as little of its outcome as one who was told so, and may send it again.
struct Attended<'a, T, M: FnOnce(T) -> Option<Made> + Send + 'static>
where
    T: Send + 'static,
{
    write: Option<(BoxFuture<'static, Result<T, StoreError>>, M)>,
    outcomes: &'a UnknownOutcomes,
    delivered: &'a Delivered,
    idempotency: Option<Idempotency>,
}

impl<T: Send + 'static, M: FnOnce(T) -> Option<Made> + Send + 'static> Drop for Attended<'_, T, M> {
    fn drop(&mut self) {
        if let Some((write, made)) = self.write.take()
            && tokio::runtime::Handle::try_current().is_ok()
        {
            let (key_id, bytes) = (self.delivered.caller.key_id, &self.delivered.bytes);
            self.outcomes.remember(key_id, bytes, self.idempotency, under_way(write, made));
        }
    }
}

/// Waits for a write until its answer is due. `made` says what it has made once it is stored, if anything.
pub(super) async fn write_in_time<T: Send + 'static>(
    state: &AppState,
    delivered: &Delivered,
    idempotency: Option<Idempotency>,
    write: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    made: impl FnOnce(T) -> Option<Made> + Send + 'static,
) -> Result<Result<T, UnderWay>, ApiError> {
    let write: BoxFuture<'static, _> = Box::pin(write);
    let outcomes = &state.unknown_outcomes;
    let mut attended = Attended { write: Some((write, made)), outcomes, delivered, idempotency };
    let answer = match &mut attended.write {
        Some((write, _)) => tokio::time::timeout_at(delivered.answer_at(), write).await,
        None => return Err(ApiError::internal()),
    };
    match (answer, attended.write.take()) {
        (Ok(stored), _) => Ok(Ok(stored?)),
        (Err(_), Some((write, made))) => Ok(Err(under_way(write, made))),
        (Err(_), None) => Err(ApiError::internal()),
    }
}

fn under_way<T: Send + 'static>(
    write: BoxFuture<'static, Result<T, StoreError>>,
    made: impl FnOnce(T) -> Option<Made> + Send + 'static,
) -> UnderWay {
    Box::pin(async move {
        match write.await {
            Ok(stored) => made(stored).map_or(Outcome::NotStored, Outcome::Stored),
            Err(StoreError::OutcomeUnknown) => Outcome::Unknown,
            Err(_) => Outcome::NotStored,
        }
    })
}

pub(super) fn patience(delivered: &Delivered) -> Patience {
    // Longer than a repetition is recognized, even if its sender is told once more that the outcome is unknown.
    Patience::until(delivered.withdraw_at()).with_commit_wait(2 * REMEMBERED)
}

async fn accept(
    state: &AppState,
    delivered: &Delivered,
    delivery: &Delivery<'_>,
    order: Order,
) -> Result<Stored, ApiError> {
    let details = order_details(delivery, &order);
    let order_id = order.id;
    let new = NewOrder { order, idempotency: delivery.idempotency, details };
    let (store, patience) = (Arc::clone(&state.store), patience(delivered));
    let write = async move { store.accept_signal(new, patience).await };
    let made = move |accepted| match accepted {
        Accepted::Created(_) => Some(Made::Order(order_id)),
        Accepted::Remembered(known) => known.same_body.then_some(known.made),
    };
    Ok(match write_in_time(state, delivered, delivery.idempotency, write, made).await? {
        Ok(Accepted::Created(_)) => Stored::Done(Done { made: Made::Order(order_id), duplicate: false }),
        Ok(Accepted::Remembered(known)) => Stored::Done(replay(known)?),
        Err(under_way) => Stored::UnderWay(under_way),
    })
}

async fn note_refusal(
    state: &AppState,
    delivered: &Delivered,
    delivery: &Delivery<'_>,
    refused: &ApiError,
    at: Timestamp,
) -> Result<(), ApiError> {
    let details = refusal_details(delivery, refused);
    let refusal = Refusal { user_id: delivered.caller.user_id, at, details };
    // No order depends on it: if it is not on disk in time, the sender just sends the signal again.
    let patience = Patience::until(delivered.withdraw_at()).with_commit_wait(SIGNAL_ANSWER);
    in_time(delivered.answer_at(), state.store.refuse_signal(refusal, patience)).await
}

/// The answer to a signal whose idempotency key was used before.
///
/// # Errors
/// 422 if it was used with another body.
pub(super) fn replay(known: Remembered) -> Result<Done, ApiError> {
    if known.same_body {
        return Ok(Done { made: known.made, duplicate: true });
    }
    let detail = "This idempotency key was used with another body.";
    Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", detail))
}
