//! Names of exchanges that are also instruments: `NASDAQ` is an index, or the place where a share is traded.

use super::super::symbol::{self, Found};
use super::super::token::Kind;
use super::super::words::Word;
use super::super::{ErrorCode, SignalError};
use super::rival::is_order_word;
use super::scan::{Before, Scan};

impl Scan<'_> {
    /// Remembers an instrument that has the name of an exchange. In brackets, or away from the side, it is a caption.
    pub(super) fn take_caption(&mut self, at: usize, found: &Found) {
        let written = &self.text[found.span.start..found.span.end];
        if symbol::is_caption(written) && self.draft.instrument.is_none() {
            let apart = self.bracket.is_some() || !self.stands_beside_the_side(at, found.next);
            self.caption = Some((found.span, apart));
        }
    }

    /// Refuses a message whose instrument may be a caption: by its place, or because there may be another symbol.
    pub(super) fn refuse_caption(&self) -> Result<(), SignalError> {
        let Some((span, _)) = self.caption.filter(|(_, apart)| *apart || self.loose.is_some()) else {
            return Ok(());
        };
        if self.loose.is_none() {
            self.refuse_rival()?;
        }
        let written = &self.text[span.start..span.end];
        let detail =
            format!("`{written}` may be an exchange or the instrument here: name only the instrument.");
        Err(SignalError::at(ErrorCode::UnknownInstrument, span, detail))
    }

    /// Whether the next word before or after it is the side, or a word that introduces the symbol.
    fn stands_beside_the_side(&self, at: usize, next: usize) -> bool {
        if self.is_named_with_another(at, next) {
            return false;
        }
        const REACH: usize = 6;
        let skips = |word: Word| {
            matches!(word, Word::Limit | Word::Stop | Word::Now | Word::Market | Word::Filler | Word::Order)
        };
        let leads = |word: Word| {
            matches!(
                word,
                Word::Side(_) | Word::LimitSide(_) | Word::StopSide(_) | Word::Pair | Word::Position
            )
        };
        let decides = |place: usize| match self.tokens[place].kind {
            Kind::Word(word) if skips(word) || self.is(place, "index") => None,
            Kind::Word(word) => Some(leads(word)),
            Kind::Mark(b'(' | b')' | b'[' | b']') => Some(false),
            Kind::Mark(_) | Kind::Newline => None,
            Kind::Number | Kind::Keycap | Kind::Broken | Kind::Foreign => Some(false),
        };
        let before = (at.saturating_sub(REACH)..at).rev().find_map(decides);
        let behind = (next..self.tokens.len().min(next + REACH)).find_map(decides);
        before == Some(true) || behind == Some(true) || self.before == Before::Pair
    }

    /// Whether a name stands next to it: `AAPL NASDAQ`, `Apple, **Nasdaq**`, or on the line below.
    fn is_named_with_another(&self, at: usize, next: usize) -> bool {
        const REACH: usize = 8;
        let name = |place: usize| match self.tokens[place].kind {
            Kind::Mark(_) => None,
            Kind::Word(Word::Other) => Some(!self.is(place, "index")),
            Kind::Foreign => Some(true),
            Kind::Word(_) | Kind::Newline | Kind::Number | Kind::Keycap | Kind::Broken => Some(false),
        };
        let before = (at.saturating_sub(REACH)..at).rev().find_map(name);
        let behind = (next..self.tokens.len().min(next + REACH)).find_map(name);
        before == Some(true) || behind == Some(true) || self.is_named_below(next)
    }

    /// Whether the next line begins with a name, and goes on with the order or ends: `NASDAQ BUY`, then `Apple @ 220`.
    fn is_named_below(&self, next: usize) -> bool {
        const LONGEST: usize = 3;
        let Some(line) = self.tokens[next..].iter().position(|token| token.kind == Kind::Newline) else {
            return false;
        };
        // Behind the side nothing but the order's type may end the line; a price there is the index's.
        let ends = self.tokens[next..next + line].iter().all(|token| match token.kind {
            Kind::Mark(_) => true,
            Kind::Word(word) => is_order_word(word),
            Kind::Newline | Kind::Number | Kind::Keycap | Kind::Broken | Kind::Foreign => false,
        });
        let Some(first) = self.behind_all_marks(next + line).filter(|_| ends) else {
            return false;
        };
        let words = self.tokens[first..]
            .iter()
            .filter(|token| !matches!(token.kind, Kind::Mark(_)))
            .take_while(|token| matches!(token.kind, Kind::Word(Word::Other)))
            .map(|token| token.text(self.text))
            .take(LONGEST + 1)
            .collect::<Vec<_>>();
        let titled = words.iter().all(|word| word.starts_with(|c: char| c.is_ascii_uppercase()));
        let prose = words.iter().any(|word| symbol::is_prose(&word.to_ascii_uppercase()));
        let mut behind = self.tokens[first..].iter().filter(|token| !matches!(token.kind, Kind::Mark(_)));
        let goes_on = behind.nth(words.len()).is_some_and(|token| match token.kind {
            Kind::Foreign => true,
            Kind::Word(word) => matches!(word, Word::Filler | Word::And | Word::To),
            Kind::Newline | Kind::Number | Kind::Keycap | Kind::Broken | Kind::Mark(_) => false,
        });
        let short = words.len() == 1 || titled && (2..=LONGEST).contains(&words.len());
        short && !prose && !goes_on
    }
}
