//! JSON with places: strict RFC 8259, literal numbers, no key twice, bounded depth.
//!
//! A general JSON library gives a number as a float and keeps one of two equal keys; both have placed wrong orders.

mod container;
mod string;

use std::borrow::Cow;

use super::limits::MAX_DEPTH;
use super::{ErrorCode, SignalError, Span};

/// A value and where it stands; the place of a string is that of its characters, without the quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node<'a> {
    pub(super) value: Value<'a>,
    pub(super) span: Span,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Null,
    Flag(bool),
    /// The literal digits.
    Number(&'a str),
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Object(Vec<(Node<'a>, Node<'a>)>),
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

/// Reads a whole text as one value.
pub(super) fn read(text: &str) -> Result<Node<'_>, SignalError> {
    let mut reader = Reader { text, at: text.len() - text.trim_start_matches('\u{feff}').len() };
    reader.blanks();
    let node = reader.value(0)?;
    reader.blanks();
    if reader.at < text.len() {
        return Err(reader.unexpected("the end of the message"));
    }
    Ok(node)
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Refuses what stands here; a template variable without quotes is the sender's likeliest slip.
    fn unexpected(&self, wanted: &str) -> SignalError {
        let length = self.text[self.at..].chars().next().map_or(0, char::len_utf8);
        let span = Span { start: self.at, end: self.at + length };
        if self.text[self.at..].starts_with("{{")
            || self.at > 0 && self.text.as_bytes()[self.at - 1..].starts_with(b"{{")
        {
            let detail = "The message still holds a template variable: its sender did not fill it in.";
            return SignalError::at(ErrorCode::UnfilledPlaceholder, span, detail);
        }
        let found = &self.text[self.at..self.at + length];
        let detail = if found.is_empty() {
            format!("The JSON ends where {wanted} is expected.")
        } else {
            format!("This is no JSON: `{}` stands where {wanted} is expected.", found.escape_debug())
        };
        SignalError::at(ErrorCode::BadJson, span, detail)
    }

    fn value(&mut self, depth: usize) -> Result<Node<'a>, SignalError> {
        let start = self.at;
        if depth > MAX_DEPTH {
            let length = self.text[start..].chars().next().map_or(0, char::len_utf8);
            let span = Span { start, end: start + length };
            let detail = format!("The JSON is nested more than {MAX_DEPTH} deep.");
            return Err(SignalError::at(ErrorCode::TooLarge, span, detail));
        }
        let value = match self.peek() {
            Some(b'{') => return self.object(depth),
            Some(b'[') => return self.list(depth),
            Some(b'"') => return self.string(),
            Some(b'-' | b'0'..=b'9') => Value::Number(self.number()?),
            Some(b't') => self.word("true", Value::Flag(true))?,
            Some(b'f') => self.word("false", Value::Flag(false))?,
            Some(b'n') => self.word("null", Value::Null)?,
            _ => return Err(self.unexpected("a value")),
        };
        Ok(Node { value, span: Span { start, end: self.at } })
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>, SignalError> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.unexpected("a value"));
        }
        self.at += word.len();
        Ok(value)
    }

    /// `-?int[.digits][e[+-]digits]`, as RFC 8259 has it; what a price may be is decided later.
    fn number(&mut self) -> Result<&'a str, SignalError> {
        let start = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(self.unexpected("a digit")),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.some_digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.some_digits()?;
        }
        Ok(&self.text[start..self.at])
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn some_digits(&mut self) -> Result<(), SignalError> {
        let start = self.at;
        self.digits();
        if self.at == start { Err(self.unexpected("a digit")) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
