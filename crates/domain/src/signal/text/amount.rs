//! Sizes, risk and leverage.

use super::super::model::{Amount, Unit};
use super::super::number;
use super::super::words::Word;
use super::super::{ErrorCode, SignalError, Span};
use super::label::{Label, label_at};
use super::remark::{Remark, remark_at};
use super::scan::{Before, Field, Scan, Waits};
use crate::money::Quantity;

impl Scan<'_> {
    /// The number behind a label of size, risk or leverage.
    pub(super) fn amount(&mut self, at: usize) -> Result<usize, SignalError> {
        let Field::Label(label) = self.field else {
            return Ok(at + 1);
        };
        let (remark, next) = self.unit_of(at);
        let money = remark == Some(Remark::Money) || at > 0 && self.tokens[at - 1].is_mark(b'$');
        let stated = match remark {
            Some(Remark::Percent) => Some(Unit::Percent),
            Some(Remark::Lots) => Some(Unit::Lots),
            Some(Remark::Units) => Some(Unit::Units),
            Some(Remark::Distance | Remark::Other | Remark::Slashes | Remark::Satoshi) => {
                return self.skip_amount(next);
            }
            Some(Remark::Money) | Some(Remark::Leverage) | None => money.then_some(Unit::Usd),
        };
        let unit = match label {
            Label::Lots => stated.or(Some(Unit::Lots)),
            Label::Units => stated.or(Some(Unit::Units)),
            Label::Leverage => return self.leverage(at, next),
            Label::Risk | Label::Size => stated,
            Label::Entry | Label::Stop | Label::Target | Label::Reference | Label::Ignored => None,
        };
        if unit.is_none() && label == Label::Risk && self.draft.risk.is_some() {
            // The risk is known; a bare number behind the word is no second one, and must not pass for a note.
            self.waits = Waits::No;
            return self.number(at);
        }
        let span = self.tokens[at].span();
        let value: Quantity = self.quantity(at)?;
        self.waits = Waits::No;
        match unit {
            Some(unit) if label == Label::Risk => self.set_risk(Amount { value, unit }, span)?,
            Some(unit) => self.set_quantity(Amount { value, unit }, span)?,
            None => {
                let label = &self.text[self.label.start..self.label.end];
                self.draft.notes.push(format!("{label} {value} names no unit and is not used"));
            }
        }
        Ok(next)
    }

    fn skip_amount(&mut self, next: usize) -> Result<usize, SignalError> {
        self.waits = Waits::No;
        Ok(next)
    }

    /// The unit behind a number or behind a range of numbers, whose lower end counts: `1-2%`.
    fn unit_of(&mut self, at: usize) -> (Option<Remark>, usize) {
        if let Some((remark, next)) = remark_at(self.tokens, at, self.text) {
            let range = self.tokens.get(next).is_some_and(|mark| mark.is_mark(b'-') && mark.glued)
                && self.tokens.get(next + 1).is_some_and(|number| number.is_number());
            if range && let Some((_, end)) = remark_at(self.tokens, next + 1, self.text) {
                return (Some(remark), end);
            }
            return (Some(remark), next);
        }
        let range = self.tokens.get(at + 1).is_some_and(|mark| mark.is_mark(b'-'))
            && self.tokens.get(at + 2).is_some_and(|number| number.is_number());
        if range && let Some((remark, next)) = remark_at(self.tokens, at + 2, self.text) {
            self.draft.notes.push("of a range the lower end is used".to_owned());
            return (Some(remark), next);
        }
        (None, at + 1)
    }

    fn quantity(&self, at: usize) -> Result<Quantity, SignalError> {
        let token = self.tokens[at];
        number::read(&number::folded(token.text(self.text)), token.span())
    }

    fn leverage(&mut self, at: usize, next: usize) -> Result<usize, SignalError> {
        let value = self.quantity(at)?;
        self.waits = Waits::No;
        match self.draft.leverage {
            Some((first, _)) if first.value() != value.value() => Err(SignalError::at(
                ErrorCode::DuplicateField,
                self.tokens[at].span(),
                format!("A second leverage, {value}, beside {first}."),
            )),
            _ => {
                self.draft.leverage = Some((value, self.tokens[at].span()));
                Ok(next)
            }
        }
    }

    fn set_risk(&mut self, amount: Amount, span: Span) -> Result<(), SignalError> {
        match self.draft.risk {
            Some((first, _)) if first.value.value() != amount.value.value() || first.unit != amount.unit => {
                Err(SignalError::at(ErrorCode::DuplicateField, span, "A second risk beside another one."))
            }
            _ => {
                self.draft.risk = Some((amount, span));
                Ok(())
            }
        }
    }

    /// `1% risk`: the word ends what the number began, and waits for no second one.
    fn close_risk(&mut self, at: usize) -> usize {
        let Some((label @ Label::Risk, next)) = label_at(self.tokens, at) else {
            return at;
        };
        self.expect(label, Waits::No, self.tokens[at].span());
        self.before = Before::Word;
        next
    }

    /// `risk 1% 2%`, but not the upper end of `1% to 2%` and not `1%, 3% profit`.
    fn is_another_risk(&self, at: usize, next: usize) -> bool {
        let before = at.checked_sub(1).map(|before| self.tokens[before]);
        let range = before.is_some_and(|before| {
            before.word() == Some(Word::To) || matches!(before.mark(), Some(b'-' | b'/' | b'~' | b'+'))
        });
        let gain = matches!(
            self.tokens.get(next).and_then(|token| token.word()),
            Some(Word::Reward | Word::Profit | Word::Ratio)
        );
        self.field == Field::Label(Label::Risk) && self.draft.risk.is_some() && !range && !gain
    }

    fn set_quantity(&mut self, amount: Amount, span: Span) -> Result<(), SignalError> {
        match self.draft.quantity {
            Some((first, _)) if first.value.value() != amount.value.value() || first.unit != amount.unit => {
                Err(SignalError::at(ErrorCode::DuplicateField, span, "A second size beside another one."))
            }
            _ => {
                self.draft.quantity = Some((amount, span));
                Ok(())
            }
        }
    }

    /// A number that says by itself what it is.
    pub(super) fn remark(&mut self, at: usize, remark: Remark, next: usize) -> Result<usize, SignalError> {
        let span = self.tokens[at].span();
        match remark {
            Remark::Leverage => return self.leverage(at, next),
            Remark::Lots | Remark::Units => {
                let unit = if remark == Remark::Lots { Unit::Lots } else { Unit::Units };
                self.set_quantity(Amount { value: self.quantity(at)?, unit }, span)?;
            }
            Remark::Percent => {
                let risk = self.tokens.get(next).and_then(|token| token.word()) == Some(Word::Risk);
                let value = self.quantity(at).ok();
                if let Some(value) = value.filter(|_| risk) {
                    self.set_risk(Amount { value, unit: Unit::Percent }, span)?;
                    return Ok(self.close_risk(next));
                } else if let Some(value) = value.filter(|_| self.is_another_risk(at, next)) {
                    self.set_risk(Amount { value, unit: Unit::Percent }, span)?;
                } else if self.field == Field::Label(Label::Target) {
                    self.draft.notes.push(format!("share of a target: {}", &self.text[span.start..span.end]));
                }
            }
            Remark::Satoshi => {
                return Err(self.no_plain_number(span, "is counted in satoshi, not in a price"));
            }
            Remark::Distance | Remark::Money | Remark::Slashes | Remark::Other => {}
        }
        Ok(next)
    }
}
