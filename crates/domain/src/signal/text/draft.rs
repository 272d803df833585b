//! What has been read so far, before it is known to hold together.

use super::super::model::FieldSpan;
use super::super::{Amount, Distances, ErrorCode, SignalError, Span};
use crate::instrument::Instrument;
use crate::money::{Price, Quantity};
use crate::order::Side;

/// A price and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Priced {
    pub(in super::super) price: Price,
    pub(in super::super) span: Span,
}

/// How an order fills, as the message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Manner {
    Limit,
    Stop,
    Market,
    /// Once the price rises above the entry.
    Above,
    /// Once it falls below.
    Below,
}

/// How several entry prices belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in super::super) enum Joined {
    #[default]
    List,
    Zone,
}

/// The fields of an order as they are found.
#[derive(Debug, Default)]
pub(in super::super) struct Draft {
    pub(in super::super) side: Option<(Side, Span)>,
    pub(in super::super) instrument: Option<(Instrument, Span)>,
    pub(in super::super) manner: Option<(Manner, Span)>,
    pub(in super::super) entries: Vec<Priced>,
    pub(in super::super) joined: Joined,
    pub(in super::super) stop_loss: Option<Priced>,
    pub(in super::super) targets: Vec<Priced>,
    pub(in super::super) quantity: Option<(Amount, Span)>,
    pub(in super::super) risk: Option<(Amount, Span)>,
    pub(in super::super) leverage: Option<(Quantity, Span)>,
    pub(in super::super) distances: Distances,
    pub(in super::super) notes: Vec<String>,
    /// A number taken for the index of a target that could be a target itself.
    pub(in super::super) weak_index: Option<Priced>,
}

impl Draft {
    /// Sets the side; a second one that differs refuses the message.
    pub(in super::super) fn set_side(&mut self, side: Side, span: Span) -> Result<(), SignalError> {
        match self.side {
            Some((first, _)) if first != side => Err(SignalError::at(
                ErrorCode::SeveralOrders,
                span,
                "The message both buys and sells: send one instruction a message.",
            )),
            Some(_) => Ok(()),
            None => {
                self.side = Some((side, span));
                Ok(())
            }
        }
    }

    /// Sets the instrument; a second one that differs refuses the message.
    pub(in super::super) fn set_instrument(
        &mut self,
        instrument: Instrument,
        span: Span,
    ) -> Result<(), SignalError> {
        match &self.instrument {
            Some((first, _)) if *first == instrument => Ok(()),
            Some((first, _)) => Err(SignalError::at(
                ErrorCode::SeveralOrders,
                span,
                format!("The message names {first} and {instrument}: send one instruction a message."),
            )),
            None => {
                self.instrument = Some((instrument, span));
                Ok(())
            }
        }
    }

    /// Sets how the order fills; two ways refuse the message.
    pub(in super::super) fn set_manner(&mut self, manner: Manner, span: Span) -> Result<(), SignalError> {
        match self.manner {
            Some((first, _)) if first != manner => Err(SignalError::at(
                ErrorCode::Contradiction,
                span,
                "The message asks for two ways to fill one order.",
            )),
            Some(_) => Ok(()),
            None => {
                self.manner = Some((manner, span));
                Ok(())
            }
        }
    }

    /// Sets the stop loss; a second one that differs refuses the message.
    pub(in super::super) fn set_stop(&mut self, found: Priced) -> Result<(), SignalError> {
        match self.stop_loss {
            Some(first) if first.price.value() != found.price.value() => Err(SignalError::at(
                ErrorCode::DuplicateField,
                found.span,
                format!("A second stop loss, {}, beside {}.", found.price, first.price),
            )),
            Some(_) => Ok(()),
            None => {
                self.stop_loss = Some(found);
                Ok(())
            }
        }
    }

    /// Every price, for judging whether another number looks like one.
    pub(in super::super) fn prices(&self) -> impl Iterator<Item = Price> {
        self.entries.iter().chain(&self.stop_loss).chain(&self.targets).map(|priced| priced.price)
    }
}

/// The place of a field.
pub(in super::super) fn place(field: impl Into<String>, span: Span) -> FieldSpan {
    FieldSpan { field: field.into(), span }
}
