//! The signal language: text or JSON in, one [`Signal`] or one [`SignalError`] out.
//!
//! Two steps, never mixed: [`parse`] understands a message (pure language), [`admit`] applies what an
//! account asks of a signal before it may become an order.

mod admit;
mod error;
mod model;

pub use admit::{Admission, admit};
pub use error::{ErrorCode, SignalError, Span};
pub use model::{
    Amount, CancelSignal, CloseSignal, Entry, FieldSpan, ModifySignal, OrderSignal, Parsed, Signal, StopTo,
    Unit,
};
