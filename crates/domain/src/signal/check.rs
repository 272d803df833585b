//! Whether the prices of an order hold together.

use rust_decimal::Decimal;

use super::limits::{MAX_ENTRIES, MAX_LEVERAGE, MAX_LOTS, MAX_RISK_PERCENT, MAX_TARGETS};
use super::text::draft::{Draft, Priced};
use super::{Amount, ErrorCode, SignalError, Span, Unit};
use crate::money::Price;
use crate::order::Side;

/// From this factor on between two prices of one order a decimal point has slipped.
const SLIPPED: u32 = 10;

/// Refuses an order whose prices contradict each other.
pub(super) fn check(draft: &Draft, side: Side) -> Result<(), SignalError> {
    check_counts(draft)?;
    for target in &draft.targets {
        if let Some(stop) = &draft.stop_loss {
            beyond(side, stop, target, "The stop loss", "the target")?;
        }
        for entry in &draft.entries {
            beyond(side, entry, target, "The entry", "the target").map_err(|error| blame(error, target))?;
        }
    }
    for entry in &draft.entries {
        if let Some(stop) = &draft.stop_loss {
            beyond(side, stop, entry, "The stop loss", "the entry")?;
        }
    }
    check_distances(draft)?;
    check_caps(draft)
}

fn check_counts(draft: &Draft) -> Result<(), SignalError> {
    if let Some(extra) = draft.targets.get(MAX_TARGETS) {
        let detail = format!("More than {MAX_TARGETS} targets.");
        return Err(SignalError::at(ErrorCode::TooLarge, extra.span, detail));
    }
    if let Some(extra) = draft.entries.get(MAX_ENTRIES) {
        let detail = format!("More than {MAX_ENTRIES} entry prices.");
        return Err(SignalError::at(ErrorCode::TooLarge, extra.span, detail));
    }
    Ok(())
}

/// To buy, the first price must lie below the second; to sell, above.
fn beyond(side: Side, first: &Priced, second: &Priced, name: &str, other: &str) -> Result<(), SignalError> {
    let (holds, place) = match side {
        Side::Buy => (first.price < second.price, "below"),
        Side::Sell => (first.price > second.price, "above"),
    };
    if holds {
        return Ok(());
    }
    let verb = match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    };
    let detail = format!("{name} {} must lie {place} {other} {} to {verb}.", first.price, second.price);
    Err(SignalError::at(ErrorCode::WrongSide, first.span, detail))
}

fn blame(error: SignalError, target: &Priced) -> SignalError {
    SignalError { span: Some(target.span), ..error }
}

/// Refuses prices of which one has lost or gained a digit.
fn check_distances(draft: &Draft) -> Result<(), SignalError> {
    let Some(reference) = draft.entries.first().or(draft.stop_loss.as_ref()).or(draft.targets.first()) else {
        return Ok(());
    };
    let prices = draft.entries.iter().chain(&draft.stop_loss).chain(&draft.targets);
    for price in prices {
        if slipped(reference.price, price.price) {
            let detail = format!(
                "{} and {} are too far apart to belong to one order: a decimal point may have slipped.",
                reference.price, price.price
            );
            return Err(SignalError::at(ErrorCode::ImplausibleDistance, price.span, detail));
        }
    }
    Ok(())
}

fn slipped(a: Price, b: Price) -> bool {
    let (low, high) = if a < b { (a.value(), b.value()) } else { (b.value(), a.value()) };
    low * Decimal::from(SLIPPED) <= high
}

fn check_caps(draft: &Draft) -> Result<(), SignalError> {
    for (amount, span) in draft.quantity.iter().chain(&draft.risk) {
        check_amount(*amount, *span)?;
    }
    if let Some((risk, span)) = draft.risk
        && risk.unit == Unit::Percent
        && risk.value.value() > Decimal::from(MAX_RISK_PERCENT)
    {
        let detail = format!("A risk of {} percent is over the cap of {MAX_RISK_PERCENT}.", risk.value);
        return Err(SignalError::at(ErrorCode::SizeCap, span, detail));
    }
    if let Some((leverage, span)) = draft.leverage
        && leverage.value() > Decimal::from(MAX_LEVERAGE)
    {
        let detail = format!("A leverage of {leverage} is over the cap of {MAX_LEVERAGE}.");
        return Err(SignalError::at(ErrorCode::SizeCap, span, detail));
    }
    Ok(())
}

fn check_amount(amount: Amount, span: Span) -> Result<(), SignalError> {
    let most = match amount.unit {
        Unit::Lots => MAX_LOTS,
        Unit::Percent => 100,
        Unit::Units | Unit::Usd | Unit::Pips | Unit::Points | Unit::Price => return Ok(()),
    };
    if amount.value.value() <= Decimal::from(most) {
        return Ok(());
    }
    let detail = format!("A size of {} is over the cap of {most}.", amount.value);
    Err(SignalError::at(ErrorCode::SizeCap, span, detail))
}
