//! Numbers: which field each belongs to, and what refuses it.

use super::super::number;
use super::super::token::{Kind, Token};
use super::super::{ErrorCode, SignalError, Span};
use super::draft::Priced;
use super::label::Label;
use super::remark::{Remark, remark_at};
use super::scan::{Between, Field, Leftover, Scan, Waits};
use crate::money::Price;

impl Scan<'_> {
    pub(super) fn number(&mut self, at: usize) -> Result<usize, SignalError> {
        let joined =
            self.tokens.get(at + 1).is_some_and(|next| next.glued && matches!(next.kind, Kind::Word(_)));
        if joined && let Some(found) = self.symbols().at(at) {
            return self.symbol(at, found);
        }
        if self.is_small_print() {
            return Ok(at + 1);
        }
        if let Some(next) = self.list_number(at) {
            return Ok(next);
        }
        match (self.field, self.waits) {
            (Field::Label(Label::Entry | Label::Stop | Label::Target) | Field::Header, Waits::Must) => {
                self.take(at)
            }
            (
                Field::Label(Label::Risk | Label::Lots | Label::Units | Label::Size | Label::Leverage),
                Waits::Maybe,
            ) => self.amount(at),
            (Field::Label(Label::Ignored), _) => Ok(at + 1),
            (Field::Label(Label::Reference), Waits::Maybe) => self.reference(at),
            (Field::Header, Waits::Maybe) => self.header_price(at),
            (Field::Header | Field::Label(Label::Entry | Label::Stop | Label::Target), Waits::No) => {
                self.another(at)
            }
            (Field::Nothing | Field::Label(_), _) => self.unclaimed(at),
        }
    }

    /// The price behind side and symbol.
    fn header_price(&mut self, at: usize) -> Result<usize, SignalError> {
        match remark_at(self.tokens, at, self.text) {
            Some((Remark::Money, _)) | None => self.take(at),
            Some((remark, next)) => self.remark(at, remark, next),
        }
    }

    /// A further number behind one that was taken.
    fn another(&mut self, at: usize) -> Result<usize, SignalError> {
        let target = self.field == Field::Label(Label::Target);
        match remark_at(self.tokens, at, self.text) {
            Some((Remark::Slashes, _)) if target => {}
            Some((remark, next)) => return self.remark(at, remark, next),
            None => {}
        }
        let below = self.below && self.on_line == 0;
        let listed = target || self.field == Field::Label(Label::Entry);
        let joined = matches!(self.between, Between::Range | Between::Comma);
        if self.field != Field::Label(Label::Stop) && (below || listed || joined) {
            return self.take(at);
        }
        let detail = "No label says what this number is.";
        Err(SignalError::at(ErrorCode::UnlabelledPrice, self.tokens[at].span(), detail))
    }

    /// A number that no label claims: a remark, or a leftover that is judged at the end.
    fn unclaimed(&mut self, at: usize) -> Result<usize, SignalError> {
        if let Some((remark, next)) = remark_at(self.tokens, at, self.text) {
            return self.remark(at, remark, next);
        }
        self.leftovers.push(Leftover { at, line: self.line });
        Ok(at + 1)
    }

    fn reference(&mut self, at: usize) -> Result<usize, SignalError> {
        let note = format!("quoted price {}", self.tokens[at].text(self.text));
        self.draft.notes.push(note);
        self.drop_field();
        Ok(at + 1)
    }

    /// Takes a number as the price of the current field.
    fn take(&mut self, at: usize) -> Result<usize, SignalError> {
        self.refuse_neighbors(at)?;
        let token = self.tokens[at];
        let (text, span) = (token.text(self.text), token.span());
        if !self.reading.decimal_comma && text.is_ascii() && !text.contains(',') {
            self.add(Priced { price: number::read(text, span)?, span })?;
        } else {
            for (price, span) in number::read_list::<Price>(text, span, self.reading.decimal_comma)? {
                self.add(Priced { price, span })?;
                self.between = Between::Comma;
            }
            self.between = Between::Blank;
        }
        self.waits = Waits::No;
        Ok(at + 1)
    }

    fn add(&mut self, priced: Priced) -> Result<(), SignalError> {
        if let Field::Label(label @ (Label::Stop | Label::Target)) = self.field {
            self.refuse_second_prices(label)?;
        }
        if self.field == Field::Label(Label::Stop) {
            if self.on_line > 0 {
                let detail = "A stop loss is one price.";
                return Err(SignalError::at(ErrorCode::UnlabelledPrice, priced.span, detail));
            }
            self.draft.set_stop(priced)?;
            self.protect();
            self.on_line += 1;
            if let Some((_, read)) = &mut self.bracket {
                *read = true;
            }
            return Ok(());
        }
        if self.field != Field::Label(Label::Target) && self.is_second_entry() {
            let first = self.draft.entries[0];
            if first.price.value() == priced.price.value() && self.draft.entries.len() == 1 {
                self.on_line += 1;
                return Ok(());
            }
            let detail = format!("A second entry price, {}, beside {}.", priced.price, first.price);
            return Err(SignalError::at(ErrorCode::SeveralOrders, priced.span, detail));
        }
        self.priced(priced);
        Ok(())
    }

    /// An entry price was read under another label.
    fn is_second_entry(&self) -> bool {
        let continues = self.on_line > 0 || self.below && self.waits == Waits::No || self.indexed;
        !self.draft.entries.is_empty() && !continues
    }

    pub(super) fn relative(&self, span: Span) -> SignalError {
        let written = &self.text[span.start..span.end];
        let detail = format!("`{written}` is a distance, and its reference is not known: give a price.");
        SignalError::at(ErrorCode::RelativePrice, span, detail)
    }

    pub(super) fn no_plain_number(&self, span: Span, why: &str) -> SignalError {
        let written = &self.text[span.start..span.end];
        SignalError::at(ErrorCode::BadNumber, span, format!("`{written}` {why}."))
    }

    /// A number with something hidden inside, or a sign for a fraction.
    pub(super) fn broken(&self, at: usize) -> SignalError {
        let why = "mixes digits of two scripts or hides a character, or is a sign for a fraction";
        let touching = at.checked_sub(1).filter(|_| self.tokens[at].glued).unwrap_or(at);
        self.no_plain_number(self.tokens[touching].span().to(self.tokens[at].span()), why)
    }

    /// A digit in a key is an index or a picture; touching a number it is neither.
    pub(super) fn keycap(&mut self, at: usize) -> Result<usize, SignalError> {
        let digit = |token: &Token| token.glued && !matches!(token.kind, Kind::Newline | Kind::Word(_));
        let touches = self
            .tokens
            .get(at + 1)
            .is_some_and(|next| digit(next) && !matches!(next.mark(), Some(b')' | b':' | b'-')));
        let behind = self.tokens[at].glued && at > 0 && self.tokens[at - 1].is_number();
        if touches || behind {
            return Err(self.no_plain_number(self.chunk(self.tokens[at].span()), "is no plain number"));
        }
        Ok(at + 1)
    }
}
