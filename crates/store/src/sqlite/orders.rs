//! Signals and orders.

use async_trait::async_trait;
use hookfill_domain::audit::Place;
use hookfill_domain::ids::{BrokerAccountId, OrderId, Seq, UserId};
use hookfill_domain::instrument::Instrument;
use hookfill_domain::manage::{Command, CommandError};
use hookfill_domain::order::Order;
use hookfill_domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::SqliteStore;
use super::books::Group;
use crate::queue::Patience;
use crate::rows::{OrderRow, StoredOrder, from_json};
use crate::{
    Accepted, Idempotency, MAX_PAGE, MAX_SCAN, Made, Managed, NewCommand, NewOrder, OrderQuery, Orders, Page,
    Refusal, Remembered, Request, Requested, StoreError, Tally, ledger,
};

/// The columns of an order, in the order in which [`read_order`] takes them.
const COLUMNS: &str = "user_id, seq, id, broker_account_id, source_id, terms, bracket, progress, \
     due_at, created_at, updated_at, last_seq, last_step";

/// One row of [`COLUMNS`].
pub(super) fn read_order(row: &Row<'_>) -> rusqlite::Result<StoredOrder<OrderRow>> {
    Ok(StoredOrder {
        order: OrderRow {
            user_id: row.get(0)?,
            seq: row.get(1)?,
            id: row.get(2)?,
            broker_account_id: row.get(3)?,
            source_id: row.get(4)?,
            terms: row.get(5)?,
            bracket: row.get(6)?,
            progress: row.get(7)?,
            due_at: row.get(8)?,
            created_at: row.get(9)?,
            updated_at: row.get(10)?,
        },
        last: Place { seq: Seq(row.get(11)?), step: row.get(12)? },
    })
}

/// `SELECT` of [`COLUMNS`] with what follows `FROM orders`.
pub(super) fn select(rest: &str) -> String {
    format!("SELECT {COLUMNS} FROM orders {rest}")
}

pub(super) fn into_order(stored: StoredOrder<OrderRow>) -> Result<StoredOrder<Order>, StoreError> {
    Ok(StoredOrder { order: stored.order.try_into()?, last: stored.last })
}

/// One of a user's orders, with the place of its last entry.
pub(super) fn order_by_id(
    connection: &Connection,
    user_id: UserId,
    id: OrderId,
) -> Result<Option<StoredOrder<Order>>, StoreError> {
    let mut select = connection.prepare_cached(&select("WHERE user_id = ?1 AND id = ?2"))?;
    let row = select.query_row(params![user_id.0, id.0.as_bytes()], read_order).optional()?;
    row.map(into_order).transpose()
}

/// The user's open orders, of one instrument or of all; at most one more than [`MAX_SCAN`].
pub(super) fn open_orders(
    connection: &Connection,
    user_id: UserId,
    instrument: Option<&Instrument>,
) -> Result<Vec<StoredOrder<Order>>, StoreError> {
    let limit = i64::try_from(MAX_SCAN + 1).unwrap_or(i64::MAX);
    let mut of_one = connection
        .prepare_cached(&select("WHERE user_id = ?1 AND instrument = ?3 AND due_at IS NOT NULL LIMIT ?2"))?;
    let mut of_all =
        connection.prepare_cached(&select("WHERE user_id = ?1 AND due_at IS NOT NULL LIMIT ?2"))?;
    let mut rows = match instrument {
        Some(instrument) => of_one.query(params![user_id.0, limit, instrument.as_str()])?,
        None => of_all.query(params![user_id.0, limit])?,
    };
    let mut open = Vec::new();
    while let Some(row) = rows.next()? {
        open.push(into_order(read_order(row)?)?);
    }
    Ok(open)
}

/// What a key was used for: an order's key stands in its row, a command's in a table of its own.
pub(super) fn remembered(
    connection: &Connection,
    user_id: UserId,
    key: Idempotency,
) -> Result<Option<Remembered>, StoreError> {
    let mut select =
        connection.prepare_cached("SELECT id, body_hash FROM orders WHERE user_id = ?1 AND key_hash = ?2")?;
    let found = select.query_row(params![user_id.0, key.key_hash], |row| {
        let (id, body_hash): ([u8; 16], [u8; 16]) = (row.get(0)?, row.get(1)?);
        let made = Made::Order(OrderId(Uuid::from_bytes(id)));
        Ok(Remembered { made, same_body: body_hash == key.body_hash })
    });
    if let Some(order) = found.optional()? {
        return Ok(Some(order));
    }
    let mut select = connection
        .prepare_cached("SELECT made, body_hash FROM command_keys WHERE user_id = ?1 AND key_hash = ?2")?;
    let found: Option<(Vec<u8>, [u8; 16])> = select
        .query_row(params![user_id.0, key.key_hash], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((made, body_hash)) = found else { return Ok(None) };
    Ok(Some(Remembered { made: from_json(&made)?, same_body: body_hash == key.body_hash }))
}

/// A page of orders. A filter looks at [`MAX_SCAN`] rows at most, so that no page costs more than that.
fn page(
    connection: &Connection,
    user_id: UserId,
    query: &OrderQuery,
) -> Result<Page<Order, Seq>, StoreError> {
    let limit = query.limit.min(MAX_PAGE);
    let mut select =
        connection.prepare_cached(&select("WHERE user_id = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3"))?;
    let before = query.before.map_or(i64::MAX, |seq| seq.0);
    let filtered = query.status.is_some() || query.instrument.is_some();
    let scan = if filtered { MAX_SCAN } else { limit };
    // One row more than is looked at tells whether there is a next page.
    let mut rows = select.query(params![user_id.0, before, i64::try_from(scan + 1).unwrap_or(i64::MAX)])?;
    let mut items: Vec<Order> = Vec::new();
    let mut looked_at = 0;
    let mut last = None;
    while let Some(row) = rows.next()? {
        if looked_at == scan || items.len() == limit {
            return Ok(Page { items, next: last });
        }
        looked_at += 1;
        let order: Order = read_order(row)?.order.try_into()?;
        last = Some(order.seq);
        let wanted = query.status.is_none_or(|status| order.status() == status)
            && query.instrument.as_ref().is_none_or(|instrument| order.terms.instrument == *instrument);
        if wanted {
            items.push(order);
        }
    }
    Ok(Page { items, next: None })
}

fn tally(connection: &Connection, user_id: UserId) -> Result<Tally, StoreError> {
    // One snapshot: both counts are of the same orders, while more come in.
    let snapshot = connection.unchecked_transaction()?;
    let by_status: Option<Vec<u8>> = snapshot
        .prepare_cached("SELECT tally FROM heads WHERE user_id = ?1")?
        .query_row([user_id.0], |row| row.get(0))
        .optional()?;
    let mut select = snapshot.prepare_cached(
        "SELECT instrument, count FROM instrument_counts WHERE user_id = ?1 ORDER BY count DESC, instrument LIMIT ?2",
    )?;
    let rows = select.query_map(params![user_id.0, i64::try_from(MAX_PAGE).unwrap_or(i64::MAX)], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    Ok(Tally {
        by_status: by_status.map(|tally| from_json(&tally)).transpose()?.unwrap_or_default(),
        by_instrument: rows.collect::<Result<_, _>>()?,
    })
}

#[async_trait]
impl Orders for SqliteStore {
    async fn accept_signal(&self, new: NewOrder, patience: Patience) -> Result<Accepted, StoreError> {
        let owner = Some(new.order.user_id);
        self.writer.write(patience, owner, move |group| ledger::accept(group, &new)).await
    }

    async fn refuse_signal(&self, refusal: Refusal, patience: Patience) -> Result<(), StoreError> {
        let owner = Some(refusal.user_id);
        self.writer.write(patience, owner, move |group| ledger::refuse(group, &refusal)).await
    }

    async fn manage(&self, new: NewCommand, patience: Patience) -> Result<Managed, StoreError> {
        let owner = Some(new.user_id);
        self.writer.write(patience, owner, move |group| ledger::manage(group, &new)).await
    }

    async fn rehearse(
        &self,
        user_id: UserId,
        account_id: Option<BrokerAccountId>,
        command: &Command,
    ) -> Result<Option<CommandError>, StoreError> {
        let command = command.clone();
        let read = move |connection: &Connection| {
            let open = open_orders(connection, user_id, command.instrument())?;
            Ok(ledger::plan(&command, account_id, open).err())
        };
        self.readers.read(read).await
    }

    async fn remembered(&self, user_id: UserId, key: Idempotency) -> Result<Option<Remembered>, StoreError> {
        self.readers.read(move |connection| remembered(connection, user_id, key)).await
    }

    async fn order(&self, user_id: UserId, id: OrderId) -> Result<Option<Order>, StoreError> {
        let read = move |connection: &Connection| {
            Ok(order_by_id(connection, user_id, id)?.map(|stored| stored.order))
        };
        self.readers.read(read).await
    }

    async fn orders(&self, user_id: UserId, query: OrderQuery) -> Result<Page<Order, Seq>, StoreError> {
        self.readers.read(move |connection| page(connection, user_id, &query)).await
    }

    async fn request(
        &self,
        user_id: UserId,
        id: OrderId,
        asked: Request,
        at: Timestamp,
    ) -> Result<Requested, StoreError> {
        let work = move |group: &mut Group| ledger::request(group, user_id, id, asked, at);
        self.writer.write(Patience::standard(), Some(user_id), work).await
    }

    async fn tally(&self, user_id: UserId) -> Result<Tally, StoreError> {
        self.readers.read(move |connection| tally(connection, user_id)).await
    }
}
