//! What touches a number: it must not change what the number says.

use super::super::SignalError;
use super::super::token::{Kind, Token};
use super::super::words::Word;
use super::label::Label;
use super::remark::{Remark, remark_at, signed};
use super::scan::{Between, Field, Scan};

impl Scan<'_> {
    /// What touches the number, or stands behind it, must not change what it says.
    pub(super) fn refuse_neighbors(&self, at: usize) -> Result<(), SignalError> {
        let span = self.tokens[at].span();
        let chained = self.on_line > 0 && self.between == Between::Range;
        if signed(self.tokens, at) && !chained {
            let span = self.tokens[at - 1].span().to(span);
            return Err(self.no_plain_number(span, "carries a sign; prices have none"));
        }
        if at > 0 && self.tokens[at].glued && !self.may_touch(self.tokens[at - 1]) {
            return Err(self.no_plain_number(self.tokens[at - 1].span().to(span), "is no plain number"));
        }
        let list = self.field == Field::Label(Label::Target) || self.on_line > 0;
        if let Some((remark, next)) = remark_at(self.tokens, at, self.text) {
            let whole = span.to(self.tokens[next - 1].span());
            match remark {
                Remark::Distance | Remark::Percent => return Err(self.relative(whole)),
                Remark::Slashes if list => {}
                Remark::Money if self.field != Field::Header => {}
                Remark::Leverage | Remark::Lots | Remark::Units | Remark::Money | Remark::Satoshi => {
                    return Err(self.no_plain_number(whole, "is no price"));
                }
                Remark::Slashes | Remark::Other => return Err(self.no_plain_number(whole, "is no price")),
            }
        }
        if self.is_torn(at) {
            return Err(self.no_plain_number(self.chunk(span), "is no plain number"));
        }
        Ok(())
    }

    /// A label, the side, or a mark may touch a number from the left.
    fn may_touch(&self, before: Token) -> bool {
        match before.kind {
            Kind::Word(word) => {
                before.end as usize == self.label.end || matches!(word, Word::Side(_) | Word::At)
            }
            Kind::Mark(mark) => !matches!(mark, b'\'' | b'^' | b'%'),
            Kind::Newline => true,
            Kind::Foreign | Kind::Number | Kind::Broken | Kind::Keycap => false,
        }
    }

    /// The number goes on behind its last digit: `1.O850`, `1'950`, `1e5`.
    fn is_torn(&self, at: usize) -> bool {
        let Some(next) = self.tokens.get(at + 1).filter(|next| next.glued) else {
            return false;
        };
        let behind = self.tokens.get(at + 2).filter(|behind| behind.glued).map(|behind| behind.kind);
        match next.kind {
            Kind::Word(_) | Kind::Foreign | Kind::Number | Kind::Broken | Kind::Keycap => true,
            Kind::Mark(b'\'' | b'^' | b'*' | b'+' | b':') => {
                matches!(behind, Some(Kind::Number | Kind::Broken))
            }
            Kind::Mark(b'/' | b'-') if self.field == Field::Label(Label::Stop) => {
                matches!(behind, Some(Kind::Number | Kind::Broken))
            }
            Kind::Mark(b'.') => matches!(behind, Some(Kind::Word(_) | Kind::Foreign | Kind::Broken)),
            Kind::Mark(_) | Kind::Newline => false,
        }
    }
}
