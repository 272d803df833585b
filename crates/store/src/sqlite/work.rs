//! What the engine does.

use std::collections::HashSet;

use async_trait::async_trait;
use hookfill_domain::ids::{Seq, UserId};
use hookfill_domain::lifecycle::OrderEvent;
use hookfill_domain::order::Order;
use hookfill_domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::SqliteStore;
use super::books::Group;
use super::orders::{read_order, select};
use crate::queue::Patience;
use crate::{Fence, Leased, OrderKey, StoreError, Work, ledger};

/// The places come from the index alone; only what is not busy is read.
fn due(
    connection: &Connection,
    now: Timestamp,
    limit: usize,
    busy: &HashSet<OrderKey>,
) -> Result<Vec<Leased>, StoreError> {
    let mut places = connection
        .prepare_cached("SELECT user_id, seq FROM orders WHERE due_at <= ?1 ORDER BY due_at LIMIT ?2")?;
    let mut select = connection.prepare_cached(&select("WHERE user_id = ?1 AND seq = ?2"))?;
    let looked_at = i64::try_from(limit.saturating_add(busy.len())).unwrap_or(i64::MAX);
    let mut rows = places.query(params![now.as_micros(), looked_at])?;
    let mut due = Vec::new();
    while due.len() < limit
        && let Some(row) = rows.next()?
    {
        let key = (UserId(row.get(0)?), Seq(row.get(1)?));
        if !busy.contains(&key) {
            let stored = select.query_row(params![key.0.0, key.1.0], read_order).map_err(StoreError::from);
            match stored.and_then(|stored| stored.order.try_into()) {
                Ok(order) => due.push(Leased { order, fence: Fence(0) }),
                // One row that cannot be read must not keep all others from being worked.
                Err(error @ StoreError::Corrupt(_)) => {
                    tracing::error!(%error, user = %key.0, seq = %key.1, "an order cannot be read and is not worked");
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(due)
}

#[async_trait]
impl Work for SqliteStore {
    async fn due(
        &self,
        now: Timestamp,
        limit: usize,
        busy: &HashSet<OrderKey>,
    ) -> Result<Vec<Leased>, StoreError> {
        let busy = busy.clone();
        self.readers.read(move |connection| due(connection, now, limit, &busy)).await
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
        let leased = leased.clone();
        let owner = Some(leased.order.user_id);
        let work = move |group: &mut Group| ledger::record(group, &leased, &events);
        self.writer.write(Patience::standard(), owner, work).await
    }

    async fn postpone(&self, leased: &Leased, until: Timestamp) -> Result<(), StoreError> {
        let leased = leased.clone();
        let owner = Some(leased.order.user_id);
        let work = move |group: &mut Group| ledger::postpone(group, &leased, until);
        self.writer.write(Patience::standard(), owner, work).await
    }

    /// Nobody else can have it.
    fn holds(&self, _leased: &Leased) -> bool {
        true
    }

    async fn retire(&self) {}

    async fn probe(&self) -> Result<(), StoreError> {
        let work = |group: &mut Group| {
            group.books.connection.execute("UPDATE revision SET probe = probe + 1", [])?;
            Ok(())
        };
        self.writer.write(Patience::standard(), None, work).await
    }
}
