//! Commands about open orders.

use std::sync::Arc;

use hookfill_domain::ids::BrokerAccountId;
use hookfill_domain::manage::{Command, CommandError};
use hookfill_domain::order::Order;
use hookfill_domain::wire::Status;
use hookfill_store::{MAX_TOUCHED, Made, Managed, NewCommand, OrderQuery};
use http::StatusCode;

use super::Delivered;
use super::answer::Done;
use super::process::{Stored, patience, replay, write_in_time};
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::state::AppState;

/// Carries out a command.
///
/// # Errors
/// What its sender is told if it could not be stored.
pub(super) async fn manage(
    state: &AppState,
    delivered: &Delivered,
    new: NewCommand,
) -> Result<Stored, ApiError> {
    let (kind, nothing) = (new.command.kind(), nothing_to_do(&new.command));
    let about = subject(&new.command);
    let (store, patience) = (Arc::clone(&state.store), patience(delivered));
    let write = async move { store.manage(new, patience).await };
    let touched = move |orders: Vec<Order>| {
        let orders = orders.iter().map(|order| order.id).collect();
        Made::Command { kind: kind.to_owned(), orders }
    };
    let made = move |managed| match managed {
        Managed::Touched(orders) => Some(touched(orders)),
        Managed::Remembered(known) => known.same_body.then_some(known.made),
        Managed::Nothing | Managed::TooMany | Managed::Impossible(_) => None,
    };
    Ok(match write_in_time(delivered, write, made).await? {
        Ok(Managed::Touched(orders)) => Stored::Done(Done { made: touched(orders), duplicate: false }),
        Ok(Managed::Nothing) => Stored::Refused(nothing),
        Ok(Managed::TooMany) => {
            let detail = format!("This is about more than {MAX_TOUCHED} orders{about}; none was touched.");
            Stored::Refused(ApiError::conflict("too_many_orders", detail))
        }
        Ok(Managed::Impossible(error)) => Stored::Refused(impossible(&error)),
        Ok(Managed::Remembered(known)) => Stored::Done(replay(known)?),
        Err(under_way) => Stored::UnderWay(under_way),
    })
}

fn nothing_to_do(command: &Command) -> ApiError {
    let detail = format!("There is no open order{} that this could {}.", subject(command), command.kind());
    ApiError::conflict(command.nothing(), detail)
}

fn impossible(error: &CommandError) -> ApiError {
    let code = match error {
        CommandError::WrongSide { .. } => "wrong_side",
        CommandError::NoEntryPrice(_) => "no_entry_price",
    };
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, code, error.to_string())
}

/// Whether a command would be refused now, as far as a page of the caller's latest orders of each status tells.
pub(in crate::http) async fn would_refuse(
    state: &AppState,
    caller: &Caller,
    command: &Command,
    account_id: Option<BrokerAccountId>,
) -> Result<Option<ApiError>, ApiError> {
    let mut found = false;
    for status in [Status::Pending, Status::Executed] {
        let instrument = command.instrument().cloned();
        let query = OrderQuery { before: None, status: Some(status), instrument, limit: MAX_TOUCHED };
        let orders = state.store.orders(caller.user_id, query).await?.items;
        for order in
            orders.into_iter().filter(|order| account_id.is_none_or(|id| id == order.broker_account_id))
        {
            match command.change_for(&order) {
                Ok(change) => found |= change.is_some(),
                Err(error) => return Ok(Some(impossible(&error))),
            }
        }
    }
    Ok((!found).then(|| nothing_to_do(command)))
}

fn subject(command: &Command) -> String {
    command.instrument().map(|instrument| format!(" of {instrument}")).unwrap_or_default()
}
