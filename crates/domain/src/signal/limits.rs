//! What is too much, decided before anything is converted.

use super::fold::is_direction_override;
use super::{ErrorCode, SignalError, Span};

/// Longest message, in bytes.
pub const MAX_BYTES: usize = 16 * 1024;
/// Most lines of a text.
pub const MAX_LINES: usize = 128;
/// Longest line of a text, in bytes.
pub const MAX_LINE_BYTES: usize = 4 * 1024;
/// Most targets of an order.
pub const MAX_TARGETS: usize = 10;
/// Most entry prices of an order.
pub const MAX_ENTRIES: usize = 4;
/// Most digits of a number before it is converted.
pub const MAX_DIGITS: usize = 32;
/// Deepest nesting of JSON.
pub const MAX_DEPTH: usize = 16;
/// Most leverage.
pub const MAX_LEVERAGE: u32 = 125;
/// Most risk of the account, in percent.
pub const MAX_RISK_PERCENT: u32 = 20;
/// Most lots.
pub const MAX_LOTS: u32 = 100;

/// Refuses what no signal may be: too long, empty, or holding characters that deceive.
pub(super) fn check_bytes(text: &str) -> Result<(), SignalError> {
    if text.len() > MAX_BYTES {
        return Err(SignalError {
            code: ErrorCode::TooLarge,
            detail: format!("The message has {} bytes; {MAX_BYTES} are the most.", text.len()),
            span: None,
        });
    }
    for (start, c) in text.char_indices() {
        let deceives = if c.is_ascii() {
            c.is_ascii_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{b}' | '\u{c}')
        } else {
            is_direction_override(c) || ('\u{80}'..'\u{a0}').contains(&c) && c != '\u{85}'
        };
        if c == char::REPLACEMENT_CHARACTER {
            return Err(lost_characters(Span { start, end: start + c.len_utf8() }));
        }
        if deceives {
            return Err(SignalError {
                code: ErrorCode::BadEncoding,
                detail: format!(
                    "The message holds the character U+{:04X}, which has no place in a signal: remove it.",
                    u32::from(c)
                ),
                span: Some(Span { start, end: start + c.len_utf8() }),
            });
        }
    }
    if text.trim().is_empty() {
        return Err(SignalError {
            code: ErrorCode::Empty,
            detail: "The message is empty.".into(),
            span: None,
        });
    }
    Ok(())
}

/// The refusal of U+FFFD, which a program puts in place of bytes that it could not decode.
pub(super) fn lost_characters(span: Span) -> SignalError {
    let detail = "Characters were lost on the way: U+FFFD stands in their place. Send the message as UTF-8.";
    SignalError::at(ErrorCode::BadEncoding, span, detail)
}

/// Refuses a text of too many or too long lines.
pub(super) fn check_lines(text: &str) -> Result<(), SignalError> {
    let mut start = 0;
    for (count, line) in text.split('\n').enumerate() {
        let (code, span) = (ErrorCode::TooLarge, Some(Span { start, end: start + line.len() }));
        if count >= MAX_LINES {
            let detail = format!("The message has more than {MAX_LINES} lines.");
            return Err(SignalError { code, detail, span });
        }
        if line.len() > MAX_LINE_BYTES {
            let detail = format!("This line is longer than {MAX_LINE_BYTES} bytes.");
            return Err(SignalError { code, detail, span });
        }
        start += line.len() + 1;
    }
    Ok(())
}
