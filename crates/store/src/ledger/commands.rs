//! Commands about open orders.

use hookfill_domain::audit::AuditAction;
use hookfill_domain::lifecycle::OrderEvent;
use hookfill_domain::order::Order;
use serde_json::{Value, json};

use super::orders::apply;
use super::{Books, Draft, Ledger};
use crate::rows::{StoredOrder, to_json};
use crate::{MAX_SCAN, MAX_TOUCHED, Made, Managed, NewCommand, StoreError};

/// Decides for every order first, and writes only then.
pub(crate) fn manage<B: Books>(ledger: &mut Ledger<B>, new: &NewCommand) -> Result<Managed, StoreError> {
    if let Some(key) = new.idempotency
        && let Some(known) = ledger.books.remembered(new.user_id, key)?
    {
        return Ok(Managed::Remembered(known));
    }
    let mut open = ledger.books.open_orders(new.user_id, new.command.instrument())?;
    // To read an order costs a fraction of changing it.
    ledger.work += open.len() / 8;
    if open.len() > MAX_SCAN {
        return Ok(Managed::TooMany);
    }
    // Oldest first.
    open.sort_unstable_by_key(|stored| stored.order.seq);
    let mut meant = Vec::new();
    for stored in open {
        if new.account_id.is_some_and(|id| id != stored.order.broker_account_id) {
            continue;
        }
        match new.command.change_for(&stored.order) {
            Ok(Some(change)) => meant.push((stored, OrderEvent { at: new.at, change })),
            Ok(None) => {}
            Err(error) => return Ok(Managed::Impossible(error)),
        }
    }
    match meant.len() {
        0 => Ok(Managed::Nothing),
        1..=MAX_TOUCHED => carry_out(ledger, new, meant).map(Managed::Touched),
        _ => Ok(Managed::TooMany),
    }
}

fn carry_out<B: Books>(
    ledger: &mut Ledger<B>,
    new: &NewCommand,
    meant: Vec<(StoredOrder<Order>, OrderEvent)>,
) -> Result<Vec<Order>, StoreError> {
    let ids: Vec<_> = meant.iter().map(|(stored, _)| stored.order.id).collect();
    let mut details = new.details.clone();
    details.insert("kind".to_owned(), Value::from(new.command.kind()));
    details.insert("orders".to_owned(), json!(ids));
    ledger.append(Draft {
        user_id: new.user_id,
        at: new.at,
        action: AuditAction::CommandAccepted,
        details: to_json(&details)?,
        about: None,
    })?;
    if let Some(key) = new.idempotency {
        let made = Made::Command { kind: new.command.kind().to_owned(), orders: ids };
        ledger.books.insert_command_key(new.user_id, key, made)?;
    }
    meant.into_iter().map(|(stored, event)| apply(ledger, stored, &[event])).collect()
}
