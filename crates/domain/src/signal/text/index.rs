//! Numbers that count targets and entries, and are no prices.

use super::super::number;
use super::super::token::{Kind, Token};
use super::super::words::Word;
use super::super::{ErrorCode, SignalError, Span};
use super::draft::Priced;
use super::label::Label;
use super::scan::{Field, Scan, Waits};
use crate::money::Price;

/// Longest index.
const LONGEST: usize = 2;

impl Scan<'_> {
    /// Skips the index behind a label, `TP 1`, and remembers where it could have been a price.
    pub(super) fn index(&mut self, next: usize) -> Result<usize, SignalError> {
        let mark =
            self.tokens.get(next).filter(|t| matches!(t.kind, Kind::Mark(b'.' | b'#' | b'-' | b'(' | b'_')));
        let number = next + usize::from(mark.is_some());
        let Some(token) = self.tokens.get(number).copied().filter(|token| token.is_number()) else {
            return Ok(next);
        };
        let digits = token.text(self.text);
        let touches =
            token.glued && (mark.is_none() || mark.is_some_and(|mark| mark.glued && !mark.is_mark(b'-')));
        if touches && digits.matches('.').count() == 2 && self.field == Field::Label(Label::Target) {
            return self.index_and_price(number, token, digits);
        }
        if digits.contains(['.', ',']) || digits.chars().count() > LONGEST || !self.is_index(number, touches)
        {
            return Ok(next);
        }
        if self.field == Field::Label(Label::Entry) {
            self.indexed = true;
        }
        self.counted = digits.parse().ok();
        Ok(number + 1)
    }

    /// `TP1.1.9660`: an index, a point and a price.
    fn index_and_price(&mut self, at: usize, token: Token, digits: &str) -> Result<usize, SignalError> {
        let Some((index, price)) = digits.split_once('.').filter(|(index, _)| index.len() <= LONGEST) else {
            return Ok(at);
        };
        let start = token.start as usize + index.len() + 1;
        let span = Span { start, end: token.end as usize };
        if self.tokens.get(at + 1).is_some_and(|next| next.glued && !matches!(next.kind, Kind::Mark(_))) {
            return Err(self.no_plain_number(self.chunk(token.span()), "is no plain number"));
        }
        self.counted = index.parse().ok();
        self.priced(Priced { price: number::read::<Price>(price, span)?, span });
        self.waits = Waits::No;
        Ok(at + 1)
    }

    /// Whether a small number behind a label counts it: a price must follow.
    fn is_index(&mut self, at: usize, touches: bool) -> bool {
        let token = self.tokens[at];
        let Some(next) = self.tokens.get(at + 1) else {
            return false;
        };
        let Some(behind) = self.significant(at + 1) else {
            return false;
        };
        let follows = self.tokens[behind].is_number() && !self.is_list_head(behind)
            || matches!(self.tokens[behind].word(), Some(Word::Open | Word::At))
            || matches!(self.tokens[behind].word(), Some(Word::Price | Word::Zone | Word::Filler));
        let clear = matches!(next.mark(), Some(b':' | b'=' | b')' | b'#' | b'@' | b'.' | b']'));
        if !follows || next.glued && matches!(next.kind, Kind::Word(_)) || next.is_mark(b'%') {
            return false;
        }
        if self.field == Field::Label(Label::Stop) {
            return clear && (touches || next.is_mark(b')'));
        }
        if touches || clear {
            return true;
        }
        let text = token.text(self.text);
        let expected = text.parse::<usize>().is_ok_and(|index| index == self.draft.targets.len() + 1);
        if expected && self.field == Field::Label(Label::Target) && self.draft.weak_index.is_none() {
            let span = token.span();
            self.draft.weak_index = text.parse().ok().map(|price| Priced { price, span });
        }
        expected
    }

    /// The next token that is no mark and no line end.
    fn significant(&self, from: usize) -> Option<usize> {
        const FARTHEST: usize = 12;
        (from..self.tokens.len()).take(FARTHEST).find(|at| {
            !matches!(self.tokens[*at].kind, Kind::Mark(_) | Kind::Newline) && !self.is_part_of_name(*at)
        })
    }

    /// A word joined to another one by `_`: a picture code that lost its colons.
    fn is_part_of_name(&self, at: usize) -> bool {
        let joins = |token: Option<&Token>| token.is_some_and(|token| token.glued && token.is_mark(b'_'));
        let behind = at > 0 && self.tokens[at].glued && self.tokens[at - 1].is_mark(b'_');
        matches!(self.tokens[at].kind, Kind::Word(_)) && (behind || joins(self.tokens.get(at + 1)))
    }

    /// The number begins a line as the number of a list: `2) 1.09`.
    fn is_list_head(&self, at: usize) -> bool {
        self.tokens[at].first && self.tokens.get(at + 1).is_some_and(|next| next.glued && next.is_mark(b')'))
    }

    /// Skips the number of a list: `1) 52000`, `1. BUY`, `33]`.
    pub(super) fn list_number(&self, at: usize) -> Option<usize> {
        let token = self.tokens[at];
        let digits = token.text(self.text);
        if digits.len() > LONGEST || digits.contains(['.', ',']) {
            return None;
        }
        let mark = self.tokens.get(at + 1).filter(|next| next.is_mark(b')') || next.glued)?.mark()?;
        let behind = self.tokens.get(at + 2);
        let listing =
            token.first || matches!(self.field, Field::Label(Label::Entry | Label::Stop | Label::Target));
        let skips = match mark {
            b')' | b']' => self.bracket.is_none() && listing,
            b'.' => token.first && behind.is_some_and(|next| !next.glued && next.kind != Kind::Newline),
            b'/' => token.first && behind.is_some_and(|next| matches!(next.kind, Kind::Word(_))),
            b':' | b'-' => {
                let count = self.draft.targets.len().max(self.draft.entries.len());
                let expected = digits.parse().is_ok_and(|index: usize| index <= count + 1);
                let listed = self.below && token.first && expected;
                listed && behind.is_some_and(|next| next.is_number() && !next.glued)
            }
            _ => false,
        };
        skips.then_some(at + 2)
    }

    /// Refuses an index that could be a target, where nothing tells them apart.
    pub(super) fn refuse_weak_index(&self) -> Result<(), SignalError> {
        let Some(index) = self.draft.weak_index else {
            return Ok(());
        };
        let coarse = self.draft.prices().all(|price| price.value().scale() < 2);
        let near = self.draft.prices().any(|price| {
            let (a, b) = (price.value(), index.price.value());
            a < b + b && b < a + a
        });
        if !(coarse && near) {
            return Ok(());
        }
        let detail = format!(
            "`{}` may be the number of the target or a target: write `TP{}:`.",
            index.price, index.price
        );
        Err(SignalError::at(ErrorCode::UnlabelledPrice, index.span, detail))
    }
}
