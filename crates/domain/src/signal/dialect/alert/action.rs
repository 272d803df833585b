//! What the flat alert asks for: the word for its action, and whether the strategy has left its position.

use super::super::fields::{Fields, Scalar};
use super::super::order::{self, Action};
use super::ACTION;
use crate::order::Side;
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
        let Some(value) = fields.take(&[flag])?.filter(|value| value.text.eq_ignore_ascii_case("true"))
        else {
            continue;
        };
        if found.is_some() {
            let detail = "Two actions in one message.";
            return Err(SignalError::at(ErrorCode::Contradiction, value.span, detail));
        }
        found = Some(Scalar { text: meaning.into(), span: value.span });
    }
    Ok(found)
}

/// Whether the strategy has left its position: then `sell` closes a long one and opens nothing.
pub(super) fn leaves(fields: &mut Fields<'_>, word: &Scalar<'_>) -> Result<bool, SignalError> {
    let exits = fields.peek("message").is_some_and(|message| message.text.eq_ignore_ascii_case("exit"));
    let after = fields.take(&["marketposition", "sentiment"])?;
    fields.ignore(&["prevmarketposition", "marketpositionsize", "prevmarketpositionsize"]);
    let Some(after) = after else { return Ok(exits) };
    let fits = |side: Side| match order::action(&after) {
        Ok(Action::Open(other, _)) => other == side,
        Ok(Action::Close(_) | Action::Cancel(_) | Action::Modify(_)) | Err(_) => false,
    };
    if matches!(order::action(&after), Ok(Action::Close(None))) {
        return Ok(true);
    }
    match order::action(word)? {
        Action::Open(side, _) if !fits(side) => {
            let detail = format!("`{}` and a position of `{}` contradict each other.", word.text, after.text);
            Err(SignalError::at(ErrorCode::Contradiction, after.span, detail))
        }
        Action::Open(..) | Action::Close(_) | Action::Cancel(_) | Action::Modify(_) => Ok(exits),
    }
}
