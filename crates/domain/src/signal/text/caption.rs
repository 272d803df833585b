//! Names of exchanges that are also instruments: `NASDAQ` is an index, or the place where a share is traded.

use super::super::symbol::{self, Found};
use super::super::token::Kind;
use super::super::words::Word;
use super::super::{ErrorCode, SignalError};
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

    /// Whether an unknown word stands next to it on its line: `AAPL NASDAQ`, `Apple, Nasdaq`.
    fn is_named_with_another(&self, at: usize, next: usize) -> bool {
        let name = |place: usize| match self.tokens[place].kind {
            Kind::Mark(_) => None,
            Kind::Word(Word::Other) => Some(!self.is(place, "index")),
            Kind::Foreign => Some(true),
            Kind::Word(_) | Kind::Newline | Kind::Number | Kind::Keycap | Kind::Broken => Some(false),
        };
        let before = (at.saturating_sub(3)..at).rev().find_map(name);
        let behind = (next..self.tokens.len().min(next + 3)).find_map(name);
        before == Some(true) || behind == Some(true)
    }
}
