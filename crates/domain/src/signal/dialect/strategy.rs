//! TradingView's nested strategy object: an alert at market whose price is the fill of a backtest.

use super::super::{ErrorCode, Parsed, Reading, SignalError, Unit};
use super::fields::Fields;
use super::order::{self, Action, Builder};
use crate::order::Side;

/// Whether the alert has a `strategy` object with an action.
pub(super) fn is_one(fields: &Fields<'_>) -> bool {
    fields.holds("strategy", "orderaction")
}

/// Reads `{"ticker": …, "strategy": {"order_action": …, "market_position": …}}`.
pub(super) fn read(mut fields: Fields<'_>, reading: &Reading) -> Result<Parsed, SignalError> {
    let mut strategy = fields.object("strategy").unwrap_or_default();
    let symbol = order::required(fields.take(&["ticker", "symbol"])?, ErrorCode::NoInstrument, "instrument")?;
    let instrument = order::instrument(&symbol, reading)?;
    let word = order::required(strategy.take(&["orderaction"])?, ErrorCode::UnknownAction, "action")?;
    let after = strategy.take(&["marketposition"])?;
    let size = strategy.take(&["ordercontracts"])?;
    let fill = strategy.take(&["orderprice"])?;
    strategy.ignore(&[
        "positionsize",
        "orderid",
        "ordercomment",
        "orderalertmessage",
        "marketpositionsize",
        "prevmarketposition",
        "prevmarketpositionsize",
    ]);
    strategy.refuse_rest()?;
    fields.object("bar");
    fields.ignore(&["time", "timenow", "exchange", "interval", "timeframe", "comment", "id"]);
    fields.refuse_rest()?;
    let Action::Open(side, None) = order::action(&word)? else {
        let detail = format!("`{}` is no action of a strategy.", word.text);
        return Err(SignalError::at(ErrorCode::UnknownAction, word.span, detail));
    };
    if let Some(after) = after {
        match order::action(&after) {
            Ok(Action::Close(_)) => {
                let closed = match side {
                    Side::Sell => Side::Buy,
                    Side::Buy => Side::Sell,
                };
                return order::close((instrument, symbol.span), Some(closed), None);
            }
            Ok(Action::Open(held, _)) if held == side => {}
            Ok(Action::Open(..) | Action::Cancel(_) | Action::Modify(_)) | Err(_) => {
                let detail =
                    format!("`{}` and a position of `{}` contradict each other.", word.text, after.text);
                return Err(SignalError::at(ErrorCode::Contradiction, after.span, detail));
            }
        }
    }
    let mut builder = Builder::new(side, word.span, instrument, symbol.span);
    if let Some(size) = size {
        builder.quantity(order::amount(&size, Unit::Units)?, size.span)?;
    }
    if let Some(fill) = fill {
        builder.note(format!("reference price {}", fill.text));
    }
    builder.finish()
}
