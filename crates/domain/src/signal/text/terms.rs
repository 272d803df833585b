//! Terms of an order in the words of brokers and programs: how long it works, how it fills, a stop that trails. They are
//! not supported yet, and an order without its terms is another order.

use super::super::token::{Kind, Token};
use super::super::words::Word;
use super::super::{ErrorCode, SignalError};
use super::lifetime::{ends_with_a_cancel, holds, is_day};
use super::survey::{Line, Survey};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Term {
    /// How long the order works.
    Time,
    /// How it fills.
    Fill,
    /// A stop that follows the price.
    Trailing,
}

/// Keys of programs, written as one word or joined by marks; whatever stands behind them, but for `GTC` and the like.
const KEYS: &[(&str, Term)] = &[
    ("VALIDUNTIL", Term::Time),
    ("VALIDTILL", Term::Time),
    ("VALIDTIL", Term::Time),
    ("VALIDFOR", Term::Time),
    ("VALIDTO", Term::Time),
    ("VALIDTHRU", Term::Time),
    ("EXPIRESAT", Term::Time),
    ("EXPIRESIN", Term::Time),
    ("EXPIRESON", Term::Time),
    ("EXPIREAT", Term::Time),
    ("EXPIRYTIME", Term::Time),
    ("EXPIRYDATE", Term::Time),
    ("EXPIRATIONTIME", Term::Time),
    ("EXPIRATIONDATE", Term::Time),
    ("GOODTILL", Term::Time),
    ("GOODTIL", Term::Time),
    ("GOODUNTIL", Term::Time),
    ("GOODFOR", Term::Time),
    ("TIMEINFORCE", Term::Time),
    ("CALLBACKRATE", Term::Trailing),
];
/// Words that a time or a number follows.
const TIMED: &[(&str, Term)] = &[
    ("EXP", Term::Time),
    ("TTL", Term::Time),
    ("LIFETIME", Term::Time),
    ("DURATION", Term::Time),
    ("GOOD", Term::Time),
    ("ACTIVE", Term::Time),
    ("WORKING", Term::Time),
    ("TS", Term::Trailing),
    ("FOLLOW", Term::Trailing),
];
/// Phrases that are complete, where they stand in the lines of the order.
const WHOLE: &[(&str, Term)] = &[
    ("TODAYONLY", Term::Time),
    ("ONLYTODAY", Term::Time),
    ("DAYONLY", Term::Time),
    ("ENDOFDAY", Term::Time),
    ("ENDOFTHEDAY", Term::Time),
    ("ENDOFWEEK", Term::Time),
    ("ENDOFSESSION", Term::Time),
    ("EOD", Term::Time),
    ("EOW", Term::Time),
    ("GFD", Term::Time),
    ("GTD", Term::Time),
    ("IOC", Term::Time),
    ("FOK", Term::Time),
    ("GTX", Term::Fill),
    ("AON", Term::Fill),
    ("MOC", Term::Fill),
    ("MOO", Term::Fill),
    ("LOC", Term::Fill),
    ("LOO", Term::Fill),
    ("OPG", Term::Fill),
    ("POSTONLY", Term::Fill),
    ("MAKERONLY", Term::Fill),
    ("ALLORNONE", Term::Fill),
    ("MARKETONCLOSE", Term::Fill),
    ("MARKETONOPEN", Term::Fill),
    ("USETS", Term::Trailing),
    ("WITHTS", Term::Trailing),
];
/// What may stand between a word and its time: `active for`, `follow with`.
const LEADS: &[&str] = &["FOR", "IN", "AT", "ON", "BY", "WITH", "PRICE", "THE", "IS", "UNTIL", "TILL"];
/// Values that change nothing.
const NONE: &[&str] =
    &["GTC", "NONE", "NEVER", "NO", "OFF", "FALSE", "DISABLED", "CANCELLED", "CANCELED", "CANCEL", "0"];

struct Reader<'a> {
    text: &'a str,
    tokens: &'a [Token],
    at: usize,
    line: Line,
}

/// Refuses an order whose terms are not supported.
pub(super) fn refuse(text: &str, tokens: &[Token], survey: &Survey) -> Result<(), SignalError> {
    let mut line = 0;
    for (at, token) in tokens.iter().enumerate() {
        if token.kind == Kind::Newline {
            line += 1;
            continue;
        }
        let line = survey.lines.get(line).copied().unwrap_or_default();
        let reader = Reader { text, tokens, at, line };
        if !survey.side || line.small_print || token.word().is_none() || reader.is_marked() {
            continue;
        }
        if let Some((term, end)) = reader.term() {
            let span = token.span().to(tokens[end - 1].span());
            return Err(SignalError::at(
                ErrorCode::Unsupported,
                span,
                detail(term, &text[span.start..span.end]),
            ));
        }
    }
    Ok(())
}

fn detail(term: Term, written: &str) -> String {
    match term {
        Term::Time => format!(
            "`{written}` limits how long the order stays open, which is not supported yet: orders are good till canceled."
        ),
        Term::Fill => format!("`{written}` limits how the order fills, which is not supported yet."),
        Term::Trailing => {
            format!("`{written}` asks for a trailing stop, which is not supported yet: send a stop loss.")
        }
    }
}

impl Reader<'_> {
    /// Behind `$`, `#`, a venue's colon or the side the word is a symbol; inside a name it is none.
    fn is_marked(&self) -> bool {
        let Some(before) = self.at.checked_sub(1).map(|before| self.tokens[before]) else {
            return false;
        };
        let glued = self.tokens[self.at].glued;
        let tight = glued && matches!(before.mark(), Some(b'$' | b'#' | b'_' | b'/' | b'\''))
            || glued && before.is_mark(b':') && before.glued;
        tight || matches!(before.word(), Some(Word::Side(_) | Word::Pair | Word::No | Word::Negation))
    }

    fn term(&self) -> Option<(Term, usize)> {
        self.key().or_else(|| self.trail()).or_else(|| self.timed()).or_else(|| self.whole())
    }

    /// `valid_until 18:00`, `time_in_force=DAY`: with the value.
    fn key(&self) -> Option<(Term, usize)> {
        let (term, end) = find(KEYS, |letters| self.spelled(letters, true))?;
        self.with_value(end).map(|end| (term, end))
    }

    /// `trailingstop`, `trail_offset`: every name that begins so. The plain words are read where they stand.
    fn trail(&self) -> Option<(Term, usize)> {
        let text = self.tokens[self.at].text(self.text);
        let begins = text.get(..5).is_some_and(|head| head.eq_ignore_ascii_case("trail"));
        let mut end = self.at + 1;
        while let [line, word, ..] = self.tokens.get(end..)?
            && line.is_mark(b'_')
            && line.glued
            && word.glued
        {
            end += 2;
        }
        let stop = text.len() > 5
            && ["stop", "sl", "loss"].iter().any(|tail| text.to_ascii_lowercase().ends_with(tail));
        let named = begins && (end > self.at + 1 || stop);
        self.with_value(end).filter(|_| named).map(|end| (Term::Trailing, end))
    }

    /// `exp 18:00`, `active for 2 hours`, `TS 20 pips`: the time or distance must follow.
    fn timed(&self) -> Option<(Term, usize)> {
        let (term, mut at) = find(TIMED, |letters| self.spelled(letters, true))?;
        let stated = self.tokens.get(at).is_some_and(|mark| mark.is_mark(b':') || mark.is_mark(b'='));
        let led = |at: usize| {
            let word = self.tokens.get(at).map_or("", |token| token.text(self.text));
            holds(LEADS, word) || matches!(word, ":" | "=" | "-")
        };
        while led(at) {
            at += 1;
        }
        let value = self.tokens.get(at)?;
        let unit = self.tokens.get(at + 1);
        let percent = unit.is_some_and(|unit| unit.is_mark(b'%') || unit.word() == Some(Word::Percent));
        let pips = percent || unit.and_then(|unit| unit.word()) == Some(Word::Pip);
        let clock = unit.is_some_and(|unit| {
            unit.glued && (unit.is_mark(b':') || unit.is_mark(b'/') || unit.is_mark(b'-'))
                || matches!(unit.word(), Some(Word::Time | Word::Month | Word::Nth))
                || unit.word().is_some_and(|word| is_day(word, unit.text(self.text)))
        });
        let written = self.tokens[self.at].text(self.text);
        let counts = holds(&["TTL", "LIFETIME", "DURATION"], written) && !percent;
        let follows = match value.kind {
            Kind::Number if term == Term::Trailing => pips || holds(&["TS"], written),
            Kind::Number => clock || counts && (stated || self.line.speaks),
            Kind::Word(word) => {
                term == Term::Time && !holds(&["GOOD"], written) && is_day(word, value.text(self.text))
            }
            Kind::Mark(_) | Kind::Newline | Kind::Foreign | Kind::Broken | Kind::Keycap => false,
        };
        let end = at + 1 + usize::from(pips || clock);
        (follows && self.stands_in_the_order(end)).then_some((term, end))
    }

    /// `EOD`, `post only`, `I.O.C.`
    fn whole(&self) -> Option<(Term, usize)> {
        let (term, end) = find(WHOLE, |letters| self.spelled(letters, letters.len() == 3))?;
        let next = self.tokens.get(end).and_then(|token| token.word());
        let instrument = self.tokens[self.at].first && matches!(next, Some(Word::Side(_)));
        (self.stands_in_the_order(end) && !instrument).then_some((term, end))
    }

    /// In a line with a side or a label, at the beginning of a line, or in one of few words.
    fn stands_in_the_order(&self, end: usize) -> bool {
        let before = self.tokens[..self.at].iter().rev().find(|token| !matches!(token.kind, Kind::Mark(_)));
        let begins = before.is_none_or(|before| before.kind == Kind::Newline);
        let behind = self.tokens[end..].iter().find(|token| !matches!(token.kind, Kind::Mark(_)));
        let ends = behind.is_none_or(|behind| behind.kind == Kind::Newline);
        self.line.speaks || begins && ends || self.line.words <= 4 && (begins || ends)
    }

    /// The token after the letters, over the marks that join them, and over blanks unless it must be one word.
    fn spelled(&self, letters: &str, one: bool) -> Option<usize> {
        let mut rest = letters;
        let mut at = self.at;
        while !rest.is_empty() {
            let token = *self.tokens.get(at)?;
            let joins = matches!(token.mark(), Some(b'_' | b'-' | b'.' | b'=' | b':'));
            if at > self.at && one && !token.glued || token.kind == Kind::Newline {
                return None;
            }
            if at > self.at && joins {
                at += 1;
                continue;
            }
            let text = token.text(self.text);
            let head = rest.get(..text.len()).filter(|head| head.eq_ignore_ascii_case(text))?;
            rest = &rest[head.len()..];
            at += 1;
        }
        let goes_on = self
            .tokens
            .get(at)
            .is_some_and(|next| next.glued && matches!(next.kind, Kind::Word(_) | Kind::Foreign));
        (!goes_on).then_some(at)
    }

    /// The token after the value behind a key; `None` if the value changes nothing.
    fn with_value(&self, end: usize) -> Option<usize> {
        const MOST: usize = 3;
        let marks = self.tokens[end..]
            .iter()
            .take(MOST)
            .take_while(|token| matches!(token.kind, Kind::Mark(_)))
            .count();
        let value = end + marks;
        let Some(token) = self.tokens.get(value).filter(|token| token.kind != Kind::Newline) else {
            return Some(end);
        };
        let good = holds(&["GOOD"], token.text(self.text))
            && (value..self.tokens.len().min(value + 5))
                .any(|at| ends_with_a_cancel(self.tokens, at, self.text));
        (!good && !holds(NONE, token.text(self.text))).then_some(value + 1)
    }
}

fn find(table: &[(&str, Term)], spelled: impl Fn(&str) -> Option<usize>) -> Option<(Term, usize)> {
    table.iter().find_map(|(letters, term)| Some((*term, spelled(letters)?)))
}
