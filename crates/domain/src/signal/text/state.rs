//! What the scan remembers between two tokens.

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
