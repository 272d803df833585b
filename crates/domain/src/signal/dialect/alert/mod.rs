//! The flat alert that most senders fill in: action, symbol, prices, size, under names whose meanings do not clash.

mod action;
mod prices;

use super::fields::{Fields, Scalar};
use super::order::{self, Action, Builder};
use super::position::{Own, Position};
use crate::signal::number;
use crate::signal::text::draft::Draft;
use crate::signal::{Amount, ErrorCode, Parsed, Reading, SignalError, Span, Unit};
use action::action_word;
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

/// Whether a field by this name says nothing about an order.
pub(super) fn says_nothing(name: &str) -> bool {
    IGNORED.contains(&name)
}

/// Reads a flat alert.
pub(super) fn read(mut fields: Fields<'_>, reading: &Reading) -> Result<Parsed, SignalError> {
    refuse_reports(&fields)?;
    let by_side = by_side(&mut fields)?;
    let word = order::required(action_word(&mut fields)?, ErrorCode::UnknownAction, "action")?;
    let symbol = order::required(fields.take(SYMBOL)?, ErrorCode::NoInstrument, "instrument")?;
    let instrument = order::instrument(&symbol, reading)?;
    let mut position = Position::of(&mut fields)?;
    if let Some(sentiment) = fields.take(&["sentiment"])? {
        position.word_after(&sentiment)?;
    }
    let settled = position.settle(order::action(&word)?, &own(&fields))?;
    match settled.action {
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
            let part = part(&mut fields, settled.left)?;
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
    fields.ignore(IGNORED);
    fields.refuse_rest()
}

/// The size and the price of the order itself. An exit of the whole position has neither.
fn own<'a>(fields: &Fields<'a>) -> Own<'a> {
    const SIZES: &[&str] = &[
        "lots",
        "lot",
        "riskpct",
        "riskpercent",
        "risk",
        "sizeusd",
        "quoteamount",
        "notional",
        "usd",
        "cost",
    ];
    let waits = TYPE.iter().find_map(|name| fields.peek(name)).filter(|kind| {
        let kind = kind.text.to_ascii_lowercase();
        kind.contains("limit") || kind.contains("stop")
    });
    Own {
        size: fields.first_of(UNITS).or_else(|| fields.first_of(SIZES)),
        price: waits.map(|kind| kind.span).or_else(|| fields.first_of_stated(PRICE)),
        parts: true,
        contracts: UNITS.iter().find_map(|name| fields.peek(name)).cloned(),
    }
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

/// The part to close. A count is one only for a strategy that is out of the market: then it is all.
fn part(fields: &mut Fields<'_>, left: bool) -> Result<Option<(Amount, Span)>, SignalError> {
    if left || fields.has_bar_prices() {
        fields.ignore(&["volume"]);
    }
    let unit = unit(fields);
    let value = fields.take(UNITS)?.filter(|_| !left);
    value.map(|value| order::part(&value, unit)).transpose()
}

/// `volume` as a size. With the prices of a bar it is the bar's; with only the keys of a chart it may be either.
fn volume<'a>(fields: &mut Fields<'a>) -> Result<Option<Scalar<'a>>, SignalError> {
    const CHART: &[&str] = &["exchange", "interval", "tf", "time", "timeframe", "timenow"];
    let value = fields.take(&["volume"])?;
    let Some(value) = value.filter(|_| !fields.has_bar_prices()) else {
        return Ok(None);
    };
    if fields.first_of(CHART).is_some() {
        let detail = "`volume` may be the size of the order or what the market traded, and no `size_unit` says which: send the size as `quantity` or `lots`.";
        return Err(SignalError::at(ErrorCode::UnknownParameter, value.span, detail));
    }
    Ok(Some(value))
}

/// The unit of a bare size, by the keys of the sender.
fn unit(fields: &Fields<'_>) -> Unit {
    if fields.has("stub") {
        Unit::Usd
    } else if fields.has("platformname") || fields.has("actiontype") {
        Unit::Lots
    } else {
        Unit::Units
    }
}

/// Size, risk and leverage.
fn size(fields: &mut Fields<'_>, builder: &mut Builder) -> Result<(), SignalError> {
    let unit = unit(fields);
    if let Some(value) = fields.take(UNITS)? {
        builder.quantity(order::amount(&value, unit)?, value.span)?;
    }
    if let Some(value) = volume(fields)? {
        builder.quantity(order::amount(&value, Unit::Lots)?, value.span)?;
    }
    if let Some(value) = fields.take(&["lots", "lot"])? {
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
