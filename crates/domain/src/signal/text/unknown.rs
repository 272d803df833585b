//! Words that the language does not have: names, mentions, and perhaps a stock's symbol.

use super::super::symbol;
use super::super::token::Kind;
use super::super::words::Word;
use super::super::{ErrorCode, SignalError};
use super::label::Label;
use super::scan::{Before, Field, Loose, Scan, Waits};

impl Scan<'_> {
    /// A word without a meaning here. It ends what a number could have continued.
    pub(super) fn unknown(&mut self, at: usize) -> Result<usize, SignalError> {
        let end = self.end_of_name(at);
        if self.is_small_print() || end > at + 1 {
            return Ok(end);
        }
        if let Some(next) = self.time_in_force(at)? {
            return Ok(next);
        }
        self.refuse_word(at)?;
        if self.tokens[at].text(self.text).starts_with('@') {
            return self.mention(at);
        }
        self.others += 1;
        self.look_at(at);
        self.torn_venue = self.torn_venue.or_else(|| self.symbols().torn_venue(at));
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
        let price =
            matches!(self.field, Field::Header | Field::Label(Label::Entry | Label::Stop | Label::Target));
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
    pub(super) fn refuse_word(&self, at: usize) -> Result<(), SignalError> {
        let span = self.tokens[at].span();
        if self.field == Field::Label(Label::Entry) && self.waits == Waits::Must {
            let detail =
                format!("Behind the entry a price is expected, not `{}`.", self.tokens[at].text(self.text));
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
        if self.symbols().is_venue(at) {
            return None;
        }
        let behind = self.tokens.get(end).and_then(|token| token.word());
        let dollar = at > 0 && self.tokens[at].glued && self.tokens[at - 1].is_mark(b'$');
        let marked = self.before == Before::Pair || dollar;
        let beside = self.before == Before::Side || matches!(behind, Some(Word::Side(_)));
        let caption = !dollar && symbol::is_caption(self.tokens[at].text(self.text));
        ((marked || beside) && !caption).then_some(Loose { at, end, marked })
    }
}
