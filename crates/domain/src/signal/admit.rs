//! Admission: what an account asks of an understood signal.

use super::{Distances, ErrorCode, OrderSignal, Signal, SignalError};

/// What an account asks of every order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// Refuse an order without a stop loss.
    pub require_stop_loss: bool,
    /// Refuse an order without a target.
    pub require_take_profit: bool,
}

/// Decides whether an understood signal may become an order, or act on orders.
///
/// # Errors
/// `missing_stop_loss` or `missing_take_profit`, without a span: no place in the text is to blame for what is absent.
/// `relative_price` where a price is only given as a distance, and `context_required` where an order is named by the
/// sender's own name for it; `unknown_parameter` where a close names a count: none of these can be carried out, and leaving it out would change what was asked.
pub fn admit(signal: &Signal, asked: Admission) -> Result<(), SignalError> {
    match signal {
        Signal::Order(order) => {
            refuse_distances(&order.distances)?;
            require_protection(order, asked)
        }
        Signal::Modify(modify) => refuse_distances(&modify.distances),
        Signal::Cancel(cancel) => match &cancel.reference {
            Some(name) => Err(SignalError::whole(
                ErrorCode::ContextRequired,
                format!(
                    "Orders are not kept under the sender's names, such as `{name}`: cancel by instrument."
                ),
            )),
            None => Ok(()),
        },
        Signal::Close(close) => match &close.quantity {
            Some(_) => Err(SignalError::whole(
                ErrorCode::UnknownParameter,
                "A part of a position is closed by hundredths here, not by a count: write `close 50%`.",
            )),
            None => Ok(()),
        },
    }
}

fn refuse_distances(distances: &Distances) -> Result<(), SignalError> {
    if distances.is_empty() {
        return Ok(());
    }
    let detail = "The signal gives a price as a distance, and the price that it counts from is not known: send prices.";
    Err(SignalError::whole(ErrorCode::RelativePrice, detail))
}

fn require_protection(order: &OrderSignal, asked: Admission) -> Result<(), SignalError> {
    if asked.require_stop_loss && order.stop_loss.is_none() {
        let detail = "The signal has no stop loss, and the account requires one: add `SL` and its price.";
        return Err(SignalError::whole(ErrorCode::MissingStopLoss, detail));
    }
    if asked.require_take_profit && order.take_profits.is_empty() {
        let detail = "The signal has no take profit, and the account requires one: add `TP` and its price.";
        return Err(SignalError::whole(ErrorCode::MissingTakeProfit, detail));
    }
    Ok(())
}
