//! What a command comes to, once all its words are known.

use rust_decimal::Decimal;

use super::super::{
    CancelSignal, CloseSignal, Distances, ErrorCode, ModifySignal, Parsed, Signal, SignalError, Span,
};
use super::command::Command;
use super::draft::place;
use crate::instrument::Instrument;
use crate::money::{Price, Quantity};

impl Command {
    /// Builds the one command that the words make, or refuses.
    pub(super) fn build(self, strange: Option<(&str, Span)>) -> Result<Parsed, SignalError> {
        let Some((instrument, span)) = self.instrument.clone() else {
            let detail = "Name the instrument whose orders are meant: a command reaches no order by itself.";
            return Err(SignalError::whole(ErrorCode::ContextRequired, detail));
        };
        if let Some((word, span)) = strange {
            let detail = format!("`{word}` has no place in a command about open orders.");
            return Err(SignalError::at(ErrorCode::UnknownAction, span, detail));
        }
        if let (None, None, Some((_, span)), true) =
            (self.close, self.cancel, self.side, self.part.is_some() || self.partial.is_some())
        {
            let detail = "Does this open an order or close a part of one? Write `close`.";
            return Err(SignalError::at(ErrorCode::ContextRequired, span, detail));
        }
        let modifies = self.stop_loss.is_some() || self.stop_loss_to.is_some() || !self.targets.is_empty();
        let closes = self.close.is_some() || self.part.is_some() || self.partial.is_some();
        match (closes, self.cancel.is_some(), modifies) {
            (true, false, false) => self.close(instrument, span),
            (false, true, false) => Ok(self.cancel(instrument, span)),
            (false, false, true) => self.modify(instrument, span),
            (false, false, false) => {
                let detail = "The command does not say what is to change.";
                Err(SignalError::whole(ErrorCode::ContextRequired, detail))
            }
            _ => {
                let detail = "Two commands in one message: neither is carried out.";
                Err(SignalError::whole(ErrorCode::SeveralOrders, detail))
            }
        }
    }

    fn close(mut self, instrument: Instrument, span: Span) -> Result<Parsed, SignalError> {
        self.settle_side(&instrument)?;
        let mut spans = vec![place("instrument", span)];
        spans.extend(self.side.map(|(_, span)| place("side", span)));
        let fraction = match (self.part, self.partial) {
            (Some((part, span)), _) => {
                spans.push(place("fraction", span));
                fraction(part, span)?
            }
            (None, Some(span)) => {
                let detail = "How large a part is to be closed? Write `close half` or `close 30%`.";
                return Err(SignalError::at(ErrorCode::ContextRequired, span, detail));
            }
            (None, None) => None,
        };
        let side = self.side.map(|(side, _)| side);
        let signal = Signal::Close(CloseSignal {
            instrument: Some(instrument),
            side,
            fraction,
            quantity: None,
            notes: Vec::new(),
        });
        Ok(Parsed { signal, spans })
    }

    /// The side to close, where the message gives an action rather than the position that is open.
    fn settle_side(&mut self, instrument: &Instrument) -> Result<(), SignalError> {
        if let Some(span) = self.unclear {
            let detail = format!(
                "This may close what was opened on this side, or act in order to close the other: write `CLOSE {instrument}`."
            );
            return Err(SignalError::at(ErrorCode::ContextRequired, span, detail));
        }
        let Some(flat) = self.flat else {
            return Ok(());
        };
        if self.part.is_some() || self.partial.is_some() {
            let detail = format!("A part of a position does not leave it flat: write `CLOSE {instrument}`.");
            return Err(SignalError::at(ErrorCode::ContextRequired, flat, detail));
        }
        self.side = self.side.map(|(side, span)| (side.opposite(), span));
        Ok(())
    }

    fn cancel(self, instrument: Instrument, span: Span) -> Parsed {
        let mut spans = vec![place("instrument", span)];
        spans.extend(self.side.map(|(_, span)| place("side", span)));
        let signal = Signal::Cancel(CancelSignal {
            instrument: Some(instrument),
            side: self.side.map(|(side, _)| side),
            reference: None,
            notes: Vec::new(),
        });
        Parsed { signal, spans }
    }

    fn modify(self, instrument: Instrument, span: Span) -> Result<Parsed, SignalError> {
        if let (Some(stop), Some(_)) = (self.stop_loss, self.stop_loss_to) {
            let detail = "Two places for one stop loss.";
            return Err(SignalError::at(ErrorCode::DuplicateField, stop.span, detail));
        }
        let mut spans = vec![place("instrument", span)];
        spans.extend(self.side.map(|(_, span)| place("side", span)));
        spans.extend(self.stop_loss.map(|stop| place("stop_loss", stop.span)));
        spans.extend(self.stop_loss_to.map(|(_, span)| place("stop_loss_to", span)));
        for (index, target) in self.targets.iter().enumerate() {
            spans.push(place(format!("take_profits[{index}]"), target.span));
        }
        let signal = Signal::Modify(ModifySignal {
            instrument,
            side: self.side.map(|(side, _)| side),
            stop_loss: self.stop_loss.map(|stop| stop.price),
            stop_loss_to: self.stop_loss_to.map(|(to, _)| to),
            take_profits: self.targets.iter().map(|target| target.price).collect(),
            distances: Distances::default(),
            notes: Vec::new(),
        });
        Ok(Parsed { signal, spans })
    }
}

/// Hundredths into a fraction; all of it is no fraction.
pub(in super::super) fn fraction(percent: Price, span: Span) -> Result<Option<Quantity>, SignalError> {
    let hundred = Decimal::ONE_HUNDRED;
    if percent.value() > hundred {
        let detail = format!("{percent} percent of a position is more than all of it.");
        return Err(SignalError::at(ErrorCode::SizeCap, span, detail));
    }
    if percent.value() == hundred {
        return Ok(None);
    }
    let part = (percent.value() / hundred).normalize().to_string();
    part.parse()
        .map(Some)
        .map_err(|error| SignalError::at(ErrorCode::BadNumber, span, format!("`{percent}` {error}.")))
}
