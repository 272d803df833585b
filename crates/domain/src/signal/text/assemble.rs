//! Whether what was read is an order, or the reason why it is none.

use super::super::symbol;
use super::super::token::Kind;
use super::super::{ErrorCode, Parsed, SignalError, check, suggest};
use super::build::{modify, order};
use super::scan::{Leftover, Scan};
use crate::money::Price;

impl Scan<'_> {
    /// Refuses or builds the order.
    pub(super) fn assemble(mut self) -> Result<Parsed, SignalError> {
        self.refuse_caption()?;
        self.settle_ticker()?;
        self.refuse_silence()?;
        let Some((side, _)) = self.draft.side else {
            return Err(self.no_side());
        };
        if self.draft.instrument.is_none() {
            return Err(self.no_instrument());
        }
        for leftover in &self.leftovers {
            self.judge(*leftover)?;
        }
        self.refuse_rival()?;
        self.refuse_weak_index()?;
        check::check(&self.draft, side)?;
        if self.survey.modifies {
            return modify(self.draft);
        }
        order(self.draft)
    }

    /// Takes a word beside the side as a stock's symbol, where nothing else in the message is unknown.
    fn settle_ticker(&mut self) -> Result<(), SignalError> {
        let Some(loose) = self.loose.filter(|_| self.draft.instrument.is_none()) else {
            return Ok(());
        };
        let span = self.tokens[loose.at].span().to(self.tokens[loose.end - 1].span());
        let written = &self.text[span.start..span.end];
        if (loose.marked || self.others == 1)
            && let Some(instrument) = symbol::resolve(written, self.reading)
        {
            return self.draft.set_instrument(instrument, span);
        }
        let detail = format!("`{written}` is no instrument that is known here.");
        Err(SignalError::at(ErrorCode::UnknownInstrument, span, detail))
    }

    /// A message without side, label and price asks for nothing.
    fn refuse_silence(&self) -> Result<(), SignalError> {
        let draft = &self.draft;
        let speaks = draft.side.is_some() || draft.stop_loss.is_some() || !draft.targets.is_empty();
        if speaks || !draft.entries.is_empty() && draft.instrument.is_some() {
            return Ok(());
        }
        Err(SignalError::whole(ErrorCode::NoSignal, "The message asks for nothing."))
    }

    fn no_instrument(&self) -> SignalError {
        let Some(span) = self.torn_venue else {
            return SignalError::whole(ErrorCode::NoInstrument, "The message names no instrument.");
        };
        let written = &self.text[span.start..span.end];
        let joined: String = written.split_whitespace().collect();
        let detail = format!("`{written}` is not read as one symbol: write `{joined}`.");
        SignalError::at(ErrorCode::NoInstrument, span, detail)
    }

    fn no_side(&self) -> SignalError {
        let Some(at) = self.beside else {
            return SignalError::whole(ErrorCode::NoSide, "The message neither buys nor sells.");
        };
        let word = self.tokens[at].text(self.text);
        let hint = suggest::side(word).map_or(String::new(), |side| format!(" Did you mean `{side}`?"));
        let detail = format!("`{word}` is no action: orders buy or sell.{hint}");
        SignalError::at(ErrorCode::UnknownAction, self.tokens[at].span(), detail)
    }

    /// A number without a label is harmless only in a line of prose, and far from every price.
    fn judge(&self, leftover: Leftover) -> Result<(), SignalError> {
        let token = self.tokens[leftover.at];
        let line = self.survey.lines.get(leftover.line).copied().unwrap_or_default();
        let numbered = leftover.at > 0 && token.glued && self.tokens[leftover.at - 1].is_mark(b'#');
        let prose = numbered || line.words > 1 && !line.speaks;
        let written = token.text(self.text);
        let value: Option<Price> = written.parse().ok();
        let far = value.is_some_and(|value| {
            let value = value.value();
            self.draft.prices().all(|price| {
                let price = price.value();
                value + value <= price || price + price <= value
            })
        });
        if prose && far {
            return Ok(());
        }
        let before = leftover.at.checked_sub(1).map(|before| self.tokens[before]);
        let before = before
            .filter(|token| !token.is_mark(b':'))
            .or_else(|| leftover.at.checked_sub(2).map(|at| self.tokens[at]));
        let label =
            before.filter(|token| matches!(token.kind, Kind::Word(_))).map(|token| token.text(self.text));
        let hint = label
            .and_then(suggest::label)
            .map_or(String::new(), |label| format!(" Did you mean `{label} {written}`?"));
        let detail = format!("No label says what `{written}` is.{hint}");
        Err(SignalError::at(ErrorCode::UnlabelledPrice, token.span(), detail))
    }
}
