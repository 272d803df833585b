//! A second name beside the instrument. Which of the two is meant is not known, so the message is refused.

use super::super::symbol::{self, Found};
use super::super::token::{Kind, Token};
use super::super::words::Word;
use super::super::{ErrorCode, SignalError, Span};
use super::label::label_at;
use super::scan::Scan;

/// The longest symbol of a stock that is told from a word in capitals only by its place in the line.
const LONGEST: usize = 5;
/// How many marks and line breaks may stand between an instrument and a name: `**NASDAQ:**`, blank lines.
const MOST_MARKS: usize = 12;

impl Scan<'_> {
    /// Looks for a name right after an instrument, or right before it on its line.
    pub(super) fn look_beside(&mut self, at: usize, found: &Found) {
        if self.rival.is_none() {
            self.rival = self.rival_behind(found.next).or_else(|| self.rival_before(at));
        }
    }

    /// Looks at an unknown word in the head of the order, which may be a second name.
    pub(super) fn look_at(&mut self, at: usize) {
        let head = self.draft.stop_loss.is_none() && self.draft.targets.is_empty();
        let begun = self.draft.side.is_some() || self.draft.instrument.is_some();
        let tag = self.tokens[at].glued && at > 0 && self.tokens[at - 1].is_mark(b'#');
        if self.rival.is_none() && head && begun && !tag {
            self.rival = self.name(at).filter(|(span, next)| {
                span.end - span.start <= LONGEST && self.opens(at) && self.closes(*next)
            });
        }
    }

    /// Refuses a message that names its instrument and something else that may be one.
    pub(super) fn refuse_rival(&self) -> Result<(), SignalError> {
        let Some((_, place)) = self.draft.instrument.as_ref() else {
            return Ok(());
        };
        let loose = self.loose.and_then(|loose| self.name(loose.at));
        let mut rivals = loose.into_iter().chain(self.rival).map(|(span, _)| span);
        let Some(span) = rivals.find(|span| !self.is_same(*span, *place)) else {
            return Ok(());
        };
        let (first, second) = (&self.text[place.start..place.end], &self.text[span.start..span.end]);
        let detail = format!("`{first}` and `{second}` may both be the instrument: name only one.");
        Err(SignalError::at(ErrorCode::UnknownInstrument, span, detail))
    }

    fn is_same(&self, span: Span, other: Span) -> bool {
        let upper = |span: Span| self.text[span.start..span.end].to_ascii_uppercase();
        let (a, b) = (upper(span), upper(other));
        span.start < other.end && other.start < span.end
            || a == b
            || symbol::is_known(&a) && symbol::resolve(&a, self.reading) == symbol::resolve(&b, self.reading)
    }

    fn rival_behind(&self, from: usize) -> Option<(Span, usize)> {
        let at = self.behind_all_marks(from)?;
        let token = self.tokens[at];
        let between = &self.tokens[from..at];
        // A colon that touches both makes a venue or a label of what stands before it, in any case: `us30:ba`.
        let colon = between.first().is_some_and(|mark| mark.is_mark(b':') && mark.glued);
        if colon && token.kind == Kind::Word(Word::Other) && between.iter().all(|mark| mark.glued) {
            let text = token.text(self.text);
            let capitals = text == text.to_ascii_uppercase();
            let name = (capitals || token.glued) && !symbol::is_prose(&text.to_ascii_uppercase());
            if name && self.symbols().at(at).is_none() {
                return Some((token.span(), at + 1));
            }
        }
        let crosses = between.iter().any(|mark| mark.kind == Kind::Newline);
        self.name(at).filter(|(_, next)| !crosses || self.closes(*next))
    }

    /// A name that a colon follows is a caption: `FOREX: EURUSD`.
    fn rival_before(&self, at: usize) -> Option<(Span, usize)> {
        let before = (0..at).rev().take(MOST_MARKS).find(|at| !self.passes(*at))?;
        let own_line = self.tokens[before..at].iter().all(|token| token.kind != Kind::Newline);
        let colon = self.tokens[before..at].iter().any(|token| token.is_mark(b':'));
        let short = |span: Span| span.end - span.start <= LONGEST;
        self.name(before).filter(|(span, _)| own_line && !colon && short(*span) && self.opens(before))
    }

    /// A word in capitals that may be a symbol, and the token after it.
    fn name(&self, at: usize) -> Option<(Span, usize)> {
        if self.tokens[at].kind != Kind::Word(Word::Other) {
            return None;
        }
        let next = self.symbols().ticker_at(at)?;
        let span = self.tokens[at].span().to(self.tokens[next - 1].span());
        let written = &self.text[span.start..span.end];
        let touches = |token: Option<&Token>, marks: &[u8]| {
            token.is_some_and(|token| token.glued && marks.iter().any(|mark| token.is_mark(*mark)))
        };
        // `_NEM_` is slanted, `x_NEM` is part of a longer name.
        let tail = at > 1 && self.tokens[at].glued && touches(self.tokens.get(at - 1), b"_");
        let part = tail && self.tokens[at - 2].word().is_some();
        let whole = !part && !touches(self.tokens.get(next), b"'") && !self.goes_on_with_a_line(next);
        (written.len() > 1 && whole && !symbol::is_prose(written) && !symbol::is_venue(written))
            .then_some((span, next))
    }

    /// `NEM_x`: a longer name.
    fn goes_on_with_a_line(&self, at: usize) -> bool {
        matches!(self.tokens[at..], [line, word, ..]
            if line.is_mark(b'_') && line.glued && word.glued && word.word().is_some())
    }

    /// Whether a word at a token is no continuation of a sentence.
    fn opens(&self, at: usize) -> bool {
        let before = self.tokens[..at].iter().rev().find(|token| !matches!(token.kind, Kind::Mark(_)));
        before.is_none_or(|before| match before.kind {
            Kind::Newline | Kind::Number => true,
            Kind::Word(word) => is_order_word(word),
            Kind::Mark(_) | Kind::Foreign | Kind::Broken | Kind::Keycap => false,
        })
    }

    /// Whether no sentence goes on at a token.
    fn closes(&self, at: usize) -> bool {
        let behind = self.behind_marks(at);
        self.tokens.get(behind).is_none_or(|token| match token.kind {
            Kind::Newline | Kind::Number => true,
            Kind::Word(word) => {
                is_order_word(word) || word == Word::At || label_at(self.tokens, behind).is_some()
            }
            Kind::Mark(_) | Kind::Foreign | Kind::Broken | Kind::Keycap => false,
        })
    }

    fn passes(&self, at: usize) -> bool {
        matches!(self.tokens[at].kind, Kind::Mark(_) | Kind::Newline)
    }

    /// The next token that is neither a mark nor a line break.
    pub(super) fn behind_all_marks(&self, from: usize) -> Option<usize> {
        (from..self.tokens.len()).take(MOST_MARKS).find(|at| !self.passes(*at))
    }
}

/// Words beside which a symbol stands.
pub(super) fn is_order_word(word: Word) -> bool {
    matches!(
        word,
        Word::Side(_)
            | Word::LimitSide(_)
            | Word::StopSide(_)
            | Word::Limit
            | Word::Stop
            | Word::Market
            | Word::Now
    )
}
