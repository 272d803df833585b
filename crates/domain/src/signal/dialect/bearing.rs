//! What a field bears on, by its name: a size, a stop or target, or anything else of an order.

use super::fields::{Content, Scalar};
use super::order;
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

/// Whether a field by this name gives a size, and not only the unit of one.
fn is_size(name: &str) -> bool {
    let unit = ["type", "unit", "mode", "currency"].iter().any(|end| name.ends_with(end));
    let whole = matches!(name, "lot" | "volume" | "base" | "quote") || name.starts_with("vol");
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
        Content::List(list) => list.is_empty(),
    }
}

fn is_off(scalar: &Scalar<'_>) -> bool {
    truth(scalar) == Some(false) || order::is_zero(scalar)
}
