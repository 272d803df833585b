//! Users, keys and broker accounts.

use std::sync::Arc;

use async_trait::async_trait;
use hookfill_domain::account::BrokerAccount;
use hookfill_domain::ids::{BrokerAccountId, KeyId, UserId};
use hookfill_domain::time::Timestamp;

use super::PostgresStore;
use super::books::Needs;
use super::rows::{bytes, get, read_account};
use crate::queue::Patience;
use crate::rows::scopes_from_text;
use crate::{
    AccountChange, Accounts, Linked, NewAccount, NewKey, Principal, Registered, Registration, SealedSecret,
    StoreError, StoredSecret, ledger,
};

/// One step along the index for each key, however many accounts there are.
const SAMPLES: &str = "\
    WITH RECURSIVE keys (id) AS (
        (SELECT secret_key_id FROM broker_accounts ORDER BY secret_key_id LIMIT 1)
        UNION ALL
        SELECT (SELECT a.secret_key_id FROM broker_accounts a WHERE a.secret_key_id > keys.id
                ORDER BY a.secret_key_id LIMIT 1)
        FROM keys WHERE keys.id IS NOT NULL
    )
    SELECT b.id, u.username, b.secret, b.secret_key_id
    FROM keys
    CROSS JOIN LATERAL (SELECT * FROM broker_accounts x WHERE x.secret_key_id = keys.id LIMIT 1) AS b
    JOIN users u ON u.id = b.user_id
    ORDER BY b.secret_key_id";

#[async_trait]
impl Accounts for PostgresStore {
    async fn register(&self, new: Registration) -> Result<Registered, StoreError> {
        let needs = Needs { username: Some(new.username.clone()), ..Needs::default() };
        self.write(Patience::standard(), needs, move |group| ledger::register(group, &new)).await
    }

    async fn link_account(
        &self,
        user_id: UserId,
        new: NewAccount,
        at: Timestamp,
    ) -> Result<Linked, StoreError> {
        let linked = (new.broker_name.clone(), new.account_id.clone());
        let needs = Needs { linked: Some(linked), ..Needs::head(user_id) };
        self.write(Patience::standard(), needs, move |group| ledger::link(group, user_id, &new, at)).await
    }

    async fn accounts(&self, user_id: UserId) -> Result<Vec<BrokerAccount>, StoreError> {
        let sql = "SELECT user_id, id, broker_name, account_id, is_active, policy, created_at \
                   FROM broker_accounts WHERE user_id = $1 ORDER BY number";
        self.rows(sql, &[&user_id.0]).await?.iter().map(read_account).collect()
    }

    async fn change_account(
        &self,
        user_id: UserId,
        id: BrokerAccountId,
        wanted: AccountChange,
        at: Timestamp,
    ) -> Result<Option<BrokerAccount>, StoreError> {
        let needs = Needs { account: Some(id), ..Needs::head(user_id) };
        self.write(Patience::standard(), needs, move |group| ledger::change(group, user_id, id, &wanted, at))
            .await
    }

    async fn principal(&self, key_hash: [u8; 32]) -> Result<Option<Principal>, StoreError> {
        let sql = "SELECT k.user_id, u.username, k.id, k.scopes, k.expires_at \
                   FROM api_keys k JOIN users u ON u.id = k.user_id WHERE k.key_hash = $1 AND k.revoked_at IS NULL";
        let Some(row) = self.row(sql, &[&key_hash.as_slice()]).await? else { return Ok(None) };
        Ok(Some(Principal {
            user_id: UserId(get(&row, 0)?),
            username: Arc::from(get::<&str>(&row, 1)?),
            key_id: KeyId(get(&row, 2)?),
            scopes: scopes_from_text(get(&row, 3)?),
            expires_at: get::<Option<i64>>(&row, 4)?.map(Timestamp::from_micros),
        }))
    }

    async fn issue_key(
        &self,
        username: &str,
        key: NewKey,
        at: Timestamp,
    ) -> Result<Option<UserId>, StoreError> {
        // A name keeps its number for ever: it can be looked up before the group begins.
        let found = self.row("SELECT id FROM users WHERE username = $1", &[&username]).await?;
        let Some(row) = found else { return Ok(None) };
        let username = username.to_owned();
        let needs = Needs { username: Some(username.clone()), ..Needs::head(UserId(get(&row, 0)?)) };
        self.write(Patience::standard(), needs, move |group| ledger::issue(group, &username, &key, at)).await
    }

    async fn credentials_revision(&self) -> Result<i64, StoreError> {
        let row = self.row("SELECT credentials FROM revision", &[]).await?;
        get(&row.ok_or(StoreError::Missing("row of the revision"))?, 0)
    }

    async fn sample_secrets(&self) -> Result<Vec<StoredSecret>, StoreError> {
        let rows = self.rows(SAMPLES, &[]).await?;
        let sample = |row| {
            Ok(StoredSecret {
                account_id: BrokerAccountId(get(row, 0)?),
                username: get(row, 1)?,
                secret: SealedSecret { token: get(row, 2)?, key_id: bytes(row, 3)? },
            })
        };
        rows.iter().map(sample).collect()
    }
}
