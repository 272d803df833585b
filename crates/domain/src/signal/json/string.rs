//! Strings and their escapes.

use std::borrow::Cow;

use super::{Node, Reader, Value};
use crate::signal::limits::lost_characters;
use crate::signal::{SignalError, Span};

impl<'a> Reader<'a> {
    /// A string; borrowed unless it has escapes.
    pub(super) fn string(&mut self) -> Result<Node<'a>, SignalError> {
        self.at += 1;
        let start = self.at;
        let mut copied: Option<String> = None;
        let mut from = start;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    let text = copied.get_or_insert_default();
                    text.push_str(&self.text[from..self.at]);
                    self.at += 1;
                    let escape = self.at - 1;
                    let c = self.escape()?;
                    if c == char::REPLACEMENT_CHARACTER {
                        return Err(lost_characters(Span { start: escape, end: self.at }));
                    }
                    copied.get_or_insert_default().push(c);
                    from = self.at;
                }
                Some(b) if b >= 0x20 => self.at += 1,
                _ => return Err(self.unexpected("the end of the string")),
            }
        }
        let span = Span { start, end: self.at };
        let text = match copied {
            Some(mut text) => {
                text.push_str(&self.text[from..self.at]);
                Cow::Owned(text)
            }
            None => Cow::Borrowed(&self.text[start..self.at]),
        };
        self.at += 1;
        Ok(Node { value: Value::Text(text), span })
    }

    fn escape(&mut self) -> Result<char, SignalError> {
        let c = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(self.unexpected("an escape")),
        };
        self.at += 1;
        Ok(c)
    }

    /// `\u` and four hexadecimal digits; two of them for a character beyond the first plane.
    fn unicode_escape(&mut self) -> Result<char, SignalError> {
        let first = self.hex()?;
        if !(0xD800..0xDC00).contains(&first) {
            return char::from_u32(first).ok_or_else(|| self.unexpected("half a pair that stands first"));
        }
        if !self.text[self.at..].starts_with("\\u") {
            return Err(self.unexpected("the second half of a pair"));
        }
        self.at += 1;
        let second = self.hex()?;
        if !(0xDC00..0xE000).contains(&second) {
            return Err(self.unexpected("the second half of a pair"));
        }
        let code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
        char::from_u32(code).ok_or_else(|| self.unexpected("a character"))
    }

    fn hex(&mut self) -> Result<u32, SignalError> {
        self.at += 1;
        let digits = self.text.as_bytes().get(self.at..self.at + 4);
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let plain = digits.filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = plain.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let code = code.ok_or_else(|| self.unexpected("four hexadecimal digits"))?;
        self.at += 4;
        Ok(code)
    }
}
