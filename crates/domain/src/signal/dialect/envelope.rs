//! `{"signal": TEXT}`: the text that people write, in an envelope.

use super::super::json::{Node, Value};
use super::super::{ErrorCode, Parsed, Reading, SignalError, Span, limits, text};
use super::alert;
use super::fields::{Fields, plain_name};
use super::lifetime;
use super::position::Position;

/// Names beside those of the flat alert that say something about an order.
const TRADING: &[&str] = &[
    "closeonly",
    "cost",
    "entries",
    "lev",
    "leverage",
    "lot",
    "lots",
    "marketposition",
    "notional",
    "ordersize",
    "positionside",
    "quantitytype",
    "quoteamount",
    "reduceonly",
    "risk",
    "riskpct",
    "riskpercent",
    "riskpercentage",
    "sentiment",
    "sizeusd",
    "stop",
    "stopprice",
    "takeprofits",
    "targets",
    "triggerprice",
    "volume",
];

/// The text of an envelope. Beside a symbol `signal` may name the action alone, `enter long`; a number makes it a text.
pub(super) fn signal_of<'n, 'a>(members: &'n [(Node<'a>, Node<'a>)]) -> Option<&'n Node<'a>> {
    let named = |name: &str| {
        members
            .iter()
            .find(|(key, _)| matches!(&key.value, Value::Text(text) if text == name))
            .map(|(_, node)| node)
    };
    let inner = named("signal")?;
    let Value::Text(signal) = &inner.value else {
        return None;
    };
    let symbol = named("symbol").is_some() || named("ticker").is_some();
    let numbered = signal.contains(|c: char| c.is_ascii_digit());
    (signal.trim().contains([' ', '\n']) && (numbered || !symbol)).then_some(inner)
}

/// Refuses a second instruction beside the text: of two that differ, one would be dropped unseen.
pub(super) fn refuse_trading_keys(members: &[(Node<'_>, Node<'_>)]) -> Result<(), SignalError> {
    let trading = members.iter().find(|(key, node)| {
        matches!(&key.value, Value::Text(name) if is_trading(&plain_name(name), node)) && !is_blank(node)
    });
    let Some((Node { value: Value::Text(name), span }, _)) = trading else {
        return refuse_terms(members);
    };
    let detail = format!("`{name}` stands beside a `signal` that says the whole order: send one of the two.");
    Err(SignalError::at(ErrorCode::Contradiction, *span, detail))
}

/// Refuses fields next to the text that limit the order's lifetime, ask for a trailing stop, or describe the position.
fn refuse_terms(members: &[(Node<'_>, Node<'_>)]) -> Result<(), SignalError> {
    let is_text = |key: &Node<'_>| matches!(&key.value, Value::Text(name) if name == "signal");
    let rest: Vec<_> = members.iter().filter(|(key, _)| !is_text(key)).cloned().collect();
    let mut fields = Fields::of_object(&rest)?;
    lifetime::refuse(&mut fields)?;
    let place = Position::of(&mut fields)?.place();
    let bearing = fields.refuse_bearing(true).err().and_then(|error| error.span);
    let Some(span) = place.or(bearing) else {
        return Ok(());
    };
    let detail =
        "This field describes the order, and `signal` is already the whole order: send one of the two.";
    Err(SignalError::at(ErrorCode::Contradiction, span, detail))
}

/// Whether a field says something about an order: `tp2` as `tp` does, and `type` where it names one of orders.
fn is_trading(name: &str, node: &Node<'_>) -> bool {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let orders = ["buy", "sell", "long", "short", "limit", "stop", "market"];
    if stem == "signal" {
        return false;
    }
    if stem == "type" {
        return matches!(&node.value, Value::Text(text) if orders.iter().any(|word| text.eq_ignore_ascii_case(word)));
    }
    alert::names_a_field(stem) || TRADING.contains(&stem)
}

fn is_blank(node: &Node<'_>) -> bool {
    match &node.value {
        Value::Null => true,
        Value::Text(text) => text.trim().is_empty(),
        Value::Flag(_) | Value::Number(_) | Value::List(_) | Value::Object(_) => false,
    }
}

/// Reads the text of an envelope; places count from the beginning of the whole message.
pub(super) fn read(inner: &Node<'_>, reading: &Reading) -> Result<Parsed, SignalError> {
    let Value::Text(signal) = &inner.value else {
        return Err(SignalError::at(ErrorCode::BadJson, inner.span, "`signal` must be a text."));
    };
    let escaped = signal.len() != inner.span.end - inner.span.start;
    let moved = |span: Span| {
        if escaped {
            inner.span
        } else {
            Span { start: span.start + inner.span.start, end: span.end + inner.span.start }
        }
    };
    limits::check_bytes(signal)
        .and_then(|()| text::parse(signal, reading))
        .map(|mut parsed| {
            for place in &mut parsed.spans {
                place.span = moved(place.span);
            }
            parsed
        })
        .map_err(|error| SignalError { span: error.span.map(moved), ..error })
}
