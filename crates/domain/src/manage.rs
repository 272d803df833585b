//! Management commands: what a close, cancel or change of protection means for open orders, and why it leaves some of
//! them unchanged. Pure decisions, no IO.

mod skipped;

use thiserror::Error;

use crate::ids::{BrokerAccountId, OrderId};
use crate::instrument::Instrument;
use crate::lifecycle::{Change, OrderState};
use crate::money::{Price, Quantity};
use crate::order::{Bracket, Order, Side};
use crate::signal::{CancelSignal, CloseSignal, ModifySignal, StopTo};

pub use skipped::{SkipReason, Skipped};

/// The most orders that one command may touch.
pub const MAX_TOUCHED: usize = 500;

/// A command about open orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Close positions, whole or in part.
    Close(CloseSignal),
    /// Withdraw what has not filled.
    Cancel(CancelSignal),
    /// Change the protection.
    Modify(ModifySignal),
}

/// What a command means for one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The command is not about this order.
    Unrelated,
    /// The order changes in this way.
    Change(Change),
    /// The command is about this order, but leaves it unchanged.
    Skip(SkipReason),
}

/// What a command does to the orders that it is about, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan<T> {
    /// The orders that change, and how: at least one.
    pub changes: Vec<(T, Change)>,
    /// Orders that a close leaves alone because they have not filled yet, but still may.
    pub still_pending: Vec<OrderId>,
    /// The other orders that it is about and leaves unchanged.
    pub skipped: Vec<Skipped>,
    /// Sentences for the sender about the orders left unchanged, if there are any.
    pub note: Option<String>,
}

/// Why a command changes no order at all.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CommandError {
    /// The new stop loss or a new target would lie on the wrong side.
    #[error("The {what} {price} would be on the wrong side for the {side} order {id}.")]
    WrongSide {
        /// `stop loss` or `take profit`.
        what: &'static str,
        /// The price.
        price: Price,
        /// `BUY` or `SELL`.
        side: &'static str,
        /// The order.
        id: OrderId,
    },
    /// Break-even of an order whose entry price is not known.
    #[error(
        "The order {0} was placed at market, so its entry price is not known here; give the stop loss as a price."
    )]
    NoEntryPrice(OrderId),
    /// It can change no open order.
    #[error("{detail}")]
    Nothing {
        /// The code of the refusal.
        code: &'static str,
        /// Why, and which other command would apply.
        detail: String,
    },
    /// It is about more than [`MAX_TOUCHED`] orders.
    #[error("This is about more than {MAX_TOUCHED} orders{}; none was touched.", of(instrument.as_ref()))]
    TooMany {
        /// Their instrument; `None` for all instruments.
        instrument: Option<Instrument>,
    },
}

impl CommandError {
    /// The stable error code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::WrongSide { .. } => "wrong_side",
            Self::NoEntryPrice(_) => "no_entry_price",
            Self::Nothing { code, .. } => code,
            Self::TooMany { .. } => "too_many_orders",
        }
    }
}

/// ` of EURUSD`, or an empty string for all instruments.
fn of(instrument: Option<&Instrument>) -> String {
    instrument.map(|instrument| format!(" of {instrument}")).unwrap_or_default()
}

impl Command {
    /// The word for it, as in the signal JSON.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Close(_) => "close",
            Self::Cancel(_) => "cancel",
            Self::Modify(_) => "modify",
        }
    }

    /// The instrument whose orders it is about; `None` is every one.
    #[must_use]
    pub fn instrument(&self) -> Option<&Instrument> {
        match self {
            Self::Close(close) => close.instrument.as_ref(),
            Self::Cancel(cancel) => cancel.instrument.as_ref(),
            Self::Modify(modify) => Some(&modify.instrument),
        }
    }

    fn side(&self) -> Option<Side> {
        match self {
            Self::Close(close) => close.side,
            Self::Cancel(cancel) => cancel.side,
            Self::Modify(modify) => modify.side,
        }
    }

    /// What it means for one order.
    ///
    /// # Errors
    /// [`CommandError`] if it is about this order and cannot be carried out for it. Then it is carried out for none.
    pub fn effect_on(&self, order: &Order) -> Result<Effect, CommandError> {
        use OrderState as S;
        let is_about = self.instrument().is_none_or(|instrument| order.terms.instrument == *instrument)
            && self.side().is_none_or(|side| order.terms.side == side);
        if !is_about {
            return Ok(Effect::Unrelated);
        }
        Ok(match (self, order.state()) {
            (_, S::Closed | S::Canceled | S::Rejected | S::Expired) => Effect::Unrelated,
            (_, S::Canceling { .. }) => Effect::Skip(SkipReason::CancelRequested),
            (_, S::Closing { .. }) => Effect::Skip(SkipReason::CloseRequested),
            (_, S::Reducing { .. }) => Effect::Skip(SkipReason::PartCloseRequested),
            (Self::Close(close), S::Filled) => Effect::Change(closing(close.fraction)),
            (Self::Close(_), S::New | S::Submitting | S::InDoubt | S::Accepted | S::PartlyFilled) => {
                Effect::Skip(SkipReason::Pending)
            }
            (Self::Cancel(_), S::New | S::Submitting | S::InDoubt | S::Accepted | S::PartlyFilled) => {
                Effect::Change(Change::CancelRequested)
            }
            (Self::Cancel(_), S::Filled) => Effect::Skip(SkipReason::Executed),
            (
                Self::Modify(modify),
                S::New | S::Submitting | S::InDoubt | S::Accepted | S::PartlyFilled | S::Filled,
            ) => Effect::Change(Change::Modified { bracket: modified(modify, order)? }),
        })
    }

    /// What it means for a user's open orders, of one account or of all. It applies to every order that it is about, or to
    /// none.
    ///
    /// # Errors
    /// [`CommandError`] if it applies to none.
    pub fn plan<T: AsRef<Order>>(
        &self,
        account_id: Option<BrokerAccountId>,
        mut open: Vec<T>,
    ) -> Result<Plan<T>, CommandError> {
        open.retain(|order| account_id.is_none_or(|id| id == order.as_ref().broker_account_id));
        open.sort_unstable_by_key(|order| order.as_ref().seq);
        let (mut changes, mut skipped) = (Vec::new(), Vec::new());
        for order in open {
            match self.effect_on(order.as_ref())? {
                Effect::Unrelated => {}
                Effect::Change(change) => changes.push((order, change)),
                Effect::Skip(reason) => skipped.push(Skipped { order_id: order.as_ref().id, reason }),
            }
        }
        match changes.len() {
            0 => Err(self.nothing(account_id, &skipped)),
            1..=MAX_TOUCHED => {
                let note = self.note(account_id, &skipped);
                let is_close = matches!(self, Self::Close(_));
                let still_pending = skipped.extract_if(.., |skipped| is_close && skipped.reason.is_pending());
                let still_pending = still_pending.map(|skipped| skipped.order_id).collect();
                Ok(Plan { changes, still_pending, skipped, note })
            }
            _ => Err(self.too_many()),
        }
    }

    /// The error for a command that is about more orders than it may touch.
    #[must_use]
    pub fn too_many(&self) -> CommandError {
        CommandError::TooMany { instrument: self.instrument().cloned() }
    }
}

fn closing(fraction: Option<Quantity>) -> Change {
    match fraction {
        Some(fraction) => Change::ReduceRequested { fraction },
        None => Change::CloseRequested,
    }
}

/// The order's protection with the change, if it holds together.
fn modified(modify: &ModifySignal, order: &Order) -> Result<Bracket, CommandError> {
    let mut bracket = order.bracket.clone();
    if let Some(StopTo::Entry) = modify.stop_loss_to {
        bracket.stop_loss = Some(order.entry_price().ok_or(CommandError::NoEntryPrice(order.id))?);
    }
    if let Some(stop_loss) = modify.stop_loss {
        bracket.stop_loss = Some(stop_loss);
    }
    if !modify.take_profits.is_empty() {
        bracket.take_profits.clone_from(&modify.take_profits);
    }
    check_sides(order, &bracket)?;
    Ok(bracket)
}

/// A stop loss lies on the losing side of every target and, before the order has filled, of the entry. Afterwards it
/// may lock in a profit.
fn check_sides(order: &Order, bracket: &Bracket) -> Result<(), CommandError> {
    let (side, name) = match order.terms.side {
        Side::Buy => (Side::Buy, "BUY"),
        Side::Sell => (Side::Sell, "SELL"),
    };
    let below = |low: Price, high: Price| match side {
        Side::Buy => low < high,
        Side::Sell => high < low,
    };
    let wrong = |what, price| Err(CommandError::WrongSide { what, price, side: name, id: order.id });
    let filled = matches!(order.state(), OrderState::Filled | OrderState::PartlyFilled);
    let entry = order.entry_price().filter(|_| !filled);
    if let (Some(stop_loss), Some(entry)) = (bracket.stop_loss, entry)
        && !below(stop_loss, entry)
    {
        return wrong("stop loss", stop_loss);
    }
    for target in &bracket.take_profits {
        if entry.is_some_and(|entry| !below(entry, *target)) {
            return wrong("take profit", *target);
        }
        if let Some(stop_loss) = bracket.stop_loss
            && !below(stop_loss, *target)
        {
            return wrong("stop loss", stop_loss);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
