//! What the engine does.

use std::collections::HashSet;

use async_trait::async_trait;
use hookfill_domain::lifecycle::OrderEvent;
use hookfill_domain::order::Order;
use hookfill_domain::time::Timestamp;

use super::PostgresStore;
use super::books::Needs;
use super::rows::{get, read_order};
use super::sql::order_columns;
use crate::queue::Patience;
use crate::{Leased, OrderKey, Partition, StoreError, Work, ledger};

/// Each partition has its own run along the index, so that a look costs the same however many orders the others have.
const DUE: &str = concat!(
    "SELECT ",
    order_columns!(),
    " FROM unnest($1::int2[]) AS mine (number) CROSS JOIN LATERAL (
        SELECT * FROM orders x WHERE x.partition = mine.number AND x.due_at <= $2 ORDER BY x.due_at LIMIT $3
    ) AS o
    WHERE NOT EXISTS (SELECT FROM unnest($4::int8[], $5::int8[]) AS busy (user_id, seq)
                      WHERE busy.user_id = o.user_id AND busy.seq = o.seq)
    ORDER BY o.due_at LIMIT $6"
);
const NEXT_DUE: &str = "\
    SELECT min(o.due_at) FROM unnest($1::int2[]) AS mine (number) CROSS JOIN LATERAL (
        SELECT x.due_at FROM orders x WHERE x.partition = mine.number AND x.due_at > $2 ORDER BY x.due_at LIMIT 1
    ) AS o";

/// Who is not living, a tool, is not made to by this.
const PROBE: &str = "\
    INSERT INTO nodes (id, name, started_at, expires_at) VALUES ($1, $2, clock_timestamp(), clock_timestamp())
    ON CONFLICT (id) DO UPDATE SET name = excluded.name";

#[async_trait]
impl Work for PostgresStore {
    async fn due(
        &self,
        now: Timestamp,
        limit: usize,
        busy: &HashSet<OrderKey>,
    ) -> Result<Vec<Leased>, StoreError> {
        self.leases.in_hand(busy);
        let mine = self.leases.workable();
        if mine.is_empty() {
            return Ok(Vec::new());
        }
        let numbers: Vec<i16> = mine.keys().map(|partition| partition.number()).collect();
        let (users, seqs): (Vec<i64>, Vec<i64>) =
            busy.iter().map(|(user_id, seq)| (user_id.0, seq.0)).unzip();
        let looked_at = i64::try_from(limit.saturating_add(busy.len())).unwrap_or(i64::MAX);
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = self.rows(DUE, &[&numbers, &now.as_micros(), &looked_at, &users, &seqs, &most]).await?;
        let mut due = Vec::with_capacity(rows.len());
        for row in &rows {
            match read_order(row).map(|stored| stored.order) {
                // The right as it was before the look: if it still holds when something is recorded, nobody else has
                // worked the order since it was read.
                Ok(order) => {
                    let fence = mine.get(&Partition::of(order.user_id));
                    due.extend(fence.map(|fence| Leased { order, fence: *fence }));
                }
                // One row that cannot be read must not keep all others from being worked.
                Err(error @ StoreError::Corrupt(_)) => {
                    let (user, seq): (i64, i64) = (get(row, 0)?, get(row, 1)?);
                    tracing::error!(%error, user, seq, "an order cannot be read and is not worked");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(due)
    }

    async fn next_due(&self, after: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let mine = self.leases.workable();
        let mine: Vec<i16> = mine.keys().map(|partition| partition.number()).collect();
        let row = self.row(NEXT_DUE, &[&mine, &after.as_micros()]).await?;
        let next: Option<i64> = row.as_ref().map_or(Ok(None), |row| get(row, 0))?;
        Ok(next.map(Timestamp::from_micros))
    }

    async fn record(&self, leased: &Leased, events: Vec<OrderEvent>) -> Result<Order, StoreError> {
        let leased = leased.clone();
        self.write(Patience::standard(), of(&leased), move |group| ledger::record(group, &leased, &events))
            .await
    }

    async fn postpone(&self, leased: &Leased, until: Timestamp) -> Result<(), StoreError> {
        let leased = leased.clone();
        self.write(Patience::standard(), of(&leased), move |group| ledger::postpone(group, &leased, until))
            .await
    }

    fn holds(&self, leased: &Leased) -> bool {
        self.leases.fence(Partition::of(leased.order.user_id)) == Some(leased.fence)
    }

    async fn retire(&self) {
        if self.keeper.is_some() {
            self.leases.retire(&self.target).await;
        }
    }

    /// Each node has a row of its own for that: one that all share would be written by one node at a time.
    async fn probe(&self) -> Result<(), StoreError> {
        let (node, name) = self.leases.node();
        self.rows(PROBE, &[&node, &name]).await.map(drop)
    }
}

fn of(leased: &Leased) -> Needs {
    Needs { order_seq: Some(leased.order.seq), lease: true, ..Needs::head(leased.order.user_id) }
}
