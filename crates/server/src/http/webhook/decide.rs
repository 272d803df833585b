//! What is to be done with a delivery: understood as its account reads it, admitted or not.

use hookfill_domain::account::{BrokerAccount, Policy};
use hookfill_domain::ids::{BrokerAccountId, OrderId};
use hookfill_domain::manage::Command;
use hookfill_domain::order::{Order, Origin};
use hookfill_domain::signal::{self, OrderSignal, Reading, Signal};
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
    /// It is about open orders: of this account, or of all accounts.
    Command(Command, Option<BrokerAccountId>),
}

/// The account that a signal is for.
#[derive(Clone, Copy)]
pub(in crate::http) enum Chosen<'a> {
    /// The account that the signal names, active or not.
    Named(&'a BrokerAccount),
    /// The oldest active account, because the signal names none.
    Oldest(&'a BrokerAccount),
    /// No account: the signal names none, and none is active.
    Missing,
    /// The signal names an id, and the user has no account with it.
    Unknown,
}

impl<'a> Chosen<'a> {
    /// Chooses among the user's accounts, which come oldest first.
    pub(in crate::http) fn of(named: Option<&str>, accounts: &'a [BrokerAccount]) -> Self {
        let Some(named) = named else {
            return accounts.iter().find(|account| account.is_active).map_or(Self::Missing, Self::Oldest);
        };
        let id: Option<BrokerAccountId> = named.parse().ok();
        let found = id.and_then(|id| accounts.iter().find(|account| account.id == id));
        found.map_or(Self::Unknown, Self::Named)
    }

    /// How messages to this account are read.
    pub(in crate::http) fn reading(self) -> Reading {
        match self {
            Self::Named(account) | Self::Oldest(account) => reading::of(&account.policy),
            Self::Missing | Self::Unknown => Reading::default(),
        }
    }

    /// The account for an order: it must be active.
    fn for_order(self) -> Result<&'a BrokerAccount, ApiError> {
        match self.for_command()? {
            Some(account) if account.is_active => Ok(account),
            Some(_) => {
                let detail = "The broker account is deactivated and takes no new orders.";
                Err(ApiError::conflict("broker_account_inactive", detail))
            }
            None => {
                let detail = "No active broker account found. Link one via POST /accounts/ first.";
                Err(ApiError::conflict("no_broker_account", detail))
            }
        }
    }

    /// The account whose policy applies to a command. It need not be active, and there may be none.
    fn for_command(self) -> Result<Option<&'a BrokerAccount>, ApiError> {
        match self {
            Self::Named(account) | Self::Oldest(account) => Ok(Some(account)),
            Self::Missing => Ok(None),
            Self::Unknown => {
                let detail = "`broker_account_id` names none of your broker accounts.";
                Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "unknown_broker_account", detail))
            }
        }
    }
}

/// Understands the text as the account reads it, and admits it or not.
pub(super) fn decide(
    delivery: &Delivery<'_>,
    accounts: &[BrokerAccount],
    caller: &Caller,
    at: Timestamp,
) -> Result<Decision, ApiError> {
    let chosen = Chosen::of(delivery.account_id, accounts);
    let parsed = signal::parse(delivery.text, delivery.format, &chosen.reading())
        .map_err(|error| ApiError::refused(&error))?;
    let (signal, account) = match admit(parsed.signal, chosen)? {
        Admitted::Order(signal, account) => (signal, account),
        Admitted::Command(command, account_id) => return Ok(Decision::Command { command, account_id }),
    };
    let origin = Origin {
        id: OrderId(new_uuid()),
        user_id: caller.user_id,
        broker_account_id: account.id,
        source_id: None,
    };
    Ok(Decision::Order(Box::new(Order::from_signal(signal, origin, None, at))))
}

/// Whether a signal that was understood becomes an order, and of which account. The account is checked first: without an
/// account that takes the order, there is no policy to apply.
///
/// # Errors
/// The answer to the sender if it is not admitted.
pub(in crate::http) fn admit(signal: Signal, chosen: Chosen<'_>) -> Result<Admitted<'_>, ApiError> {
    let account = match &signal {
        Signal::Order(_) => Some(chosen.for_order()?),
        Signal::Close(_) | Signal::Cancel(_) | Signal::Modify(_) => chosen.for_command()?,
    };
    let default = Policy::default();
    let policy = account.map_or(&default, |account| &account.policy);
    signal::admit(&signal, policy.admission()).map_err(|error| ApiError::refused(&error))?;
    let command = match signal {
        Signal::Order(signal) => return Ok(Admitted::Order(signal, chosen.for_order()?)),
        Signal::Close(close) => Command::Close(close),
        Signal::Cancel(cancel) => Command::Cancel(cancel),
        Signal::Modify(modify) => Command::Modify(modify),
    };
    let account_id = match chosen {
        Chosen::Named(account) => Some(account.id),
        Chosen::Oldest(_) | Chosen::Missing | Chosen::Unknown => None,
    };
    Ok(Admitted::Command(command, account_id))
}
