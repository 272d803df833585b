//! A second order in one message: merged with the first, it would be an order that nobody gave.

use super::super::token::Kind;
use super::super::{ErrorCode, SignalError, Span};
use super::label::Label;
use super::scan::{Before, Scan};
use crate::money::Price;

impl Scan<'_> {
    /// A stop loss or target has its value. Behind the side it closes the header: a title may repeat the header
    /// before it, but a header behind it begins a second order.
    pub(super) fn protect(&mut self) {
        self.repeated.protected |= self.draft.side.is_some();
    }

    /// The side once more. Behind a label, or in brackets, it may describe the order that was read; with the symbol
    /// beside it, or anywhere else, it gives another one.
    pub(super) fn repeat_side(&mut self, at: usize) -> Result<(), SignalError> {
        if !self.repeated.protected {
            return Ok(());
        }
        let span = self.tokens[at].span();
        let describes = self.before == Before::Kind || self.bracket.is_some();
        if !describes || self.repeated.symbol.is_some() || self.is_before_symbol(at) {
            return Err(second_order(span));
        }
        self.repeated.side = self.repeated.side.or(Some(span));
        Ok(())
    }

    /// The symbol once more: alone it is a tag, with a side once more it is a header.
    pub(super) fn repeat_symbol(&mut self, span: Span) -> Result<(), SignalError> {
        if !self.repeated.protected {
            return Ok(());
        }
        self.repeated.symbol = self.repeated.symbol.or(Some(span));
        self.repeated.side.map_or(Ok(()), |side| Err(second_order(side)))
    }

    /// A further stop loss behind a further symbol or side, or a further target behind a further side: what looked
    /// like a tag was a header.
    pub(super) fn refuse_second_prices(&self, label: Label) -> Result<(), SignalError> {
        let stop = label == Label::Stop && self.draft.stop_loss.is_some();
        let target = label == Label::Target && !self.draft.targets.is_empty();
        let header = self.repeated.side.filter(|_| stop || target).or(self.repeated.symbol.filter(|_| stop));
        header.map_or(Ok(()), |span| Err(second_order(span)))
    }

    /// Whether a target repeats an earlier one, number and price: `TP1 180 … TP1 180`. Two numbers at one price are two.
    pub(super) fn is_echo(&mut self, price: Price) -> bool {
        let Some(index) = self.counted.take() else {
            return false;
        };
        let same = |(counted, known): &(u8, Price)| *counted == index && known.value() == price.value();
        let echo = self.numbered.iter().any(same);
        self.numbered.push((index, price));
        echo
    }

    fn is_before_symbol(&self, at: usize) -> bool {
        const FARTHEST: usize = 4;
        (at + 1..self.tokens.len())
            .take(FARTHEST)
            .find(|next| !matches!(self.tokens[*next].kind, Kind::Mark(_)))
            .is_some_and(|next| self.symbols().at(next).is_some())
    }
}

fn second_order(span: Span) -> SignalError {
    let detail =
        "A second order begins here, behind the prices of the first: send one instruction a message.";
    SignalError::at(ErrorCode::SeveralOrders, span, detail)
}
