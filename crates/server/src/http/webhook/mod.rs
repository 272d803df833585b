//! A signal arrives: understood, admitted, stored, and only then answered 200.

mod answer;
mod command;
mod decide;
mod delivery;
mod process;
mod unknown;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequestParts, State};
use axum::response::Response;
use bytes::Bytes;
use hookfill_store::Scope;
use http::{HeaderMap, Request};
use serde::Deserialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::auth::{Caller, require};
use super::body::{self, Object};
use super::error::{ApiError, Problem};
use super::limits::{SIGNAL_ANSWER, SIGNAL_WRITE};
use super::state::AppState;
use crate::telemetry::SignalOutcome;
use answer::Done;
use delivery::Delivery;
use process::{Ended, process, replay};
use unknown::{Earlier, Fate, Outcome};

pub use answer::{SignalAccepted, SkippedView, TouchedView};
pub(super) use command::would_refuse;
pub(super) use decide::{Admitted, Chosen, admit};
pub(super) use delivery::account_id;
pub use unknown::{REMEMBERED, UnknownOutcomes};

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
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let began = Instant::now();
    let (mut parts, body) = request.into_parts();
    let caller = in_time(began + SIGNAL_ANSWER, Caller::from_request_parts(&mut parts, &state)).await?;
    require(&caller, Scope::Submit)?;
    body::expect_json(&parts.headers)?;
    let authenticated = began.elapsed();
    let bytes = body::read(&parts.headers, body).await?;
    // The time limit covers authentication, but not the time that the body took to arrive.
    let (arrived, read) = (Instant::now() - authenticated, Instant::now());
    let delivered = Delivered { caller, headers: parts.headers, bytes, arrived };
    let answer = take(&state, delivered).await;
    let (outcome, code) = match &answer {
        Ok(done) if done.duplicate => (SignalOutcome::Duplicate, ""),
        Ok(_) => (SignalOutcome::Accepted, ""),
        Err(error) if error.status().is_server_error() => (SignalOutcome::Unstored, error.code()),
        Err(error) => (SignalOutcome::Refused, error.code()),
    };
    state.metrics.count_signal(outcome, code, read.elapsed());
    answer.map(Done::into_response)
}

/// A signal's request, read completely.
struct Delivered {
    caller: Caller,
    headers: HeaderMap,
    bytes: Bytes,
    arrived: Instant,
}

impl Delivered {
    /// When its write is withdrawn, unless the write has started.
    fn withdraw_at(&self) -> Instant {
        self.arrived + SIGNAL_WRITE
    }

    /// When its sender must be answered.
    fn answer_at(&self) -> Instant {
        self.arrived + SIGNAL_ANSWER
    }
}

async fn take(state: &Arc<AppState>, delivered: Delivered) -> Result<Done, ApiError> {
    let object = Object::parse(&delivered.bytes)?;
    let delivery = Delivery::read(&object, &delivered.headers, &delivered.bytes)?;
    let (key_id, bytes) = (delivered.caller.key_id, &delivered.bytes);
    if let Some(earlier) = state.unknown_outcomes.earlier(key_id, bytes, delivery.idempotency) {
        // Runs to its end even if the sender hangs up: the next repetition must find the outcome.
        let repeated = tokio::spawn(repeat(Arc::clone(state), delivered, earlier));
        return repeated.await.unwrap_or_else(|_| Err(ApiError::internal()));
    }
    match process(state, &delivered, &delivery).await? {
        Ended::Done(done) => Ok(done),
        Ended::UnderWay(write) => {
            state.unknown_outcomes.remember(key_id, bytes, delivery.idempotency, write);
            Err(ApiError::outcome_unknown())
        }
    }
}

/// Answers the repetition of a delivery whose outcome was unknown: with the outcome of the first delivery or, if that was
/// not stored, as if this were the first.
async fn repeat(state: Arc<AppState>, delivered: Delivered, earlier: Arc<Earlier>) -> Result<Done, ApiError> {
    let object = Object::parse(&delivered.bytes)?;
    let delivery = Delivery::read(&object, &delivered.headers, &delivered.bytes)?;
    let unknown = || {
        state.unknown_outcomes.told_again(&earlier);
        Err(ApiError::outcome_unknown())
    };
    if let Some(key) = delivery.idempotency
        && let asked = state.store.remembered(delivered.caller.user_id, key)
        && let Some(known) = in_time(delivered.answer_at(), asked).await?
    {
        return replay(known);
    }
    let Some(mut fate) = earlier.fate(delivered.answer_at()).await else { return unknown() };
    match &*fate {
        Fate::Ended(Outcome::Stored(made)) => return Ok(Done { made: made.clone(), duplicate: true }),
        Fate::UnderWay(_) | Fate::Ended(Outcome::Unknown) => return unknown(),
        Fate::Ended(Outcome::NotStored) => {}
    }
    match process(&state, &delivered, &delivery).await? {
        Ended::Done(done) => {
            *fate = Fate::Ended(Outcome::Stored(done.made.clone()));
            Ok(done)
        }
        Ended::UnderWay(write) => {
            *fate = Fate::under_way(write);
            unknown()
        }
    }
}

/// The store's answer, or 503 `unavailable` if it does not come before the deadline.
async fn in_time<T, E: Into<ApiError>>(
    deadline: Instant,
    asked: impl Future<Output = Result<T, E>>,
) -> Result<T, ApiError> {
    match tokio::time::timeout_at(deadline, asked).await {
        Ok(answer) => answer.map_err(Into::into),
        Err(_) => Err(ApiError::unavailable("The store does not answer in time; send it again.")),
    }
}
