//! What the scan remembers between two tokens.

use super::super::Span;
use super::label::Label;

/// Which field the next number belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Nothing,
    Label(Label),
    /// The price behind side and symbol, without a label.
    Header,
}

/// Whether a value is still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waits {
    No,
    /// Nothing is missed if none comes.
    Maybe,
    /// The message is refused if none comes.
    Must,
}

/// What stands between two numbers of one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Between {
    Blank,
    Range,
    Comma,
    /// A bar or semicolon: the field has ended.
    Bar,
}

/// What the word before was, for words whose meaning hangs on their neighbor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    Nothing,
    Side,
    Symbol,
    Entry,
    /// `type:`, `direction:`.
    Kind,
    /// `pair:`.
    Pair,
    /// `trigger`.
    Trigger,
    Word,
}

/// The parts of a second header behind the prices of a first order.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Repeated {
    /// A stop loss or target was read behind the side.
    pub(super) protected: bool,
    /// The side behind a label or in brackets, which may only say again what was said.
    pub(super) side: Option<Span>,
    pub(super) symbol: Option<Span>,
}

/// A number that no label claims.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leftover {
    pub(super) at: usize,
    pub(super) line: usize,
}

/// A word that may be a stock's symbol.
#[derive(Debug, Clone, Copy)]
pub(super) struct Loose {
    pub(super) at: usize,
    pub(super) end: usize,
    /// Marked as a symbol, by a label or `$`.
    pub(super) marked: bool,
}
