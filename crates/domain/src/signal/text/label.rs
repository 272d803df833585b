//! Labels: words that say what the number behind them is.

use super::super::token::{Kind, Token};
use super::super::words::Word;

/// What a label asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    Entry,
    Stop,
    Target,
    Risk,
    /// A size in lots.
    Lots,
    /// A size in units.
    Units,
    /// A size without a unit.
    Size,
    Leverage,
    /// A price that is only quoted.
    Reference,
    /// Numbers that say nothing about the order: ratios, spreads.
    Ignored,
}

/// The label that begins at a token, and the token behind it.
pub(super) fn label_at(tokens: &[Token], at: usize) -> Option<(Label, usize)> {
    const SIMPLE: [(Word, Label, &[Word]); 9] = [
        (Word::Sl, Label::Stop, &[]),
        (Word::Tp, Label::Target, &[Word::Target, Word::Zone]),
        (Word::Target, Label::Target, &[Word::Zone, Word::Price]),
        (Word::Entry, Label::Entry, &[Word::Zone, Word::Price, Word::Target, Word::Around]),
        (Word::Leverage, Label::Leverage, &[]),
        (Word::Quantity, Label::Units, &[Word::Size]),
        (Word::Size, Label::Size, &[]),
        (Word::Lot, Label::Lots, &[Word::Size]),
        (Word::Ratio, Label::Ignored, &[Word::Ratio]),
    ];
    let word = tokens.get(at)?.word()?;
    if let Some((_, label, behind)) = SIMPLE.iter().find(|simple| simple.0 == word) {
        return Some((*label, tail(tokens, at + 1, behind)));
    }
    compound(tokens, at, word)
}

/// Labels of several tokens.
fn compound(tokens: &[Token], at: usize, word: Word) -> Option<(Label, usize)> {
    let marks = skip_marks(tokens, at + 1);
    let second = tokens.get(marks).and_then(|token| token.word());
    let joined = marks > at + 1;
    if word == Word::Stop && second == Some(Word::Loss) {
        return Some((Label::Stop, tail(tokens, marks + 1, &[Word::Target, Word::Zone, Word::Price])));
    }
    if word == Word::Stop && second == Some(Word::Target) {
        return Some((Label::Stop, marks + 1));
    }
    if word == Word::LetterS && joined && second == Some(Word::LetterL) {
        return Some((Label::Stop, marks + 1));
    }
    if word == Word::LetterT && joined && second == Some(Word::LetterP) {
        return Some((Label::Target, marks + 1));
    }
    if word == Word::LetterT && tokens.get(at + 1).is_some_and(|next| next.is_number() && next.glued) {
        return Some((Label::Target, at + 1));
    }
    if word == Word::Take && second == Some(Word::Profit) {
        return Some((Label::Target, tail(tokens, marks + 1, &[Word::Target, Word::Zone, Word::Price])));
    }
    if word == Word::Profit && second == Some(Word::Target) {
        return Some((Label::Target, tail(tokens, marks + 1, &[Word::Zone, Word::Price])));
    }
    if word == Word::LetterE && tokens.get(at + 1).is_some_and(|next| next.is_mark(b':')) {
        return Some((Label::Entry, at + 1));
    }
    if word == Word::LetterR && joined && second == Some(Word::LetterR) {
        return Some((Label::Ignored, marks + 1));
    }
    if word == Word::Risk {
        return Some(risk(tokens, at, marks));
    }
    if matches!(word, Word::Current | Word::Market) {
        return reference(tokens, at);
    }
    None
}

/// `risk`, or `risk/reward`, `risk to reward`, `risk-reward ratio`.
fn risk(tokens: &[Token], at: usize, marks: usize) -> (Label, usize) {
    let second = tokens.get(marks).and_then(|token| token.word());
    let third = tokens.get(marks + 1).and_then(|token| token.word());
    if second == Some(Word::Reward) {
        (Label::Ignored, marks + 1)
    } else if second == Some(Word::To) && third == Some(Word::Reward) {
        (Label::Ignored, marks + 2)
    } else {
        (Label::Risk, at + 1)
    }
}

/// `market price`, `current price`, `current market price`, followed by the price.
fn reference(tokens: &[Token], at: usize) -> Option<(Label, usize)> {
    let end = tail(tokens, at + 1, &[Word::Market, Word::Price]);
    let named = tokens[end - 1].word() == Some(Word::Price);
    let behind = skip_marks(tokens, end);
    (named && tokens.get(behind).is_some_and(|token| token.is_number())).then_some((Label::Reference, end))
}

/// Skips words that may follow a label.
fn tail(tokens: &[Token], from: usize, words: &[Word]) -> usize {
    let mut at = from;
    loop {
        let marks = if tokens.get(at).is_some_and(|token| token.is_mark(b'-') || token.is_mark(b'_')) {
            at + 1
        } else {
            at
        };
        match tokens.get(marks).and_then(|token| token.word()) {
            Some(word) if words.contains(&word) => at = marks + 1,
            _ => return at,
        }
    }
}

/// Skips marks on one line; labels are written `T.P`, `S / L`, `stop-loss`.
fn skip_marks(tokens: &[Token], from: usize) -> usize {
    const MOST: usize = 3;
    let marks = tokens[from.min(tokens.len())..]
        .iter()
        .take(MOST)
        .take_while(|token| matches!(token.kind, Kind::Mark(b'.' | b'/' | b'-' | b'_' | b':' | b'&')))
        .count();
    from + marks
}
