//! The pieces that a text falls into.

use super::Span;
use super::words::Word;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Latin letters, after folding.
    Word(Word),
    /// A word with letters that are not Latin: it matches nothing.
    Foreign,
    /// Digits, with points and commas between them.
    Number,
    /// What looks like a number and must not be read: mixed scripts, hidden characters inside, fractions.
    Broken,
    /// A digit in a key, `1️⃣`: an index or a picture, never part of a price.
    Keycap,
    /// The end of a line.
    Newline,
    /// One punctuation character, folded.
    Mark(u8),
}

/// A token: its kind, its place, and whether it touches the token before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: u32,
    pub(super) end: u32,
    /// No blank and no picture stands between this token and the one before.
    pub(super) glued: bool,
    /// The first one on its line.
    pub(super) first: bool,
}

impl Token {
    pub(super) fn span(self) -> Span {
        Span { start: self.start as usize, end: self.end as usize }
    }

    pub(super) fn text(self, message: &str) -> &str {
        &message[self.start as usize..self.end as usize]
    }

    pub(super) fn word(self) -> Option<Word> {
        if let Kind::Word(word) = self.kind { Some(word) } else { None }
    }

    pub(super) fn mark(self) -> Option<u8> {
        if let Kind::Mark(mark) = self.kind { Some(mark) } else { None }
    }

    pub(super) fn is_mark(self, mark: u8) -> bool {
        self.kind == Kind::Mark(mark)
    }

    pub(super) fn is_number(self) -> bool {
        self.kind == Kind::Number
    }
}
