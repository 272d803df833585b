//! What the engine does.

use async_trait::async_trait;
use hookfill_domain::lifecycle::OrderEvent;
use hookfill_domain::order::Order;
use hookfill_domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::SqliteStore;
use super::group::Group;
use super::orders::{apply, order_at, read_order, select};
use crate::{Fence, Leased, StoreError, Work};

fn due(connection: &Connection, now: Timestamp, limit: usize) -> Result<Vec<Leased>, StoreError> {
    let mut select = connection.prepare_cached(&select("WHERE due_at <= ?1 ORDER BY due_at LIMIT ?2"))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = select.query_map(params![now.as_micros(), limit], read_order)?;
    rows.map(|row| Ok(Leased { order: row?.order.try_into()?, fence: Fence(0) })).collect()
}

#[async_trait]
impl Work for SqliteStore {
    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Leased>, StoreError> {
        self.readers.read(move |connection| due(connection, now, limit)).await
    }

    async fn next_due(&self, after: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let read = move |connection: &Connection| {
            let mut select = connection
                .prepare_cached("SELECT due_at FROM orders WHERE due_at > ?1 ORDER BY due_at LIMIT 1")?;
            let next: Option<i64> = select.query_row([after.as_micros()], |row| row.get(0)).optional()?;
            Ok(next.map(Timestamp::from_micros))
        };
        self.readers.read(read).await
    }

    async fn record(&self, leased: &Leased, events: Vec<OrderEvent>) -> Result<Order, StoreError> {
        let (user_id, seq) = (leased.order.user_id, leased.order.seq);
        let work = move |group: &mut Group<'_>| {
            let stored = order_at(group, user_id, seq)?;
            apply(group, stored, &events)
        };
        self.writer.write(None, work).await
    }

    async fn postpone(&self, leased: &Leased, until: Timestamp) -> Result<(), StoreError> {
        let (user_id, seq, state) = (leased.order.user_id, leased.order.seq, leased.order.state().as_str());
        let seen = leased.order.due_at.map(Timestamp::as_micros);
        let work = move |group: &mut Group<'_>| {
            // Only if nothing has happened meanwhile: a request that came in is due at once. Its time alone does not
            // tell, for it can have come at the very time at which the order was due.
            let mut update = group.connection.prepare_cached(
                "UPDATE orders SET due_at = ?3 WHERE user_id = ?1 AND seq = ?2 AND due_at IS ?4 AND state = ?5",
            )?;
            update.execute(params![user_id.0, seq.0, until.as_micros(), seen, state])?;
            group.work_is_due(Some(until));
            Ok(())
        };
        self.writer.write(None, work).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        let work = |group: &mut Group<'_>| {
            group.connection.execute("UPDATE revision SET probe = probe + 1", [])?;
            Ok(())
        };
        self.writer.write(None, work).await
    }
}
