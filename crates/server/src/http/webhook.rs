//! A signal arrives: understood, admitted, stored, and only then answered 200.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hookfill_domain::account::{BrokerAccount, Policy};
use hookfill_domain::ids::{BrokerAccountId, OrderId};
use hookfill_domain::order::{Order, Origin};
use hookfill_domain::signal::{self, Format, OrderSignal, Signal};
use hookfill_domain::time::Timestamp;
use hookfill_store::{Accepted, Idempotency, NewOrder, Refusal, Remembered, Scope, StoreError};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use utoipa::ToSchema;

use super::auth::{Caller, require};
use super::body::{self, Object};
use super::error::{ApiError, Problem};
use super::limits::SIGNAL_ANSWER;
use super::reading;
use super::state::AppState;
use crate::clock::new_uuid;
use crate::telemetry::SignalOutcome;

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

/// The signal, its order, its first event and its audit entry are on disk.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignalAccepted {
    /// A sentence.
    message: &'static str,
    /// The order.
    order_id: OrderIdView,
    /// Always `pending`: what becomes of the order is on the stream.
    status: &'static str,
    /// True if an earlier request with the same idempotency key made the order; absent otherwise.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    duplicate: bool,
}

/// An order's id.
#[derive(Debug, Serialize, ToSchema)]
#[schema(value_type = String, format = Uuid)]
#[serde(transparent)]
pub struct OrderIdView(OrderId);

/// Which route an idempotency key counts for.
const ROUTE: &[u8] = b"POST /webhook/receive-signal/";

/// What a request asks for, beside its text.
struct Delivery<'a> {
    text: &'a str,
    format: Format,
    format_word: Option<&'a str>,
    account_id: Option<&'a str>,
    idempotency: Option<Idempotency>,
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
        Ok((_, duplicate)) if *duplicate => (SignalOutcome::Duplicate, ""),
        Ok(_) => (SignalOutcome::Accepted, ""),
        Err(error) if error.status().is_server_error() => (SignalOutcome::Unstored, error.code()),
        Err(error) => (SignalOutcome::Refused, error.code()),
    };
    state.metrics.count_signal(outcome, code, arrived.elapsed());
    answer.map(|(order_id, duplicate)| accepted(order_id, duplicate))
}

async fn take(
    state: &AppState,
    caller: &Caller,
    headers: &HeaderMap,
    bytes: &Bytes,
    deadline: Instant,
) -> Result<(OrderId, bool), ApiError> {
    let object = Object::parse(bytes)?;
    let delivery = Delivery::read(&object, headers, bytes)?;
    // Looked up before the language is: what was accepted once stays so, whatever the policy says today.
    if let Some(key) = delivery.idempotency
        && let Some(known) = in_time(deadline, state.store.remembered(caller.user_id, key)).await?
    {
        return replay(known);
    }
    let accounts = in_time(deadline, state.credentials.accounts(caller.user_id)).await?;
    let at = state.clock.now();
    match decide(&delivery, &accounts, caller, at) {
        Ok(order) => {
            let details = accepted_details(&delivery, &order);
            let new = NewOrder { order, idempotency: delivery.idempotency, details };
            let order_id = new.order.id;
            match state.store.accept_signal(new, deadline).await? {
                Accepted::Created(_) => Ok((order_id, false)),
                Accepted::Remembered(known) => replay(known),
            }
        }
        Err(refused) => {
            let details = refused_details(&delivery, &refused);
            let refusal = Refusal { user_id: caller.user_id, at, details };
            state.store.refuse_signal(refusal, deadline).await?;
            Err(refused)
        }
    }
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

impl<'a> Delivery<'a> {
    fn read(object: &'a Object, headers: &'a HeaderMap, bytes: &[u8]) -> Result<Self, ApiError> {
        let text = body::signal_text(object)?;
        let (format, format_word) = reading::format(object)?;
        let account_id = match object.get("broker_account_id") {
            None => None,
            Some(Value::String(id)) if id.chars().any(char::is_control) => {
                return Err(wrong_field("broker_account_id", "Control characters are not allowed."));
            }
            Some(Value::String(id)) => Some(id.as_str()),
            Some(_) => return Err(wrong_field("broker_account_id", "Not a valid string.")),
        };
        let idempotency = idempotency_key(object, headers)?.map(|key| Idempotency {
            key_hash: half_hash(&[ROUTE, key.as_bytes()]),
            body_hash: half_hash(&[bytes]),
        });
        Ok(Self { text, format, format_word, account_id, idempotency })
    }
}

fn wrong_field(field: &'static str, sentence: &str) -> ApiError {
    ApiError::fields([(field, vec![sentence.to_owned()])].into())
}

/// The first 16 bytes of a SHA-256 over parts, each with its length.
fn half_hash(parts: &[&[u8]]) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let full: [u8; 32] = hash.finalize().into();
    let mut half = [0; 16];
    half.copy_from_slice(&full[..16]);
    half
}

/// The idempotency key of a request: the header, the field, or the `id` beside the signal; all that are there agree.
fn idempotency_key<'a>(object: &'a Object, headers: &'a HeaderMap) -> Result<Option<&'a str>, ApiError> {
    let invalid = |detail: &str| Err(ApiError::bad_request("invalid_idempotency_key", detail));
    let mut keys = headers.get_all("idempotency-key").iter();
    let header = match keys.next().map(|value| value.to_str()) {
        None => None,
        Some(Ok(key)) if keys.next().is_none() => Some(key),
        Some(_) => return invalid("Idempotency-Key must be one header of visible ASCII characters."),
    };
    let field = match (object.get("idempotency_key"), object.get("id")) {
        (Some(Value::String(key)), _) | (None, Some(Value::String(key))) => Some(key.as_str()),
        (None, None) => None,
        _ => return invalid("The idempotency key must be a string."),
    };
    if let (Some(header), Some(field)) = (header, field)
        && header != field
    {
        return invalid("The header Idempotency-Key and the body's key are different.");
    }
    match header.or(field) {
        Some(key) if key.is_empty() || key.chars().count() > 255 => {
            invalid("The idempotency key must have 1 to 255 characters.")
        }
        Some(key) if key.chars().any(char::is_control) => {
            invalid("The idempotency key has a control character.")
        }
        key => Ok(key),
    }
}

/// Understands the text as the account reads it, and admits it or not.
fn decide(
    delivery: &Delivery<'_>,
    accounts: &[BrokerAccount],
    caller: &Caller,
    at: Timestamp,
) -> Result<Order, ApiError> {
    let account = choose(delivery.account_id, accounts)?;
    let default = Policy::default();
    let policy = account.map_or(&default, |account| &account.policy);
    let parsed = signal::parse(delivery.text, delivery.format, &reading::of(policy))
        .map_err(|error| ApiError::refused(&error))?;
    let (signal, account) = admit(parsed.signal, account)?;
    let origin = Origin {
        id: OrderId(new_uuid()),
        user_id: caller.user_id,
        broker_account_id: account.id,
        source_id: None,
    };
    Ok(Order::from_signal(signal, origin, None, at))
}

/// Whether a signal that was understood becomes an order, and of which account.
///
/// # Errors
/// What the sender is told if it does not.
pub(super) fn admit(
    signal: Signal,
    account: Option<&BrokerAccount>,
) -> Result<(OrderSignal, &BrokerAccount), ApiError> {
    let default = Policy::default();
    let policy = account.map_or(&default, |account| &account.policy);
    signal::admit(&signal, policy.admission()).map_err(|error| ApiError::refused(&error))?;
    let signal = order_signal(signal)?;
    let account = account.ok_or_else(|| {
        let detail = "No active broker account found. Link one via POST /accounts/ first.";
        ApiError::conflict("no_broker_account", detail)
    })?;
    if !account.is_active {
        let detail = "The broker account is deactivated and takes no new orders.";
        return Err(ApiError::conflict("broker_account_inactive", detail));
    }
    Ok((signal, account))
}

/// The account that was named or, if none was, the oldest active one.
fn choose<'a>(
    named: Option<&str>,
    accounts: &'a [BrokerAccount],
) -> Result<Option<&'a BrokerAccount>, ApiError> {
    let Some(named) = named else { return Ok(accounts.iter().find(|account| account.is_active)) };
    let id: Option<BrokerAccountId> = named.parse().ok();
    let found = id.and_then(|id| accounts.iter().find(|account| account.id == id));
    let unknown = || {
        let detail = "`broker_account_id` names none of your broker accounts.";
        ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "unknown_broker_account", detail)
    };
    found.map(Some).ok_or_else(unknown)
}

fn order_signal(signal: Signal) -> Result<OrderSignal, ApiError> {
    match signal {
        Signal::Order(order) => Ok(order),
        Signal::Close(_) | Signal::Cancel(_) | Signal::Modify(_) => {
            let detail = "This message manages open orders; use the cancel and close calls of an order.";
            Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "unsupported_command", detail))
        }
    }
}

fn accepted_details(delivery: &Delivery<'_>, order: &Order) -> Vec<u8> {
    let details = json!({
        "signal": delivery.text,
        "format": delivery.format_word,
        "order_id": order.id,
        "action": order.terms.side,
        "instrument": order.terms.instrument,
        "order_type": order.terms.order_type,
        "entry": order.terms.entry,
        "stop_loss": order.bracket.stop_loss,
        "take_profits": order.bracket.take_profits,
        "broker_account_id": order.broker_account_id,
    });
    details.to_string().into_bytes()
}

fn refused_details(delivery: &Delivery<'_>, refused: &ApiError) -> Vec<u8> {
    let details = json!({
        "signal": delivery.text,
        "format": delivery.format_word,
        "code": refused.code(),
        "detail": refused.detail(),
        "reason": refused.detail(),
    });
    details.to_string().into_bytes()
}

fn replay(known: Remembered) -> Result<(OrderId, bool), ApiError> {
    if known.same_body {
        return Ok((known.order_id, true));
    }
    let detail = "This idempotency key was used with another body.";
    Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", detail))
}

fn accepted(order_id: OrderId, duplicate: bool) -> Response {
    let body = SignalAccepted {
        message: "Signal received. Order is being processed in the background.",
        order_id: OrderIdView(order_id),
        status: "pending",
        duplicate,
    };
    let json = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    let mut response = (json, serde_json::to_vec(&body).unwrap_or_default()).into_response();
    if duplicate {
        let replayed = HeaderName::from_static("idempotency-replayed");
        response.headers_mut().insert(replayed, HeaderValue::from_static("true"));
    }
    response
}
