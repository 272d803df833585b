//! Venues: an exchange before a colon, as in `NASDAQ:AAPL`, qualifies the symbol and is never the instrument.

use super::{Found, Symbols, is, is_ticker};
use crate::signal::Span;
use crate::signal::dialect;
use crate::signal::fold;
use crate::signal::token::{Kind, Token};
use crate::signal::words::Word;

/// The names that charts use for exchanges, brokers and feeds; sorted.
pub(super) const VENUES: &[&str] = &[
    "ALOR",
    "AMEX",
    "ARCA",
    "ASX",
    "BATS",
    "BINANCE",
    "BINANCEUS",
    "BINGX",
    "BIST",
    "BITFINEX",
    "BITGET",
    "BITMEX",
    "BITSTAMP",
    "BLACKBULL",
    "BME",
    "BMFBOVESPA",
    "BSE",
    "BYBIT",
    "CAPITALCOM",
    "CBOE",
    "CBOT",
    "CME",
    "COINBASE",
    "COINEX",
    "COMEX",
    "CRYPTO",
    "CRYPTOCAP",
    "DERIBIT",
    "DJ",
    "EASYMARKETS",
    "ECONOMICS",
    "EIGHTCAP",
    "EUREX",
    "EURONEXT",
    "FOREXCOM",
    "FRED",
    "FTSE",
    "FWB",
    "FX",
    "FXCM",
    "FXOPEN",
    "GATE",
    "GATEIO",
    "GEMINI",
    "GETTEX",
    "GLOBALPRIME",
    "HKEX",
    "HSI",
    "HTX",
    "HUOBI",
    "ICE",
    "ICEEUR",
    "ICEUS",
    "ICMARKETS",
    "INDEX",
    "JSE",
    "KRAKEN",
    "KRX",
    "KUCOIN",
    "LSE",
    "LSIN",
    "MCX",
    "MEXC",
    "MIL",
    "MOEX",
    "NASDAQ",
    "NCDEX",
    "NSE",
    "NYMEX",
    "NYSE",
    "NYSEARCA",
    "OANDA",
    "OKEX",
    "OKX",
    "OMXSTO",
    "OTC",
    "OTCMKTS",
    "PEPPERSTONE",
    "PHEMEX",
    "POLONIEX",
    "SAXO",
    "SGX",
    "SIX",
    "SP",
    "SSE",
    "SWB",
    "SZSE",
    "TADAWUL",
    "THINKMARKETS",
    "TPEX",
    "TRADEGATE",
    "TSE",
    "TSX",
    "TSXV",
    "TVC",
    "TWSE",
    "UNISWAP",
    "UPBIT",
    "VANTAGE",
    "XETR",
    "XETRA",
];

/// Venues that are not also the name of an instrument: alone, they are captions. Sorted.
const CAPTIONS: &[&str] = &[
    "AMEX",
    "BINANCE",
    "BINANCEUS",
    "BINGX",
    "BITFINEX",
    "BITGET",
    "BITMEX",
    "BITSTAMP",
    "BSE",
    "BYBIT",
    "COINEX",
    "COMEX",
    "CRYPTO",
    "DERIBIT",
    "EUREX",
    "EURONEXT",
    "FOREXCOM",
    "FWB",
    "FXCM",
    "GATEIO",
    "HUOBI",
    "ICMARKETS",
    "KRAKEN",
    "KUCOIN",
    "MCX",
    "MEXC",
    "NASDAQ",
    "NSE",
    "NYMEX",
    "NYSE",
    "OANDA",
    "OKEX",
    "OKX",
    "OTC",
    "PEPPERSTONE",
    "PHEMEX",
    "TVC",
    "XETR",
    "XETRA",
];

/// Whether a word alone, in upper or lower case, is the name of an exchange used as a caption.
pub(in crate::signal) fn is_caption(word: &str) -> bool {
    is(CAPTIONS, &word.to_ascii_uppercase())
}

/// Whether a word in capitals is the name of an exchange, a broker or a feed.
pub(in crate::signal) fn is_venue(word: &str) -> bool {
    is(VENUES, word)
}

impl Symbols<'_> {
    /// The index of the colon after a venue that begins at a token: `NASDAQ:`, `NASDAQ_DLY:`.
    fn colon(&self, start: usize) -> Option<usize> {
        let first = *self.tokens.get(start)?;
        let venue = is(VENUES, &first.text(self.text).to_ascii_uppercase());
        if !venue || matches!(first.kind, Kind::Newline | Kind::Mark(_)) {
            return None;
        }
        let mut end = start + 1;
        // `CME_MINI`, `FX_IDC`: a feed of the venue.
        while let [line, name, ..] = self.tokens.get(end..)?
            && line.is_mark(b'_')
            && line.glued
            && name.glued
            && matches!(name.kind, Kind::Word(_) | Kind::Number)
        {
            end += 2;
        }
        self.tokens.get(end).filter(|mark| mark.is_mark(b':') && mark.glued).map(|_| end)
    }

    /// Whether a venue, its colon and a name begin at a token. Then the venue is not an instrument.
    pub(in crate::signal) fn is_venue(&self, start: usize) -> bool {
        self.colon(start).is_some_and(|colon| self.names(colon + 1))
    }

    /// The place of a venue and its name that are not read as one symbol: `NASDAQ: AAPL`.
    pub(in crate::signal) fn torn_venue(&self, start: usize) -> Option<Span> {
        let name = self.colon(start)? + 1;
        let torn = self.names(name) && self.qualified(start).is_none();
        let (_, next) = self.name_end(name).filter(|_| torn)?;
        Some(self.tokens[start].span().to(self.tokens[next - 1].span()))
    }

    /// `NASDAQ:AAPL`, `(NASDAQ: AAPL)`: the venue's own name for the instrument. Built-in aliases do not translate it.
    pub(super) fn qualified(&self, start: usize) -> Option<Found> {
        let name = self.colon(start)? + 1;
        let first = *self.tokens.get(name)?;
        let bracket = start > 0 && matches!(self.tokens[start - 1].mark(), Some(b'(' | b'['));
        if !self.names(name) || !first.glued && !bracket {
            return None;
        }
        let (end, next) = self.name_end(name)?;
        let closed = matches!(self.tokens.get(next).and_then(|token| token.mark()), Some(b')' | b']'));
        if !first.glued && !closed {
            return None;
        }
        let span = first.span().to(self.tokens[next - 1].span());
        let instrument = dialect::instrument(&self.text[span.start..end], span, self.reading).ok()?;
        Some(Found { instrument, span, next })
    }

    /// Whether a name follows the colon: a ticker in capitals, or a word that touches the colon and is not a field.
    fn names(&self, at: usize) -> bool {
        let Some(token) = self.tokens.get(at) else {
            return false;
        };
        let text = token.text(self.text);
        match token.kind {
            Kind::Word(Word::Other) => token.glued || is_ticker(text),
            Kind::Word(word) => token.glued && text == text.to_ascii_uppercase() && !is_field(word),
            // `1000PEPEUSDT`, but not the price after a caption: `NASDAQ:20150`.
            Kind::Number => {
                let letters = |next: &&Token| next.glued && matches!(next.kind, Kind::Word(Word::Other));
                token.glued && self.tokens.get(at + 1).filter(letters).is_some()
            }
            Kind::Foreign | Kind::Broken | Kind::Keycap | Kind::Newline | Kind::Mark(_) => false,
        }
    }

    /// The end of a name, as a byte offset and a token index. A name is letters and digits, and marks that join further
    /// letters. `None` if a number touches it that may belong to it or be a price: `AAPL-220`.
    fn name_end(&self, name: usize) -> Option<(usize, usize)> {
        let plain = |token: &Token| match token.kind {
            Kind::Word(_) => true,
            Kind::Number => !token.text(self.text).contains(['.', ',']),
            Kind::Foreign | Kind::Broken | Kind::Keycap | Kind::Newline | Kind::Mark(_) => false,
        };
        let mut next = name + 1;
        while let Some(token) = self.tokens.get(next).filter(|token| token.glued) {
            if plain(token) || token.is_mark(b'!') {
                next += 1;
                continue;
            }
            let joins = matches!(token.mark(), Some(b'.' | b'-' | b'_' | b'/' | b'&'));
            let behind = self.tokens.get(next + 1).filter(|behind| behind.glued);
            match behind.map(|behind| behind.kind) {
                Some(Kind::Word(_)) if joins => next += 2,
                Some(Kind::Number | Kind::Broken | Kind::Foreign | Kind::Keycap) if joins => return None,
                _ => break,
            }
        }
        let torn = self.tokens.get(next).is_some_and(|token| {
            token.glued && matches!(token.kind, Kind::Number | Kind::Broken | Kind::Foreign | Kind::Keycap)
        });
        let end = self.tokens[next - 1].end as usize;
        let folds = self.text[self.tokens[name].start as usize..end].chars().all(|c| fold::fold(c) == c);
        (!torn && folds).then_some((end, next))
    }
}

/// Whether a word begins a field of an order. Then the name before the colon is a caption: `NASDAQ:SELL`.
fn is_field(word: Word) -> bool {
    matches!(
        word,
        Word::Side(_)
            | Word::LimitSide(_)
            | Word::StopSide(_)
            | Word::CloseSide(_)
            | Word::Bias(_)
            | Word::Sl
            | Word::Tp
            | Word::Target
            | Word::Stop
            | Word::Entry
            | Word::Price
            | Word::Close
            | Word::Cancel
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted_and_captions_are_venues() {
        assert!(VENUES.is_sorted() && CAPTIONS.is_sorted());
        assert!(
            CAPTIONS.iter().all(|caption| is(VENUES, caption) && !crate::signal::symbol::is_word(caption))
        );
    }
}
