//! Commands about open orders.

use hookfill_domain::audit::AuditAction;
use hookfill_domain::ids::{BrokerAccountId, OrderId};
use hookfill_domain::lifecycle::OrderEvent;
use hookfill_domain::manage::{Command, CommandError, Plan};
use hookfill_domain::order::Order;
use serde_json::{Value, json};

use super::orders::apply;
use super::{Books, Draft, Ledger};
use crate::rows::{StoredOrder, to_json};
use crate::{MAX_SCAN, Made, Managed, NewCommand, StoreError};

/// What a command means for the user's open orders. More than [`MAX_SCAN`] of them are refused, so the caller reads at most
/// one more than that.
pub(crate) fn plan(
    command: &Command,
    account_id: Option<BrokerAccountId>,
    open: Vec<StoredOrder<Order>>,
) -> Result<Plan<StoredOrder<Order>>, CommandError> {
    if open.len() > MAX_SCAN {
        return Err(command.too_many());
    }
    command.plan(account_id, open)
}

/// Decides for every order first, and writes only then.
pub(crate) fn manage<B: Books>(ledger: &mut Ledger<B>, new: &NewCommand) -> Result<Managed, StoreError> {
    if let Some(key) = new.idempotency
        && let Some(known) = ledger.books.remembered(new.user_id, key)?
    {
        return Ok(Managed::Remembered(known));
    }
    let open = ledger.books.open_orders(new.user_id, new.command.instrument())?;
    // Reading an order costs a fraction of changing it.
    ledger.work += open.len() / 8;
    match plan(&new.command, new.account_id, open) {
        Ok(plan) => carry_out(ledger, new, plan),
        Err(error) => Ok(Managed::Refused(error)),
    }
}

fn carry_out<B: Books>(
    ledger: &mut Ledger<B>,
    new: &NewCommand,
    plan: Plan<StoredOrder<Order>>,
) -> Result<Managed, StoreError> {
    let Plan { changes, still_pending, skipped, note } = plan;
    let kind = new.command.kind();
    let ids: Vec<OrderId> = changes.iter().map(|(stored, _)| stored.order.id).collect();
    let mut details = new.details.clone();
    details.insert("kind".to_owned(), Value::from(kind));
    details.insert("orders".to_owned(), json!(ids));
    if !still_pending.is_empty() {
        details.insert("still_pending".to_owned(), json!(still_pending));
    }
    if !skipped.is_empty() {
        let skipped = skipped
            .iter()
            .map(|skipped| json!({ "order_id": skipped.order_id, "reason": skipped.reason.as_str() }));
        details.insert("skipped".to_owned(), skipped.collect());
    }
    ledger.append(Draft {
        user_id: new.user_id,
        at: new.at,
        action: AuditAction::CommandAccepted,
        details: to_json(&details)?,
        about: None,
    })?;
    let made = Made::Command { kind: kind.to_owned(), orders: ids, still_pending, skipped, note };
    if let Some(key) = new.idempotency {
        ledger.books.insert_command_key(new.user_id, key, made.clone())?;
    }
    let applied = changes.into_iter().map(|(stored, change)| {
        let event = OrderEvent { at: new.at, change };
        apply(ledger, stored, &[event])
    });
    Ok(Managed::Touched { orders: applied.collect::<Result<_, _>>()?, made })
}
