//! Which characters name an instrument.
//!
//! A symbol is known (a pair of currencies, a coin with its quote, an index, an alias) or it is not; none is
//! corrected by similarity. What is not known can still be a stock's symbol, and only the message around it says so
//! (`ticker`).

mod table;
mod venue;

use std::str::FromStr;

use super::token::{Kind, Token};
use super::words::Word;
use super::{Reading, Span};
use crate::instrument::{Instrument, MAX_SYMBOL_LENGTH};
pub(super) use venue::{is_caption, is_venue};

/// A symbol in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) instrument: Instrument,
    pub(super) span: Span,
    /// The token behind it.
    pub(super) next: usize,
}

/// Letters and digits without separators, upper case, in a fixed buffer: most words are no symbols, and
/// finding that out must cost no allocation.
#[derive(Clone, Copy)]
struct Core {
    bytes: [u8; MAX_SYMBOL_LENGTH],
    length: usize,
}

impl Core {
    const fn new() -> Self {
        Self { bytes: [0; MAX_SYMBOL_LENGTH], length: 0 }
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }

    /// `None` if it becomes too long to name anything.
    fn add(&mut self, text: &str) -> Option<()> {
        for c in text.chars() {
            let c = super::fold::fold(c);
            if c.is_ascii_alphanumeric() {
                *self.bytes.get_mut(self.length)? = c.to_ascii_uppercase() as u8;
                self.length += 1;
            } else if !super::fold::is_invisible(c) {
                return None;
            }
        }
        Some(())
    }
}

/// Tokens from which a symbol is read.
pub(super) struct Symbols<'a> {
    pub(super) text: &'a str,
    pub(super) tokens: &'a [Token],
    pub(super) reading: &'a Reading,
}

impl Symbols<'_> {
    /// The known symbol that begins at a token.
    pub(super) fn at(&self, start: usize) -> Option<Found> {
        let first = *self.tokens.get(start)?;
        if self.is_inside_a_name(start) {
            return None;
        }
        if self.is_venue(start) {
            return self.qualified(start);
        }
        let (core, end) = self.core(start)?;
        if core.length == first.text(self.text).len() && first.is_number() {
            return None;
        }
        self.joined_pair(&core, start, end)
            .or_else(|| self.single(&core, start, end))
            .filter(|found| self.is_closed(found, start))
    }

    /// The letters and digits that begin at a token, in capitals, if they may be a stock's symbol.
    pub(super) fn ticker_at(&self, start: usize) -> Option<usize> {
        let (core, end) = self.core(start)?;
        let written = &self.text[self.tokens[start].start as usize..self.tokens[end - 1].end as usize];
        (written == core.as_str() && is_ticker(written)).then_some(end)
    }

    /// `EUR/USD/JPY`: which two of the three are meant is not known. The place of all of them.
    pub(super) fn of_three_parts(&self, start: usize, found: &Found) -> Option<Span> {
        let written = &self.text[found.span.start..found.span.end];
        let joined = written.contains(|c: char| !c.is_ascii_alphanumeric());
        if let Some(before) = self.part_before(start) {
            return Some(self.tokens[before].span().to(found.span));
        }
        let mark = self.tokens.get(found.next)?;
        let behind = if mark.mark().is_some() { found.next + 1 } else { found.next };
        let third = *self.tokens.get(behind)?;
        let tight = mark.glued && third.glued;
        let text = third.text(self.text);
        let stands_alone = self.at(behind).is_some();
        let part = match mark.mark() {
            Some(b'/') => is_part(text) || tight && joined && third.kind == Kind::Word(Word::Other),
            Some(b'-' | b'_') => tight && is_part(text),
            None => joined && is(table::CURRENCIES, text),
            Some(_) => false,
        };
        (part && !stands_alone).then(|| found.span.to(third.span()))
    }

    /// A part of a pair that is joined to the token from the left.
    fn part_before(&self, start: usize) -> Option<usize> {
        let before = start.checked_sub(2)?;
        let mark = self.tokens[start - 1];
        let tight = mark.glued && self.tokens[start].glued;
        let joins = mark.is_mark(b'/') || tight && (mark.is_mark(b'-') || mark.is_mark(b'_'));
        (joins && is_part(self.tokens[before].text(self.text))).then_some(before)
    }

    /// `x_gold`, `BUY0BTC`: the tail of a name is no symbol.
    fn is_inside_a_name(&self, start: usize) -> bool {
        let letters = |token: Token| match token.kind {
            Kind::Word(_) | Kind::Foreign | Kind::Number | Kind::Broken | Kind::Keycap => true,
            Kind::Newline | Kind::Mark(_) => false,
        };
        let Some(before) =
            start.checked_sub(1).map(|before| self.tokens[before]).filter(|_| self.tokens[start].glued)
        else {
            return false;
        };
        let joined = matches!(before.mark(), Some(b'_' | b'.')) && before.glued;
        letters(before) || joined && start > 1 && letters(self.tokens[start - 2])
    }

    /// Letters and digits that touch each other, from a token on.
    fn core(&self, start: usize) -> Option<(Core, usize)> {
        let mut core = Core::new();
        let mut end = start;
        for token in &self.tokens[start..] {
            let part = match token.kind {
                Kind::Word(_) => true,
                Kind::Number => !token.text(self.text).contains(['.', ',']),
                Kind::Foreign | Kind::Broken | Kind::Keycap | Kind::Newline | Kind::Mark(_) => false,
            };
            if !part || end > start && !token.glued {
                break;
            }
            core.add(token.text(self.text))?;
            end += 1;
        }
        (core.length > 0).then_some((core, end))
    }

    /// `EUR/USD`, `BTC-USDT`, `EUR / USD`, `EUR USD`, `BTC/USDT:USDT`, `BTC-USDT-SWAP`.
    fn joined_pair(&self, base: &Core, start: usize, end: usize) -> Option<Found> {
        let mark = self.tokens.get(end)?;
        let behind = match mark.mark() {
            Some(b'/') => end + 1,
            Some(b'-' | b'_') if mark.glued && self.tokens.get(end + 1)?.glued => end + 1,
            None if !mark.glued => end,
            _ => return None,
        };
        let separated = behind == end || !mark.glued || !self.tokens.get(behind)?.glued;
        let (quote, mut next) = self.core(behind)?;
        let (b, q) = (base.as_str(), quote.as_str());
        let fiat = (is(table::CURRENCIES, b) || is(table::METALS, b)) && is(table::CURRENCIES, q);
        let coin = is(table::COIN_QUOTES, q) && (!is_word(b) || is_coin(b)) && counts_plainly(b)
            || is_coin(b) && (is(table::CURRENCIES, q) || is_coin(q));
        if !fiat && (separated && behind == end || !coin) {
            return None;
        }
        let mut core = *base;
        core.add(q)?;
        next = self.settlement(next);
        self.found(core.as_str(), start, next)
    }

    /// Skips the settlement behind a pair: `:USDT`, `-SWAP`, `.P`.
    fn settlement(&self, next: usize) -> usize {
        let (Some(mark), Some(word)) = (self.tokens.get(next), self.tokens.get(next + 1)) else {
            return next;
        };
        let text = word.text(self.text);
        let known = match mark.mark() {
            Some(b':') => is(table::COIN_QUOTES, text) || is(table::CURRENCIES, text),
            Some(b'-' | b'_') => text.eq_ignore_ascii_case("SWAP") || text.eq_ignore_ascii_case("PERP"),
            Some(b'.') => text == "P",
            _ => false,
        };
        if known && mark.glued && word.glued { next + 2 } else { next }
    }

    fn single(&self, core: &Core, start: usize, end: usize) -> Option<Found> {
        if let Some(found) = self.two_words(core, start, end) {
            return Some(found);
        }
        let plain = core.as_str();
        let marked = start > 0
            && self.tokens[start].glued
            && matches!(self.tokens[start - 1].mark(), Some(b'#' | b'$'));
        if self.reading.aliases.contains_key(plain)
            || is_known(plain) && (marked || !is(table::COMMON_WORDS, plain))
        {
            return self.found(plain, start, self.suffix(end));
        }
        let written = &self.text[self.tokens[start].start as usize..self.tokens[end - 1].end as usize];
        let stem = table::BARE_SUFFIXES.iter().find_map(|suffix| written.strip_suffix(suffix))?;
        let stem = stem.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()).then_some(stem)?;
        is_known(stem).then(|| self.found(stem, start, end)).flatten()
    }

    /// `Dow Jones`, `US 30`, `crude oil`.
    fn two_words(&self, first: &Core, start: usize, end: usize) -> Option<Found> {
        let known = |name: &str| {
            is(table::NAMED, name) || table::ALIASES.binary_search_by_key(&name, |(alias, _)| alias).is_ok()
        };
        let second = self.tokens.get(end).filter(|second| !second.glued)?;
        let (second, next) = self.core(end).filter(|_| second.kind != Kind::Newline)?;
        let mut both = *first;
        both.add(second.as_str())?;
        let starts = first.as_str().bytes().all(|b| b.is_ascii_alphabetic()) && !known(first.as_str());
        (starts && known(both.as_str())).then(|| self.found(both.as_str(), start, next)).flatten()
    }

    /// Skips a broker's suffix behind a point.
    fn suffix(&self, end: usize) -> usize {
        let (Some(point), Some(word)) = (self.tokens.get(end), self.tokens.get(end + 1)) else {
            return end;
        };
        let known = is(table::POINT_SUFFIXES, &word.text(self.text).to_ascii_uppercase());
        if point.is_mark(b'.') && point.glued && word.glued && known { end + 2 } else { end }
    }

    fn found(&self, plain: &str, start: usize, next: usize) -> Option<Found> {
        let span = self.tokens[start].span().to(self.tokens[next - 1].span());
        let instrument = resolve(plain, self.reading)?;
        Some(Found { instrument, span, next })
    }

    /// Nothing touches the symbol that could belong to it: `EURUSD.SL` names nothing known, and `BTCUSDT@1`
    /// is as likely to be a mistyped `BTCUSD @1`.
    fn is_closed(&self, found: &Found, start: usize) -> bool {
        let next = self.tokens.get(found.next).filter(|next| next.glued);
        let apart = match next.map(|next| next.kind) {
            None | Some(Kind::Newline) => true,
            Some(Kind::Word(_) | Kind::Foreign | Kind::Number | Kind::Broken | Kind::Keycap) => false,
            Some(Kind::Mark(b'.' | b'_' | b'-')) => {
                let behind = self.tokens.get(found.next + 1).filter(|behind| behind.glued);
                behind.is_none_or(|behind| behind.word().is_none() && behind.kind != Kind::Foreign)
            }
            Some(Kind::Mark(_)) => true,
        };
        let written = &self.text[self.tokens[start].start as usize..found.span.end];
        apart
            && (self.ends_plainly(found.span.end) || !is_longer_symbol(written))
            && (is_certain(&written.to_ascii_uppercase()) || !is_certain(&without_first(written)))
    }

    /// A blank, or a mark that people write right behind a word, follows.
    fn ends_plainly(&self, end: usize) -> bool {
        let next = self.text[end..].chars().next().map(super::fold::fold);
        next.is_none_or(|next| {
            next.is_whitespace()
                || matches!(next, ':' | ',' | ';' | '.' | ')' | ']' | '}' | '!' | '?' | '*' | '"' | '\'')
        })
    }
}

/// Whether a name in capitals is a symbol whose every part is known: no coin of any name.
fn is_certain(plain: &str) -> bool {
    let quote = table::COIN_QUOTES.iter().find(|quote| plain.ends_with(*quote));
    is_known(plain)
        && quote.is_none_or(|quote| {
            let base = &plain[..plain.len() - quote.len()];
            is_coin(base.trim_start_matches(|c: char| c.is_ascii_digit()))
        })
}

fn without_first(written: &str) -> String {
    written.chars().skip(1).collect::<String>().to_ascii_uppercase()
}

/// Without its last letter the symbol would be another one.
fn is_longer_symbol(written: &str) -> bool {
    let shorter = written.char_indices().next_back().map_or("", |(last, _)| &written[..last]);
    is_known(&shorter.to_ascii_uppercase())
}

/// The instrument that a known name stands for: the account's aliases first, then the table.
pub(super) fn resolve(plain: &str, reading: &Reading) -> Option<Instrument> {
    if let Some(own) = reading.aliases.get(plain) {
        return Some(own.clone());
    }
    let canonical = table::ALIASES
        .binary_search_by_key(&plain, |(name, _)| name)
        .map_or(plain, |place| table::ALIASES[place].1);
    Instrument::from_str(canonical).ok()
}

/// Whether a name in capitals is a symbol by itself.
pub(super) fn is_known(plain: &str) -> bool {
    let pair = |at: usize, bases: &[&str]| {
        plain.is_char_boundary(at)
            && plain.len() > at
            && is(bases, &plain[..at])
            && is(table::CURRENCIES, &plain[at..])
    };
    let aliased = table::ALIASES.binary_search_by_key(&plain, |(name, _)| name).is_ok();
    plain.len() == 6 && (pair(3, table::CURRENCIES) || pair(3, table::METALS))
        || aliased
        || is_coin(plain)
        || is(table::NAMED, plain)
        || coin_pair(plain)
}

/// `BTCUSD`, `ETHBTC`, `1000FLOKIUSDT`: a quote behind a coin; behind a stable coin's name, any coin.
fn coin_pair(plain: &str) -> bool {
    let any = table::COIN_QUOTES.iter().any(|quote| {
        plain.strip_suffix(quote).is_some_and(|base| {
            (2..=12).contains(&base.len())
                && base.bytes().any(|b| b.is_ascii_alphabetic())
                && !is_word(base)
                && !hides_a_coin(base)
                && counts_plainly(base)
        })
    });
    let known = ["USD", "EUR", "GBP", "TRY", "BTC", "ETH", "BNB"]
        .iter()
        .any(|quote| plain.strip_suffix(quote).is_some_and(is_coin));
    any || known
}

/// `STOPVBTC`: a word of the language, and a coin that a mistyped blank has joined to it.
fn hides_a_coin(base: &str) -> bool {
    let splits = (3..base.len()).filter(|end| base.is_char_boundary(*end));
    !is_coin(base)
        && splits.map(|end| base.split_at(end)).any(|(word, rest)| {
            let joined = rest.char_indices().nth(1).map_or("", |(second, _)| &rest[second..]);
            is_word(word) && (is_coin(rest) || is_coin(joined))
        })
}

/// A coin's name begins with a letter, or with how many of it are meant: `1000PEPE`.
fn counts_plainly(base: &str) -> bool {
    let digits = base.bytes().take_while(u8::is_ascii_digit).count();
    digits == 0 || base == "1INCH" || matches!(&base[..digits], "1000" | "10000" | "100000" | "1000000")
}

/// Whether a word, in any case, is half of a pair.
fn is_part(word: &str) -> bool {
    let plain = word.to_ascii_uppercase();
    is(table::CURRENCIES, &plain) || is(table::METALS, &plain) || is(table::COIN_QUOTES, &plain)
}

fn is_coin(plain: &str) -> bool {
    is(table::COINS, plain)
}

fn is_word(plain: &str) -> bool {
    super::words::look_up(plain) != Word::Other
}

fn is(list: &[&str], name: &str) -> bool {
    list.binary_search(&name).is_ok()
}

/// Whether a word that is not known may be a stock's symbol: capitals, and nothing that looks like a misspelt pair.
pub(super) fn is_ticker(plain: &str) -> bool {
    let letters = plain.bytes().filter(u8::is_ascii_uppercase).count();
    let shape = (1..=12).contains(&plain.len())
        && letters > 0
        && plain.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'&');
    shape && !is(table::NO_TICKERS, plain) && !is_word(plain) && !looks_misspelt(plain)
}

/// Whether a word in capitals says something about a trade or a chart where it stands beside an instrument.
pub(super) fn is_prose(plain: &str) -> bool {
    let ending = ["ING", "TION", "ED", "LY"].iter().any(|end| plain.len() > 5 && plain.ends_with(end));
    ending || is(table::PROSE, plain) || is(table::NO_TICKERS, plain)
}

/// `XUAUSD`, `USDCHFF`: a currency at one end, and not a pair; or a known symbol with something stuck to it.
fn looks_misspelt(plain: &str) -> bool {
    let (length, head) = (plain.len(), plain.len().min(3));
    let edge =
        is(table::CURRENCIES, &plain[..head]) || length > 3 && is(table::CURRENCIES, &plain[length - 3..]);
    edge || (4..length).any(|cut| is_known(&plain[..cut]) || is_known(&plain[length - cut..]))
}

#[cfg(test)]
mod tests;
