//! Words that say how the order fills: limit, market, now, above, below.

use super::super::SignalError;
use super::super::words::Word;
use super::draft::Manner;
use super::label::Label;
use super::scan::{Before, Field, Scan, Waits};

impl Scan<'_> {
    /// A word that says how the order fills.
    pub(super) fn manner(&mut self, at: usize, word: Word) -> Result<usize, SignalError> {
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
        let behind = matches!(self.next_word(at), Some(Word::Side(_) | Word::Entry | Word::Order));
        behind || matches!(self.before, Before::Side | Before::Symbol | Before::Entry | Before::Kind)
    }

    fn limit(&mut self, at: usize) -> Result<usize, SignalError> {
        if self.stands_by_the_side(at) {
            return self.set_manner(Manner::Limit, at);
        }
        Ok(at + 1)
    }

    fn now(&mut self, at: usize) -> Result<usize, SignalError> {
        let wanted = self.field == Field::Label(Label::Entry) && self.waits == Waits::Must;
        if !wanted && (self.draft.stop_loss.is_some() || !self.draft.targets.is_empty()) {
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
            let manner = if word == Word::Above { Manner::Above } else { Manner::Below };
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
}
