//! TradersPost's webhook JSON: `sentiment: flat` closes, `quantityType` gives the unit, prices of signals are references.

use super::super::text::draft::Manner;
use super::super::{Amount, ErrorCode, Parsed, Reading, SignalError, Span, Unit};
use super::alert::distance;
use super::fields::{Fields, Scalar};
use super::order::{self, Action, Builder};
use super::position::{Own, Position};

const IGNORED: &[&str] = &["time", "interval", "test", "strategy", "cancel", "delay", "usefilledquantity"];

/// Whether keys stand there that only TradersPost has.
pub(super) fn is_one(fields: &Fields<'_>) -> bool {
    let own = ["quantitytype", "signalprice"].iter().any(|name| fields.has(name));
    let nested = fields.holds("takeprofit", "") || fields.holds("stoploss", "");
    fields.has("ticker") && fields.has("action") && (own || nested)
}

/// Reads an alert of TradersPost.
pub(super) fn read(mut fields: Fields<'_>, reading: &Reading) -> Result<Parsed, SignalError> {
    let symbol = order::required(fields.take(&["ticker"])?, ErrorCode::NoInstrument, "instrument")?;
    let word = order::required(fields.take(&["action"])?, ErrorCode::UnknownAction, "action")?;
    let instrument = order::instrument(&symbol, reading)?;
    for name in ["optiontype", "strikeprice", "expiration", "intention"] {
        if let Some(found) = fields.take(&[name])? {
            let detail = "Options are not traded here.";
            return Err(SignalError::at(ErrorCode::UnsupportedAsset, found.span, detail));
        }
    }
    if word.text == "add" {
        let detail = "`add` has no side: it needs the open position, which the message does not name.";
        return Err(SignalError::at(ErrorCode::ContextRequired, word.span, detail));
    }
    let asked = order::action(&word)?;
    let (flat, meant) = sentiment(&mut fields, &word, asked)?;
    let own = Own {
        size: fields.first_of(&["quantity"]),
        price: fields.first_of(&["limitprice", "stopprice"]),
        parts: true,
        contracts: None,
    };
    let mut position = Position::of(&mut fields)?;
    if let Some(sentiment) = fields.peek("sentiment").filter(|_| !flat) {
        position.word_after(sentiment)?;
    }
    let settled = position.settle(meant, &own)?;
    match settled.action {
        Action::Open(side, None) => {
            let mut builder = Builder::new(side, word.span, instrument, symbol.span);
            entry(&mut fields, &mut builder)?;
            stop(&mut fields, &mut builder)?;
            target(&mut fields, &mut builder)?;
            size(&mut fields, &mut builder)?;
            rest(fields)?;
            builder.finish()
        }
        Action::Close(side) => {
            let part = part(&mut fields, flat || settled.left)?;
            fields.ignore(&["price", "signalprice", "ordertype"]);
            rest(fields)?;
            order::close((instrument, symbol.span), side, part)
        }
        Action::Cancel(side) => {
            fields.ignore(&["quantity", "price"]);
            rest(fields)?;
            Ok(order::cancel((instrument, symbol.span), side, None))
        }
        Action::Open(_, Some(_)) | Action::Modify(_) => {
            let detail = format!("`{}` is no action of this dialect.", word.text);
            Err(SignalError::at(ErrorCode::UnknownAction, word.span, detail))
        }
    }
}

fn rest(mut fields: Fields<'_>) -> Result<(), SignalError> {
    fields.ignore_nested(&["extras"]);
    fields.ignore(IGNORED);
    fields.refuse_rest()
}

/// `sell` with a flat sentiment closes a long position and opens nothing. Returns whether it does, and the action.
fn sentiment(
    fields: &mut Fields<'_>,
    word: &Scalar<'_>,
    asked: Action,
) -> Result<(bool, Action), SignalError> {
    let Some(sentiment) = fields.take(&["sentiment"])? else {
        return Ok((false, asked));
    };
    let contradiction = || {
        let detail = format!("`{}` and the sentiment `{}` contradict each other.", word.text, sentiment.text);
        SignalError::at(ErrorCode::Contradiction, sentiment.span, detail)
    };
    match (asked, order::action(&sentiment)?) {
        (Action::Open(side, _), Action::Close(_)) => Ok((true, Action::Close(Some(side.opposite())))),
        (Action::Open(side, _), Action::Open(held, _)) if side == held => Ok((false, asked)),
        (Action::Open(..) | Action::Close(_) | Action::Cancel(_) | Action::Modify(_), _) => {
            Err(contradiction())
        }
    }
}

fn entry(fields: &mut Fields<'_>, builder: &mut Builder) -> Result<(), SignalError> {
    if let Some(price) = fields.take(&["signalprice", "price"])? {
        builder.note(format!("reference price {}", price.text));
    }
    let kind = fields.take(&["ordertype"])?;
    let (limit, stop) = (fields.take(&["limitprice"])?, fields.take(&["stopprice"])?);
    let plain = kind.as_ref().map_or("market", |kind| kind.text.as_ref());
    let (manner, price) = match plain {
        "market" => (Manner::Market, None),
        "limit" => (Manner::Limit, limit),
        "stop" => (Manner::Stop, stop),
        _ => {
            let detail = format!("`{plain}` orders are not traded here.");
            return Err(SignalError {
                code: ErrorCode::UnknownParameter,
                detail,
                span: kind.as_ref().map(|kind| kind.span),
            });
        }
    };
    if let Some(kind) = kind {
        builder.manner(manner, kind.span)?;
    }
    if let Some(price) = price {
        builder.draft.entries.push(order::price(&price)?);
    }
    Ok(())
}

fn stop(fields: &mut Fields<'_>, builder: &mut Builder) -> Result<(), SignalError> {
    let Some(mut stop) = fields.object("stoploss") else {
        return Ok(());
    };
    stop.ignore(&["type"]);
    if let Some(price) = stop.take(&["stopprice"])? {
        builder.draft.set_stop(order::price(&price)?)?;
    }
    let percent = distance(stop.take(&["percent", "trailpercent"])?, Unit::Percent)?;
    let amount = distance(stop.take(&["amount", "trailamount", "trailprice"])?, Unit::Price)?;
    builder.draft.distances.stop_loss = percent.or(amount);
    stop.refuse_rest()
}

fn target(fields: &mut Fields<'_>, builder: &mut Builder) -> Result<(), SignalError> {
    let Some(mut target) = fields.object("takeprofit") else {
        return Ok(());
    };
    if let Some(price) = target.take(&["limitprice"])? {
        builder.draft.targets.push(order::price(&price)?);
    }
    let percent = distance(target.take(&["percent"])?, Unit::Percent)?;
    let amount = distance(target.take(&["amount"])?, Unit::Price)?;
    builder.draft.distances.take_profits.extend(percent.or(amount));
    target.refuse_rest()
}

fn size(fields: &mut Fields<'_>, builder: &mut Builder) -> Result<(), SignalError> {
    let kind = fields.take(&["quantitytype"])?;
    let Some(quantity) = fields.take(&["quantity"])? else {
        return Ok(());
    };
    let (unit, risk) = match kind.as_ref().map_or("fixed_quantity", |kind| kind.text.as_ref()) {
        "fixed_quantity" => (Unit::Units, false),
        "dollar_amount" => (Unit::Usd, false),
        "percent_of_equity" => (Unit::Percent, false),
        "risk_percent" => (Unit::Percent, true),
        "risk_dollar_amount" => (Unit::Usd, true),
        other => {
            let detail = format!("A size as `{other}` is not known here.");
            return Err(SignalError::at(ErrorCode::UnknownParameter, quantity.span, detail));
        }
    };
    let amount = order::amount(&quantity, unit)?;
    if risk { builder.risk(amount, quantity.span) } else { builder.quantity(amount, quantity.span) }
}

fn part(fields: &mut Fields<'_>, flat: bool) -> Result<Option<(Amount, Span)>, SignalError> {
    let kind = fields.take(&["quantitytype"])?;
    let Some(quantity) = fields.take(&["quantity"])? else {
        return Ok(None);
    };
    if flat {
        return Ok(None);
    }
    let unit = match kind.as_ref().map_or("fixed_quantity", |kind| kind.text.as_ref()) {
        "fixed_quantity" => Unit::Units,
        "percent_of_position" => Unit::Percent,
        other => {
            let detail =
                format!("How large a part of the position a size as `{other}` closes is not known here.");
            return Err(SignalError::at(ErrorCode::ContextRequired, quantity.span, detail));
        }
    };
    order::part(&quantity, unit).map(Some)
}
