//! Values of alerts into the fields of a draft.

use super::super::text::draft::{Draft, Manner, Priced, place};
use super::super::text::{command_build, finish};
use super::super::{
    Amount, CancelSignal, CloseSignal, ErrorCode, ModifySignal, Parsed, Signal, SignalError, Span, Unit,
    number,
};
pub(super) use super::action::{Action, action, instrument};
use super::fields::Scalar;
use crate::instrument::Instrument;
use crate::money::{Price, Quantity};
use crate::order::Side;

/// A price.
pub(super) fn price(value: &Scalar<'_>) -> Result<Priced, SignalError> {
    let text = value.text.trim();
    let price: Price = number::read(text, value.span)?;
    Ok(Priced { price, span: value.span })
}

/// Whether a value is a zero: several dialects mean "none" by it.
pub(super) fn is_zero(value: &Scalar<'_>) -> bool {
    let text = value.text.trim();
    text.contains('0') && text.bytes().all(|b| matches!(b, b'0' | b'.'))
}

/// A quantity, with a `%` or `$` behind it or a unit that the dialect gives.
pub(super) fn amount(value: &Scalar<'_>, unit: Unit) -> Result<Amount, SignalError> {
    let text = value.text.trim();
    let (text, unit) = match (text.strip_suffix('%'), text.strip_suffix('$')) {
        (Some(percent), _) => (percent, Unit::Percent),
        (None, Some(money)) => (money, Unit::Usd),
        (None, None) => (text, unit),
    };
    let value: Quantity = number::read(text.trim(), value.span)?;
    Ok(Amount { value, unit })
}

/// An order under construction, with what it needs to be finished.
pub(super) struct Builder {
    pub(super) draft: Draft,
}

impl Builder {
    pub(super) fn new(side: Side, action: Span, instrument: Instrument, symbol: Span) -> Self {
        let draft =
            Draft { side: Some((side, action)), instrument: Some((instrument, symbol)), ..Draft::default() };
        Self { draft }
    }

    pub(super) fn note(&mut self, note: impl Into<String>) {
        self.draft.notes.push(note.into());
    }

    pub(super) fn manner(&mut self, manner: Manner, span: Span) -> Result<(), SignalError> {
        self.draft.set_manner(manner, span)
    }

    pub(super) fn quantity(&mut self, amount: Amount, span: Span) -> Result<(), SignalError> {
        if self.draft.quantity.is_some() || self.draft.risk.is_some() {
            let detail = "Two sizes for one order.";
            return Err(SignalError::at(ErrorCode::Contradiction, span, detail));
        }
        self.draft.quantity = Some((amount, span));
        Ok(())
    }

    pub(super) fn risk(&mut self, amount: Amount, span: Span) -> Result<(), SignalError> {
        if self.draft.quantity.is_some() || self.draft.risk.is_some() {
            let detail = "Two sizes for one order.";
            return Err(SignalError::at(ErrorCode::Contradiction, span, detail));
        }
        self.draft.risk = Some((amount, span));
        Ok(())
    }

    /// Checks the prices and builds the order.
    pub(super) fn finish(self) -> Result<Parsed, SignalError> {
        finish(self.draft)
    }
}

/// A close of a part or the whole.
pub(super) fn close(
    symbol: (Instrument, Span),
    side: Option<Side>,
    part: Option<(Amount, Span)>,
) -> Result<Parsed, SignalError> {
    let (mut fraction, mut quantity) = (None, None);
    let mut spans = vec![place("instrument", symbol.1)];
    if let Some((part, span)) = part {
        if part.unit == Unit::Percent {
            let percent = number::read(&part.value.to_string(), span)?;
            fraction = command_build::fraction(percent, span)?;
            spans.push(place("fraction", span));
        } else {
            quantity = Some(part);
            spans.push(place("quantity", span));
        }
    }
    let signal = Signal::Close(CloseSignal {
        instrument: Some(symbol.0),
        side,
        fraction,
        quantity,
        notes: Vec::new(),
    });
    Ok(Parsed { signal, spans })
}

/// The part of a position that a close names.
pub(super) fn part(value: &Scalar<'_>, unit: Unit) -> Result<(Amount, Span), SignalError> {
    Ok((amount(value, unit)?, value.span))
}

/// A cancellation, of one order by its name or of all of the instrument.
pub(super) fn cancel(symbol: (Instrument, Span), side: Option<Side>, reference: Option<String>) -> Parsed {
    let spans = vec![place("instrument", symbol.1)];
    let signal =
        Signal::Cancel(CancelSignal { instrument: Some(symbol.0), side, reference, notes: Vec::new() });
    Parsed { signal, spans }
}

/// A change of stop loss and targets, from a draft that holds nothing else.
pub(super) fn modify(
    draft: Draft,
    symbol: (Instrument, Span),
    side: Option<Side>,
) -> Result<Parsed, SignalError> {
    if draft.stop_loss.is_none() && draft.targets.is_empty() && draft.distances.is_empty() {
        let detail = "The message does not say what is to change.";
        return Err(SignalError::whole(ErrorCode::ContextRequired, detail));
    }
    let mut spans = vec![place("instrument", symbol.1)];
    spans.extend(draft.stop_loss.map(|stop| place("stop_loss", stop.span)));
    for (index, target) in draft.targets.iter().enumerate() {
        spans.push(place(format!("take_profits[{index}]"), target.span));
    }
    let signal = Signal::Modify(ModifySignal {
        instrument: symbol.0,
        side,
        stop_loss: draft.stop_loss.map(|stop| stop.price),
        stop_loss_to: None,
        take_profits: draft.targets.iter().map(|target| target.price).collect(),
        distances: draft.distances,
        notes: draft.notes,
    });
    Ok(Parsed { signal, spans })
}

/// The required field of an alert.
pub(super) fn required<'a>(
    value: Option<Scalar<'a>>,
    code: ErrorCode,
    what: &str,
) -> Result<Scalar<'a>, SignalError> {
    value.ok_or_else(|| SignalError::whole(code, format!("The message names no {what}.")))
}
