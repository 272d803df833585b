//! Template variables that their sender never filled.

use super::super::token::{Kind, Token};
use super::super::{ErrorCode, SignalError};

/// Refuses `{{close}}`, `{entry}`, `<price>`, `%symbol%`, `YOUR_KEY`: the alert is misconfigured.
pub(in super::super) fn refuse(text: &str, tokens: &[Token]) -> Result<(), SignalError> {
    for (at, token) in tokens.iter().enumerate() {
        let Some(next) = tokens.get(at + 1).filter(|next| next.glued) else {
            continue;
        };
        let word = matches!(next.kind, Kind::Word(_));
        let closed_by = |mark: u8| {
            const LONGEST: usize = 8;
            let rest = tokens[at + 2..].iter().take(LONGEST);
            rest.take_while(|token| token.glued).any(|token| token.is_mark(mark))
        };
        let open = token.is_mark(b'{') && (word || next.is_mark(b'{'))
            || token.is_mark(b'<') && word && closed_by(b'>')
            || token.is_mark(b'%') && word && closed_by(b'%')
            || next.is_mark(b'_') && token.text(text).eq_ignore_ascii_case("your");
        if open {
            let detail = "The message still holds a template variable: its sender did not fill it in.";
            return Err(SignalError::at(
                ErrorCode::UnfilledPlaceholder,
                token.span().to(next.span()),
                detail,
            ));
        }
    }
    Ok(())
}
