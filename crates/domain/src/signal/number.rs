//! The digits of a message into exact prices.

use std::borrow::Cow;
use std::str::FromStr;

use super::fold;
use super::limits::MAX_DIGITS;
use super::{ErrorCode, SignalError, Span};
use crate::money::NumberError;

/// The ASCII form of the characters of a number.
pub(super) fn folded(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(
        text.chars()
            .map(|c| fold::digit(c).map_or_else(|| fold::fold(c), |(value, _)| char::from(b'0' + value)))
            .collect(),
    )
}

/// Reads one plain decimal.
pub(super) fn read<T>(text: &str, span: Span) -> Result<T, SignalError>
where
    T: FromStr<Err = NumberError>,
{
    if text.len() > MAX_DIGITS {
        let detail = format!("This number has {} characters; {MAX_DIGITS} are the most.", text.len());
        return Err(SignalError::at(ErrorCode::BadNumber, span, detail));
    }
    text.parse().map_err(|error| SignalError::at(ErrorCode::BadNumber, span, format!("`{text}` {error}.")))
}

/// Reads what stands between blanks as one number, or as a list without blanks: `52000,54000`.
///
/// A point is the decimal mark. A comma groups thousands only where a point follows the groups
/// (`1,950.50`), and separates prices only where both sides are full prices. Where an account declares the decimal
/// comma, the roles are exchanged.
pub(super) fn read_list<T>(text: &str, span: Span, decimal_comma: bool) -> Result<Vec<(T, Span)>, SignalError>
where
    T: FromStr<Err = NumberError>,
{
    let plain = folded(text);
    if decimal_comma {
        let number = from_comma_locale(&plain).ok_or_else(|| unclear(&plain, span))?;
        return Ok(vec![(read(&number, span)?, span)]);
    }
    if !plain.contains(',') {
        return Ok(vec![(read(&plain, span)?, span)]);
    }
    if is_grouped(&plain) {
        return Ok(vec![(read(&plain.replace(',', ""), span)?, span)]);
    }
    if !is_list(&plain) || !text.is_ascii() {
        return Err(unclear(&plain, span));
    }
    let mut start = span.start;
    let mut list = Vec::new();
    for piece in plain.split(',') {
        let place = Span { start, end: start + piece.len() };
        list.push((read(piece, place)?, place));
        start = place.end + 1;
    }
    Ok(list)
}

fn unclear(text: &str, span: Span) -> SignalError {
    let detail = format!(
        "`{text}` means different numbers in different countries: write it without thousands marks and with a decimal point."
    );
    SignalError::at(ErrorCode::NumberLocale, span, detail)
}

/// `1,950.50`: groups of three, then a point.
fn is_grouped(text: &str) -> bool {
    let Some((integer, fraction)) = text.split_once('.') else {
        return false;
    };
    grouped_by(integer, ',') && !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit())
}

fn grouped_by(integer: &str, mark: char) -> bool {
    let mut groups = integer.split(mark);
    let head = groups.next().unwrap_or_default();
    let mut tail = 0;
    for group in groups {
        tail += 1;
        if group.len() != 3 || !group.bytes().all(|b| b.is_ascii_digit()) {
            return false;
        }
    }
    tail > 0
        && (1..=3).contains(&head.len())
        && head.bytes().all(|b| b.is_ascii_digit())
        && !head.starts_with('0')
}

/// `52000,54000` or `1.0850,1.0900`: pieces of one shape that cannot be groups of three.
fn is_list(text: &str) -> bool {
    let shape =
        |piece: &str| piece.split_once('.').map(|(integer, fraction)| (integer.len(), fraction.len()));
    let mut pieces = text.split(',');
    let Some(head) = pieces.next() else {
        return false;
    };
    let full = match shape(head) {
        Some((_, fraction)) => fraction > 0,
        None => head.len() > 3,
    };
    full && pieces
        .all(|piece| shape(piece).map(|s| s.1) == shape(head).map(|s| s.1) && piece.len() == head.len())
}

/// The point form of a number with a decimal comma, unless a point in it could group thousands.
fn from_comma_locale(text: &str) -> Option<Cow<'_, str>> {
    match text.split_once(',') {
        Some((integer, fraction)) => {
            let clear =
                !fraction.contains(['.', ',']) && (!integer.contains('.') || grouped_by(integer, '.'));
            clear.then(|| Cow::Owned(format!("{}.{fraction}", integer.replace('.', ""))))
        }
        None => (!grouped_by(text, '.')).then_some(Cow::Borrowed(text)),
    }
}

#[cfg(test)]
mod tests;
