//! The action word of the flat alert.

use super::super::fields::{Fields, Scalar};
use super::super::truth::truth;
use super::ACTION;
use crate::signal::{ErrorCode, SignalError};

/// The word for the action: `action`, or `entry` and `exit` with a direction beside it, or one flag of four.
pub(super) fn action_word<'a>(fields: &mut Fields<'a>) -> Result<Option<Scalar<'a>>, SignalError> {
    let phase = fields.peek("action").cloned();
    let beside = fields.has("direction") || fields.has("side");
    if let Some(phase) = phase.filter(|_| beside) {
        let plain = phase.text.to_ascii_lowercase();
        if matches!(plain.as_str(), "entry" | "enter" | "open") {
            fields.remove("action")?;
        } else if matches!(plain.as_str(), "exit" | "close") {
            fields.remove("action")?;
            let side = fields.take(&["direction", "side"])?;
            return Ok(
                side.map(|side| Scalar { text: format!("close{}", side.text).into(), span: side.span })
            );
        }
    }
    let flags = ["buy", "sell", "short", "cover"];
    if flags.iter().all(|flag| fields.has(flag)) {
        return one_flag(fields, &flags);
    }
    let single = fields.take(ACTION)?;
    if single.is_none() { fields.take(&["data"]) } else { Ok(single) }
}

/// Exactly one of `buy`, `sell`, `short`, `cover` is true.
fn one_flag<'a>(fields: &mut Fields<'a>, flags: &[&str; 4]) -> Result<Option<Scalar<'a>>, SignalError> {
    const MEANINGS: [&str; 4] = ["buy", "closelong", "short", "closeshort"];
    let mut found = None;
    for (flag, meaning) in flags.iter().zip(MEANINGS) {
        let Some(value) = fields.take(&[flag])? else { continue };
        match truth(&value) {
            Some(true) => {}
            Some(false) => continue,
            None => {
                let detail = format!("`{flag}` must be true or false.");
                return Err(SignalError::at(ErrorCode::UnknownParameter, value.span, detail));
            }
        }
        if found.is_some() {
            let detail = "Two actions in one message.";
            return Err(SignalError::at(ErrorCode::Contradiction, value.span, detail));
        }
        found = Some(Scalar { text: meaning.into(), span: value.span });
    }
    Ok(found)
}
