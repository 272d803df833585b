//! Management commands: what a close, cancel or change of protection means for one open order. Decided purely.

use thiserror::Error;

use crate::lifecycle::{Change, OrderState};
use crate::money::{Price, Quantity};
use crate::order::{Bracket, Order, Side};
use crate::signal::{CancelSignal, CloseSignal, ModifySignal, StopTo};
use crate::wire::Status;

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

/// Why a command cannot be carried out for an order that it is about. Then it is carried out for none.
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
        id: crate::ids::OrderId,
    },
    /// Break-even of an order whose entry price is not known.
    #[error(
        "The order {0} was placed at market, so its entry price is not known here; give the stop loss as a price."
    )]
    NoEntryPrice(crate::ids::OrderId),
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

    /// The code of the refusal when no order is there for it.
    #[must_use]
    pub fn nothing(&self) -> &'static str {
        match self {
            Self::Close(_) => "nothing_to_close",
            Self::Cancel(_) => "nothing_to_cancel",
            Self::Modify(_) => "nothing_to_modify",
        }
    }

    /// The instrument whose orders it is about; `None` is every one.
    #[must_use]
    pub fn instrument(&self) -> Option<&crate::instrument::Instrument> {
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

    /// What it means for an order: the event to apply, or `None` where the order is not one of those it is about.
    ///
    /// # Errors
    /// [`CommandError`] where the order is one of them and the command cannot be carried out.
    pub fn change_for(&self, order: &Order) -> Result<Option<Change>, CommandError> {
        let about = self.instrument().is_none_or(|instrument| order.terms.instrument == *instrument)
            && self.side().is_none_or(|side| order.terms.side == side)
            && order.state().request().is_none();
        if !about {
            return Ok(None);
        }
        match (self, order.status()) {
            (Self::Close(close), Status::Executed) => Ok(Some(closing(close.fraction))),
            (Self::Cancel(_), Status::Pending) => Ok(Some(Change::CancelRequested)),
            (Self::Modify(modify), Status::Pending | Status::Executed) => {
                Ok(Some(Change::Modified { bracket: modified(modify, order)? }))
            }
            (Self::Close(_) | Self::Cancel(_) | Self::Modify(_), _) => Ok(None),
        }
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
mod tests {
    use super::*;
    use crate::signal::Distances;
    use crate::specimen;
    use crate::time::Timestamp;
    use rstest::rstest;

    fn price(text: &str) -> Price {
        text.parse().unwrap()
    }

    fn order(side: Side, state: OrderState) -> Order {
        let mut order = specimen::order(side);
        order.progress.state = state;
        order
    }

    fn modify(stop_loss: Option<&str>, to: Option<StopTo>, targets: &[&str]) -> Command {
        Command::Modify(ModifySignal {
            instrument: "EURUSD".parse().unwrap(),
            side: None,
            stop_loss: stop_loss.map(price),
            stop_loss_to: to,
            take_profits: targets.iter().map(|text| price(text)).collect(),
            distances: Distances::default(),
            notes: vec![],
        })
    }

    #[rstest]
    #[case(Side::Buy, OrderState::Filled, modify(Some("1.0870"), None, &[]), true)] // a profit locked in
    #[case(Side::Buy, OrderState::New, modify(Some("1.0870"), None, &[]), false)] // above the entry of what has not filled
    #[case(Side::Buy, OrderState::Filled, modify(None, Some(StopTo::Entry), &[]), true)]
    #[case(Side::Buy, OrderState::Filled, modify(Some("1.0895"), None, &[]), false)]
    #[case(Side::Buy, OrderState::Filled, modify(None, None, &["1.0900", "1.0950"]), true)]
    #[case(Side::Buy, OrderState::Filled, modify(None, None, &["1.0900", "1.0840"]), false)]
    #[case(Side::Sell, OrderState::Filled, modify(Some("1.0855"), None, &[]), true)]
    #[case(Side::Sell, OrderState::Filled, modify(Some("1.0845"), None, &[]), false)]
    fn a_change_of_protection_must_hold_together(
        #[case] side: Side,
        #[case] state: OrderState,
        #[case] command: Command,
        #[case] fits: bool,
    ) {
        assert_eq!(command.change_for(&order(side, state)).is_ok(), fits);
    }

    #[test]
    fn a_command_is_about_orders_of_its_instrument_side_and_status_alone() {
        let close = |instrument: Option<&str>, side| {
            let instrument = instrument.map(|symbol| symbol.parse().unwrap());
            Command::Close(CloseSignal { instrument, side, fraction: None, quantity: None, notes: vec![] })
        };
        let filled = order(Side::Buy, OrderState::Filled);
        assert_eq!(close(Some("EURUSD"), None).change_for(&filled), Ok(Some(Change::CloseRequested)));
        assert_eq!(close(None, Some(Side::Buy)).change_for(&filled), Ok(Some(Change::CloseRequested)));
        assert_eq!(close(Some("GBPUSD"), None).change_for(&filled), Ok(None));
        assert_eq!(close(None, Some(Side::Sell)).change_for(&filled), Ok(None));
        assert_eq!(close(None, None).change_for(&order(Side::Buy, OrderState::Accepted)), Ok(None));
        let requested_at = Timestamp::from_micros(0);
        assert_eq!(
            close(None, None).change_for(&order(Side::Buy, OrderState::Closing { requested_at })),
            Ok(None)
        );
    }

    #[test]
    fn partial_closes_leave_a_part_of_what_is_left() {
        let mut order = order(Side::Buy, OrderState::Filled);
        order.progress.reduce("0.5".parse().unwrap());
        assert_eq!(order.progress.remaining.unwrap().to_string(), "0.5");
        order.progress.reduce("0.3".parse().unwrap());
        assert_eq!(order.progress.remaining.unwrap().to_string(), "0.35");
        for _ in 0..200 {
            order.progress.reduce("0.9".parse().unwrap());
        }
        assert_eq!(order.progress.remaining.unwrap().to_string(), "0.000000000001");
    }
}
