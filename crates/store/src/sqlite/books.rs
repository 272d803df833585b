//! How the rules of writing reach SQLite's rows. Everything is written at once, so that what follows reads it.

use std::rc::Rc;

use hookfill_domain::account::BrokerAccount;
use hookfill_domain::audit::{ChainHash, JournalEntry, Place};
use hookfill_domain::ids::{BrokerAccountId, OrderId, Seq, UserId};
use hookfill_domain::instrument::Instrument;
use hookfill_domain::order::Order;
use hookfill_domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::accounts::account;
use super::orders::{into_order, open_orders, order_by_id, read_order, remembered, select};
use crate::ledger::{Books, Head, Ledger};
use crate::rows::{StoredOrder, from_json, scopes_to_text, to_json};
use crate::{Commit, Fence, Idempotency, Made, NewAccount, NewKey, Partition, Remembered, Scope, StoreError};

/// The rows, inside a transaction of the writer's connection.
pub(super) struct Rows {
    pub(super) connection: Rc<Connection>,
}

/// The transaction of one group.
pub(super) type Group = Ledger<Rows>;

impl Books for Rows {
    fn head(&mut self, user_id: UserId) -> Result<Option<Head>, StoreError> {
        let mut select = self
            .connection
            .prepare_cached("SELECT username, seq, step, hash, tally FROM heads WHERE user_id = ?1")?;
        let read = select.query_row([user_id.0], |row| {
            let tally: Vec<u8> = row.get(4)?;
            let place = Place { seq: Seq(row.get(1)?), step: row.get(2)? };
            Ok((row.get::<_, String>(0)?, place, row.get::<_, [u8; 32]>(3)?, tally))
        });
        let Some((username, place, hash, tally)) = read.optional()? else { return Ok(None) };
        Ok(Some(Head { username, place, hash: ChainHash(hash), tally: from_json(&tally)? }))
    }

    fn remembered(&mut self, user_id: UserId, key: Idempotency) -> Result<Option<Remembered>, StoreError> {
        remembered(&self.connection, user_id, key)
    }

    fn order_by_id(
        &mut self,
        user_id: UserId,
        id: OrderId,
    ) -> Result<Option<StoredOrder<Order>>, StoreError> {
        order_by_id(&self.connection, user_id, id)
    }

    fn order_at(&mut self, user_id: UserId, seq: Seq) -> Result<Option<StoredOrder<Order>>, StoreError> {
        let mut select = self.connection.prepare_cached(&select("WHERE user_id = ?1 AND seq = ?2"))?;
        let row = select.query_row(params![user_id.0, seq.0], read_order).optional()?;
        row.map(into_order).transpose()
    }

    fn open_orders(
        &mut self,
        user_id: UserId,
        instrument: Option<&Instrument>,
    ) -> Result<Vec<StoredOrder<Order>>, StoreError> {
        open_orders(&self.connection, user_id, instrument)
    }

    /// One server at a time has the database, by the lock beside it.
    fn is_held(&mut self, _partition: Partition, _fence: Fence) -> Result<bool, StoreError> {
        Ok(true)
    }

    fn insert_entry(&mut self, entry: JournalEntry, hash: ChainHash) -> Result<(), StoreError> {
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO journal (user_id, seq, step, at, action, order_id, prev_seq, prev_step, details, message, hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?;
        insert.execute(params![
            entry.user_id.0,
            entry.place.seq.0,
            entry.place.step,
            entry.at.as_micros(),
            entry.action.as_str(),
            entry.order_id.as_ref().map(|id| id.0.as_bytes().as_slice()),
            entry.previous.map(|place| place.seq.0),
            entry.previous.map(|place| place.step),
            entry.details,
            entry.message,
            hash.0,
        ])?;
        Ok(())
    }

    fn insert_order(
        &mut self,
        stored: StoredOrder<Order>,
        key: Option<Idempotency>,
    ) -> Result<(), StoreError> {
        let StoredOrder { order, last } = stored;
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO orders (user_id, seq, id, broker_account_id, source_id, instrument, state, terms, bracket, progress,
                                 due_at, created_at, updated_at, last_seq, last_step, key_hash, body_hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
        )?;
        insert.execute(params![
            order.user_id.0,
            order.seq.0,
            order.id.0.as_bytes(),
            order.broker_account_id.0.as_bytes(),
            order.source_id.as_ref().map(|id| id.0.as_bytes().as_slice()),
            order.terms.instrument.as_str(),
            order.state().as_str(),
            to_json(&order.terms)?,
            to_json(&order.bracket)?,
            to_json(&order.progress)?,
            order.due_at.map(Timestamp::as_micros),
            order.created_at.as_micros(),
            order.updated_at.as_micros(),
            last.seq.0,
            last.step,
            key.map(|key| key.key_hash),
            key.map(|key| key.body_hash),
        ])?;
        Ok(())
    }

    fn update_order(&mut self, stored: StoredOrder<Order>) -> Result<(), StoreError> {
        let StoredOrder { order, last } = stored;
        let mut update = self.connection.prepare_cached(
            "UPDATE orders SET state = ?3, bracket = ?4, progress = ?5, due_at = ?6, updated_at = ?7, last_seq = ?8, last_step = ?9
             WHERE user_id = ?1 AND seq = ?2",
        )?;
        update.execute(params![
            order.user_id.0,
            order.seq.0,
            order.state().as_str(),
            to_json(&order.bracket)?,
            to_json(&order.progress)?,
            order.due_at.map(Timestamp::as_micros),
            order.updated_at.as_micros(),
            last.seq.0,
            last.step,
        ])?;
        Ok(())
    }

    fn insert_command_key(
        &mut self,
        user_id: UserId,
        key: Idempotency,
        made: Made,
    ) -> Result<(), StoreError> {
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO command_keys (user_id, key_hash, body_hash, made) VALUES (?1, ?2, ?3, ?4)",
        )?;
        insert.execute(params![user_id.0, key.key_hash, key.body_hash, to_json(&made)?])?;
        Ok(())
    }

    fn user_named(&mut self, username: &str) -> Result<Option<UserId>, StoreError> {
        let mut select = self.connection.prepare_cached("SELECT id FROM users WHERE username = ?1")?;
        let found: Option<i64> = select.query_row([username], |row| row.get(0)).optional()?;
        Ok(found.map(UserId))
    }

    fn insert_user(&mut self, username: &str, at: Timestamp) -> Result<UserId, StoreError> {
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO users (username, created_at) VALUES (?1, ?2) RETURNING id")?;
        let user_id = UserId(insert.query_row(params![username, at.as_micros()], |row| row.get(0))?);
        let Head { username, place, hash, tally } = Head::first(username);
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO heads (user_id, username, seq, step, hash, tally) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        insert.execute(params![user_id.0, username, place.seq.0, place.step, hash.0, to_json(&tally)?])?;
        Ok(user_id)
    }

    fn insert_key(&mut self, user_id: UserId, key: &NewKey, at: Timestamp) -> Result<(), StoreError> {
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO api_keys (id, user_id, key_hash, label, scopes, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        let scopes = scopes_to_text(&Scope::ALL);
        insert.execute(params![
            key.id.0.as_bytes(),
            user_id.0,
            key.hash,
            key.label,
            scopes,
            at.as_micros()
        ])?;
        Ok(())
    }

    fn account(&mut self, user_id: UserId, id: BrokerAccountId) -> Result<Option<BrokerAccount>, StoreError> {
        account(&self.connection, user_id, id)
    }

    fn active_account(
        &mut self,
        user_id: UserId,
        broker_name: &str,
        account_id: &str,
    ) -> Result<Option<BrokerAccountId>, StoreError> {
        let mut select = self.connection.prepare_cached(
            "SELECT id FROM broker_accounts
             WHERE user_id = ?1 AND broker_name = ?2 AND account_id = ?3 AND is_active = 1",
        )?;
        let found = select.query_row(params![user_id.0, broker_name, account_id], |row| row.get(0));
        Ok(found.optional()?.map(|id| BrokerAccountId(Uuid::from_bytes(id))))
    }

    fn insert_account(&mut self, account: &BrokerAccount, new: &NewAccount) -> Result<(), StoreError> {
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO broker_accounts
                 (user_id, number, id, broker_name, account_id, secret, secret_key_id, is_active, policy, created_at)
             VALUES (?1, 1 + coalesce((SELECT number FROM broker_accounts WHERE user_id = ?1
                                       ORDER BY number DESC LIMIT 1), 0), ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?;
        insert.execute(params![
            account.user_id.0,
            account.id.0.as_bytes(),
            account.broker_name,
            account.account_id,
            new.secret.token,
            new.secret.key_id,
            account.is_active,
            to_json(&account.policy)?,
            account.created_at.as_micros(),
        ])?;
        Ok(())
    }

    fn update_account(&mut self, account: &BrokerAccount) -> Result<(), StoreError> {
        let mut update = self.connection.prepare_cached(
            "UPDATE broker_accounts SET policy = ?3, is_active = ?4 WHERE user_id = ?1 AND id = ?2",
        )?;
        let (user_id, id) = (account.user_id.0, account.id.0.as_bytes());
        update.execute(params![user_id, id, to_json(&account.policy)?, account.is_active])?;
        Ok(())
    }
}

impl Group {
    /// Writes what the group has gathered, before it commits.
    pub(super) fn finish(self) -> Result<Commit, StoreError> {
        let connection = &self.books.connection;
        let mut update = connection.prepare_cached(
            "UPDATE heads SET seq = ?2, step = ?3, hash = ?4, tally = ?5 WHERE user_id = ?1",
        )?;
        for (user_id, head) in &self.heads {
            let Head { username: _, place, hash, tally } = head;
            update.execute(params![user_id.0, place.seq.0, place.step, hash.0, to_json(tally)?])?;
        }
        let mut count = connection.prepare_cached(
            "INSERT INTO instrument_counts (user_id, instrument, count) VALUES (?1, ?2, ?3)
             ON CONFLICT (user_id, instrument) DO UPDATE SET count = count + excluded.count",
        )?;
        for ((user_id, instrument), more) in &self.instruments {
            count.execute(params![user_id.0, instrument, more])?;
        }
        if self.credentials_changed {
            connection.execute("UPDATE revision SET credentials = credentials + 1", [])?;
        }
        Ok(Commit { shown: self.shown, due_here: self.due.into_values().min(), due_elsewhere: Vec::new() })
    }
}
