//! What each word of the language does to the scan.

use super::super::token::Kind;
use super::super::words::Word;
use super::super::{ErrorCode, SignalError};
use super::draft::Manner;
use super::label::Label;
use super::remark::is_part_of_date;
use super::scan::{Before, Between, Field, Scan, Waits};
use crate::order::Side;

impl Scan<'_> {
    /// A label: what stands behind it is its value.
    pub(super) fn label(&mut self, at: usize, label: Label, next: usize) -> Result<usize, SignalError> {
        if self.is_small_print() {
            return Ok(next);
        }
        let span = self.tokens[at].span().to(self.tokens[next - 1].span());
        let price = matches!(label, Label::Entry | Label::Stop | Label::Target);
        if self.field != Field::Label(label) {
            self.expect_nothing()?;
        }
        self.expect(label, if price { Waits::Must } else { Waits::Maybe }, span);
        self.before = if label == Label::Entry { Before::Entry } else { Before::Word };
        self.indexed = false;
        if price { self.index(next) } else { Ok(next) }
    }

    pub(super) fn keyword(&mut self, at: usize, word: Word) -> Result<usize, SignalError> {
        if word == Word::Expiry {
            return self.expiry(at);
        }
        if self.is_small_print() {
            return Ok(at + 1);
        }
        if let Word::Side(side) = word {
            return self.side(at, side);
        }
        if let Word::LimitSide(side) | Word::StopSide(side) = word {
            let manner = if word == Word::LimitSide(side) { Manner::Limit } else { Manner::Stop };
            let next = self.side(at, side)?;
            self.set_manner(manner, at)?;
            return Ok(next);
        }
        if let Word::Bias(side) = word {
            return if self.before == Before::Kind { self.side(at, side) } else { self.unknown(at) };
        }
        if let Some(before) = announced(word) {
            return Ok(self.announce(at, before));
        }
        if matches!(word, Word::Stop | Word::Limit | Word::Now | Word::Market | Word::Above | Word::Below) {
            return self.manner(at, word);
        }
        if matches!(word, Word::Condition | Word::Candle | Word::After | Word::Break) {
            return self.condition(at, word);
        }
        if commands(word) {
            return self.later(at, word);
        }
        if matches!(word, Word::Counter | Word::No | Word::Order | Word::Frame | Word::Time) {
            self.refuse_day_order(at)?;
            return Ok(self.counter(at, word));
        }
        if word == Word::Month {
            let numbers = self.tokens[at + 1..].iter().take(2);
            let dated = numbers.take_while(|token| is_part_of_date(**token, self.text));
            return Ok(at + 1 + dated.count());
        }
        if word == Word::Trailing {
            return self.trailing(at);
        }
        if word == Word::Option {
            let detail = "Options are not traded here.";
            return Err(SignalError::at(ErrorCode::UnsupportedAsset, self.tokens[at].span(), detail));
        }
        self.small_word(at, word)
    }

    /// Words between a label and its value, or between two values.
    fn small_word(&mut self, at: usize, word: Word) -> Result<usize, SignalError> {
        if matches!(word, Word::Price | Word::Zone) {
            return self.price_word(at, word);
        }
        if matches!(word, Word::To | Word::And) {
            self.refuse_until(at)?;
            if self.on_line > 0 {
                self.between = if word == Word::To { Between::Range } else { Between::Comma };
            }
            return Ok(at + 1);
        }
        if word == Word::At {
            return Ok(self.at_word(at));
        }
        if word == Word::Open {
            return Ok(self.open(at));
        }
        if matches!(
            word,
            Word::Filler | Word::All | Word::Around | Word::Current | Word::Margin | Word::Venue
        ) {
            return Ok(at + 1);
        }
        self.plain(at)
    }

    /// A word that says nothing by itself; no price stands there.
    fn plain(&mut self, at: usize) -> Result<usize, SignalError> {
        let picture = self.tokens[at].word() == Some(Word::LetterX)
            && self.tokens.get(at + 1).is_some_and(|next| next.is_mark(b':'));
        if self.tokens[at].text(self.text).len() == 1 && !picture {
            self.refuse_word_for_price(self.tokens[at].span())?;
        }
        self.before = Before::Word;
        Ok(at + 1)
    }

    fn announce(&mut self, at: usize, before: Before) -> usize {
        if self.waits != Waits::Must && before != Before::Trigger {
            self.drop_field();
        }
        self.before = before;
        at + 1
    }

    fn side(&mut self, at: usize, side: Side) -> Result<usize, SignalError> {
        if self.next_word(at) == Some(Word::Term) {
            return Ok(at + 1);
        }
        self.refuse_word_for_price(self.tokens[at].span())?;
        self.refuse_cover(at)?;
        let known = self.draft.side.is_some();
        self.draft.set_side(side, self.tokens[at].span())?;
        if known {
            self.repeat_side(at)?;
        }
        self.before = Before::Side;
        self.header();
        Ok(at + 1)
    }

    /// `buy back`, `sell EURUSD back`, `buy to cover`: ends what is open and opens nothing.
    fn refuse_cover(&self, at: usize) -> Result<(), SignalError> {
        let is = |at: usize, word: &str| {
            self.tokens.get(at).is_some_and(|token| token.text(self.text).eq_ignore_ascii_case(word))
        };
        let hyphen = usize::from(self.tokens.get(at + 1).is_some_and(|next| next.is_mark(b'-')));
        let next = at + 1 + hyphen;
        let behind = self.symbols().at(next).map_or(next, |found| found.next);
        let end = if is(behind, "back") {
            behind
        } else if is(next, "to") && is(next + 1, "cover") {
            next + 1
        } else {
            return Ok(());
        };
        let span = self.tokens[at].span().to(self.tokens[end].span());
        let detail = "This ends a position and opens none: write `close` and the instrument.";
        Err(SignalError::at(ErrorCode::Contradiction, span, detail))
    }

    /// The word behind, over one hyphen.
    pub(super) fn next_word(&self, at: usize) -> Option<Word> {
        let next = self.tokens.get(at + 1)?;
        if next.is_mark(b'-') { self.tokens.get(at + 2)?.word() } else { next.word() }
    }

    pub(super) fn conditional(&self, at: usize) -> SignalError {
        let detail = format!(
            "`{}` makes the price a condition, and conditions are not watched: give a price.",
            self.tokens[at].text(self.text)
        );
        SignalError::at(ErrorCode::ConditionalPrice, self.tokens[at].span(), detail)
    }

    fn condition(&mut self, at: usize, word: Word) -> Result<usize, SignalError> {
        self.refuse_until(at)?;
        let speaks = self.survey.lines.get(self.line).is_some_and(|line| line.speaks);
        let strong = word != Word::Candle && !(word == Word::Break && self.next_word(at) == Some(Word::Even));
        if self.waits == Waits::Must || speaks && strong {
            return Err(self.conditional(at));
        }
        self.before = Before::Word;
        Ok(at + 1)
    }

    fn price_word(&mut self, at: usize, word: Word) -> Result<usize, SignalError> {
        let entry = matches!(self.field, Field::Header | Field::Label(Label::Entry));
        let follows = self.number_follows(at + 1);
        let open = self.waits != Waits::Must && follows && (word == Word::Price || entry);
        if open {
            return self.label(at, Label::Entry, at + 1);
        }
        Ok(at + 1)
    }

    fn at_word(&mut self, at: usize) -> usize {
        let waiting = matches!(self.field, Field::Label(_)) && self.waits != Waits::No;
        if !waiting && self.number_follows(at + 1) {
            self.expect_header();
        }
        at + 1
    }

    /// A target without a price.
    fn open(&mut self, at: usize) -> usize {
        if self.field == Field::Label(Label::Target) && self.on_line == 0 {
            self.draft.notes.push("one target is left open".to_owned());
            self.drop_field();
        }
        at + 1
    }

    /// `signal 4`, `no. 15`, `H4`: the number counts something.
    fn counter(&mut self, at: usize, word: Word) -> usize {
        const MOST_MARKS: usize = 3;
        let waiting = self.waits == Waits::Must || self.field == Field::Header && self.waits == Waits::Maybe;
        self.before = if word == Word::Order { Before::Kind } else { Before::Word };
        let marks = self.tokens[at + 1..]
            .iter()
            .take(MOST_MARKS)
            .take_while(|t| matches!(t.kind, Kind::Mark(b'.' | b':' | b'#' | b'-' | b'(')))
            .count();
        let Some(number) = self.tokens.get(at + 1 + marks).filter(|token| token.is_number()) else {
            return at + 1;
        };
        let digits = number.text(self.text);
        let most = if word == Word::No { 5 } else { 3 };
        let counts = digits.len() <= most && !digits.contains(['.', ',']);
        let unit = word == Word::Time;
        if counts && (if unit { marks == 0 && number.glued } else { !waiting }) {
            return at + 2 + marks;
        }
        at + 1
    }
}

/// Words that say what the next word is.
fn announced(word: Word) -> Option<Before> {
    if matches!(word, Word::Direction | Word::Position) {
        Some(Before::Kind)
    } else if word == Word::Pair {
        Some(Before::Pair)
    } else {
        (word == Word::Trigger).then_some(Before::Trigger)
    }
}

/// Words that ask for something about an open order.
fn commands(word: Word) -> bool {
    matches!(
        word,
        Word::Close
            | Word::Cancel
            | Word::CloseSide(_)
            | Word::Move
            | Word::Half
            | Word::Partial
            | Word::Breakeven
            | Word::Free
    )
}
