//! Trailing stops, in words. They are not supported yet, and protection that was asked for must not be dropped.

use super::super::token::{Kind, Token};
use super::super::words::Word;
use super::super::{ErrorCode, SignalError};
use super::scan::Scan;

impl Scan<'_> {
    /// `trailing stop 20 pips` refuses the message; `trail SL after TP1` is an instruction for later, and only noted.
    pub(super) fn trailing(&mut self, at: usize) -> Result<usize, SignalError> {
        let before = at.checked_sub(1).and_then(|before| self.tokens[before].word());
        if matches!(before, Some(Word::No | Word::Negation)) {
            return Ok(self.behind_stop(at));
        }
        let end = if self.is(at + 1, "configuration") {
            self.configuration(at)
        } else {
            self.switched_off(at).or_else(|| self.until_a_target(at))
        };
        let Some(end) = end else {
            let span = self.tokens[at].span();
            let detail = format!(
                "`{}` asks for a trailing stop, which is not supported yet: send a stop loss.",
                self.tokens[at].text(self.text)
            );
            return Err(SignalError::at(ErrorCode::Unsupported, span, detail));
        };
        self.refuse_word_for_price(self.tokens[at].span())?;
        let span = self.tokens[at].span().to(self.tokens[end - 1].span());
        let written = self.text[span.start..span.end].split_whitespace().collect::<Vec<_>>().join(" ");
        self.draft.notes.push(format!("set aside: {written}"));
        self.line += self.tokens[at..end].iter().filter(|token| token.kind == Kind::Newline).count();
        self.drop_field();
        Ok(end)
    }

    /// The token after `trailing [stop [loss]]`.
    fn behind_stop(&self, at: usize) -> usize {
        let stop = |place: usize| {
            let word = self.tokens.get(place).and_then(|token| token.word());
            matches!(word, Some(Word::Stop | Word::Loss | Word::Sl))
        };
        let hyphen = |place: usize| self.tokens.get(place).is_some_and(|mark| mark.is_mark(b'-'));
        let mut end = at + 1;
        loop {
            let next = end + usize::from(hyphen(end));
            if !stop(next) {
                return end;
            }
            end = next + 1;
        }
    }

    /// `trailing stop: off`.
    fn switched_off(&self, at: usize) -> Option<usize> {
        let value = self.behind_marks(self.behind_stop(at));
        let off = ["no", "none", "off", "false", "disabled"];
        off.iter().any(|word| self.is(value, word)).then_some(value + 1)
    }

    /// `trail SL to entry after TP1`: the token after the phrase, if it waits for a target. It must not hold a number that
    /// belongs to the order: distances have a unit, and a target's index touches its label.
    fn until_a_target(&self, at: usize) -> Option<usize> {
        const LONGEST: usize = 24;
        let mut waits = false;
        let mut place = at + 1;
        while place < self.tokens.len().min(at + LONGEST) {
            let token = self.tokens[place];
            let word = match token.kind {
                Kind::Word(word) => word,
                Kind::Mark(b':' | b'-' | b',' | b'/') => {
                    place += 1;
                    continue;
                }
                Kind::Number => {
                    place = self.distance_end(place)?;
                    continue;
                }
                Kind::Foreign | Kind::Broken | Kind::Keycap | Kind::Newline | Kind::Mark(_) => return None,
            };
            if waits && matches!(word, Word::Tp | Word::Target) {
                return self.target_end(place);
            }
            waits |=
                matches!(word, Word::After | Word::At) || self.is(place, "once") || self.is(place, "when");
            if !waits && !leads_to_a_trigger(word) && !self.is(place, "by") {
                return None;
            }
            if waits
                && !matches!(word, Word::After | Word::At | Word::Condition | Word::Filler | Word::Ordinal)
            {
                return None;
            }
            place += 1;
        }
        None
    }

    /// The token after `20 pips` or `1%`.
    fn distance_end(&self, at: usize) -> Option<usize> {
        let unit = self.tokens.get(at + 1)?;
        let known = unit.is_mark(b'%') || matches!(unit.word(), Some(Word::Pip | Word::Percent));
        known.then_some(at + 2)
    }

    /// The token after a target and its index, unless a price follows.
    fn target_end(&self, at: usize) -> Option<usize> {
        let index = self.tokens.get(at + 1).filter(|next| next.is_number() && next.glued);
        let end = at + 1 + usize::from(index.is_some());
        let counts = index.is_none_or(|index| self.counts_a_target(*index));
        let behind = self.behind_marks(end);
        let price = self.tokens.get(behind).is_some_and(|next| next.is_number() && !next.first);
        (counts && !price).then_some(end)
    }

    /// Whether a number may be the index of one of the targets that the message names.
    pub(super) fn counts_a_target(&self, number: Token) -> bool {
        let named = self.tokens.iter().filter(|token| matches!(token.word(), Some(Word::Tp | Word::Target)));
        let index = number.text(self.text).parse::<usize>();
        index.is_ok_and(|index| index > 0 && index <= named.count().max(1))
    }

    /// The end of Cornix's section `Trailing Configuration:`, as far as it only says what happens at a target. `None` if
    /// there is no such line.
    fn configuration(&self, at: usize) -> Option<usize> {
        let mut end = self.line_end(at);
        let mut read = false;
        while self.tokens.get(end).is_some_and(|token| token.kind == Kind::Newline) {
            let next = self.line_end(end + 1);
            let line = &self.tokens[end + 1..next];
            if !line.is_empty() && !self.is_put_off(line) {
                break;
            }
            read |= !line.is_empty();
            end = next;
        }
        read.then_some(end)
    }

    fn line_end(&self, from: usize) -> usize {
        let rest = self.tokens.get(from..).unwrap_or_default();
        from + rest.iter().take_while(|token| token.kind != Kind::Newline).count()
    }

    /// `Stop: Breakeven`, `Trigger: Target (1)`, `Entry: Without`.
    fn is_put_off(&self, line: &[Token]) -> bool {
        let has = |wanted: Word| line.iter().any(|token| token.word() == Some(wanted));
        let without = line.iter().any(|token| {
            let text = token.text(self.text);
            text.eq_ignore_ascii_case("without") || text.eq_ignore_ascii_case("none")
        });
        let trigger = has(Word::Trigger) && (has(Word::Target) || has(Word::Tp));
        let stop = has(Word::Stop) && has(Word::Breakeven);
        let mut numbers = line.iter().filter(|token| token.is_number());
        let counts = numbers.next().is_none_or(|number| trigger && number.end - number.start <= 2);
        (trigger || stop || without) && counts && numbers.next().is_none()
    }
}

/// Whether a word may stand between `trail` and the target that it waits for.
fn leads_to_a_trigger(word: Word) -> bool {
    matches!(
        word,
        Word::Stop
            | Word::Loss
            | Word::Sl
            | Word::Filler
            | Word::To
            | Word::Breakeven
            | Word::Break
            | Word::Even
            | Word::Entry
            | Word::Price
            | Word::Profit
    )
}
