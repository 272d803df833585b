//! What is to be done with a delivery: understood as its account reads it, admitted or not.

use hookfill_domain::account::{BrokerAccount, Policy};
use hookfill_domain::ids::{BrokerAccountId, OrderId};
use hookfill_domain::manage::Command;
use hookfill_domain::order::{Order, Origin};
use hookfill_domain::signal::{self, OrderSignal, Signal};
use hookfill_domain::time::Timestamp;
use http::StatusCode;

use super::delivery::Delivery;
use crate::clock::new_uuid;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::reading;

/// What is to be done.
pub(super) enum Decision {
    /// Store an order.
    Order(Box<Order>),
    /// Carry out a command about open orders.
    Command {
        /// The command.
        command: Command,
        /// Only orders of this account.
        account_id: Option<BrokerAccountId>,
    },
}

/// A signal that was understood and may be acted on.
pub(in crate::http) enum Admitted<'a> {
    /// It opens a position with this account.
    Order(OrderSignal, &'a BrokerAccount),
    /// It is about open orders.
    Command(Command),
}

/// Understands the text as the account reads it, and admits it or not.
pub(super) fn decide(
    delivery: &Delivery<'_>,
    accounts: &[BrokerAccount],
    caller: &Caller,
    at: Timestamp,
) -> Result<Decision, ApiError> {
    let account = choose(delivery.account_id, accounts)?;
    let default = Policy::default();
    let policy = account.map_or(&default, |account| &account.policy);
    let parsed = signal::parse(delivery.text, delivery.format, &reading::of(policy))
        .map_err(|error| ApiError::refused(&error))?;
    let (signal, account) = match admit(parsed.signal, account)? {
        Admitted::Order(signal, account) => (signal, account),
        Admitted::Command(command) => {
            // A command without an account is about the orders of all of them.
            let account_id = account.filter(|_| delivery.account_id.is_some()).map(|account| account.id);
            return Ok(Decision::Command { command, account_id });
        }
    };
    let origin = Origin {
        id: OrderId(new_uuid()),
        user_id: caller.user_id,
        broker_account_id: account.id,
        source_id: None,
    };
    Ok(Decision::Order(Box::new(Order::from_signal(signal, origin, None, at))))
}

/// Whether a signal that was understood becomes an order, and of which account.
///
/// # Errors
/// What the sender is told if it does not.
pub(in crate::http) fn admit(
    signal: Signal,
    account: Option<&BrokerAccount>,
) -> Result<Admitted<'_>, ApiError> {
    let default = Policy::default();
    let policy = account.map_or(&default, |account| &account.policy);
    signal::admit(&signal, policy.admission()).map_err(|error| ApiError::refused(&error))?;
    let signal = match signal {
        Signal::Order(signal) => signal,
        Signal::Close(close) => return Ok(Admitted::Command(Command::Close(close))),
        Signal::Cancel(cancel) => return Ok(Admitted::Command(Command::Cancel(cancel))),
        Signal::Modify(modify) => return Ok(Admitted::Command(Command::Modify(modify))),
    };
    let account = account.ok_or_else(|| {
        let detail = "No active broker account found. Link one via POST /accounts/ first.";
        ApiError::conflict("no_broker_account", detail)
    })?;
    if !account.is_active {
        let detail = "The broker account is deactivated and takes no new orders.";
        return Err(ApiError::conflict("broker_account_inactive", detail));
    }
    Ok(Admitted::Order(signal, account))
}

/// The account that was named or, if none was, the oldest active one.
fn choose<'a>(
    named: Option<&str>,
    accounts: &'a [BrokerAccount],
) -> Result<Option<&'a BrokerAccount>, ApiError> {
    let Some(named) = named else { return Ok(accounts.iter().find(|account| account.is_active)) };
    let id: Option<BrokerAccountId> = named.parse().ok();
    let found = id.and_then(|id| accounts.iter().find(|account| account.id == id));
    let unknown = || {
        let detail = "`broker_account_id` names none of your broker accounts.";
        ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "unknown_broker_account", detail)
    };
    found.map(Some).ok_or_else(unknown)
}
