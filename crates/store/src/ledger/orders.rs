//! Signals and orders.

use hookfill_domain::audit::AuditAction;
use hookfill_domain::ids::{OrderId, UserId};
use hookfill_domain::lifecycle::{Change, OrderEvent};
use hookfill_domain::order::Order;
use hookfill_domain::time::Timestamp;
use hookfill_domain::wire::{self, Status};

use super::{About, Books, Draft, Ledger};
use crate::rows::{StoredOrder, to_json};
use crate::{Accepted, Leased, NewOrder, Partition, Refusal, Request, Requested, StoreError};

pub(crate) fn accept<B: Books>(ledger: &mut Ledger<B>, new: &NewOrder) -> Result<Accepted, StoreError> {
    let mut order = new.order.clone();
    if let Some(key) = new.idempotency
        && let Some(known) = ledger.books.remembered(order.user_id, key)?
    {
        return Ok(Accepted::Remembered(known));
    }
    order.seq = ledger.head(order.user_id)?.place.seq.next();
    let last = ledger.append(Draft {
        user_id: order.user_id,
        at: order.created_at,
        action: AuditAction::OrderCreated,
        details: new.details.clone(),
        about: Some(About { order: &order, previous: None, message_type: wire::message_type(None, &order) }),
    })?;
    ledger.count(None, &order)?;
    ledger.work_is_due(order.user_id, order.due_at);
    let seq = order.seq;
    ledger.books.insert_order(StoredOrder { order, last }, new.idempotency)?;
    Ok(Accepted::Created(seq))
}

pub(crate) fn refuse<B: Books>(ledger: &mut Ledger<B>, refusal: &Refusal) -> Result<(), StoreError> {
    let Refusal { user_id, at, details } = refusal.clone();
    ledger.append(Draft { user_id, at, action: AuditAction::SignalRejected, details, about: None })?;
    Ok(())
}

pub(crate) fn request<B: Books>(
    ledger: &mut Ledger<B>,
    user_id: UserId,
    id: OrderId,
    asked: Request,
    at: Timestamp,
) -> Result<Requested, StoreError> {
    let Some(stored) = ledger.books.order_by_id(user_id, id)? else {
        return Ok(Requested::NotFound);
    };
    let (needed, change) = match asked {
        Request::Cancel => (Status::Pending, Change::CancelRequested),
        Request::Close => (Status::Executed, Change::CloseRequested),
    };
    if stored.order.status() != needed {
        return Ok(Requested::WrongStatus(stored.order));
    }
    if stored.order.state().request().is_some() {
        return Ok(Requested::Stored(stored.order));
    }
    apply(ledger, stored, &[OrderEvent { at, change }]).map(Requested::Stored)
}

/// What came of some work, if the right to it still holds.
pub(crate) fn record<B: Books>(
    ledger: &mut Ledger<B>,
    leased: &Leased,
    events: &[OrderEvent],
) -> Result<Order, StoreError> {
    let stored = still_ours(ledger, leased)?;
    apply(ledger, stored, events)
}

/// Puts off the next look, only if nothing has happened meanwhile: a request that came in is due at once. Its time
/// alone does not tell, for it can have come at the very time at which the order was due.
pub(crate) fn postpone<B: Books>(
    ledger: &mut Ledger<B>,
    leased: &Leased,
    until: Timestamp,
) -> Result<(), StoreError> {
    let mut stored = still_ours(ledger, leased)?;
    let (seen, now) = (&leased.order, &stored.order);
    if (seen.due_at, seen.state()) == (now.due_at, now.state()) {
        stored.order.due_at = Some(until);
        ledger.books.update_order(stored)?;
    }
    ledger.work_is_due(leased.order.user_id, Some(until));
    Ok(())
}

fn still_ours<B: Books>(ledger: &mut Ledger<B>, leased: &Leased) -> Result<StoredOrder<Order>, StoreError> {
    let Leased { order, fence } = leased;
    if !ledger.books.is_held(Partition::of(order.user_id), *fence)? {
        return Err(StoreError::LeaseLost);
    }
    ledger.books.order_at(order.user_id, order.seq)?.ok_or(StoreError::Missing("such order"))
}

/// Applies events to a stored order, all or none: its journal entries, its row, the counts.
pub(super) fn apply<B: Books>(
    ledger: &mut Ledger<B>,
    stored: StoredOrder<Order>,
    events: &[OrderEvent],
) -> Result<Order, StoreError> {
    // Everything is decided before anything is written.
    let mut steps = Vec::with_capacity(events.len());
    let mut current = stored.order.clone();
    for event in events {
        let next = current.clone().apply(event)?;
        steps.push((event, current, next.clone()));
        current = next;
    }
    let mut last = stored.last;
    for (event, before, after) in &steps {
        last = ledger.append(Draft {
            user_id: after.user_id,
            at: event.at,
            action: AuditAction::from(&event.change),
            details: to_json(&event.change)?,
            about: Some(About {
                order: after,
                previous: Some(last),
                message_type: wire::message_type(Some(before), after),
            }),
        })?;
    }
    ledger.count(Some(&stored.order), &current)?;
    ledger.work_is_due(current.user_id, current.due_at);
    ledger.books.update_order(StoredOrder { order: current.clone(), last })?;
    Ok(current)
}
