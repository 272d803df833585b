//! Rows to domain values and back, shared by every backend.

use hookfill_domain::audit::Place;
use hookfill_domain::ids::{BrokerAccountId, OrderId, Seq, SourceId, UserId};
use hookfill_domain::order::Order;
use hookfill_domain::time::Timestamp;
use hookfill_domain::wire::Status;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::{Scope, StoreError};

/// An order as a row has it.
pub(crate) struct OrderRow {
    pub(crate) user_id: i64,
    pub(crate) seq: i64,
    pub(crate) id: [u8; 16],
    pub(crate) broker_account_id: [u8; 16],
    pub(crate) source_id: Option<[u8; 16]>,
    pub(crate) terms: Vec<u8>,
    pub(crate) bracket: Vec<u8>,
    pub(crate) progress: Vec<u8>,
    pub(crate) due_at: Option<i64>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

/// The places of an order's journal entries: the last one leads to the one before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoredOrder<T> {
    pub(crate) order: T,
    pub(crate) last: Place,
}

impl AsRef<Order> for StoredOrder<Order> {
    fn as_ref(&self) -> &Order {
        &self.order
    }
}

impl TryFrom<OrderRow> for Order {
    type Error = StoreError;
    fn try_from(row: OrderRow) -> Result<Order, StoreError> {
        Ok(Order {
            id: OrderId(Uuid::from_bytes(row.id)),
            user_id: UserId(row.user_id),
            seq: Seq(row.seq),
            broker_account_id: BrokerAccountId(Uuid::from_bytes(row.broker_account_id)),
            source_id: row.source_id.map(|id| SourceId(Uuid::from_bytes(id))),
            terms: from_json(&row.terms)?,
            bracket: from_json(&row.bracket)?,
            progress: from_json(&row.progress)?,
            due_at: row.due_at.map(Timestamp::from_micros),
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
        })
    }
}

/// The bytes of a value's JSON.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// A value of its JSON.
pub(crate) fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// `submit,read` …
pub(crate) fn scopes_to_text(scopes: &[Scope]) -> String {
    scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(",")
}

/// The scopes of `submit,read`; an unknown word grants nothing.
pub(crate) fn scopes_from_text(text: &str) -> Vec<Scope> {
    text.split(',').filter_map(|word| Scope::ALL.into_iter().find(|scope| scope.as_str() == word)).collect()
}

/// The slot of a status in a tally.
pub(crate) fn slot(status: Status) -> usize {
    match status {
        Status::Pending => 0,
        Status::Executed => 1,
        Status::Closed => 2,
        Status::Canceled => 3,
        Status::Rejected => 4,
        Status::Expired => 5,
    }
}
