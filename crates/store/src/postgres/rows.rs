//! Rows of PostgreSQL to the rows that every backend shares.

use std::sync::Arc;

use hookfill_domain::account::BrokerAccount;
use hookfill_domain::audit::{AuditAction, ChainHash, Place};
use hookfill_domain::ids::{BrokerAccountId, OrderId, Seq, UserId};
use hookfill_domain::order::Order;
use hookfill_domain::time::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;
use uuid::Uuid;

use super::error::sentence;
use crate::chain::Link;
use crate::ledger::Head;
use crate::rows::{OrderRow, StoredOrder, from_json};
use crate::{Shown, StoreError, StoredEntry};

/// The columns of an entry, in the order in which [`read_entry`] takes them.
macro_rules! entry_columns {
    () => {
        "j.seq, j.step, j.at, j.action, j.order_id, j.details, j.message, j.hash, j.prev_seq, j.prev_step"
    };
}
pub(super) use entry_columns;

/// One column of a row.
pub(super) fn get<'r, T: FromSql<'r>>(row: &'r Row, index: usize) -> Result<T, StoreError> {
    row.try_get(index).map_err(|error| StoreError::Corrupt(sentence(&error)))
}

/// Bytes of a fixed length.
pub(super) fn bytes<const N: usize>(row: &Row, index: usize) -> Result<[u8; N], StoreError> {
    let wrong = |_| StoreError::Corrupt(format!("column {index} has not {N} bytes"));
    get::<&[u8]>(row, index)?.try_into().map_err(wrong)
}

fn time(row: &Row, index: usize) -> Result<Timestamp, StoreError> {
    get(row, index).map(Timestamp::from_micros)
}

pub(super) fn place(row: &Row, index: usize) -> Result<Place, StoreError> {
    Ok(Place { seq: Seq(get(row, index)?), step: get(row, index + 1)? })
}

/// A row of the columns of an order.
pub(super) fn read_order(row: &Row) -> Result<StoredOrder<Order>, StoreError> {
    let order = OrderRow {
        user_id: get(row, 0)?,
        seq: get(row, 1)?,
        id: get::<Uuid>(row, 2)?.into_bytes(),
        broker_account_id: get::<Uuid>(row, 3)?.into_bytes(),
        source_id: get::<Option<Uuid>>(row, 4)?.map(Uuid::into_bytes),
        terms: get(row, 5)?,
        bracket: get(row, 6)?,
        progress: get(row, 7)?,
        due_at: get(row, 8)?,
        created_at: get(row, 9)?,
        updated_at: get(row, 10)?,
    };
    Ok(StoredOrder { order: order.try_into()?, last: place(row, 11)? })
}

/// `user_id, username, seq, step, hash, tally`.
pub(super) fn read_head(row: &Row) -> Result<(UserId, Head), StoreError> {
    let head = Head {
        username: get(row, 1)?,
        place: place(row, 2)?,
        hash: ChainHash(bytes(row, 4)?),
        tally: from_json(get(row, 5)?)?,
    };
    Ok((UserId(get(row, 0)?), head))
}

/// `user_id, id, broker_name, account_id, is_active, policy, created_at`.
pub(super) fn read_account(row: &Row) -> Result<BrokerAccount, StoreError> {
    Ok(BrokerAccount {
        user_id: UserId(get(row, 0)?),
        id: BrokerAccountId(get(row, 1)?),
        broker_name: get(row, 2)?,
        account_id: get(row, 3)?,
        is_active: get(row, 4)?,
        policy: from_json(get(row, 5)?)?,
        created_at: time(row, 6)?,
    })
}

/// A row of the columns of an entry.
pub(super) fn read_entry(row: &Row) -> Result<Link, StoreError> {
    let word: &str = get(row, 3)?;
    let action = AuditAction::from_word(word)
        .ok_or_else(|| StoreError::Corrupt(format!("`{word}` is no action of the audit log")))?;
    let previous: (Option<i64>, Option<i64>) = (get(row, 8)?, get(row, 9)?);
    let entry = StoredEntry {
        place: place(row, 0)?,
        at: time(row, 2)?,
        action,
        order_id: get::<Option<Uuid>>(row, 4)?.map(OrderId),
        details: get(row, 5)?,
        message: get(row, 6)?,
        hash: bytes(row, 7)?,
    };
    let previous = previous.0.zip(previous.1).map(|(seq, step)| Place { seq: Seq(seq), step });
    Ok(Link { entry, previous })
}

/// `seq, message`.
pub(super) fn read_shown(user_id: UserId, row: &Row) -> Result<Shown, StoreError> {
    let message =
        str::from_utf8(get::<&[u8]>(row, 1)?).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    Ok(Shown { user_id, seq: Seq(get(row, 0)?), message: Arc::from(message) })
}
