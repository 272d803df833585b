//! Booleans, in the spellings that programs use.

use super::fields::{Content, Scalar};
use crate::signal::{ErrorCode, SignalError, Span};

/// The boolean that a word stands for; `None` if it is not a boolean.
pub(super) fn truth(word: &Scalar<'_>) -> Option<bool> {
    let plain = word.text.trim().to_ascii_lowercase();
    let plain = plain.trim_end_matches('0').strip_suffix('.').unwrap_or(&plain);
    match plain {
        "true" | "yes" | "y" | "t" | "on" | "1" | "enabled" | "enable" => Some(true),
        "false" | "no" | "n" | "f" | "off" | "0" | "disabled" | "disable" | "none" | "null" => Some(false),
        _ => None,
    }
}

/// The place of a flag that is set. A value that is not a boolean refuses the message: whether it is an exit must not be
/// guessed.
pub(super) fn flag(name: &str, span: Span, content: &Content<'_>) -> Result<Option<Span>, SignalError> {
    let neither = |span| {
        let detail = format!("`{name}` must be true or false.");
        SignalError::at(ErrorCode::UnknownParameter, span, detail)
    };
    match content {
        Content::Absent => Ok(None),
        Content::Scalar(scalar) => match truth(scalar) {
            Some(set) => Ok(set.then_some(scalar.span)),
            None => Err(neither(scalar.span)),
        },
        Content::Empty | Content::Object(_) | Content::List(_) => Err(neither(span)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_are_read_in_any_spelling_and_other_words_are_not() {
        let said = |text: &'static str| {
            truth(&Scalar { text: text.into(), span: Span { start: 0, end: text.len() } })
        };
        for yes in ["true", "True", "TRUE", "1", "1.0", "1.00", "yes", "Y", "on", "t", "Enabled", " true "] {
            assert_eq!(said(yes), Some(true), "{yes}");
        }
        for no in ["false", "False", "0", "0.0", "no", "N", "off", "F", "disabled", "none"] {
            assert_eq!(said(no), Some(false), "{no}");
        }
        for neither in ["2", "10", "100", "-1", "yes!", "maybe", "65000.0", "1.5", ".", "00"] {
            assert_eq!(said(neither), None, "{neither}");
        }
    }
}
