//! Prices of the flat alert: entry, stop loss and targets, as prices or as distances.

use super::super::fields::{Fields, Scalar};
use super::super::order::{self, Builder};
use super::{PRICE, STOP, TARGET, TYPE};
use crate::order::Side;
use crate::signal::json::Value;
use crate::signal::limits::MAX_TARGETS;
use crate::signal::text::draft::{Draft, Manner};
use crate::signal::{Amount, ErrorCode, SignalError, Unit};

/// Type and entry price. A price without a type is a limit; with `market` it is a reference.
pub(super) fn entry(fields: &mut Fields<'_>, builder: &mut Builder) -> Result<(), SignalError> {
    if let Some(kind) = fields.take(TYPE)? {
        let plain: String =
            kind.text.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_ascii_lowercase();
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
pub(super) fn protection(
    fields: &mut Fields<'_>,
    draft: &mut Draft,
    pair: Option<Pair<'_>>,
) -> Result<(), SignalError> {
    nested(fields, draft)?;
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
        draft.distances.take_profits.extend(distance(fields.take(&["takeprofit"])?, Unit::Points)?);
    }
    offsets(fields, draft)?;
    listed(fields, draft)?;
    numbered(fields, draft)
}

/// `"take_profits": [1.09, {"price": 1.10}]`.
fn listed(fields: &mut Fields<'_>, draft: &mut Draft) -> Result<(), SignalError> {
    for name in ["takeprofits", "targets", "tps"] {
        for member in fields.members(name).unwrap_or_default() {
            let price = match &member.value {
                Value::Object(members) => {
                    let mut target = Fields::of_object(members)?;
                    let price = target.take(&["price", "target"])?;
                    target.ignore(&["share", "portion", "percent", "size", "qty", "close", "closepct"]);
                    target.refuse_rest()?;
                    price
                }
                Value::Number(text) => Some(Scalar { text: (*text).into(), span: member.span }),
                Value::Text(text) => Some(Scalar { text: text.clone(), span: member.span }),
                Value::Null | Value::Flag(_) | Value::List(_) => None,
            };
            let Some(price) = price else {
                let detail = "A target is a price.";
                return Err(SignalError::at(ErrorCode::BadNumber, member.span, detail));
            };
            draft.targets.push(order::price(&price)?);
        }
    }
    Ok(())
}

/// `"stopLoss": {"price": 1.08}`, `"takeProfit": {"percent": 2}`.
fn nested(fields: &mut Fields<'_>, draft: &mut Draft) -> Result<(), SignalError> {
    const PLACE: &[&str] = &["price", "stopprice", "limitprice", "value"];
    if let Some(mut stop) = fields.remove_object("stoploss") {
        if let Some(price) = stop.take(PLACE)? {
            draft.set_stop(order::price(&price)?)?;
        }
        draft.distances.stop_loss = distance(stop.take(&["percent", "pct"])?, Unit::Percent)?;
        stop.refuse_rest()?;
    }
    if let Some(mut target) = fields.remove_object("takeprofit") {
        if let Some(price) = target.take(PLACE)? {
            draft.targets.push(order::price(&price)?);
        }
        draft.distances.take_profits.extend(distance(target.take(&["percent", "pct"])?, Unit::Percent)?);
        target.refuse_rest()?;
    }
    Ok(())
}

/// A zero stands for "none" only where both sides' prices are sent; elsewhere it is a bad price.
fn pair_means_none(fields: &Fields<'_>) -> bool {
    !fields.has("longsl") && !fields.has("shortsl") && !fields.has("data")
}

fn offsets(fields: &mut Fields<'_>, draft: &mut Draft) -> Result<(), SignalError> {
    for (names, unit) in [
        (["sloffset", "slamount", ""], Unit::Price),
        (["slpips", "slpip", "stoplosspips"], Unit::Pips),
        (["slpoints", "slticks", "stoplosspoints"], Unit::Points),
        (["slpct", "slpercent", "stoplosspct"], Unit::Percent),
        (["stoplosspercent", "stoplosspercentage", "percentagesl"], Unit::Percent),
    ] {
        if let Some(found) = distance(fields.take(&names)?, unit)? {
            draft.distances.stop_loss = Some(found);
        }
    }
    for (names, unit) in [
        (["tpoffset", "tpamount", ""], Unit::Price),
        (["tppips", "tppip", "takeprofitpips"], Unit::Pips),
        (["tppoints", "tpticks", "takeprofitpoints"], Unit::Points),
        (["tppct", "tppercent", "takeprofitpct"], Unit::Percent),
        (["takeprofitpercent", "takeprofitpercentage", "percentagetp"], Unit::Percent),
    ] {
        draft.distances.take_profits.extend(distance(fields.take(&names)?, unit)?);
    }
    Ok(())
}

pub(in super::super) fn distance(
    value: Option<Scalar<'_>>,
    unit: Unit,
) -> Result<Option<Amount>, SignalError> {
    match value.filter(|value| !order::is_zero(value)) {
        Some(value) => order::amount(&value, unit).map(Some),
        None => Ok(None),
    }
}

/// `tp1 … tp10` in the order of their numbers, with the share of each.
pub(in super::super) fn numbered(fields: &mut Fields<'_>, draft: &mut Draft) -> Result<(), SignalError> {
    if !fields.has_numbered() {
        return Ok(());
    }
    for index in 1..=MAX_TARGETS {
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
            draft.notes.push(format!("share of target {index}: {}", share.text));
        }
    }
    Ok(())
}

/// Prices for both sides in one alert; those of the side that is traded count.
pub(super) struct BySide<'a> {
    long: Pair<'a>,
    short: Pair<'a>,
}

pub(super) struct Pair<'a> {
    stop: Option<Scalar<'a>>,
    target: Option<Scalar<'a>>,
}

impl<'a> BySide<'a> {
    pub(super) fn of(self, side: Side) -> Pair<'a> {
        match side {
            Side::Buy => self.long,
            Side::Sell => self.short,
        }
    }
}

pub(super) fn by_side<'a>(fields: &mut Fields<'a>) -> Result<Option<BySide<'a>>, SignalError> {
    if !["longsl", "longtp", "shortsl", "shorttp"].iter().any(|name| fields.has(name)) {
        return Ok(None);
    }
    fields.ignore(&["longbreakeven", "shortbreakeven", "tpclose", "tp1mult", "tp2mult", "tp3mult"]);
    Ok(Some(BySide {
        long: Pair { stop: fields.take(&["longsl"])?, target: fields.take(&["longtp"])? },
        short: Pair { stop: fields.take(&["shortsl"])?, target: fields.take(&["shorttp"])? },
    }))
}
