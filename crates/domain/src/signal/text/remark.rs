//! Numbers that are no prices and say so: distances, hundredths, times, counters.

use super::super::token::{Kind, Token};
use super::super::words::Word;

/// What a number is, if it is no price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remark {
    /// Pips or points.
    Distance,
    /// Hundredths.
    Percent,
    /// Times the own capital.
    Leverage,
    /// Lots.
    Lots,
    /// Units: contracts, shares.
    Units,
    /// Money.
    Money,
    /// Satoshi.
    Satoshi,
    /// Numbers between slashes: a date, unless they are a list of prices.
    Slashes,
    /// A date, a time, a length of time, a ratio, an ordinal, a signed result.
    Other,
}

/// Judges a number by what stands around it: its meaning and the token behind it.
pub(super) fn remark_at(tokens: &[Token], at: usize, text: &str) -> Option<(Remark, usize)> {
    let next = tokens.get(at + 1);
    let word = next.and_then(|token| token.word());
    let glued = next.is_some_and(|token| token.glued);
    if let Some(word) = word
        && let Some(remark) = by_word(word, glued)
        && !labels_something(tokens, at + 1, word)
        && (word != Word::Time || is_length_of_time(tokens, at, text))
        && (word != Word::Month || tokens[at].text(text).len() <= 2)
    {
        let year = word == Word::Month && tokens.get(at + 2).is_some_and(|next| is_part_of_date(*next, text));
        return Some((remark, at + 2 + usize::from(year)));
    }
    if next.is_some_and(|token| token.is_mark(b'%')) {
        return Some((Remark::Percent, at + 2));
    }
    if glued && next.is_some_and(|token| token.is_mark(b'$')) {
        return Some((Remark::Money, at + 2));
    }
    if at > 0 && tokens[at].glued && tokens[at - 1].word() == Some(Word::LetterX) {
        return Some((Remark::Leverage, at + 1));
    }
    composed(tokens, at, text)
}

/// A day or a year beside a month.
pub(super) fn is_part_of_date(token: Token, text: &str) -> bool {
    let digits = token.text(text);
    token.is_number() && (digits.len() <= 2 || digits.len() == 4 && digits.starts_with("20"))
}

/// What the word behind a number makes of it.
fn by_word(word: Word, glued: bool) -> Option<Remark> {
    const UNITS: [(Word, Remark); 9] = [
        (Word::Month, Remark::Other),
        (Word::Pip, Remark::Distance),
        (Word::Percent, Remark::Percent),
        (Word::LetterX, Remark::Leverage),
        (Word::Lot, Remark::Lots),
        (Word::Quantity, Remark::Units),
        (Word::Money, Remark::Money),
        (Word::Satoshi, Remark::Satoshi),
        (Word::Time, Remark::Other),
    ];
    if word == Word::Nth && glued {
        return Some(Remark::Other);
    }
    UNITS.iter().find(|unit| unit.0 == word).map(|unit| unit.1)
}

/// The word behind the number is the label of the next one: `1.0850 volume 0.5`.
fn labels_something(tokens: &[Token], at: usize, word: Word) -> bool {
    matches!(word, Word::Lot | Word::Quantity | Word::Money)
        && tokens[at + 1..]
            .iter()
            .take(3)
            .find(|token| !matches!(token.kind, Kind::Mark(b':' | b'=' | b'@')))
            .is_some_and(|token| token.is_number() || token.word() == Some(Word::Size))
}

/// `15M`, `4 hours`, but not the price before `M15`.
fn is_length_of_time(tokens: &[Token], at: usize, text: &str) -> bool {
    let short = tokens[at].text(text).len() <= 3 && !tokens[at].text(text).contains(['.', ',']);
    let unit = tokens[at + 1];
    let letter = unit.end - unit.start == 1;
    let counted = tokens.get(at + 2).is_some_and(|next| next.glued && next.is_number());
    short && !counted && (unit.glued || !letter)
}

/// Numbers that belong together: `9:16`, `1 : 6`, `10/7/2025`, `1/6 RR`, `2019.07.07`, `+180`.
fn composed(tokens: &[Token], at: usize, text: &str) -> Option<(Remark, usize)> {
    let plain = tokens[at].text(text);
    if plain.bytes().filter(|b| *b == b'.').count() == 2 && is_date(plain) {
        return Some((Remark::Other, at + 1));
    }
    if signed(tokens, at) && at > 0 && !tokens[at - 1].glued && !plain.contains('.') {
        return Some((Remark::Other, at + 1));
    }
    let mut end = at + 1;
    let mark = tokens.get(end).and_then(|token| token.mark()).filter(|mark| matches!(mark, b':' | b'/'))?;
    let mut parts = 1;
    while let (Some(sign), Some(number)) = (tokens.get(end), tokens.get(end + 1)) {
        if !(sign.is_mark(mark) && number.is_number() && sign.glued && number.glued) {
            break;
        }
        end += 2;
        parts += 1;
    }
    let ratio = tokens.get(end).and_then(|token| token.word()) == Some(Word::Ratio);
    if mark == b':' && parts > 1 || parts == 2 && ratio {
        return Some((Remark::Other, end));
    }
    (parts == 3 && plain.len() <= 4).then_some((Remark::Slashes, end))
}

/// `08.08.2025` or `2018.1.14`.
fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    matches!(lengths[..], [1..=2, 1..=2, 2 | 4] | [4, 1..=2, 1..=2])
}

/// A sign directly before a number, with a blank before the sign or one of `@ : =`.
pub(super) fn signed(tokens: &[Token], at: usize) -> bool {
    let Some(sign) = at.checked_sub(1).map(|before| tokens[before]) else {
        return false;
    };
    if !tokens[at].glued || !(sign.is_mark(b'-') || sign.is_mark(b'+')) {
        return false;
    }
    !sign.glued
        || sign.first
        || at
            .checked_sub(2)
            .is_some_and(|before| matches!(tokens[before].mark(), Some(b'@' | b':' | b'=' | b'(')))
}
