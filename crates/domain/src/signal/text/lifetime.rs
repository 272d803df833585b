//! Time in force and expiry, in words. Only `good till cancelled` is supported yet. Anything else must be refused, not
//! ignored: an order that its sender has limited must not stay open forever.

use super::super::token::{Kind, Token};
use super::super::words::Word;
use super::super::{ErrorCode, SignalError};
use super::label::label_at;
use super::scan::{Before, Field, Scan};

/// Words for a time that the vocabulary does not contain.
const TIMES: &[&str] = &[
    "EOD",
    "EOW",
    "FRI",
    "FRIDAY",
    "INTRADAY",
    "MIDNIGHT",
    "MON",
    "MONDAY",
    "MONTH",
    "MONTHS",
    "NOON",
    "OVERNIGHT",
    "SAT",
    "SATURDAY",
    "SESSION",
    "SUN",
    "SUNDAY",
    "THU",
    "THURSDAY",
    "TODAY",
    "TOMORROW",
    "TONIGHT",
    "TUE",
    "TUESDAY",
    "WED",
    "WEDNESDAY",
    "WEEKEND",
    "YEAR",
];
/// Words that introduce the end of a period.
const LIMITS: &[&str] = &["AS", "BY", "FOR", "THROUGH", "THRU", "TIL", "UPTO", "WHILE"];
/// What an advert offers. It may be valid for a time, and has nothing to do with the order.
const ADVERTS: &[&str] =
    &["BONUS", "CODE", "COUPON", "DISCOUNT", "LINK", "MEMBERSHIP", "OFFER", "PROMO", "SALE", "VOUCHER"];
/// The longest phrase, in tokens.
const LONGEST: usize = 24;

impl Scan<'_> {
    /// `valid until 18:00`, `expires in 4 hours`; but `valid setup` and `still valid` describe the trade.
    pub(super) fn expiry(&mut self, at: usize) -> Result<usize, SignalError> {
        let end = self.phrase_end(at);
        let numbered = self.tokens[at + 1..end].iter().any(|token| token.is_number());
        if self.is_advert(at) || self.is_small_print() && !numbered {
            return Ok(at + 1);
        }
        if self.is_denied(at) {
            let span = self.tokens[at].span();
            let detail = "The message says that the signal is not valid: nothing is ordered.";
            return Err(SignalError::at(ErrorCode::NoSignal, span, detail));
        }
        let value = self.behind_marks(at + 1);
        if let Some(next) = self.cancelled(value).or_else(|| self.endless(value)) {
            return self.works_until_cancelled(at, next);
        }
        if self.is(at, "VALID") && self.describes(at, end) {
            self.before = Before::Word;
            // `valid entry` also describes the trade; no price follows it.
            let label = label_at(self.tokens, at + 1).filter(|(_, next)| !self.number_follows(*next));
            return Ok(label.map_or(at + 1, |(_, next)| next));
        }
        Err(self.limited(at, end))
    }

    /// `GTC`, `IOC`, `TIF: DAY`, `good till cancelled`. Returns the token after `GTC` and its synonyms, refuses any other
    /// time in force, and returns `None` if there is none.
    pub(super) fn time_in_force(&mut self, at: usize) -> Result<Option<usize>, SignalError> {
        let one = |word: &str| self.is(at, word);
        if one("GTC") {
            return self.works_until_cancelled(at, at + 1).map(Some);
        }
        // After `$` or `#` the letters are a stock's symbol.
        let marked = at > 0
            && self.tokens[at].glued
            && (self.tokens[at - 1].is_mark(b'$') || self.tokens[at - 1].is_mark(b'#'));
        if (one("IOC") || one("FOK") || one("GTD")) && !marked && self.before != Before::Pair {
            return Err(self.limited(at, at + 1));
        }
        let or = |first: &str, last: &str| {
            one(first) && self.is(self.behind_marks(at + 1), "OR") && {
                let last_at = self.behind_marks(self.behind_marks(at + 1) + 1);
                self.is(last_at, last)
            }
        };
        if or("FILL", "KILL") || or("IMMEDIATE", "CANCEL") {
            return Err(self.limited(at, at + 1));
        }
        if one("GOOD") {
            return self.good_till(at);
        }
        let label = if one("TIF") || one("TIMEINFORCE") { Some(at + 1) } else { self.in_words(at) };
        let Some(behind) = label else {
            return Ok(None);
        };
        let value = self.behind_marks(behind);
        if let Some(next) = self.cancelled(value) {
            return self.works_until_cancelled(at, next).map(Some);
        }
        Err(self.limited(at, (value + 1).min(self.tokens.len())))
    }

    /// `time in force`, `time-in-force`.
    fn in_words(&self, at: usize) -> Option<usize> {
        let second = self.behind_marks(at + 1);
        let third = self.behind_marks(second + 1);
        (self.is(at, "TIME") && self.is(second, "IN") && self.is(third, "FORCE")).then_some(third + 1)
    }

    /// `good till cancelled`, `good until Friday`, `good for the day`; but `good for scalping` is praise.
    fn good_till(&mut self, at: usize) -> Result<Option<usize>, SignalError> {
        if let Some(next) = self.cancelled(at) {
            return self.works_until_cancelled(at, next).map(Some);
        }
        let till = self.behind_marks(at + 1);
        let leads = ["TILL", "TIL", "UNTIL", "THROUGH"].iter().any(|word| self.is(till, word));
        if leads || self.is(till, "FOR") && self.is_time(till + 1) {
            return Err(self.limited(at, self.phrase_end(at)));
        }
        Ok(None)
    }

    /// Refuses `until 18:00` and `till Friday`, wherever they stand.
    pub(super) fn refuse_until(&self, at: usize) -> Result<(), SignalError> {
        let until = (self.is(at, "UNTIL") || self.is(at, "TILL")) && !self.is_advert(at);
        if until && self.is_time(at + 1) { Err(self.limited(at, self.phrase_end(at))) } else { Ok(()) }
    }

    /// Refuses `DAY` as a time in force: `DAY order`, or the bare word in capitals after a value.
    pub(super) fn refuse_day_order(&self, at: usize) -> Result<(), SignalError> {
        if !self.is(at, "DAY") {
            return Ok(());
        }
        let next = self.tokens.get(at + 1);
        let order = next.and_then(|next| next.word()) == Some(Word::Order) || self.is(at + 1, "ONLY");
        let ends = next.is_none_or(|next| match next.kind {
            Kind::Newline => true,
            Kind::Mark(mark) => !matches!(mark, b'#' | b':'),
            Kind::Word(_) => label_at(self.tokens, at + 1).is_some(),
            // `DAY 3` counts days; a price after the word belongs to the order.
            Kind::Number => {
                let digits = next.text(self.text);
                digits.contains('.') || digits.len() > 3
            }
            Kind::Broken | Kind::Keycap | Kind::Foreign => false,
        });
        let alone = self.tokens[at].first && next.is_none_or(|next| next.kind == Kind::Newline);
        let value = !self.tokens[at].first
            && (matches!(self.before, Before::Side | Before::Symbol | Before::Entry)
                || self.tokens[at - 1].is_number());
        let bare = self.tokens[at].text(self.text) == "DAY" && ends && (value || alone);
        if order || bare { Err(self.limited(at, at + 1 + usize::from(order))) } else { Ok(()) }
    }

    /// Every order is good till canceled, so this is only noted, and reading goes on right after it.
    fn works_until_cancelled(&mut self, at: usize, next: usize) -> Result<usize, SignalError> {
        self.refuse_word(at)?;
        if matches!(self.field, Field::Label(_)) {
            self.drop_field();
        }
        let note = "good till cancelled, as every order is";
        if !self.draft.notes.iter().any(|known| known == note) {
            self.draft.notes.push(note.to_owned());
        }
        Ok(next)
    }

    /// The token after `GTC`, or after `[good] till cancelled`.
    fn cancelled(&self, at: usize) -> Option<usize> {
        if self.is(at, "GTC") {
            return Some(at + 1);
        }
        let till = if self.is(at, "GOOD") { self.behind_marks(at + 1) } else { at };
        let last = self.behind_marks(till + 1);
        ends_with_a_cancel(self.tokens, last, self.text).then_some(last + 1)
    }

    /// `expiry: none`.
    fn endless(&self, at: usize) -> Option<usize> {
        ["NONE", "NEVER"].iter().any(|word| self.is(at, word)).then_some(at + 1)
    }

    fn limited(&self, at: usize, end: usize) -> SignalError {
        let span = self.tokens[at].span().to(self.tokens[end - 1].span());
        let detail = format!(
            "`{}` limits how long the order stays open, which is not supported yet: orders are good till canceled.",
            &self.text[span.start..span.end]
        );
        SignalError::at(ErrorCode::Unsupported, span, detail)
    }

    /// Where the phrase that begins at a token ends: at the end of its line or sentence, or before a field of the order.
    fn phrase_end(&self, at: usize) -> usize {
        let ends = |place: usize| {
            let token = self.tokens[place];
            let side = matches!(token.word(), Some(Word::Side(_) | Word::LimitSide(_) | Word::StopSide(_)));
            let follows = |next: &Token| next.glued && next.kind != Kind::Newline;
            let full_stop = token.is_mark(b'.') && !self.tokens.get(place + 1).is_some_and(follows);
            token.kind == Kind::Newline
                || full_stop
                || matches!(token.mark(), Some(b';' | b'|' | b'!' | b'?' | b')' | b']'))
                || side
                || label_at(self.tokens, place).is_some()
        };
        (at + 1..self.tokens.len().min(at + LONGEST))
            .find(|place| ends(*place))
            .unwrap_or_else(|| self.tokens.len().min(at + LONGEST))
    }

    /// Whether nothing after `valid` names a time, a condition or a price.
    fn describes(&self, at: usize, end: usize) -> bool {
        let stated = matches!(self.tokens.get(at + 1).and_then(|next| next.mark()), Some(b':' | b'='));
        let first = self.behind_marks(at + 1);
        !stated
            && (at + 1..end).all(|place| {
                let token = self.tokens[place];
                match token.kind {
                    Kind::Word(word) => !limits(word, token.text(self.text)),
                    Kind::Number => place > first && self.is_frame(place),
                    Kind::Mark(_) => true,
                    Kind::Foreign | Kind::Broken | Kind::Keycap | Kind::Newline => false,
                }
            })
    }

    /// Whether a number is part of a chart's time frame: `H4`, `15M`.
    fn is_frame(&self, at: usize) -> bool {
        let letter = |place: usize| {
            let token: Option<&Token> = self.tokens.get(place);
            token.is_some_and(|token| token.word() == Some(Word::Time) && token.end - token.start == 1)
        };
        self.tokens[at].glued && letter(at - 1)
            || self.tokens.get(at + 1).is_some_and(|next| next.glued) && letter(at + 1)
    }

    /// Whether a clock time, a duration or a day follows.
    fn is_time(&self, from: usize) -> bool {
        const FARTHEST: usize = 4;
        let at = (from..self.tokens.len())
            .take(FARTHEST)
            .find(|at| !["THE", "END", "OF", "NEXT", "THIS"].iter().any(|word| self.is(*at, word)));
        let Some(token) = at.and_then(|at| self.tokens.get(at).copied()) else {
            return false;
        };
        let next = at.and_then(|at| self.tokens.get(at + 1));
        match token.kind {
            Kind::Word(word) => is_day(word, token.text(self.text)),
            Kind::Number => next.is_some_and(|next| {
                let unit = next.word().is_some_and(|word| {
                    matches!(word, Word::Time | Word::Month | Word::Nth) || is_day(word, next.text(self.text))
                });
                unit || next.glued && (next.is_mark(b':') || next.is_mark(b'/'))
            }),
            Kind::Foreign | Kind::Broken | Kind::Keycap | Kind::Newline | Kind::Mark(_) => false,
        }
    }

    /// `not valid`, `no longer valid`.
    fn is_denied(&self, at: usize) -> bool {
        const REACH: usize = 3;
        let before =
            self.tokens[..at].iter().rev().take(REACH).take_while(|token| token.kind != Kind::Newline);
        before.into_iter().any(|token| matches!(token.word(), Some(Word::Negation | Word::No)))
    }

    fn is_advert(&self, at: usize) -> bool {
        let speaks = self.survey.lines.get(self.line).is_some_and(|line| line.speaks);
        let before = self.tokens[..at].iter().rev().take(LONGEST);
        let mut line = before.take_while(|token| token.kind != Kind::Newline);
        !speaks && line.any(|token| holds(ADVERTS, token.text(self.text)))
    }

    /// The index of the next token that is not a mark; skips at most three marks.
    pub(super) fn behind_marks(&self, from: usize) -> usize {
        const MOST: usize = 3;
        let rest = self.tokens.get(from..).unwrap_or_default();
        from + rest.iter().take(MOST).take_while(|token| matches!(token.kind, Kind::Mark(_))).count()
    }

    pub(super) fn is(&self, at: usize, word: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| token.text(self.text).eq_ignore_ascii_case(word))
    }
}

/// Whether a word ends `till cancelled` or `until canceled`: part of a time in force, neither a report nor a command.
pub(super) fn ends_with_a_cancel(tokens: &[Token], at: usize, text: &str) -> bool {
    let is = |at: usize, words: &[&str]| tokens.get(at).is_some_and(|token| holds(words, token.text(text)));
    let hyphen = at > 0 && tokens.get(at - 1).is_some_and(|mark| mark.is_mark(b'-'));
    let before = at.checked_sub(1 + usize::from(hyphen));
    is(at, &["CANCEL", "CANCELED", "CANCELLED"])
        && before.is_some_and(|before| is(before, &["TIL", "TILL", "UNTIL"]))
}

/// Whether a word after `valid` limits it.
fn limits(word: Word, text: &str) -> bool {
    matches!(word, Word::To | Word::Condition | Word::After | Word::Above | Word::Below | Word::Close)
        || word == Word::Candle
        || is_day(word, text)
        || holds(LIMITS, text)
}

/// Whether a word is a unit of time, or the name of a day or month.
pub(super) fn is_day(word: Word, text: &str) -> bool {
    word == Word::Time && text.len() > 1
        || word == Word::Counter && (holds(&["DAY"], text) || holds(&["WEEK"], text))
        || word == Word::Month && !text.eq_ignore_ascii_case("may")
        || holds(TIMES, text)
}

pub(super) fn holds(words: &[&str], text: &str) -> bool {
    words.iter().any(|word| text.eq_ignore_ascii_case(word))
}
