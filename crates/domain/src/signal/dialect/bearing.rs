//! What a field bears on, by its name: a size, a stop or target, or anything else of an order.

use super::alert::says_nothing;
use super::fields::{Content, Scalar, is_credential, plain_name};
use super::order;
use super::position::{names_a_position, names_an_order};
use super::truth::truth;
use crate::signal::Span;

/// Parts of a name that make it the size of an order.
const SIZES: &[&str] = &[
    "amount", "contract", "cost", "lots", "notional", "percent", "pct", "qty", "quantity", "risk", "size",
    "usd",
];

/// The terms of an order, wherever in the message they stand: a full close has none.
#[derive(Debug, Default)]
pub(super) struct Terms {
    pub(super) size: Option<Span>,
    pub(super) protection: Option<Span>,
    pub(super) leverage: Option<Span>,
}

impl Terms {
    /// Keeps the place of the first field of each kind.
    pub(super) fn add(&mut self, name: &str, span: Span, content: &Content<'_>, bar: bool) {
        // An object says by its own fields what it is about; a zero stands for "none".
        if matches!(content, Content::Object(_)) && !is_protection(name) || is_nothing(content) {
            return;
        }
        let place = if let Content::Scalar(scalar) = content { scalar.span } else { span };
        if is_protection(name) {
            self.protection = self.protection.or(Some(place));
        } else if is_leverage(name) {
            self.leverage = self.leverage.or(Some(place));
        } else if is_size(name) && !(bar && name == "volume") {
            self.size = self.size.or(Some(place));
        }
    }
}

/// Parts of a name that make it bear on an order, besides its size and its stop and targets.
const PARTS: &[&str] = &[
    "action",
    "activation",
    "betrigger",
    "beoffset",
    "breakeven",
    "buy",
    "cancel",
    "close",
    "command",
    "cover",
    "direction",
    "effect",
    "entry",
    "exit",
    "expir",
    "flat",
    "gtt",
    "instrument",
    "intent",
    "lifetime",
    "limit",
    "liquidat",
    "long",
    "order",
    "position",
    "price",
    "profit",
    "reduce",
    "sell",
    "sentiment",
    "short",
    "side",
    "signal",
    "stop",
    "symbol",
    "ticker",
    "timeout",
    "trail",
    "valid",
];

/// Whether a field that nobody reads may bear on the order, by its name or its value. A price of a bar does not.
pub(super) fn bears(name: &str, content: &Content<'_>, bar: bool) -> bool {
    if says_nothing(name) || names_an_order(name) || is_credential(name) || bar && name == "volume" {
        return false;
    }
    let named = matches!(name, "exp" | "pair" | "oco" | "tif" | "cmd")
        || is_size(name)
        || is_protection(name)
        || is_leverage(name)
        || PARTS.iter().any(|part| name.contains(part));
    match content {
        Content::Absent | Content::Empty => false,
        // No position and no size are something to say, no stop is not.
        Content::Scalar(scalar) if is_off(scalar) => {
            named && order::is_zero(scalar) && (is_size(name) || name.contains("position"))
        }
        Content::Scalar(scalar) => named || is_command(scalar),
        Content::Object(_) | Content::List(_) => named && !is_nothing(content),
    }
}

/// Whether a value is an action or an exit flag.
pub(super) fn is_command(word: &Scalar<'_>) -> bool {
    order::action(word).is_ok() || names_a_position(&plain_name(&word.text))
}

/// Whether a field by this name gives a size, and not only the unit of one.
fn is_size(name: &str) -> bool {
    let unit = ["type", "unit", "mode", "currency"].iter().any(|end| name.ends_with(end));
    let whole = matches!(name, "lot" | "base" | "quote")
        || ["volume", "vollot", "voldollar", "volpct"].iter().any(|start| name.starts_with(start));
    !unit && !is_protection(name) && (whole || SIZES.iter().any(|part| name.contains(part)))
}

/// Whether a field by this name gives a stop loss or a target.
fn is_protection(name: &str) -> bool {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let short = ["sl", "tp"].iter().any(|short| {
        let rest = stem.strip_prefix(short).unwrap_or("x");
        let numbered = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let more = ["", "price", "pips", "pip", "points", "ticks", "pct", "percent", "offset", "amount", "s"];
        more.contains(&numbered) || matches!(stem.strip_suffix(short), Some("long" | "short"))
    });
    let long = ["stoploss", "takeprofit", "target"].iter().any(|part| stem.contains(part));
    short || long && !name.ends_with("type") || stem == "stop"
}

/// Whether a field by this name gives a leverage.
fn is_leverage(name: &str) -> bool {
    name == "lev" || name.contains("leverage")
}

/// Whether a value says nothing: absent, blank, `false` or zero.
pub(super) fn is_nothing(content: &Content<'_>) -> bool {
    match content {
        Content::Absent | Content::Empty => true,
        Content::Scalar(scalar) => is_off(scalar),
        Content::Object(fields) => fields.all(is_nothing),
        Content::List(list) => list.all(is_nothing),
    }
}

fn is_off(scalar: &Scalar<'_>) -> bool {
    truth(scalar) == Some(false) || order::is_zero(scalar)
}
