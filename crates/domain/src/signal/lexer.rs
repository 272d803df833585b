//! Text into tokens, in one pass.
//!
//! Nothing is decided here that needs context, save what must never reach the grammar: links, mentions and
//! picture codes. Pictures themselves vanish; they separate what stands left and right of them.

use super::fold::{self, KEYCAP};
use super::token::{Kind, Token};
use super::words::{self, Word};

/// How far a `:picture_code:` is looked for.
const LONGEST_CODE: usize = 48;

/// Ends of addresses that people write without `https://`.
const DOMAINS: [&[u8]; 7] = [b".me/", b".com", b".gg/", b".ly/", b".io/", b".net/", b".org"];

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    tokens: Vec<Token>,
    /// Nothing but tokens since the last one.
    glued: bool,
    /// Nothing on this line yet.
    first: bool,
}

/// Cuts a text into tokens.
pub(super) fn lex(text: &str) -> Vec<Token> {
    let mut lexer =
        Lexer { text, at: 0, tokens: Vec::with_capacity(text.len() / 4 + 8), glued: false, first: true };
    while let Some(c) = lexer.peek() {
        lexer.step(c);
    }
    lexer.tokens
}

impl Lexer<'_> {
    fn peek(&self) -> Option<char> {
        let byte = *self.text.as_bytes().get(self.at)?;
        if byte.is_ascii() { Some(char::from(byte)) } else { self.text[self.at..].chars().next() }
    }

    fn push(&mut self, kind: Kind, start: usize) {
        self.tokens.push(Token {
            kind,
            start: start as u32,
            end: self.at as u32,
            glued: self.glued,
            first: self.first,
        });
        self.glued = kind != Kind::Newline;
        self.first = kind == Kind::Newline;
    }

    fn step(&mut self, c: char) {
        let folded = fold::fold(c);
        let start = self.at;
        if folded.is_ascii_alphabetic() {
            self.word();
        } else if fold::digit(c).is_some() {
            self.number();
        } else if matches!(folded, '\n' | '\r' | '\u{b}' | '\u{c}') {
            self.at += c.len_utf8();
            if folded == '\r' && self.peek() == Some('\n') {
                self.at += 1;
            }
            self.push(Kind::Newline, start);
        } else if folded == ' ' || folded == '\t' {
            self.at += c.len_utf8();
            self.glued = false;
        } else if folded.is_ascii_punctuation() {
            self.punctuation(folded, c);
        } else if fold::is_invisible(c) {
            self.at += c.len_utf8();
        } else if c.is_alphabetic() && !fold::is_picture(c) {
            self.word();
        } else if c.is_numeric() && !fold::is_picture(c) {
            self.at += c.len_utf8();
            self.push(Kind::Broken, start);
        } else {
            self.at += c.len_utf8();
            self.glued = false;
        }
    }

    /// Letters of one kind; a letter that is not Latin makes the whole word foreign.
    fn word(&mut self) {
        let start = self.at;
        let mut folded = [0u8; words::LONGEST];
        let (mut length, mut foreign) = (0, false);
        while let Some(c) = self.peek() {
            let letter = fold::fold(c);
            if letter.is_ascii_alphabetic() {
                if let Some(slot) = folded.get_mut(length) {
                    *slot = letter as u8;
                }
                length += 1;
            } else if letter.is_ascii() {
                break;
            } else if fold::is_combining(c) || c.is_alphabetic() && !fold::is_picture(c) {
                foreign = true;
            } else if !fold::is_invisible(c) {
                break;
            }
            self.at += c.len_utf8();
        }
        let known = folded.get(..length).and_then(|word| std::str::from_utf8(word).ok());
        let word = known.map_or(Word::Other, words::look_up);
        if !foreign && matches!(word, Word::Other | Word::LetterT) && self.link(start) {
            return;
        }
        self.push(if foreign { Kind::Foreign } else { Kind::Word(word) }, start);
    }

    /// Skips a link that begins with the word at `start`.
    fn link(&mut self, start: usize) -> bool {
        let word = &self.text.as_bytes()[start..self.at];
        let rest = &self.text.as_bytes()[self.at..];
        let scheme = rest.starts_with(b"://");
        let bare = word.eq_ignore_ascii_case(b"www") && rest.starts_with(b".")
            || DOMAINS.iter().any(|domain| rest.starts_with(domain));
        if scheme || bare {
            self.skip_to_blank();
        }
        scheme || bare
    }

    fn skip_to_blank(&mut self) {
        while let Some(c) = self.peek() {
            if fold::fold(c).is_whitespace() {
                break;
            }
            self.at += c.len_utf8();
        }
        self.glued = false;
    }

    /// Digits of one script, with single points and commas between digits.
    fn number(&mut self) {
        let start = self.at;
        let (mut script, mut broken) = (None, false);
        while let Some(c) = self.peek() {
            if let Some((_, zero)) = fold::digit(c) {
                broken |= script.is_some_and(|script| script != zero);
                script = Some(zero);
                self.at += c.len_utf8();
            } else if matches!(fold::fold(c), '.' | ',') && self.digit_behind(c) {
                self.at += c.len_utf8();
            } else if fold::is_invisible(c) && self.digit_behind(c) {
                broken = true;
                self.at += c.len_utf8();
            } else {
                break;
            }
        }
        let kind = if broken {
            Kind::Broken
        } else if self.keycap() {
            Kind::Keycap
        } else {
            Kind::Number
        };
        self.push(kind, start);
    }

    fn digit_behind(&self, c: char) -> bool {
        let next = self.text[self.at + c.len_utf8()..].chars().next();
        next.is_some_and(|next| fold::digit(next).is_some())
    }

    /// Takes the key around a digit, with or without the variation selector before it.
    fn keycap(&mut self) -> bool {
        let rest = &self.text[self.at..];
        let plain = rest.strip_prefix('\u{FE0F}').unwrap_or(rest);
        if !plain.starts_with(KEYCAP) {
            return false;
        }
        self.at = self.text.len() - plain.len() + KEYCAP.len_utf8();
        true
    }

    fn punctuation(&mut self, folded: char, c: char) {
        let start = self.at;
        self.at += c.len_utf8();
        match folded {
            '.' if self.leading_point() => {
                self.number();
                if let Some(number) = self.tokens.last_mut() {
                    number.start = start as u32;
                }
            }
            '@' if self.mention() => {
                self.skip_to_blank();
                self.push(Kind::Foreign, start);
                self.glued = false;
            }
            ':' if self.picture_code() => {}
            '<' if self.text[self.at..].starts_with('@') => self.skip_to_blank(),
            _ => self.push(Kind::Mark(folded as u8), start),
        }
    }

    /// `.7` behind a blank or a mark; `SL.7` and `..7` are fillers before a number.
    fn leading_point(&self) -> bool {
        let behind = self.peek().is_some_and(|c| fold::digit(c).is_some());
        let filler = self.glued
            && self.tokens.last().is_some_and(|token| match token.kind {
                Kind::Mark(mark) => mark == b'.',
                Kind::Word(_) | Kind::Foreign => true,
                Kind::Number | Kind::Broken | Kind::Keycap | Kind::Newline => false,
            });
        behind && !filler
    }

    /// `@name`, unless the name is a word of the language: `@market`.
    fn mention(&self) -> bool {
        let rest = &self.text[self.at..];
        let letters = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        letters > 0 && words::look_up(&rest[..letters.min(words::LONGEST + 1)]) == Word::Other
    }

    /// `:chart_with_upwards_trend:`, unless it names a word of the language.
    fn picture_code(&mut self) -> bool {
        let rest = &self.text.as_bytes()[self.at..];
        let code = rest
            .iter()
            .take(LONGEST_CODE)
            .take_while(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
            .count();
        let closed = code > 1 && rest.get(code) == Some(&b':') && rest[0].is_ascii_lowercase();
        if !closed || words::look_up(&self.text[self.at..self.at + code]) != Word::Other {
            return false;
        }
        self.at += code + 1;
        self.glued = false;
        true
    }
}

#[cfg(test)]
mod tests;
