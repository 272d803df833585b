//! Signals and orders.

use async_trait::async_trait;
use hookfill_domain::ids::{BrokerAccountId, OrderId, Seq, UserId};
use hookfill_domain::instrument::Instrument;
use hookfill_domain::manage::{Command, CommandError};
use hookfill_domain::order::Order;
use hookfill_domain::time::Timestamp;
use uuid::Uuid;

use super::PostgresStore;
use super::books::Needs;
use super::rows::{bytes, get, read_order};
use super::sql::{OPEN_ORDERS, order_columns};
use crate::queue::Patience;
use crate::rows::{StoredOrder, from_json};
use crate::{
    Accepted, Idempotency, MAX_PAGE, MAX_SCAN, Made, Managed, NewCommand, NewOrder, OrderQuery, Orders, Page,
    Refusal, Remembered, Request, Requested, StoreError, Tally, ledger,
};

impl PostgresStore {
    /// One of a user's orders, with the place of its last entry.
    pub(super) async fn stored_order(
        &self,
        user_id: UserId,
        id: OrderId,
    ) -> Result<Option<StoredOrder<Order>>, StoreError> {
        let sql = concat!("SELECT ", order_columns!(), " FROM orders o WHERE o.user_id = $1 AND o.id = $2");
        self.row(sql, &[&user_id.0, &id.0]).await?.as_ref().map(read_order).transpose()
    }
}

#[async_trait]
impl Orders for PostgresStore {
    async fn accept_signal(&self, new: NewOrder, patience: Patience) -> Result<Accepted, StoreError> {
        let needs = Needs { key: new.idempotency, ..Needs::head(new.order.user_id) };
        self.write(patience, needs, move |group| ledger::accept(group, &new)).await
    }

    async fn refuse_signal(&self, refusal: Refusal, patience: Patience) -> Result<(), StoreError> {
        let needs = Needs::head(refusal.user_id);
        self.write(patience, needs, move |group| ledger::refuse(group, &refusal)).await
    }

    async fn manage(&self, new: NewCommand, patience: Patience) -> Result<Managed, StoreError> {
        let open = Some(new.command.instrument().cloned());
        let needs = Needs { key: new.idempotency, open, ..Needs::head(new.user_id) };
        self.write(patience, needs, move |group| ledger::manage(group, &new)).await
    }

    async fn rehearse(
        &self,
        user_id: UserId,
        account_id: Option<BrokerAccountId>,
        command: &Command,
    ) -> Result<Option<CommandError>, StoreError> {
        let users = [user_id.0];
        let instruments = [command.instrument().map(Instrument::as_str)];
        let most = i64::try_from(MAX_SCAN + 1).unwrap_or(i64::MAX);
        let rows = self.rows(OPEN_ORDERS, &[&&users[..], &&instruments[..], &most]).await?;
        let open = rows.iter().map(read_order).collect::<Result<_, _>>()?;
        Ok(ledger::plan(command, account_id, open).err())
    }

    async fn remembered(&self, user_id: UserId, key: Idempotency) -> Result<Option<Remembered>, StoreError> {
        let sql = "SELECT id, NULL::bytea, body_hash FROM orders \
                   WHERE user_id = $1 AND key_hash = $2 AND key_hash IS NOT NULL \
                   UNION ALL SELECT NULL::uuid, made, body_hash FROM command_keys WHERE user_id = $1 AND key_hash = $2";
        let Some(row) = self.row(sql, &[&user_id.0, &key.key_hash.as_slice()]).await? else {
            return Ok(None);
        };
        let made = match get::<Option<Uuid>>(&row, 0)? {
            Some(id) => Made::Order(OrderId(id)),
            None => from_json(get(&row, 1)?)?,
        };
        Ok(Some(Remembered { made, same_body: bytes(&row, 2)? == key.body_hash }))
    }

    async fn order(&self, user_id: UserId, id: OrderId) -> Result<Option<Order>, StoreError> {
        Ok(self.stored_order(user_id, id).await?.map(|stored| stored.order))
    }

    /// A filter looks at [`MAX_SCAN`] rows at most, so that no page costs more than that. It is applied here: what is
    /// looked at must be known.
    async fn orders(&self, user_id: UserId, query: OrderQuery) -> Result<Page<Order, Seq>, StoreError> {
        let limit = query.limit.min(MAX_PAGE);
        let sql = concat!(
            "SELECT ",
            order_columns!(),
            " FROM orders o WHERE o.user_id = $1 AND o.seq < $2 ORDER BY o.seq DESC LIMIT $3"
        );
        let before = query.before.map_or(i64::MAX, |seq| seq.0);
        let filtered = query.status.is_some() || query.instrument.is_some();
        let scan = if filtered { MAX_SCAN } else { limit };
        // One row more than is looked at tells whether there is a next page.
        let most = i64::try_from(scan + 1).unwrap_or(i64::MAX);
        let rows = self.rows(sql, &[&user_id.0, &before, &most]).await?;
        let mut items: Vec<Order> = Vec::new();
        let mut last = None;
        for (looked_at, row) in rows.iter().enumerate() {
            if looked_at == scan || items.len() == limit {
                return Ok(Page { items, next: last });
            }
            let order = read_order(row)?.order;
            last = Some(order.seq);
            let wanted = query.status.is_none_or(|status| order.status() == status)
                && query.instrument.as_ref().is_none_or(|instrument| order.terms.instrument == *instrument);
            if wanted {
                items.push(order);
            }
        }
        Ok(Page { items, next: None })
    }

    async fn request(
        &self,
        user_id: UserId,
        id: OrderId,
        asked: Request,
        at: Timestamp,
    ) -> Result<Requested, StoreError> {
        let needs = Needs { order_id: Some(id), ..Needs::head(user_id) };
        self.write(Patience::standard(), needs, move |group| ledger::request(group, user_id, id, asked, at))
            .await
    }

    /// One statement, so that both counts are of the same orders, while more come in.
    async fn tally(&self, user_id: UserId) -> Result<Tally, StoreError> {
        let sql = "SELECT tally, NULL::text, NULL::int8 FROM heads WHERE user_id = $1 UNION ALL \
                   (SELECT NULL::bytea, instrument, count FROM instrument_counts WHERE user_id = $1 \
                    ORDER BY count DESC, instrument LIMIT $2)";
        let most = i64::try_from(MAX_PAGE).unwrap_or(i64::MAX);
        let mut tally = Tally::default();
        for row in self.rows(sql, &[&user_id.0, &most]).await? {
            match get::<Option<&[u8]>>(&row, 0)? {
                Some(by_status) => tally.by_status = from_json(by_status)?,
                None => tally.by_instrument.push((get(&row, 1)?, get(&row, 2)?)),
            }
        }
        Ok(tally)
    }
}
