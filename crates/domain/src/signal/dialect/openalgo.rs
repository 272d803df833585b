//! OpenAlgo's order JSON: `pricetype` SL and SL-M are order types, and a zero price is none.

use super::super::text::draft::Manner;
use super::super::{ErrorCode, Parsed, Reading, SignalError, Unit};
use super::fields::{Fields, Scalar};
use super::order::{self, Action, Builder};
use super::position::{Own, Position};

/// Fields that say nothing about the order.
const IGNORED: &[&str] = &["strategy", "exchange", "product", "disclosedquantity"];

/// Reads an order of OpenAlgo.
pub(super) fn read(mut fields: Fields<'_>, reading: &Reading) -> Result<Parsed, SignalError> {
    let symbol = order::required(fields.take(&["symbol"])?, ErrorCode::NoInstrument, "instrument")?;
    let word = order::required(fields.take(&["action"])?, ErrorCode::UnknownAction, "action")?;
    let instrument = order::instrument(&symbol, reading)?;
    if let Some(found) = fields.take(&["positionsize", "triggertype"])? {
        let detail = "A wanted position, or an order that waits for a trigger, is not carried out here.";
        return Err(SignalError::at(ErrorCode::ContextRequired, found.span, detail));
    }
    let own = Own {
        size: fields.first_of(&["quantity"]),
        price: fields.peek("pricetype").filter(|kind| kind.text != "MARKET").map(|kind| kind.span),
        parts: false,
        contracts: None,
    };
    let asked = Position::of(&mut fields)?.settle(order::action(&word)?, &own)?.action;
    if let Action::Close(side) = asked {
        const READ: &[&str] = &["pricetype", "price", "triggerprice", "quantity", "stoploss", "target"];
        fields.ignore(READ);
        fields.ignore(IGNORED);
        fields.refuse_rest()?;
        return order::close((instrument, symbol.span), side, None);
    }
    let Action::Open(side, None) = asked else {
        let detail = format!("`{}` is no action of this dialect.", word.text);
        return Err(SignalError::at(ErrorCode::UnknownAction, word.span, detail));
    };
    let mut builder = Builder::new(side, word.span, instrument, symbol.span);
    entry(&mut fields, &mut builder)?;
    if let Some(quantity) = fields.take(&["quantity"])? {
        builder.quantity(order::amount(&quantity, Unit::Units)?, quantity.span)?;
    }
    if let Some(stop) = stated(fields.take(&["stoploss"])?) {
        builder.draft.set_stop(order::price(&stop)?)?;
    }
    if let Some(target) = stated(fields.take(&["target"])?) {
        builder.draft.targets.push(order::price(&target)?);
    }
    fields.ignore(IGNORED);
    fields.refuse_rest()?;
    builder.finish()
}

fn stated(value: Option<Scalar<'_>>) -> Option<Scalar<'_>> {
    value.filter(|value| !order::is_zero(value))
}

fn entry(fields: &mut Fields<'_>, builder: &mut Builder) -> Result<(), SignalError> {
    let (price, trigger) = (stated(fields.take(&["price"])?), stated(fields.take(&["triggerprice"])?));
    let Some(kind) = fields.take(&["pricetype"])? else {
        builder.draft.entries.extend(price.map(|price| order::price(&price)).transpose()?);
        return Ok(());
    };
    let (manner, entry) = match kind.text.as_ref() {
        "MARKET" => (Manner::Market, price),
        "LIMIT" => (Manner::Limit, price),
        "SL-M" => (Manner::Stop, trigger),
        other => {
            let detail = format!("`{other}` orders are not traded here.");
            return Err(SignalError::at(ErrorCode::UnknownParameter, kind.span, detail));
        }
    };
    builder.manner(manner, kind.span)?;
    builder.draft.entries.extend(entry.map(|entry| order::price(&entry)).transpose()?);
    Ok(())
}
