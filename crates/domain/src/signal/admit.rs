//! Admission: what an account asks of an understood signal.

use super::{ErrorCode, Signal, SignalError};

/// What an account asks of every order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// Refuse an order without a stop loss.
    pub require_stop_loss: bool,
    /// Refuse an order without a target.
    pub require_take_profit: bool,
}

/// Decides whether an understood signal may become an order.
///
/// # Errors
/// `missing_stop_loss` or `missing_take_profit`, without a span: no place in the text is to blame for what is absent.
pub fn admit(signal: &Signal, asked: Admission) -> Result<(), SignalError> {
    let Signal::Order(order) = signal else {
        return Ok(());
    };
    if asked.require_stop_loss && order.stop_loss.is_none() {
        return Err(SignalError {
            code: ErrorCode::MissingStopLoss,
            detail: "The signal has no stop loss, and the account requires one: add `SL` and its price."
                .into(),
            span: None,
        });
    }
    if asked.require_take_profit && order.take_profits.is_empty() {
        return Err(SignalError {
            code: ErrorCode::MissingTakeProfit,
            detail: "The signal has no take profit, and the account requires one: add `TP` and its price."
                .into(),
            span: None,
        });
    }
    Ok(())
}
