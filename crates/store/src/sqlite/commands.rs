//! Commands about open orders.

use hookfill_domain::audit::AuditAction;
use hookfill_domain::lifecycle::OrderEvent;
use hookfill_domain::order::Order;
use rusqlite::params;
use serde_json::{Value, json};

use super::group::{Draft, Group};
use super::orders::{apply, into_order, read_order, remembered, select};
use crate::rows::{StoredOrder, to_json};
use crate::{MAX_SCAN, MAX_TOUCHED, Made, Managed, NewCommand, StoreError};

/// Decides for every order first, and writes only then.
pub(super) fn manage(group: &mut Group<'_>, new: &NewCommand) -> Result<Managed, StoreError> {
    if let Some(key) = new.idempotency
        && let Some(known) = remembered(group.connection, new.user_id, key)?
    {
        return Ok(Managed::Remembered(known));
    }
    let Some(open) = open_orders(group, new)? else { return Ok(Managed::TooMany) };
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
        1..=MAX_TOUCHED => carry_out(group, new, meant).map(Managed::Touched),
        _ => Ok(Managed::TooMany),
    }
}

/// The user's open orders of the command's instrument, oldest first; `None` if they are more than can be looked at.
fn open_orders(group: &Group<'_>, new: &NewCommand) -> Result<Option<Vec<StoredOrder<Order>>>, StoreError> {
    let limit = i64::try_from(MAX_SCAN + 1).unwrap_or(i64::MAX);
    let mut of_one = group
        .connection
        .prepare_cached(&select("WHERE user_id = ?1 AND instrument = ?3 AND due_at IS NOT NULL LIMIT ?2"))?;
    let mut of_all =
        group.connection.prepare_cached(&select("WHERE user_id = ?1 AND due_at IS NOT NULL LIMIT ?2"))?;
    let mut rows = match new.command.instrument() {
        Some(instrument) => of_one.query(params![new.user_id.0, limit, instrument.as_str()])?,
        None => of_all.query(params![new.user_id.0, limit])?,
    };
    let mut open = Vec::new();
    while let Some(row) = rows.next()? {
        open.push(into_order(read_order(row)?)?);
    }
    open.sort_unstable_by_key(|stored| stored.order.seq);
    Ok(Some(open).filter(|open| open.len() <= MAX_SCAN))
}

fn carry_out(
    group: &mut Group<'_>,
    new: &NewCommand,
    meant: Vec<(StoredOrder<Order>, OrderEvent)>,
) -> Result<Vec<Order>, StoreError> {
    let ids: Vec<_> = meant.iter().map(|(stored, _)| stored.order.id).collect();
    let mut details = new.details.clone();
    details.insert("kind".to_owned(), Value::from(new.command.kind()));
    details.insert("orders".to_owned(), json!(ids));
    group.append(Draft {
        user_id: new.user_id,
        at: new.at,
        action: AuditAction::CommandAccepted,
        details: to_json(&details)?,
        about: None,
    })?;
    if let Some(key) = new.idempotency {
        let made = Made::Command { kind: new.command.kind().to_owned(), orders: ids };
        let mut insert = group.connection.prepare_cached(
            "INSERT INTO command_keys (user_id, key_hash, body_hash, made) VALUES (?1, ?2, ?3, ?4)",
        )?;
        insert.execute(params![new.user_id.0, key.key_hash, key.body_hash, to_json(&made)?])?;
    }
    meant.into_iter().map(|(stored, event)| apply(group, stored, &[event])).collect()
}
