//! Commands about open orders: carried out, or refused with the reason.

use std::sync::Arc;

use hookfill_domain::ids::BrokerAccountId;
use hookfill_domain::manage::{Command, CommandError};
use hookfill_store::{Managed, NewCommand, StoreError};
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
/// The answer to its sender if it could not be stored.
pub(super) async fn manage(
    state: &AppState,
    delivered: &Delivered,
    new: NewCommand,
) -> Result<Stored, ApiError> {
    let idempotency = new.idempotency;
    let (store, patience) = (Arc::clone(&state.store), patience(delivered));
    let write = async move { store.manage(new, patience).await };
    let made = |managed| match managed {
        Managed::Touched { made, .. } => Some(made),
        Managed::Refused(_) => None,
        Managed::Remembered(known) => known.same_body.then_some(known.made),
    };
    Ok(match write_in_time(state, delivered, idempotency, write, made).await? {
        Ok(Managed::Touched { made, .. }) => Stored::Done(Done { made, duplicate: false }),
        Ok(Managed::Refused(error)) => Stored::Refused(refusal(&error)),
        Ok(Managed::Remembered(known)) => Stored::Done(replay(known)?),
        Err(under_way) => Stored::UnderWay(under_way),
    })
}

/// The refusal that a command would get now; `None` if it would be carried out.
pub(in crate::http) async fn would_refuse(
    state: &AppState,
    caller: &Caller,
    command: &Command,
    account_id: Option<BrokerAccountId>,
) -> Result<Option<ApiError>, StoreError> {
    let refused = state.store.rehearse(caller.user_id, account_id, command).await?;
    Ok(refused.as_ref().map(refusal))
}

fn refusal(error: &CommandError) -> ApiError {
    let status = match error {
        CommandError::WrongSide { .. } | CommandError::NoEntryPrice(_) => StatusCode::UNPROCESSABLE_ENTITY,
        CommandError::Nothing { .. } | CommandError::TooMany { .. } => StatusCode::CONFLICT,
    };
    ApiError::new(status, error.code(), error.to_string())
}
