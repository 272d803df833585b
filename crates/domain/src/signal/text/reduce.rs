//! `reduce only`, `close only`: an order that closes or reduces a position and must not open one.

use super::super::token::{Kind, Token};
use super::super::words::Word;
use super::super::{ErrorCode, SignalError};

/// Refuses an order that only reduces a position. What is open, and how much of it the sender means, is not known here.
pub(super) fn refuse(text: &str, tokens: &[Token]) -> Result<(), SignalError> {
    let sided = tokens
        .iter()
        .any(|token| matches!(token.word(), Some(Word::Side(_) | Word::LimitSide(_) | Word::StopSide(_))));
    let Some((at, end)) =
        (0..tokens.len()).filter(|_| sided).find_map(|at| Some((at, phrase(text, tokens, at)?)))
    else {
        return Ok(());
    };
    let detail = "An order that only reduces a position is not carried out here: send a close.";
    Err(SignalError::at(ErrorCode::ContextRequired, tokens[at].span().to(tokens[end - 1].span()), detail))
}

/// The token after a `reduce only` phrase that begins at a token.
fn phrase(text: &str, tokens: &[Token], at: usize) -> Option<usize> {
    let is = |at: usize, word: &str| {
        tokens.get(at).is_some_and(|token: &Token| token.text(text).eq_ignore_ascii_case(word))
    };
    let joined =
        |at: usize| at + usize::from(tokens.get(at).is_some_and(|t| t.is_mark(b'-') || t.is_mark(b'_')));
    let one = ["reduceonly", "closeonly", "exitonly", "closeposition"].iter().any(|word| is(at, word));
    let second = joined(at + 1);
    let only = is(second, "only");
    let reduces = one || only && (is(at, "reduce") || is(at, "reducing"));
    let end = if one { at + 1 } else { second + 1 };
    // `close only the half of …` is a command; `close only` at the end of a phrase describes the order.
    let closes =
        only && (is(at, "close") || is(at, "exit")) && tokens.get(end).is_none_or(|next| !is_name(*next));
    let off = tokens.get(end).is_some_and(|mark| mark.is_mark(b'=') || mark.is_mark(b':'))
        && ["false", "no", "off", "0", "n"].iter().any(|word| is(end + 1, word));
    ((reduces || closes) && !off).then_some(end)
}

fn is_name(token: Token) -> bool {
    match token.kind {
        Kind::Word(word) => {
            !matches!(word, Word::Sl | Word::Tp | Word::Target | Word::Stop | Word::Entry | Word::Side(_))
        }
        Kind::Foreign => true,
        Kind::Number | Kind::Broken | Kind::Keycap | Kind::Newline | Kind::Mark(_) => false,
    }
}
