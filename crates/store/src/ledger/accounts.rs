//! Users, keys and broker accounts.

use hookfill_domain::account::{BrokerAccount, Policy};
use hookfill_domain::audit::AuditAction;
use hookfill_domain::ids::{BrokerAccountId, UserId};
use hookfill_domain::time::Timestamp;
use serde_json::{Value, json};

use super::{Books, Draft, Ledger};
use crate::rows::to_json;
use crate::{AccountChange, Linked, NewAccount, NewKey, Registered, Registration, StoreError};

/// Puts an administrative act on the user's log; caches everywhere are to forget what they knew.
fn note<B: Books>(
    ledger: &mut Ledger<B>,
    user_id: UserId,
    action: AuditAction,
    details: &Value,
    at: Timestamp,
) -> Result<(), StoreError> {
    ledger.append(Draft { user_id, at, action, details: to_json(details)?, about: None })?;
    ledger.credentials_changed = true;
    Ok(())
}

fn open_account<B: Books>(
    ledger: &mut Ledger<B>,
    user_id: UserId,
    new: &NewAccount,
    at: Timestamp,
) -> Result<BrokerAccount, StoreError> {
    let account = BrokerAccount {
        id: new.id,
        user_id,
        broker_name: new.broker_name.clone(),
        account_id: new.account_id.clone(),
        is_active: true,
        policy: Policy::default(),
        created_at: at,
    };
    ledger.books.insert_account(&account, new)?;
    Ok(account)
}

pub(crate) fn register<B: Books>(
    ledger: &mut Ledger<B>,
    new: &Registration,
) -> Result<Registered, StoreError> {
    let Registration { username, key, account, at } = new;
    if ledger.books.user_named(username)?.is_some() {
        return Ok(Registered::UsernameTaken);
    }
    let user_id = ledger.books.insert_user(username, *at)?;
    ledger.books.insert_key(user_id, key, *at)?;
    let account = open_account(ledger, user_id, account, *at)?;
    let details = json!({
        "username": username, "key_id": key.id, "broker_account_id": account.id,
        "broker_name": account.broker_name, "account_id": account.account_id,
    });
    note(ledger, user_id, AuditAction::AccountCreated, &details, *at)?;
    Ok(Registered::Created { user_id, account })
}

pub(crate) fn link<B: Books>(
    ledger: &mut Ledger<B>,
    user_id: UserId,
    new: &NewAccount,
    at: Timestamp,
) -> Result<Linked, StoreError> {
    // Nobody's account is nobody's: asked before anything is written.
    ledger.head(user_id)?;
    if let Some(id) = ledger.books.active_account(user_id, &new.broker_name, &new.account_id)? {
        return Ok(Linked::AccountExists(id));
    }
    let account = open_account(ledger, user_id, new, at)?;
    let details = json!({
        "broker_account_id": account.id, "broker_name": account.broker_name, "account_id": account.account_id,
    });
    note(ledger, user_id, AuditAction::BrokerAccountLinked, &details, at)?;
    Ok(Linked::Created(account))
}

pub(crate) fn change<B: Books>(
    ledger: &mut Ledger<B>,
    user_id: UserId,
    id: BrokerAccountId,
    change: &AccountChange,
    at: Timestamp,
) -> Result<Option<BrokerAccount>, StoreError> {
    let Some(mut account) = ledger.books.account(user_id, id)? else {
        return Ok(None);
    };
    let (action, details) = match change {
        AccountChange::Deactivate if !account.is_active => return Ok(Some(account)),
        AccountChange::Policy(change) => {
            let policy = account.policy.changed(change);
            if policy == account.policy {
                return Ok(Some(account));
            }
            let details = json!({ "broker_account_id": id, "before": account.policy, "after": policy });
            account.policy = policy;
            (AuditAction::PolicyChanged, details)
        }
        AccountChange::Deactivate => {
            account.is_active = false;
            (AuditAction::BrokerAccountDeactivated, json!({ "broker_account_id": id }))
        }
    };
    ledger.books.update_account(&account)?;
    note(ledger, user_id, action, &details, at)?;
    Ok(Some(account))
}

pub(crate) fn issue<B: Books>(
    ledger: &mut Ledger<B>,
    username: &str,
    key: &NewKey,
    at: Timestamp,
) -> Result<Option<UserId>, StoreError> {
    let Some(user_id) = ledger.books.user_named(username)? else {
        return Ok(None);
    };
    ledger.books.insert_key(user_id, key, at)?;
    let details = json!({ "key_id": key.id, "label": key.label });
    note(ledger, user_id, AuditAction::ApiKeyIssued, &details, at)?;
    Ok(Some(user_id))
}
