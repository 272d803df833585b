//! TradingView's nested strategy object: an alert at market whose price is the fill of a backtest.

use super::super::{ErrorCode, Parsed, Reading, SignalError, Unit};
use super::fields::{Fields, Scalar};
use super::order::{self, Action, Builder};
use super::position::{Own, Position};

/// Whether the alert has a `strategy` object with an action.
pub(super) fn is_one(fields: &Fields<'_>) -> bool {
    fields.holds("strategy", "orderaction")
}

/// Reads `{"ticker": …, "strategy": {"order_action": …, "market_position": …}}`.
pub(super) fn read(mut fields: Fields<'_>, reading: &Reading) -> Result<Parsed, SignalError> {
    let position = Position::of(&mut fields)?;
    let mut strategy = fields.object("strategy").unwrap_or_default();
    let symbol = order::required(fields.take(&["ticker", "symbol"])?, ErrorCode::NoInstrument, "instrument")?;
    let instrument = order::instrument(&symbol, reading)?;
    let word = order::required(strategy.take(&["orderaction"])?, ErrorCode::UnknownAction, "action")?;
    let size = strategy.take(&["ordercontracts"])?;
    let fill = strategy.take(&["orderprice"])?;
    strategy.ignore(&["orderid", "ordercomment", "orderalertmessage"]);
    strategy.refuse_rest()?;
    fields.ignore(&["bar", "time", "timenow", "exchange", "interval", "timeframe", "comment", "id"]);
    fields.refuse_rest()?;
    let asked = order::action(&word)?;
    if !matches!(asked, Action::Open(_, None)) {
        return Err(unknown(&word));
    }
    let own =
        Own { size: size.as_ref().map(|size| size.span), price: None, parts: false, contracts: size.clone() };
    let side = match position.settle(asked, &own)?.action {
        Action::Open(side, _) => side,
        Action::Close(side) => return order::close((instrument, symbol.span), side, None),
        Action::Cancel(_) | Action::Modify(_) => return Err(unknown(&word)),
    };
    let mut builder = Builder::new(side, word.span, instrument, symbol.span);
    if let Some(size) = size {
        builder.quantity(order::amount(&size, Unit::Units)?, size.span)?;
    }
    if let Some(fill) = fill {
        builder.note(format!("reference price {}", fill.text));
    }
    builder.finish()
}

fn unknown(word: &Scalar<'_>) -> SignalError {
    let detail = format!("`{}` is no action of a strategy.", word.text);
    SignalError::at(ErrorCode::UnknownAction, word.span, detail)
}
