//! The flat alert that most senders fill in: action, symbol, prices, size, under names whose meanings do not clash.

use super::super::text::draft::{Draft, Manner};
use super::super::{Amount, ErrorCode, Parsed, Reading, SignalError, Span, Unit};
use super::fields::{Fields, Scalar};
use super::order::{self, Action, Builder};
use crate::order::Side;

const ACTION: &[&str] = &[
    "action",
    "side",
    "direction",
    "orderaction",
    "a",
    "signal",
    "actiontype",
];
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
    "broker",
    "charturl",
    "clientid",
    "close",
    "comment",
    "email",
    "exchange",
    "high",
    "id",
    "interval",
    "low",
    "magic",
    "maxlag",
    "message",
    "msg",
    "name",
    "note",
    "open",
    "orderid",
    "positionsize",
    "product",
    "s",
    "strategy",
    "strategyid",
    "strategyname",
    "stub",
    "subaccount",
    "tag",
    "text",
    "time",
    "timeframe",
    "timenow",
    "timestamp",
    "trailing",
    "tradeid",
    "user",
    "userid",
    "version",
];

/// Reads a flat alert.
pub(super) fn read(mut fields: Fields<'_>, reading: &Reading) -> Result<Parsed, SignalError> {
    refuse_reports(&mut fields)?;
    let by_side = by_side(&mut fields)?;
    let word = order::required(fields.take(ACTION)?, ErrorCode::UnknownAction, "action")?;
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
        Action::Cancel => {
            rest(fields)?;
            Ok(order::cancel((instrument, symbol.span), None))
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

/// Events about orders look like orders: `entry_fill`, `isSuccess`.
fn refuse_reports(fields: &mut Fields<'_>) -> Result<(), SignalError> {
    let event = fields.clone().take(&["type", "event", "status"])?;
    let filled = event.filter(|event| {
        let event = event.text.to_ascii_lowercase();
        event.ends_with("_fill")
            || matches!(
                event.as_str(),
                "filled" | "closed" | "executed" | "canceled" | "cancelled"
            )
    });
    let span = filled.map(|event| event.span);
    if span.is_none() && !fields.has("issuccess") {
        return Ok(());
    }
    let detail = "The message reports what has happened: nothing is ordered.".to_owned();
    Err(SignalError {
        code: ErrorCode::Report,
        detail,
        span,
    })
}

/// Whether the strategy has left its position: then `sell` closes a long one and opens nothing.
fn leaves(fields: &mut Fields<'_>, word: &Scalar<'_>) -> Result<bool, SignalError> {
    let exits = fields
        .clone()
        .take(&["message"])?
        .is_some_and(|message| message.text.eq_ignore_ascii_case("exit"));
    let after = fields.take(&["marketposition", "sentiment"])?;
    fields.ignore(&[
        "prevmarketposition",
        "marketpositionsize",
        "prevmarketpositionsize",
    ]);
    let Some(after) = after else { return Ok(exits) };
    let fits = |side: Side| match order::action(&after) {
        Ok(Action::Open(other, _)) => other == side,
        Ok(Action::Close(_) | Action::Cancel | Action::Modify(_)) | Err(_) => false,
    };
    if matches!(order::action(&after), Ok(Action::Close(None))) {
        return Ok(true);
    }
    match order::action(word)? {
        Action::Open(side, _) if !fits(side) => {
            let detail = format!(
                "`{}` and a position of `{}` contradict each other.",
                word.text, after.text
            );
            Err(SignalError::at(ErrorCode::Contradiction, after.span, detail))
        }
        Action::Open(..) | Action::Close(_) | Action::Cancel | Action::Modify(_) => Ok(exits),
    }
}

fn closing(action: Action) -> Action {
    match action {
        Action::Open(Side::Sell, _) => Action::Close(Some(Side::Buy)),
        Action::Open(Side::Buy, _) => Action::Close(Some(Side::Sell)),
        Action::Close(_) | Action::Cancel | Action::Modify(_) => action,
    }
}

/// Type and entry price. A price without a type is a limit; with `market` it is a reference.
fn entry(fields: &mut Fields<'_>, builder: &mut Builder) -> Result<(), SignalError> {
    if let Some(kind) = fields.take(TYPE)? {
        let plain: String = kind
            .text
            .chars()
            .filter(char::is_ascii_alphabetic)
            .collect::<String>()
            .to_ascii_lowercase();
        let manner = match plain.as_str() {
            "market" | "mkt" => Manner::Market,
            "limit" | "lmt" => Manner::Limit,
            "stop" | "stopmarket" => Manner::Stop,
            "entry" => return entry_price(fields, builder),
            _ => {
                let detail = format!("`{}` orders are not traded here.", kind.text);
                return Err(SignalError::at(ErrorCode::UnknownParameter, kind.span, detail));
            }
        };
        builder.manner(manner, kind.span)?;
    }
    entry_price(fields, builder)
}

fn entry_price(fields: &mut Fields<'_>, builder: &mut Builder) -> Result<(), SignalError> {
    if let Some(fill) = fields.take(&["orderprice", "signalprice"])? {
        builder.note(format!("reference price {}", fill.text));
    }
    if let Some(price) = fields.take(PRICE)? {
        builder.draft.entries.push(order::price(&price)?);
    }
    Ok(())
}

/// Stop loss and targets, as prices.
fn protection(fields: &mut Fields<'_>, draft: &mut Draft, pair: Option<Pair<'_>>) -> Result<(), SignalError> {
    let points = fields.has("platformname");
    let (stop, target) = match pair {
        Some(pair) => (pair.stop, pair.target),
        None if points => (fields.take(&["slprice"])?, fields.take(&["tpprice"])?),
        None => (fields.take(STOP)?, fields.take(TARGET)?),
    };
    if let Some(stop) = stop.filter(|stop| !order::is_zero(stop) || pair_means_none(fields)) {
        draft.set_stop(order::price(&stop)?)?;
    }
    if let Some(target) = target.filter(|target| !order::is_zero(target) || pair_means_none(fields)) {
        draft.targets.push(order::price(&target)?);
    }
    if points {
        fields.ignore(&["platformname"]);
        draft.distances.stop_loss = distance(fields.take(&["stoploss"])?, Unit::Points)?;
        draft
            .distances
            .take_profits
            .extend(distance(fields.take(&["takeprofit"])?, Unit::Points)?);
    }
    offsets(fields, draft)?;
    numbered(fields, draft)
}

/// A zero stands for "none" only where both sides' prices are sent; elsewhere it is a bad price.
fn pair_means_none(fields: &Fields<'_>) -> bool {
    !fields.has("longsl") && !fields.has("shortsl")
}

fn offsets(fields: &mut Fields<'_>, draft: &mut Draft) -> Result<(), SignalError> {
    for (names, unit) in [
        (["sloffset", "slamount"], Unit::Price),
        (["slpips", "slpip"], Unit::Pips),
        (["slpct", "slpercent"], Unit::Percent),
    ] {
        if let Some(found) = distance(fields.take(&names)?, unit)? {
            draft.distances.stop_loss = Some(found);
        }
    }
    for (names, unit) in [
        (["tpoffset", "tpamount"], Unit::Price),
        (["tppips", "tppip"], Unit::Pips),
        (["tppct", "tppercent"], Unit::Percent),
    ] {
        draft
            .distances
            .take_profits
            .extend(distance(fields.take(&names)?, unit)?);
    }
    Ok(())
}

pub(super) fn distance(value: Option<Scalar<'_>>, unit: Unit) -> Result<Option<Amount>, SignalError> {
    match value.filter(|value| !order::is_zero(value)) {
        Some(value) => order::amount(&value, unit).map(Some),
        None => Ok(None),
    }
}

/// `tp1 … tp10` in the order of their numbers, with the share of each.
pub(super) fn numbered(fields: &mut Fields<'_>, draft: &mut Draft) -> Result<(), SignalError> {
    for index in 1..=super::super::limits::MAX_TARGETS {
        let target = fields.take(&[
            &format!("tp{index}"),
            &format!("takeprofit{index}"),
            &format!("tp{index}price"),
            &format!("target{index}"),
        ])?;
        let share = fields.take(&[
            &format!("close{index}"),
            &format!("tp{index}close"),
            &format!("close{index}pct"),
        ])?;
        let Some(target) = target else {
            if let Some(share) = share {
                let detail = format!("A share for target {index}, which is not given.");
                return Err(SignalError::at(ErrorCode::Contradiction, share.span, detail));
            }
            continue;
        };
        draft.targets.push(order::price(&target)?);
        if let Some(share) = share {
            draft
                .notes
                .push(format!("share of target {index}: {}", share.text));
        }
    }
    Ok(())
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
    let volume: &[&str] = if fields.has("actiontype") {
        &["lots", "lot", "volume"]
    } else {
        &["lots", "lot"]
    };
    if let Some(value) = fields.take(volume)? {
        builder.quantity(order::amount(&value, Unit::Lots)?, value.span)?;
    }
    if let Some(value) = fields
        .take(&["riskpct", "riskpercent", "riskpercentage"])?
        .filter(|value| !order::is_zero(value))
    {
        builder.risk(order::amount(&value, Unit::Percent)?, value.span)?;
    }
    if let Some(value) = fields.take(&["leverage", "lev"])? {
        let text = value.text.trim().trim_end_matches(['x', 'X']);
        builder.draft.leverage = Some((super::super::number::read(text, value.span)?, value.span));
    }
    Ok(())
}

/// The part to close. A count is one only for a strategy that is out of the market: then it is all.
fn part(fields: &mut Fields<'_>, left: bool) -> Result<Option<(Amount, Span)>, SignalError> {
    match fields.take(UNITS)? {
        Some(_) if left => Ok(None),
        Some(value) => Ok(Some((order::amount(&value, Unit::Units)?, value.span))),
        None => Ok(None),
    }
}

/// Prices for both sides in one alert; those of the side that is traded count.
struct BySide<'a> {
    long: Pair<'a>,
    short: Pair<'a>,
}

struct Pair<'a> {
    stop: Option<Scalar<'a>>,
    target: Option<Scalar<'a>>,
}

impl<'a> BySide<'a> {
    fn of(self, side: Side) -> Pair<'a> {
        match side {
            Side::Buy => self.long,
            Side::Sell => self.short,
        }
    }
}

fn by_side<'a>(fields: &mut Fields<'a>) -> Result<Option<BySide<'a>>, SignalError> {
    if !["longsl", "longtp", "shortsl", "shorttp"]
        .iter()
        .any(|name| fields.has(name))
    {
        return Ok(None);
    }
    fields.ignore(&[
        "longbreakeven",
        "shortbreakeven",
        "tpclose",
        "tp1mult",
        "tp2mult",
        "tp3mult",
    ]);
    Ok(Some(BySide {
        long: Pair {
            stop: fields.take(&["longsl"])?,
            target: fields.take(&["longtp"])?,
        },
        short: Pair {
            stop: fields.take(&["shortsl"])?,
            target: fields.take(&["shorttp"])?,
        },
    }))
}
