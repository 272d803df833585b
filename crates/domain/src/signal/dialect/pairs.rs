//! Lists of `key=value` pairs, and of bare values, with the meanings of the flat alert.

use super::super::{ErrorCode, Parsed, Reading, SignalError, Span};
use super::alert;
use super::fields::{Fields, Scalar};
use super::lifetime;
use super::order;

/// The pairs of a message, if it is nothing but pairs.
pub(super) fn fields(message: &str) -> Option<Result<Fields<'_>, SignalError>> {
    let mut fields = Fields::default();
    let mut at = 0;
    for piece in message.split([',', ';', '\n']) {
        let start = at + piece.len() - piece.trim_start().len();
        at += piece.len() + 1;
        let piece = piece.trim();
        if piece.is_empty() {
            continue;
        }
        let (name, value) = piece.split_once('=')?;
        let plain = name.trim_end().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !plain || name.is_empty() {
            return None;
        }
        let from = start + name.len() + 1 + (value.len() - value.trim_start().len());
        let value = value.trim();
        let name_span = Span { start, end: start + name.len() };
        if let Err(error) =
            fields.add(name.trim(), name_span, value, Span { start: from, end: from + value.len() })
        {
            return Some(Err(error));
        }
    }
    Some(Ok(fields))
}

/// Whether a message is a list of pairs with an action and a symbol.
pub(super) fn are_pairs(message: &str) -> bool {
    match fields(message) {
        Some(Ok(fields)) => fields.len() > 1,
        Some(Err(_)) => true,
        None => false,
    }
}

/// Whether the pairs are OctoBot's: `SYMBOL`, `SIGNAL` and a name that only OctoBot has.
pub(super) fn are_octobot(message: &str) -> bool {
    let own = message.contains("SYMBOL=") && message.contains("SIGNAL=");
    own && matches!(fields(message), Some(Ok(_)))
}

/// Reads pairs with the names of the flat alert.
pub(super) fn read(message: &str, reading: &Reading) -> Result<Parsed, SignalError> {
    let mut fields = no_pairs(fields(message))?;
    lifetime::refuse(&mut fields)?;
    // Beside `signal=`, `entry_price` is the price that the strategy saw.
    if fields.has("signal") && !fields.has("type") && !fields.has("ordertype") && fields.has("entryprice") {
        return with_reference(&mut fields, reading);
    }
    alert::read(fields, reading)
}

/// `key|strategy|buy|BTCUSDT`: the values of one published sender, without names.
pub(super) fn are_bars(message: &str) -> bool {
    matches!(&bars(message)[..], [_, _, action, symbol] if order::action(action).is_ok() && !symbol.text.contains(' '))
}

fn bars(message: &str) -> Vec<Scalar<'_>> {
    let mut at = 0;
    let pieces = message.split('|').take(5).map(|piece| {
        let start = at + piece.len() - piece.trim_start().len();
        at += piece.len() + 1;
        let text = piece.trim();
        Scalar { text: text.into(), span: Span { start, end: start + text.len() } }
    });
    pieces.collect()
}

/// Reads four values between bars.
pub(super) fn read_bars(message: &str, reading: &Reading) -> Result<Parsed, SignalError> {
    let mut fields = Fields::default();
    for (name, value) in ["token", "strategy", "action", "symbol"].into_iter().zip(message.split('|')) {
        let value = value.trim();
        let start = value.as_ptr() as usize - message.as_ptr() as usize;
        let span = Span { start, end: start + value.len() };
        fields.add(name, span, value, span)?;
    }
    alert::read(fields, reading)
}

fn with_reference(fields: &mut Fields<'_>, reading: &Reading) -> Result<Parsed, SignalError> {
    let seen = fields.remove("entryprice")?;
    let mut parsed = alert::read(fields.clone(), reading)?;
    if let (Some(seen), super::super::Signal::Order(order)) = (seen, &mut parsed.signal) {
        order::price(&seen)?;
        order.notes.push(format!("reference price {}", seen.text));
        parsed.spans.push(super::super::text::draft::place("reference_price", seen.span));
    }
    Ok(parsed)
}

pub(super) fn no_pairs<'a>(
    fields: Option<Result<Fields<'a>, SignalError>>,
) -> Result<Fields<'a>, SignalError> {
    fields.unwrap_or_else(|| {
        let detail = "A list of `NAME=value` is expected.";
        Err(SignalError::whole(ErrorCode::UnknownParameter, detail))
    })
}
