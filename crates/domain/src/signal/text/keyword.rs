//! What each word of the language does to the scan.

use super::super::token::Kind;
use super::super::words::Word;
use super::super::{ErrorCode, SignalError};
use super::draft::Manner;
use super::label::Label;
use super::scan::{Before, Between, Field, Loose, Scan, Waits};
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
        let known = label == Label::Risk && self.draft.risk.is_some();
        self.expect(label, if price { Waits::Must } else { Waits::Maybe }, span);
        if known {
            self.waits = Waits::No;
        }
        self.before = if label == Label::Entry {
            Before::Entry
        } else {
            Before::Word
        };
        self.indexed = false;
        if price { self.index(next) } else { Ok(next) }
    }

    /// A word without a meaning here. It ends what a number could have continued.
    pub(super) fn unknown(&mut self, at: usize) -> Result<usize, SignalError> {
        let end = self.end_of_name(at);
        if self.is_small_print() || end > at + 1 {
            return Ok(end);
        }
        self.refuse_word(at)?;
        if self.tokens[at].text(self.text).starts_with('@') {
            return self.mention(at);
        }
        self.others += 1;
        if let Some(loose) = self.ticker(at) {
            self.loose = self.loose.or(Some(loose));
            if self.before == Before::Side {
                self.before = Before::Symbol;
                return Ok(loose.end);
            }
            self.before = Before::Symbol;
            self.header();
            return Ok(loose.end);
        }
        let price = matches!(
            self.field,
            Field::Header | Field::Label(Label::Entry | Label::Stop | Label::Target)
        );
        if price {
            self.drop_field();
        }
        self.before = Before::Word;
        Ok(at + 1)
    }

    /// `@name`: nobody's business, unless it stands where the entry price belongs: `@NaN`.
    fn mention(&mut self, at: usize) -> Result<usize, SignalError> {
        if self.field == Field::Header && !self.tokens[at].first {
            return Err(
                self.no_plain_number(self.tokens[at].span(), "stands where a price belongs and is none")
            );
        }
        Ok(at + 1)
    }

    /// A label waits for its price, and a word stands there.
    fn refuse_word(&self, at: usize) -> Result<(), SignalError> {
        let span = self.tokens[at].span();
        if self.field == Field::Label(Label::Entry) && self.waits == Waits::Must {
            let detail = format!(
                "Behind the entry a price is expected, not `{}`.",
                self.tokens[at].text(self.text)
            );
            return Err(SignalError::at(ErrorCode::BadNumber, self.chunk(span), detail));
        }
        self.refuse_word_for_price(span)
    }

    /// Words joined by `_` are one name: a picture code that lost its colons, a channel.
    fn end_of_name(&self, at: usize) -> usize {
        let mut end = at + 1;
        while let [line, word, ..] = &self.tokens[end.min(self.tokens.len())..] {
            if !(line.is_mark(b'_')
                && line.glued
                && word.glued
                && matches!(word.kind, Kind::Word(_) | Kind::Foreign))
            {
                break;
            }
            end += 2;
        }
        end
    }

    /// A word in the place of a symbol: beside the side, behind `pair:`, marked with `$`.
    fn ticker(&self, at: usize) -> Option<Loose> {
        let end = self.symbols().ticker_at(at)?;
        let behind = self.tokens.get(end).and_then(|token| token.word());
        let dollar = at > 0 && self.tokens[at].glued && self.tokens[at - 1].is_mark(b'$');
        let marked = self.before == Before::Pair || dollar;
        let beside = self.before == Before::Side || matches!(behind, Some(Word::Side(_)));
        (marked || beside).then_some(Loose { at, end, marked })
    }

    pub(super) fn keyword(&mut self, at: usize, word: Word) -> Result<usize, SignalError> {
        if self.is_small_print() {
            return Ok(at + 1);
        }
        if let Word::Side(side) = word {
            return self.side(at, side);
        }
        if let Word::Bias(side) = word {
            return if self.before == Before::Kind {
                self.side(at, side)
            } else {
                self.unknown(at)
            };
        }
        if let Some(before) = announced(word) {
            return Ok(self.announce(at, before));
        }
        if matches!(
            word,
            Word::Stop | Word::Limit | Word::Now | Word::Market | Word::Above | Word::Below
        ) {
            return self.manner(at, word);
        }
        if matches!(word, Word::Condition | Word::Candle | Word::After | Word::Break) {
            return self.condition(at, word);
        }
        if commands(word) {
            return self.later(at, word);
        }
        if matches!(
            word,
            Word::Counter | Word::No | Word::Order | Word::Frame | Word::Time
        ) {
            return Ok(self.counter(at, word));
        }
        if matches!(word, Word::Trailing | Word::Expiry) {
            return Ok(self.skip_section(at, word));
        }
        if word == Word::Option {
            let detail = "Options are not traded here.";
            return Err(SignalError::at(
                ErrorCode::UnsupportedAsset,
                self.tokens[at].span(),
                detail,
            ));
        }
        self.small_word(at, word)
    }

    /// Words between a label and its value, or between two values.
    fn small_word(&mut self, at: usize, word: Word) -> Result<usize, SignalError> {
        if matches!(word, Word::Price | Word::Zone) {
            return self.price_word(at, word);
        }
        if matches!(word, Word::To | Word::And) {
            if self.on_line > 0 {
                self.between = if word == Word::To {
                    Between::Range
                } else {
                    Between::Comma
                };
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
        self.draft.set_side(side, self.tokens[at].span())?;
        self.before = Before::Side;
        self.header();
        Ok(at + 1)
    }

    /// The word behind, over one hyphen.
    pub(super) fn next_word(&self, at: usize) -> Option<Word> {
        let next = self.tokens.get(at + 1)?;
        if next.is_mark(b'-') {
            self.tokens.get(at + 2)?.word()
        } else {
            next.word()
        }
    }

    /// A word that says how the order fills.
    fn manner(&mut self, at: usize, word: Word) -> Result<usize, SignalError> {
        if word == Word::Stop {
            self.stop_word(at)
        } else if word == Word::Limit {
            self.limit(at)
        } else if word == Word::Now {
            self.now(at)
        } else if word == Word::Market {
            self.market(at)
        } else {
            self.beyond(at, word)
        }
    }

    fn stands_by_the_side(&self, at: usize) -> bool {
        let behind = matches!(
            self.next_word(at),
            Some(Word::Side(_) | Word::Entry | Word::Order)
        );
        behind
            || matches!(
                self.before,
                Before::Side | Before::Symbol | Before::Entry | Before::Kind
            )
    }

    fn limit(&mut self, at: usize) -> Result<usize, SignalError> {
        if self.stands_by_the_side(at) {
            return self.set_manner(Manner::Limit, at);
        }
        Ok(at + 1)
    }

    fn now(&mut self, at: usize) -> Result<usize, SignalError> {
        if self.draft.stop_loss.is_some() || !self.draft.targets.is_empty() {
            return Ok(at + 1);
        }
        self.at_market(at)
    }

    /// At market; a price behind it is a reference, and none need come.
    fn at_market(&mut self, at: usize) -> Result<usize, SignalError> {
        self.refuse_word_for_price(self.tokens[at].span())?;
        let next = self.set_manner(Manner::Market, at)?;
        if self.field == Field::Label(Label::Entry) && self.waits == Waits::Must {
            self.waits = Waits::No;
            self.header();
        }
        let skip = self.tokens.get(next).and_then(|token| token.word()) == Some(Word::Price);
        Ok(next + usize::from(skip))
    }

    fn market(&mut self, at: usize) -> Result<usize, SignalError> {
        let entry = matches!(self.field, Field::Header | Field::Label(Label::Entry));
        if self.stands_by_the_side(at) || entry && (self.on_line > 0 || self.waits == Waits::Must) {
            return self.at_market(at);
        }
        Ok(at + 1)
    }

    /// `above`, `below`: a trigger before the entry price, a condition anywhere else.
    fn beyond(&mut self, at: usize, word: Word) -> Result<usize, SignalError> {
        let entry =
            matches!(self.field, Field::Header | Field::Label(Label::Entry)) && self.waits != Waits::No;
        if entry && self.number_follows(at + 1) {
            let manner = if word == Word::Above {
                Manner::Above
            } else {
                Manner::Below
            };
            self.draft.set_manner(manner, self.tokens[at].span())?;
            self.expect_header();
            return Ok(at + 1);
        }
        let waiting = self.waits == Waits::Must;
        if entry || waiting {
            return Err(self.conditional(at));
        }
        Ok(at + 1)
    }

    pub(super) fn conditional(&self, at: usize) -> SignalError {
        let detail = format!(
            "`{}` makes the price a condition, and conditions are not watched: give a price.",
            self.tokens[at].text(self.text)
        );
        SignalError::at(ErrorCode::ConditionalPrice, self.tokens[at].span(), detail)
    }

    fn condition(&mut self, at: usize, word: Word) -> Result<usize, SignalError> {
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
        self.before = if word == Word::Order {
            Before::Kind
        } else {
            Before::Word
        };
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
        if counts
            && (if unit {
                marks == 0 && number.glued
            } else {
                !waiting
            })
        {
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
