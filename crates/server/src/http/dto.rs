//! Orders, accounts and audit entries as the wire shows them.

use hookfill_domain::account::{BrokerAccount, Policy};
use hookfill_domain::audit::{AuditAction, ChainHash, audit_id};
use hookfill_domain::order::Order;
use hookfill_domain::signal::Amount;
use hookfill_store::StoredEntry;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

/// A number with its unit.
#[derive(Debug, Serialize, ToSchema)]
pub struct AmountView {
    /// A decimal number, as text.
    #[schema(example = "0.10")]
    value: String,
    /// What it counts.
    #[schema(example = "lots")]
    unit: Value,
}

impl From<Amount> for AmountView {
    fn from(amount: Amount) -> Self {
        Self { value: amount.value.to_string(), unit: json!(amount.unit) }
    }
}

/// An order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "Order")]
pub struct OrderView {
    /// Its id; also the client order id at the broker.
    id: Uuid,
    /// Its owner.
    user_id: i64,
    /// The account that works it.
    broker_account_id: Uuid,
    /// `BUY` or `SELL`.
    #[schema(example = "BUY")]
    action: Value,
    /// What is traded.
    #[schema(example = "EURUSD")]
    instrument: String,
    /// `market`, `limit` or `stop`.
    #[schema(example = "limit")]
    order_type: Value,
    /// The working price; null at market.
    #[schema(example = "1.0860")]
    entry_price: Option<String>,
    /// Lower and upper end of an entry zone.
    entry_range: Option<[String; 2]>,
    /// The prices of a ladder.
    entries: Option<Vec<String>>,
    /// Where the loss is cut.
    #[schema(example = "1.0850")]
    stop_loss: Option<String>,
    /// The first target.
    #[schema(example = "1.0890")]
    take_profit: Option<String>,
    /// Every target.
    take_profits: Vec<String>,
    /// How much.
    quantity: Option<AmountView>,
    /// How much may be lost.
    risk: Option<AmountView>,
    /// Times the own capital.
    leverage: Option<String>,
    /// `pending`, `executed`, `closed`, `canceled`, `rejected` or `expired`.
    #[schema(example = "pending")]
    status: &'static str,
    /// Why it is so, or null.
    reason: Option<String>,
    /// The broker's id; null until the broker has the order.
    fake_order_id: Option<String>,
    /// The same.
    broker_order_id: Option<String>,
    /// The source that sent it, or null.
    source_id: Option<Uuid>,
    /// When it was accepted.
    #[schema(example = "2026-01-02T03:04:05.678901Z")]
    created_at: String,
    /// When it last changed.
    updated_at: String,
    /// The broker's time of the fill.
    executed_at: Option<String>,
    /// The broker's time of the close.
    closed_at: Option<String>,
    /// Which part of the position is still open after partial closes; null is all of it.
    #[schema(example = "0.5")]
    remaining: Option<String>,
}

impl From<&Order> for OrderView {
    fn from(order: &Order) -> Self {
        let Order { terms, bracket, progress, .. } = order;
        let texts = |prices: &[hookfill_domain::money::Price]| {
            prices.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        Self {
            id: order.id.0,
            user_id: order.user_id.0,
            broker_account_id: order.broker_account_id.0,
            action: json!(terms.side),
            instrument: terms.instrument.to_string(),
            order_type: json!(terms.order_type),
            entry_price: order.entry_price().map(|price| price.to_string()),
            entry_range: terms.entry.range().map(|ends| ends.map(|price| price.to_string())),
            entries: terms.entry.ladder().map(texts),
            stop_loss: bracket.stop_loss.map(|price| price.to_string()),
            take_profit: bracket.take_profits.first().map(ToString::to_string),
            take_profits: texts(&bracket.take_profits),
            quantity: terms.quantity.map(AmountView::from),
            risk: terms.risk.map(AmountView::from),
            leverage: terms.leverage.map(|times| times.to_string()),
            status: order.status().as_str(),
            reason: order.reason().map(str::to_owned),
            fake_order_id: progress.broker_order_id.clone(),
            broker_order_id: progress.broker_order_id.clone(),
            source_id: order.source_id.map(|id| id.0),
            created_at: order.created_at.to_string(),
            updated_at: order.updated_at.to_string(),
            executed_at: progress.executed_at.map(|at| at.to_string()),
            closed_at: progress.closed_at.map(|at| at.to_string()),
            remaining: progress.remaining.map(|part| part.to_string()),
        }
    }
}

/// What an account asks of a signal.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "Policy")]
pub struct PolicyView {
    /// Refuse an order without a stop loss.
    require_stop_loss: bool,
    /// Refuse an order without a target.
    require_take_profit: bool,
    /// The owner's names for instruments.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    aliases: Value,
    /// Read `1,0820` as a decimal number.
    decimal_comma: bool,
}

impl From<&Policy> for PolicyView {
    fn from(policy: &Policy) -> Self {
        let Policy { require_stop_loss, require_take_profit, aliases, decimal_comma } = policy;
        Self {
            require_stop_loss: *require_stop_loss,
            require_take_profit: *require_take_profit,
            aliases: json!(aliases),
            decimal_comma: *decimal_comma,
        }
    }
}

/// A broker account. Never its secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "BrokerAccount")]
pub struct AccountView {
    /// Its id here.
    id: Uuid,
    /// Which broker.
    #[schema(example = "MetaTrader 5")]
    broker_name: String,
    /// The account's id there.
    account_id: String,
    /// Whether it takes new orders.
    is_active: bool,
    /// When it was linked.
    created_at: String,
    /// What it asks of a signal.
    policy: PolicyView,
}

impl From<&BrokerAccount> for AccountView {
    fn from(account: &BrokerAccount) -> Self {
        Self {
            id: account.id.0,
            broker_name: account.broker_name.clone(),
            account_id: account.account_id.clone(),
            is_active: account.is_active,
            created_at: account.created_at.to_string(),
            policy: PolicyView::from(&account.policy),
        }
    }
}

/// An entry of the audit log.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "AuditEntry")]
pub struct AuditView {
    /// Its id.
    id: Uuid,
    /// When.
    at: String,
    /// What.
    #[schema(example = "order_created")]
    action: &'static str,
    /// Which order, or null.
    order_id: Option<Uuid>,
    /// Circumstances.
    #[schema(value_type = Object)]
    details: Value,
}

/// What a journal entry reads as in the audit log, oldest first: a signal's entry is two, its arrival and what
/// became of it.
#[must_use]
pub fn audit_views(entry: &StoredEntry) -> Vec<AuditView> {
    let details: Map<String, Value> = serde_json::from_slice(&entry.details).unwrap_or_default();
    let view = |part: u8, action: AuditAction, order_id, details| AuditView {
        id: audit_id(&ChainHash(entry.hash), part),
        at: entry.at.to_string(),
        action: action.as_str(),
        order_id,
        details: Value::Object(details),
    };
    let order_id = entry.order_id.map(|id| id.0);
    if !matches!(
        entry.action,
        AuditAction::OrderCreated | AuditAction::SignalRejected | AuditAction::CommandAccepted
    ) {
        return vec![view(1, entry.action, order_id, details)];
    }
    let (received, became) = details.into_iter().partition(|(key, _)| key == "signal" || key == "format");
    vec![view(0, AuditAction::SignalReceived, None, received), view(1, entry.action, order_id, became)]
}

/// One step of an order's history.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "OrderEvent")]
pub struct EventView {
    /// The number of its stream message; null for an internal step.
    seq: Option<i64>,
    /// When it was recorded.
    at: String,
    /// What happened: an action of the audit log.
    #[schema(example = "order_submitted")]
    action: &'static str,
    /// The order's status after it; null for an internal step.
    status: Option<Value>,
    /// Circumstances.
    #[schema(value_type = Object)]
    details: Value,
}

impl From<&StoredEntry> for EventView {
    fn from(entry: &StoredEntry) -> Self {
        let message: Option<Value> =
            entry.message.as_deref().and_then(|bytes| serde_json::from_slice(bytes).ok());
        Self {
            seq: message.as_ref().map(|_| entry.place.seq.0),
            at: entry.at.to_string(),
            action: entry.action.as_str(),
            status: message.and_then(|mut message| message.get_mut("status").map(Value::take)),
            details: serde_json::from_slice(&entry.details).unwrap_or_default(),
        }
    }
}
