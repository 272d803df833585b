//! The signal language: text or JSON in, one [`Signal`] or one [`SignalError`] out.
//!
//! Two steps, never mixed: [`parse`] understands a message (pure language), [`admit()`] applies what an
//! account asks of a signal before it may become an order.

mod admit;
mod check;
mod dialect;
mod error;
mod fold;
mod format;
mod json;
mod lexer;
pub mod limits;
mod model;
mod number;
mod suggest;
mod symbol;
mod text;
mod token;
mod words;

use std::collections::BTreeMap;

pub use admit::{Admission, admit};
pub use error::{ErrorCode, ErrorView, SignalError, Span};
pub use format::{Format, UnknownFormat};
pub use model::{
    Amount, CancelSignal, CloseSignal, Distances, Entry, FieldSpan, ModifySignal, OrderSignal, Parsed,
    Signal, StopTo, Unit,
};

use crate::instrument::Instrument;

/// What an account's policy changes about the reading of a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reading {
    /// Names that stand for an instrument, in capitals, before the table that everybody has.
    pub aliases: BTreeMap<String, Instrument>,
    /// The account's senders write `3663,10`.
    pub decimal_comma: bool,
}

/// Reads one message: an instruction, or the reason why it is none.
///
/// Pure and total: no input makes a panic, and the work grows linearly with the length of the message. What an
/// account asks of a signal beyond being understood is [`admit()`]'s business.
///
/// # Errors
/// A code, a sentence, and where one place is to blame its bytes in `text`.
pub fn parse(text: &str, format: Format, reading: &Reading) -> Result<Parsed, SignalError> {
    limits::check_bytes(text)?;
    dialect::parse(text, format, reading)
}

#[cfg(test)]
mod tests;
