//! Time in force, expiry and trailing stops. None of them is supported yet, and none may be ignored.

use super::fields::{Content, Fields};
use super::truth::truth;
use crate::signal::{ErrorCode, SignalError, Span};

/// Names for a time in force.
const TIME_IN_FORCE: &[&str] = &[
    "duration",
    "orderduration",
    "ordertif",
    "ordertimeinforce",
    "ordervalidity",
    "tif",
    "timeinforce",
    "validity",
];

/// Names for the time at which, or after which, an order ends; names that begin with `expir` count as well.
const END: &[&str] = &[
    "cancelafter",
    "goodfor",
    "goodtil",
    "goodtildate",
    "goodtill",
    "goodtilldate",
    "gooduntil",
    "gtd",
    "gtddate",
    "gtdtime",
    "ttl",
    "validfor",
    "validtill",
    "validto",
    "validuntil",
];

/// Refuses a time in force, an expiry and a trailing stop, also inside objects. Values that change nothing pass.
pub(super) fn refuse(fields: &mut Fields<'_>) -> Result<(), SignalError> {
    // The expiry of an option contract does not limit the order.
    let option = ["optiontype", "strikeprice"].iter().any(|name| fields.has(name));
    fields.visit(&mut |name, span, content| {
        if name.contains("trail") || name.starts_with("tsl") || name.starts_with("callback") {
            return if is_off(content) { Ok(true) } else { Err(trailing(name, span)) };
        }
        if name.ends_with("type") && is_trailing(content) {
            return Err(trailing(name, span));
        }
        let ends = name.starts_with("expir") && !option || END.contains(&name);
        if !ends && !TIME_IN_FORCE.contains(&name) {
            return Ok(false);
        }
        let zero = ends || name.ends_with("duration");
        let nothing = is_until_cancelled(content) || zero && is_off(content);
        if nothing { Ok(true) } else { Err(limited(name, span)) }
    })
}

fn trailing(name: &str, span: Span) -> SignalError {
    let detail = format!("`{name}` asks for a trailing stop, which is not supported yet: send a stop loss.");
    SignalError::at(ErrorCode::Unsupported, span, detail)
}

fn limited(name: &str, span: Span) -> SignalError {
    let detail = format!(
        "`{name}` limits how long the order stays open, which is not supported yet: orders are good till canceled."
    );
    SignalError::at(ErrorCode::Unsupported, span, detail)
}

/// `"type": "trailing_stop"`.
fn is_trailing(content: &Content<'_>) -> bool {
    matches!(content, Content::Scalar(scalar) if scalar.text.to_ascii_lowercase().contains("trail"))
}

/// No value, `GTC`, or the same in words.
fn is_until_cancelled(content: &Content<'_>) -> bool {
    match content {
        Content::Absent | Content::Empty => true,
        Content::Scalar(scalar) => {
            let plain: String = scalar
                .text
                .chars()
                .filter(char::is_ascii_alphabetic)
                .collect::<String>()
                .to_ascii_lowercase();
            let cancelled = ["canceled", "cancelled", "cancel"];
            let good = ["goodtill", "goodtil", "gooduntil"];
            plain == "gtc"
                || good
                    .iter()
                    .any(|good| plain.strip_prefix(good).is_some_and(|rest| cancelled.contains(&rest)))
        }
        Content::Object(_) | Content::List(_) => false,
    }
}

/// Absent, zero or `false`; an object that is switched off, or whose fields are all off.
fn is_off(content: &Content<'_>) -> bool {
    match content {
        Content::Absent | Content::Empty => true,
        Content::Scalar(scalar) => truth(scalar) == Some(false),
        Content::Object(fields) => fields.is_switched_off() || fields.all(is_off),
        Content::List(list) => list.is_empty(),
    }
}
