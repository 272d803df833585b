//! Users, keys and broker accounts.

use std::sync::Arc;

use async_trait::async_trait;
use hookfill_domain::account::BrokerAccount;
use hookfill_domain::ids::{BrokerAccountId, KeyId, UserId};
use hookfill_domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::SqliteStore;
use super::books::Group;
use crate::queue::Patience;
use crate::rows::{from_json, scopes_from_text};
use crate::{
    AccountChange, Accounts, Linked, NewAccount, NewKey, Principal, Registered, Registration, SealedSecret,
    StoreError, StoredSecret, ledger,
};

const COLUMNS: &str = "user_id, id, broker_name, account_id, is_active, policy, created_at";

fn read_account(row: &Row<'_>) -> Result<BrokerAccount, StoreError> {
    let policy: Vec<u8> = row.get(5)?;
    Ok(BrokerAccount {
        user_id: UserId(row.get(0)?),
        id: BrokerAccountId(Uuid::from_bytes(row.get(1)?)),
        broker_name: row.get(2)?,
        account_id: row.get(3)?,
        is_active: row.get(4)?,
        policy: from_json(&policy)?,
        created_at: Timestamp::from_micros(row.get(6)?),
    })
}

pub(super) fn account(
    connection: &Connection,
    user_id: UserId,
    id: BrokerAccountId,
) -> Result<Option<BrokerAccount>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM broker_accounts WHERE user_id = ?1 AND id = ?2");
    let mut select = connection.prepare_cached(&sql)?;
    let mut rows = select.query(params![user_id.0, id.0.as_bytes()])?;
    rows.next()?.map(read_account).transpose()
}

fn principal(connection: &Connection, key_hash: [u8; 32]) -> Result<Option<Principal>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT k.user_id, u.username, k.id, k.scopes, k.expires_at FROM api_keys k JOIN users u ON u.id = k.user_id
         WHERE k.key_hash = ?1 AND k.revoked_at IS NULL",
    )?;
    let found = select.query_row([key_hash], |row| {
        let scopes: String = row.get(3)?;
        Ok(Principal {
            user_id: UserId(row.get(0)?),
            username: Arc::from(row.get::<_, String>(1)?),
            key_id: KeyId(Uuid::from_bytes(row.get(2)?)),
            scopes: scopes_from_text(&scopes),
            expires_at: row.get::<_, Option<i64>>(4)?.map(Timestamp::from_micros),
        })
    });
    Ok(found.optional()?)
}

fn sample_secrets(connection: &Connection) -> Result<Vec<StoredSecret>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT b.id, u.username, b.secret, b.secret_key_id FROM broker_accounts b JOIN users u ON u.id = b.user_id
         WHERE b.secret_key_id = ?1 LIMIT 1",
    )?;
    // One step along the index for each key, however many accounts there are.
    let mut next = connection.prepare_cached(
        "SELECT secret_key_id FROM broker_accounts WHERE secret_key_id > ?1 ORDER BY secret_key_id LIMIT 1",
    )?;
    let mut samples = Vec::new();
    let mut last: Vec<u8> = Vec::new();
    while let Some(key_id) = next.query_row([&last], |row| row.get::<_, [u8; 8]>(0)).optional()? {
        samples.push(select.query_row([key_id], |row| {
            Ok(StoredSecret {
                account_id: BrokerAccountId(Uuid::from_bytes(row.get(0)?)),
                username: row.get(1)?,
                secret: SealedSecret { token: row.get(2)?, key_id: row.get(3)? },
            })
        })?);
        last = key_id.to_vec();
    }
    Ok(samples)
}

#[async_trait]
impl Accounts for SqliteStore {
    async fn register(&self, new: Registration) -> Result<Registered, StoreError> {
        self.writer.write(Patience::standard(), None, move |group| ledger::register(group, &new)).await
    }

    async fn link_account(
        &self,
        user_id: UserId,
        new: NewAccount,
        at: Timestamp,
    ) -> Result<Linked, StoreError> {
        let work = move |group: &mut Group| ledger::link(group, user_id, &new, at);
        self.writer.write(Patience::standard(), Some(user_id), work).await
    }

    async fn accounts(&self, user_id: UserId) -> Result<Vec<BrokerAccount>, StoreError> {
        let read = move |connection: &Connection| {
            let sql = format!("SELECT {COLUMNS} FROM broker_accounts WHERE user_id = ?1 ORDER BY number");
            let mut select = connection.prepare_cached(&sql)?;
            let mut rows = select.query([user_id.0])?;
            let mut accounts = Vec::new();
            while let Some(row) = rows.next()? {
                accounts.push(read_account(row)?);
            }
            Ok(accounts)
        };
        self.readers.read(read).await
    }

    async fn change_account(
        &self,
        user_id: UserId,
        id: BrokerAccountId,
        wanted: AccountChange,
        at: Timestamp,
    ) -> Result<Option<BrokerAccount>, StoreError> {
        let work = move |group: &mut Group| ledger::change(group, user_id, id, &wanted, at);
        self.writer.write(Patience::standard(), Some(user_id), work).await
    }

    async fn principal(&self, key_hash: [u8; 32]) -> Result<Option<Principal>, StoreError> {
        self.readers.read(move |connection| principal(connection, key_hash)).await
    }

    async fn issue_key(
        &self,
        username: &str,
        key: NewKey,
        at: Timestamp,
    ) -> Result<Option<UserId>, StoreError> {
        let username = username.to_owned();
        let work = move |group: &mut Group| ledger::issue(group, &username, &key, at);
        self.writer.write(Patience::standard(), None, work).await
    }

    async fn credentials_revision(&self) -> Result<i64, StoreError> {
        let read = |connection: &Connection| {
            let mut select = connection.prepare_cached("SELECT credentials FROM revision")?;
            Ok(select.query_row([], |row| row.get(0))?)
        };
        self.readers.read(read).await
    }

    async fn sample_secrets(&self) -> Result<Vec<StoredSecret>, StoreError> {
        self.readers.read(sample_secrets).await
    }
}
