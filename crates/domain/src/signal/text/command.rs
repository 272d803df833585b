//! Commands about open orders: close, cancel, move the stop loss, new targets.
//!
//! A command costs money when it is misread as much as an order does, so its grammar is closed: every word must
//! belong to it, and every number must be claimed.

use super::super::number;
use super::super::symbol::Symbols;
use super::super::token::{Kind, Token};
use super::super::words::Word;
use super::super::{ErrorCode, Parsed, Reading, SignalError, Span, StopTo};
use super::draft::Priced;
use super::label::{Label, label_at};
use crate::instrument::Instrument;
use crate::money::Price;
use crate::order::Side;

/// The words of a command as they are found.
#[derive(Default)]
pub(super) struct Command {
    pub(super) close: Option<Span>,
    pub(super) cancel: Option<Span>,
    pub(super) changes: Option<Span>,
    pub(super) side: Option<(Side, Span)>,
    /// The side is an action: `buy`, `sell`.
    pub(super) acts: bool,
    pub(super) instrument: Option<(Instrument, Span)>,
    /// Hundredths of the position, with their place.
    pub(super) part: Option<(Price, Span)>,
    /// A part of unknown size.
    pub(super) partial: Option<Span>,
    pub(super) stop_loss: Option<Priced>,
    pub(super) stop_loss_to: Option<(StopTo, Span)>,
    pub(super) targets: Vec<Priced>,
    pub(super) pending: bool,
    /// `market_position=flat`: the position after the action. The action is on the other side.
    pub(super) flat: Option<Span>,
    /// A word that closes, behind the side that an order has: `SELL EURUSD exit`.
    pub(super) unclear: Option<Span>,
}

struct Reader<'a> {
    text: &'a str,
    tokens: &'a [Token],
    reading: &'a Reading,
    command: Command,
    label: Option<Label>,
}

/// Reads a command.
pub(super) fn parse(text: &str, tokens: &[Token], reading: &Reading) -> Result<Parsed, SignalError> {
    let mut reader = Reader { text, tokens, reading, command: Command::default(), label: None };
    let mut at = 0;
    let mut strange = None;
    while let Some(token) = tokens.get(at) {
        at = match token.kind {
            Kind::Newline | Kind::Mark(_) | Kind::Keycap => at + 1,
            Kind::Broken => return Err(reader.stray(at)),
            Kind::Foreign => {
                strange = strange.or(Some(at));
                at + 1
            }
            Kind::Number => reader.number(at)?,
            Kind::Word(word) => match reader.word(at, word)? {
                Some(next) => next,
                None => {
                    strange = strange.or(Some(at));
                    at + 1
                }
            },
        };
    }
    reader.command.build(strange.map(|at| (tokens[at].text(text), tokens[at].span())))
}

impl Reader<'_> {
    /// The token behind a word of the command, or `None` for a word that has no place in one.
    fn word(&mut self, at: usize, word: Word) -> Result<Option<usize>, SignalError> {
        let symbols = Symbols { text: self.text, tokens: self.tokens, reading: self.reading };
        let slash = self.tokens.get(at + 1).is_some_and(|next| next.glued && next.is_mark(b'/'));
        if (word == Word::Other || slash)
            && let Some(found) = symbols.at(at)
        {
            self.instrument(found.instrument, found.span)?;
            return Ok(Some(found.next));
        }
        if let Some(side) = plural(self.tokens[at].text(self.text)) {
            self.side(side, self.tokens[at].span())?;
            return Ok(Some(at + 1));
        }
        if let Some(next) = self.phrase(at, word)? {
            return Ok(Some(next));
        }
        if let Some((label @ (Label::Stop | Label::Target), next)) = label_at(self.tokens, at) {
            self.label = Some(label);
            return Ok(Some(self.index(next, label)?));
        }
        Ok(self.small(at, word).then_some(at + 1))
    }

    /// Words that mean something by themselves.
    fn phrase(&mut self, at: usize, word: Word) -> Result<Option<usize>, SignalError> {
        let span = self.tokens[at].span();
        let next = self.tokens.get(at + 1).and_then(|token| token.word());
        let place =
            word == Word::Break && next == Some(Word::Even) || word == Word::Risk && next == Some(Word::Free);
        if place {
            self.breakeven(span.to(self.tokens[at + 1].span()))?;
            return Ok(Some(at + 2));
        }
        // `sell EURUSD to close` closes a long position, but names the side `sell`.
        if word == Word::To && next == Some(Word::Close) && self.command.side.is_some() {
            let detail = "To buy or sell in order to close: write `close long` or `close short`.";
            return Err(SignalError::at(ErrorCode::Contradiction, span, detail));
        }
        if let Word::Side(side) = word {
            self.side(side, span)?;
            // `long` and `short` also name the position that is open.
            let written = self.tokens[at].text(self.text);
            self.command.acts |= ["buy", "sell"].iter().any(|action| written.eq_ignore_ascii_case(action));
        } else if let Word::CloseSide(side) = word {
            self.command.close = Some(span);
            self.side(side, span)?;
        } else if word == Word::Breakeven || word == Word::Entry && self.label == Some(Label::Stop) {
            self.breakeven(span)?;
        } else if word == Word::Half {
            self.part(number::read("50", span)?, span)?;
        } else {
            return Ok(None);
        }
        Ok(Some(at + 1))
    }

    /// Words that carry the command or fill it up; false for all others.
    fn small(&mut self, at: usize, word: Word) -> bool {
        let span = self.tokens[at].span();
        if word == Word::Close {
            if self.is_flat_position(at) {
                self.command.flat = Some(span);
            } else if self.command.close.is_none() && self.command.acts {
                self.command.unclear = self.command.unclear.or(Some(span));
            }
            self.command.close = self.command.close.or(Some(span));
        } else if word == Word::Cancel {
            self.command.cancel = self.command.cancel.or(Some(span));
        } else if matches!(word, Word::Move | Word::New) {
            self.command.changes = self.command.changes.or(Some(span));
        } else if word == Word::Partial {
            self.command.partial = self.command.partial.or(Some(span));
        } else if word == Word::Pending {
            self.command.pending = true;
        }
        matches!(
            word,
            Word::Close
                | Word::Cancel
                | Word::Move
                | Word::New
                | Word::Partial
                | Word::Pending
                | Word::Filler
                | Word::All
                | Word::Order
                | Word::Position
                | Word::Counter
                | Word::At
                | Word::To
                | Word::Now
                | Word::Market
                | Word::Limit
                | Word::Stop
                | Word::Price
                | Word::Profit
                | Word::And
        )
    }

    /// Whether `flat` at a token is the value of `market_position` or `position`.
    fn is_flat_position(&self, at: usize) -> bool {
        let mut before = self.tokens[..at].iter().rev().skip_while(|token| {
            matches!(token.kind, Kind::Mark(_)) || token.text(self.text).eq_ignore_ascii_case("is")
        });
        let flat = self.tokens[at].text(self.text).eq_ignore_ascii_case("flat");
        flat && before.next().and_then(|token| token.word()) == Some(Word::Position)
    }

    fn instrument(&mut self, instrument: Instrument, span: Span) -> Result<(), SignalError> {
        match &self.command.instrument {
            Some((first, _)) if *first != instrument => Err(SignalError::at(
                ErrorCode::SeveralOrders,
                span,
                format!("The message names {first} and {instrument}: send one instruction a message."),
            )),
            _ => {
                self.command.instrument = Some((instrument, span));
                Ok(())
            }
        }
    }

    fn side(&mut self, side: Side, span: Span) -> Result<(), SignalError> {
        match self.command.side {
            Some((first, _)) if first != side => {
                Err(SignalError::at(ErrorCode::SeveralOrders, span, "The message names both sides."))
            }
            _ => {
                self.command.side = Some((side, span));
                Ok(())
            }
        }
    }

    fn breakeven(&mut self, span: Span) -> Result<(), SignalError> {
        if self.label == Some(Label::Target) {
            let detail = "A target at the entry price is no target.";
            return Err(SignalError::at(ErrorCode::Contradiction, span, detail));
        }
        self.command.stop_loss_to = Some((StopTo::Entry, span));
        self.label = None;
        Ok(())
    }

    fn part(&mut self, part: Price, span: Span) -> Result<(), SignalError> {
        if self.command.part.is_some() {
            let detail = "Two parts of one position.";
            return Err(SignalError::at(ErrorCode::DuplicateField, span, detail));
        }
        self.command.part = Some((part, span));
        Ok(())
    }

    fn number(&mut self, at: usize) -> Result<usize, SignalError> {
        let symbols = Symbols { text: self.text, tokens: self.tokens, reading: self.reading };
        if let Some(found) = symbols.at(at) {
            self.instrument(found.instrument, found.span)?;
            return Ok(found.next);
        }
        let token = self.tokens[at];
        let text = number::folded(token.text(self.text));
        let percent = self.tokens.get(at + 1).is_some_and(|next| next.is_mark(b'%'));
        if percent {
            self.part(number::read(&text, token.span())?, token.span())?;
            return Ok(at + 2);
        }
        let next = self.tokens.get(at + 1);
        let worded = next.and_then(|next| next.word());
        if worded == Some(Word::Pip) {
            let span = token.span().to(self.tokens[at + 1].span());
            return Err(SignalError::at(ErrorCode::RelativePrice, span, "This is a distance: give a price."));
        }
        let touches =
            next.is_some_and(|next| next.glued && !matches!(next.kind, Kind::Mark(_) | Kind::Newline));
        if touches || super::remark::signed(self.tokens, at) {
            return Err(self.stray(at));
        }
        let mut list =
            number::read_list::<Price>(&text, token.span(), self.reading.decimal_comma)?.into_iter();
        match (self.label, list.next(), list.next()) {
            (Some(Label::Stop), Some((price, span)), None) if self.command.stop_loss.is_none() => {
                self.command.stop_loss = Some(Priced { price, span });
            }
            (Some(Label::Target), Some((price, span)), second) => {
                let rest = second.into_iter().chain(list);
                let all = std::iter::once((price, span)).chain(rest);
                self.command.targets.extend(all.map(|(price, span)| Priced { price, span }));
            }
            _ => return Err(self.stray(at)),
        }
        Ok(at + 1)
    }

    /// `TP1`: a first target may be named by its number; for a later one the others would be needed.
    fn index(&self, next: usize, label: Label) -> Result<usize, SignalError> {
        let index = self.tokens.get(next).filter(|token| token.is_number() && token.end - token.start == 1);
        let Some(token) = index.filter(|_| label == Label::Target) else {
            return Ok(next);
        };
        let expected = token.text(self.text) == (self.command.targets.len() + 1).to_string();
        if !expected && token.glued {
            let detail = "A single target cannot be changed by its number: give all targets.";
            return Err(SignalError::at(ErrorCode::ContextRequired, token.span(), detail));
        }
        Ok(if expected { next + 1 } else { next })
    }

    fn stray(&self, at: usize) -> SignalError {
        let token = self.tokens[at];
        let detail = format!("No word of the command says what `{}` is.", token.text(self.text));
        SignalError::at(ErrorCode::UnlabelledPrice, token.span(), detail)
    }
}

/// Positions of one side, as commands name them: `exit all longs`.
fn plural(word: &str) -> Option<Side> {
    let is = |plural: &str| word.eq_ignore_ascii_case(plural);
    if is("longs") || is("buys") {
        Some(Side::Buy)
    } else {
        (is("shorts") || is("sells")).then_some(Side::Sell)
    }
}
