//! Instructions inside an order that concern what comes later.

use super::super::token::Kind;
use super::super::words::Word;
use super::super::{ErrorCode, SignalError};
use super::label::{Label, label_at};
use super::scan::{Field, Scan, Waits};

impl Scan<'_> {
    /// A command among the fields of an order: put off until a target it is a note, else it is a second
    /// instruction.
    pub(super) fn later(&mut self, at: usize, word: Word) -> Result<usize, SignalError> {
        const FARTHEST: usize = 48;
        let written = self.tokens[at].text(self.text);
        let rest = &self.tokens[at + 1..];
        let line = rest.iter().take_while(|token| token.kind != Kind::Newline).take(FARTHEST);
        let place = line.clone().any(|t| {
            matches!(
                t.word(),
                Some(Word::Sl | Word::Tp | Word::Target | Word::Stop | Word::Breakeven | Word::Entry)
            )
        });
        let idle = matches!(word, Word::Move | Word::Free | Word::Half | Word::Partial) && !place
            || word == Word::Breakeven && written.len() == 2
            || word == Word::Free && !self.behind(at, Word::Risk);
        if idle || self.modifies(at) {
            return Ok(at + 1);
        }
        let put_off = line.clone().any(|t| {
            matches!(t.word(), Some(Word::After | Word::Condition | Word::At | Word::Tp | Word::Target))
        });
        let priced = self.holds_a_value(at + 1, line.clone().count());
        let part =
            line.clone().any(|t| t.is_mark(b'%') || matches!(t.word(), Some(Word::Half | Word::Percent)));
        let share = part && self.field == Field::Label(Label::Target) && self.on_line > 0;
        if (put_off || share) && !priced && self.waits != Waits::Must {
            self.draft.notes.push("an instruction for later was read and is not carried out".to_owned());
            self.drop_field();
            return Ok(at + 1 + rest.iter().take_while(|token| token.kind != Kind::Newline).count());
        }
        let detail = format!("`{written}` asks for a second thing: send one instruction a message.");
        Err(SignalError::at(ErrorCode::SeveralOrders, self.tokens[at].span(), detail))
    }

    /// Whether the clause holds a value of the order itself: a price, a size, a second target.
    fn holds_a_value(&self, from: usize, length: usize) -> bool {
        let mut targets = 0;
        (from..from + length).any(|at| {
            let token = self.tokens[at];
            if !token.is_number() {
                let label = label_at(self.tokens, at);
                return matches!(
                    label,
                    Some((Label::Risk | Label::Lots | Label::Units | Label::Size | Label::Leverage, _))
                );
            }
            let behind = self.tokens.get(at + 1);
            let unit = behind.is_some_and(|next| {
                next.is_mark(b'%') || matches!(next.word(), Some(Word::Percent | Word::Pip))
            });
            let named = at > 0 && matches!(self.tokens[at - 1].word(), Some(Word::Tp | Word::Target));
            targets += usize::from(named && !unit);
            !(unit || named && targets == 1 && self.counts_a_target(token))
        })
    }

    fn behind(&self, at: usize, word: Word) -> bool {
        at > 0 && self.tokens[at - 1].word() == Some(word)
    }

    /// `modify buy`.
    fn modifies(&self, at: usize) -> bool {
        self.tokens[at].word() == Some(Word::Move) && matches!(self.next_word(at), Some(Word::Side(_)))
    }
}
