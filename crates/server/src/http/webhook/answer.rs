//! What a signal's sender is told, and what the audit log keeps of the signal.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use hookfill_domain::ids::OrderId;
use hookfill_domain::instrument::Instrument;
use hookfill_domain::manage::Skipped;
use hookfill_domain::money::Price;
use hookfill_domain::order::{Order, OrderType, Side};
use hookfill_domain::signal::Entry;
use hookfill_store::Made;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::delivery::Delivery;
use crate::http::error::ApiError;

/// The signal, what it made, its first event and its audit entry are on disk.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignalAccepted {
    /// What was done, in words.
    message: Cow<'static, str>,
    /// The order that the signal became; absent for a command.
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<Uuid>,
    /// `pending`: what becomes of the order is on the stream. `accepted` for a command.
    #[schema(example = "pending")]
    status: &'static str,
    /// `close`, `cancel` or `modify`, for a command about open orders; absent for an order.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    /// The orders that a command touched, oldest first; absent for an order.
    #[serde(skip_serializing_if = "Option::is_none")]
    orders: Option<Vec<TouchedView>>,
    /// The pending orders that a close was about, oldest first. They were not touched, and may still fill. Absent if there
    /// are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    still_pending: Vec<TouchedView>,
    /// Other orders that a command was about and did not touch, oldest first; absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skipped: Vec<SkippedView>,
    /// True if an earlier request with the same idempotency key did it; absent otherwise.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    duplicate: bool,
}

/// An order that a command was about.
#[derive(Debug, Serialize, ToSchema)]
pub struct TouchedView {
    /// Its id.
    order_id: Uuid,
}

/// An order that a command was about and did not touch.
#[derive(Debug, Serialize, ToSchema)]
pub struct SkippedView {
    /// Its id.
    order_id: Uuid,
    /// Why it was not touched: the order's `reason`, or else its `status`.
    #[schema(example = "executed")]
    reason: &'static str,
}

const ORDER: &str = "Signal received. Order is being processed in the background.";
const COMMAND: &str =
    "Command received. The orders it touches are listed; what becomes of them is on the stream.";

fn listed(ids: Vec<OrderId>) -> Vec<TouchedView> {
    ids.into_iter().map(|id| TouchedView { order_id: id.0 }).collect()
}

impl SignalAccepted {
    fn of(made: Made, duplicate: bool) -> Self {
        let nothing = Self {
            message: Cow::Borrowed(ORDER),
            order_id: None,
            status: "pending",
            kind: None,
            orders: None,
            still_pending: Vec::new(),
            skipped: Vec::new(),
            duplicate,
        };
        match made {
            Made::Order(order_id) => Self { order_id: Some(order_id.0), ..nothing },
            Made::Command { kind, orders, still_pending, skipped, note } => Self {
                message: note.map_or(Cow::Borrowed(COMMAND), |note| Cow::Owned(format!("{COMMAND} {note}"))),
                status: "accepted",
                kind: Some(kind),
                orders: Some(listed(orders)),
                still_pending: listed(still_pending),
                skipped: skipped.into_iter().map(SkippedView::from).collect(),
                ..nothing
            },
        }
    }
}

impl From<Skipped> for SkippedView {
    fn from(skipped: Skipped) -> Self {
        Self { order_id: skipped.order_id.0, reason: skipped.reason.as_str() }
    }
}

/// What was done.
pub(super) struct Done {
    pub(super) made: Made,
    pub(super) duplicate: bool,
}

impl Done {
    /// The answer. The first one and a repeated one differ in `duplicate` and its header alone.
    pub(super) fn into_response(self) -> Response {
        let Done { made, duplicate } = self;
        let body = SignalAccepted::of(made, duplicate);
        let json = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        let mut response = (json, serde_json::to_vec(&body).unwrap_or_default()).into_response();
        if duplicate {
            let replayed = HeaderName::from_static("idempotency-replayed");
            response.headers_mut().insert(replayed, HeaderValue::from_static("true"));
        }
        response
    }
}

/// What the audit log keeps of a signal that became an order.
#[derive(Serialize)]
struct OrderDetails<'a> {
    signal: &'a str,
    format: Option<&'a str>,
    order_id: Uuid,
    action: Side,
    instrument: &'a Instrument,
    order_type: OrderType,
    entry: &'a Entry,
    stop_loss: Option<Price>,
    take_profits: &'a [Price],
    broker_account_id: Uuid,
}

pub(super) fn order_details(delivery: &Delivery<'_>, order: &Order) -> Vec<u8> {
    let details = OrderDetails {
        signal: delivery.text,
        format: delivery.format_word,
        order_id: order.id.0,
        action: order.terms.side,
        instrument: &order.terms.instrument,
        order_type: order.terms.order_type,
        entry: &order.terms.entry,
        stop_loss: order.bracket.stop_loss,
        take_profits: &order.bracket.take_profits,
        broker_account_id: order.broker_account_id.0,
    };
    serde_json::to_vec(&details).unwrap_or_default()
}

/// What the audit log keeps of a command; the store adds what it touched.
pub(super) fn command_details(delivery: &Delivery<'_>) -> Map<String, Value> {
    let format = delivery.format_word.map_or(Value::Null, Value::from);
    [("signal".to_owned(), Value::from(delivery.text)), ("format".to_owned(), format)].into_iter().collect()
}

/// What the audit log keeps of a refused signal; `reason` is the replaced service's word for `detail`.
pub(super) fn refusal_details(delivery: &Delivery<'_>, refused: &ApiError) -> Vec<u8> {
    let mut details = command_details(delivery);
    details.insert("code".to_owned(), Value::from(refused.code()));
    details.insert("detail".to_owned(), Value::from(refused.detail()));
    details.insert("reason".to_owned(), Value::from(refused.detail()));
    Value::Object(details).to_string().into_bytes()
}
