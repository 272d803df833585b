//! A signal arrives: understood, admitted, stored, and only then answered 200.

mod answer;
mod decide;
mod delivery;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use hookfill_domain::ids::UserId;
use hookfill_domain::manage::{Command, CommandError};
use hookfill_domain::order::Order;
use hookfill_domain::time::Timestamp;
use hookfill_domain::wire::Status;
use hookfill_store::{
    Accepted, MAX_TOUCHED, Made, Managed, NewCommand, NewOrder, OrderQuery, Patience, Refusal, Remembered,
    Scope, StoreError,
};
use http::{HeaderMap, Request, StatusCode};
use serde::Deserialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::auth::{Caller, require};
use super::body::{self, Object};
use super::error::{ApiError, Problem};
use super::limits::SIGNAL_ANSWER;
use super::state::AppState;
use crate::telemetry::SignalOutcome;
use decide::{Decision, decide};
use delivery::Delivery;

pub use answer::{SignalAccepted, TouchedView};
pub(super) use decide::{Admitted, admit};

use answer::{Done, command_details, order_details, refusal_details};

/// A signal.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "documents the body; it is read field by field, for errors that name each")]
pub struct SignalBody {
    /// The signal as people or bots write it.
    #[schema(example = "BUY EURUSD @1.0860 SL 1.0850 TP 1.0890")]
    signal: String,
    /// The dialect; `auto` if absent.
    #[schema(example = "auto")]
    format: Option<String>,
    /// The account that is to work the order; the oldest active one if absent.
    broker_account_id: Option<String>,
    /// The same as the header `Idempotency-Key`.
    idempotency_key: Option<String>,
}

/// Takes a signal.
#[utoipa::path(post, path = "/webhook/receive-signal/", tag = "signals", operation_id = "signals_send",
    request_body = SignalBody, security(("api_key" = []), ("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters; the same key and body again give the first answer and no second order")),
    responses((status = 200, body = SignalAccepted), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 408, body = Problem), (status = 409, body = Problem),
              (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem),
              (status = 429, body = Problem), (status = 503, body = Problem)))]
pub async fn receive(
    State(state): State<Arc<AppState>>,
    caller: Caller,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    require(&caller, Scope::Submit)?;
    let (parts, body) = request.into_parts();
    body::expect_json(&parts.headers)?;
    let bytes = body::read(&parts.headers, body).await?;
    let arrived = Instant::now();
    let answer = take(&state, &caller, &parts.headers, &bytes, arrived + SIGNAL_ANSWER).await;
    let (outcome, code) = match &answer {
        Ok(done) if done.duplicate => (SignalOutcome::Duplicate, ""),
        Ok(_) => (SignalOutcome::Accepted, ""),
        Err(error) if error.status().is_server_error() => (SignalOutcome::Unstored, error.code()),
        Err(error) => (SignalOutcome::Refused, error.code()),
    };
    state.metrics.count_signal(outcome, code, arrived.elapsed());
    answer.map(Done::into_response)
}

async fn take(
    state: &AppState,
    caller: &Caller,
    headers: &HeaderMap,
    bytes: &Bytes,
    deadline: Instant,
) -> Result<Done, ApiError> {
    let object = Object::parse(bytes)?;
    let delivery = Delivery::read(&object, headers, bytes)?;
    let accounts = in_time(deadline, state.credentials.accounts(caller.user_id)).await?;
    let now = Now { at: state.clock.now(), deadline };
    let done = match decide(&delivery, &accounts, caller, now.at) {
        Ok(Decision::Order(order)) => accept(state, &delivery, *order, now).await?,
        Ok(Decision::Command { command, account_id }) => {
            let new = NewCommand {
                user_id: caller.user_id,
                account_id,
                command,
                idempotency: delivery.idempotency,
                details: command_details(&delivery),
                at: now.at,
            };
            manage(state, new, now).await?
        }
        // What was accepted once stays so, whatever the language or the policy says of it today. What is understood
        // is looked up where it is stored.
        Err(refused) => match delivery.idempotency {
            Some(key) => match in_time(deadline, state.store.remembered(caller.user_id, key)).await? {
                Some(known) => return replay(known),
                None => Err(refused),
            },
            None => Err(refused),
        },
    };
    if let Err(refused) = &done {
        note_refusal(state, caller.user_id, &delivery, refused, now).await?;
    }
    done
}

/// When a signal is taken, and until when it must be answered.
#[derive(Clone, Copy)]
struct Now {
    at: Timestamp,
    deadline: Instant,
}

/// What becomes of a signal: done, or refused and to be put on the audit log.
type Outcome = Result<Done, ApiError>;

async fn accept(
    state: &AppState,
    delivery: &Delivery<'_>,
    order: Order,
    now: Now,
) -> Result<Outcome, ApiError> {
    let details = order_details(delivery, &order);
    let order_id = order.id;
    let new = NewOrder { order, idempotency: delivery.idempotency, details };
    Ok(match state.store.accept_signal(new, Patience::until(now.deadline)).await? {
        Accepted::Created(_) => Ok(Done { made: Made::Order(order_id), duplicate: false }),
        Accepted::Remembered(known) => return replay(known).map(Ok),
    })
}

async fn manage(state: &AppState, new: NewCommand, now: Now) -> Result<Outcome, ApiError> {
    let (kind, nothing) = (new.command.kind(), nothing_to_do(&new.command));
    let about = subject(&new.command);
    Ok(match state.store.manage(new, Patience::until(now.deadline)).await? {
        Managed::Touched(orders) => {
            let orders = orders.iter().map(|order| order.id).collect();
            Ok(Done { made: Made::Command { kind: kind.to_owned(), orders }, duplicate: false })
        }
        Managed::Nothing => Err(nothing),
        Managed::TooMany => {
            let detail = format!("This is about more than {MAX_TOUCHED} orders{about}; none was touched.");
            Err(ApiError::conflict("too_many_orders", detail))
        }
        Managed::Impossible(error) => Err(impossible(&error)),
        Managed::Remembered(known) => return replay(known).map(Ok),
    })
}

fn nothing_to_do(command: &Command) -> ApiError {
    let detail = format!("There is no open order{} that this could {}.", subject(command), command.kind());
    ApiError::conflict(command.nothing(), detail)
}

fn impossible(error: &CommandError) -> ApiError {
    let code = match error {
        CommandError::WrongSide { .. } => "wrong_side",
        CommandError::NoEntryPrice(_) => "no_entry_price",
    };
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, code, error.to_string())
}

/// Whether a command would be refused now, as far as a page of the caller's latest orders of each status tells.
pub(super) async fn would_refuse(
    state: &AppState,
    caller: &Caller,
    command: &Command,
) -> Result<Option<ApiError>, ApiError> {
    let mut found = false;
    for status in [Status::Pending, Status::Executed] {
        let instrument = command.instrument().cloned();
        let query = OrderQuery { before: None, status: Some(status), instrument, limit: MAX_TOUCHED };
        for order in state.store.orders(caller.user_id, query).await?.items {
            match command.change_for(&order) {
                Ok(change) => found |= change.is_some(),
                Err(error) => return Ok(Some(impossible(&error))),
            }
        }
    }
    Ok((!found).then(|| nothing_to_do(command)))
}

fn subject(command: &Command) -> String {
    command.instrument().map(|instrument| format!(" of {instrument}")).unwrap_or_default()
}

async fn note_refusal(
    state: &AppState,
    user_id: UserId,
    delivery: &Delivery<'_>,
    refused: &ApiError,
    now: Now,
) -> Result<(), ApiError> {
    let details = refusal_details(delivery, refused);
    let refusal = Refusal { user_id, at: now.at, details };
    Ok(state.store.refuse_signal(refusal, Patience::until(now.deadline)).await?)
}

fn replay(known: Remembered) -> Result<Done, ApiError> {
    if known.same_body {
        return Ok(Done { made: known.made, duplicate: true });
    }
    let detail = "This idempotency key was used with another body.";
    Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", detail))
}

/// What the store answers, if it does so before the deadline.
async fn in_time<T>(
    deadline: Instant,
    asked: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, ApiError> {
    match tokio::time::timeout_at(deadline, asked).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(ApiError::unavailable("The store does not answer in time; send it again.")),
    }
}
