//! The flat alert that most senders fill in: action, symbol, prices, size, under names whose meanings do not clash.

mod action;
mod prices;

use super::fields::Fields;
use super::order::{self, Action, Builder};
use crate::order::Side;
use crate::signal::number;
use crate::signal::symbol;
use crate::signal::text::draft::Draft;
use crate::signal::{Amount, ErrorCode, Parsed, Reading, SignalError, Span, Unit};
use action::{action_word, leaves};
use prices::{by_side, entry, protection};
pub(super) use prices::{distance, numbered};

const ACTION: &[&str] = &["action", "side", "direction", "orderaction", "a", "signal", "actiontype"];
const SYMBOL: &[&str] = &["symbol", "ticker", "pair", "instrument", "sym"];
const TYPE: &[&str] = &["type", "ordertype"];
const PRICE: &[&str] = &["price", "entry", "entryprice", "limitprice", "openprice"];
const STOP: &[&str] = &["sl", "stoploss", "slprice", "stoplossprice"];
const TARGET: &[&str] = &["tp", "takeprofit", "tpprice", "takeprofitprice", "target"];
const UNITS: &[&str] = &["qty", "quantity", "contracts", "ordercontracts", "size", "amount"];

/// Fields that say nothing about the order.
const IGNORED: &[&str] = &[
    "account",
    "accountid",
    "alert",
    "alertname",
    "bar",
    "barclose",
    "bot",
    "broker",
    "chain",
    "channel",
    "charturl",
    "clientid",
    "close",
    "comment",
    "date",
    "datetime",
    "email",
    "env",
    "exchange",
    "high",
    "id",
    "interval",
    "low",
    "magic",
    "marginmode",
    "margintype",
    "maxlag",
    "message",
    "mode",
    "msg",
    "name",
    "nonce",
    "note",
    "open",
    "orderid",
    "positionsize",
    "product",
    "s",
    "signalid",
    "source",
    "strategy",
    "strategyid",
    "strategyname",
    "stub",
    "subaccount",
    "tag",
    "test",
    "text",
    "time",
    "timeframe",
    "timenow",
    "timestamp",
    "tradeid",
    "ts",
    "uid",
    "user",
    "userid",
    "version",
];

/// Whether a field by this name says something about an order.
pub(super) fn names_a_field(name: &str) -> bool {
    [ACTION, SYMBOL, TYPE, PRICE, STOP, TARGET, UNITS].iter().any(|names| names.contains(&name))
}

/// Reads a flat alert.
pub(super) fn read(mut fields: Fields<'_>, reading: &Reading) -> Result<Parsed, SignalError> {
    refuse_reports(&fields)?;
    let by_side = by_side(&mut fields)?;
    let word = order::required(action_word(&mut fields)?, ErrorCode::UnknownAction, "action")?;
    let symbol = order::required(fields.take(SYMBOL)?, ErrorCode::NoInstrument, "instrument")?;
    let mut action = order::action(&word)?;
    let instrument = order::instrument(&symbol, reading)?;
    let left = leaves(&mut fields, &word)?;
    if left {
        action = closing(action);
    }
    match action {
        Action::Open(side, manner) => {
            let mut builder = Builder::new(side, word.span, instrument, symbol.span);
            if let Some(manner) = manner {
                builder.manner(manner, word.span)?;
            }
            entry(&mut fields, &mut builder)?;
            protection(&mut fields, &mut builder.draft, by_side.map(|pair| pair.of(side)))?;
            size(&mut fields, &mut builder)?;
            rest(fields)?;
            builder.finish()
        }
        Action::Close(side) => {
            let part = part(&mut fields, left)?;
            fields.ignore(&[
                "price",
                "orderprice",
                "type",
                "ordertype",
                "sl",
                "tp",
                "stoploss",
                "takeprofit",
                "leverage",
            ]);
            rest(fields)?;
            order::close((instrument, symbol.span), side, part)
        }
        Action::Cancel(side) => {
            rest(fields)?;
            Ok(order::cancel((instrument, symbol.span), side, None))
        }
        Action::Modify(side) => {
            let mut draft = Draft::default();
            protection(&mut fields, &mut draft, None)?;
            rest(fields)?;
            order::modify(draft, (instrument, symbol.span), side)
        }
    }
}

fn rest(mut fields: Fields<'_>) -> Result<(), SignalError> {
    if let Some(flag) =
        fields.take(&["reduceonly", "closeonly"])?.filter(|flag| flag.text.eq_ignore_ascii_case("true"))
    {
        let detail = "An order that only reduces a position is not carried out here: send a close.";
        return Err(SignalError::at(ErrorCode::ContextRequired, flag.span, detail));
    }
    fields.ignore(IGNORED);
    fields.refuse_rest()
}

/// Events about orders look like orders: `entry_fill`, `isSuccess`.
fn refuse_reports(fields: &Fields<'_>) -> Result<(), SignalError> {
    let events = ["type", "event", "status"].into_iter().filter_map(|name| fields.peek(name));
    let filled = events.into_iter().find(|event| {
        let event = event.text.to_ascii_lowercase();
        let past = matches!(event.as_str(), "filled" | "closed" | "executed" | "canceled" | "cancelled");
        past || event.ends_with("_fill")
    });
    let span = filled.map(|event| event.span);
    if span.is_none() && !fields.has("issuccess") {
        return Ok(());
    }
    let detail = "The message reports what has happened: nothing is ordered.".to_owned();
    Err(SignalError { code: ErrorCode::Report, detail, span })
}

fn closing(action: Action) -> Action {
    match action {
        Action::Open(Side::Sell, _) => Action::Close(Some(Side::Buy)),
        Action::Open(Side::Buy, _) => Action::Close(Some(Side::Sell)),
        Action::Close(_) | Action::Cancel(_) | Action::Modify(_) => action,
    }
}

/// The part to close. A count is one only for a strategy that is out of the market: then it is all.
fn part(fields: &mut Fields<'_>, left: bool) -> Result<Option<(Amount, Span)>, SignalError> {
    match fields.take(UNITS)? {
        Some(_) if left => Ok(None),
        Some(value) => Ok(Some((order::amount(&value, Unit::Units)?, value.span))),
        None => Ok(None),
    }
}

/// Size, risk and leverage.
fn size(fields: &mut Fields<'_>, builder: &mut Builder) -> Result<(), SignalError> {
    let unit = if fields.has("stub") {
        Unit::Usd
    } else if fields.has("platformname") || fields.has("actiontype") {
        Unit::Lots
    } else {
        Unit::Units
    };
    if let Some(value) = fields.take(UNITS)? {
        builder.quantity(order::amount(&value, unit)?, value.span)?;
    }
    if let Some(value) = fields.take(if fields.has("actiontype") { &[] } else { &["volume"] })? {
        let coin =
            builder.draft.instrument.as_ref().is_some_and(|(name, _)| symbol::is_coin_pair(name.as_str()));
        let unit = if coin { Unit::Units } else { Unit::Lots };
        builder.quantity(order::amount(&value, unit)?, value.span)?;
    }
    let volume: &[&str] =
        if fields.has("actiontype") { &["lots", "lot", "volume"] } else { &["lots", "lot"] };
    if let Some(value) = fields.take(volume)? {
        builder.quantity(order::amount(&value, Unit::Lots)?, value.span)?;
    }
    if let Some(value) =
        fields.take(&["riskpct", "riskpercent", "riskpercentage"])?.filter(|value| !order::is_zero(value))
    {
        builder.risk(order::amount(&value, Unit::Percent)?, value.span)?;
    }
    if let Some(value) = fields.take(&["sizeusd", "quoteamount", "notional", "usd", "cost"])? {
        builder.quantity(order::amount(&value, Unit::Usd)?, value.span)?;
    }
    if let Some(value) = fields.take(&["risk"])? {
        builder.note(format!("risk {} names no unit and is not used", value.text));
    }
    if let Some(value) = fields.take(&["leverage", "lev"])? {
        let text = value.text.trim().trim_end_matches(['x', 'X']);
        builder.draft.leverage = Some((number::read(text, value.span)?, value.span));
    }
    Ok(())
}
