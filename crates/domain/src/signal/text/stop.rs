//! The word `stop`: an order type or a stop loss, by its place.

use super::super::words::Word;
use super::super::{ErrorCode, SignalError};
use super::draft::Manner;
use super::label::Label;
use super::scan::{Before, Scan};

impl Scan<'_> {
    /// Directly behind the side `stop` is the type; behind an entry price, or beginning a line, it is the stop
    /// loss. Where both readings fit, the message is refused.
    pub(super) fn stop_word(&mut self, at: usize) -> Result<usize, SignalError> {
        let next = self.next_word(at);
        if next == Some(Word::Limit) {
            let detail = "Stop-limit orders are not traded here.";
            return Err(SignalError::at(ErrorCode::UnsupportedAsset, self.tokens[at].span(), detail));
        }
        let typed = matches!(self.before, Before::Side | Before::Kind)
            || matches!(next, Some(Word::Side(_) | Word::Order | Word::Entry));
        if typed && self.draft.entries.is_empty() {
            return self.set_manner(Manner::Stop, at);
        }
        let decided =
            !self.draft.entries.is_empty() || self.draft.manner.is_some() || !self.draft.targets.is_empty();
        if decided || self.before != Before::Symbol {
            return self.label(at, Label::Stop, at + 1);
        }
        if self.survey.clear_stop {
            return self.set_manner(Manner::Stop, at);
        }
        let detail = "`stop` may be the type of the order or the stop loss here: write `SL`, or `BUY STOP`.";
        Err(SignalError::at(ErrorCode::Contradiction, self.tokens[at].span(), detail))
    }
}
