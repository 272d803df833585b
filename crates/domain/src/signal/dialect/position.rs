//! What an alert says about the strategy's position. An exit must never be read as an entry.
//!
//! A strategy sells to close a long position, to reduce it, to reverse it, or to open a short one, and its alert says
//! `sell` for all four. Other fields tell which one it is: the position before and after the fill, a flag such as
//! `reduce_only`, or a comment that names the exit.

use rust_decimal::Decimal;

use super::bearing::Terms;
use super::exit_name::names_an_exit;
use super::fields::{Content, Fields, Scalar};
use super::order::{self, Action};
use super::stated::{Held, Stated, contradicts, held, no_position, number};
use super::truth::flag;
use crate::order::Side;
use crate::signal::{ErrorCode, SignalError, Span};

/// Flags of an order that only closes or reduces a position.
const FLAGS: &[&str] = &[
    "closeonly",
    "closeorder",
    "closeposition",
    "closetrade",
    "exit",
    "exitonly",
    "exitorder",
    "exitposition",
    "isclose",
    "isclosing",
    "isexit",
    "isreduceonly",
    "onlyclose",
    "onlyreduce",
    "reduce",
    "reduceonly",
    "reduceonlyorder",
];

/// Text fields in which TradingView and its users name an order.
const COMMENTS: &[&str] = &[
    "alert",
    "alertmessage",
    "alertname",
    "comment",
    "id",
    "label",
    "message",
    "mode",
    "msg",
    "name",
    "note",
    "orderalertmessage",
    "ordercomment",
    "orderid",
    "ordername",
    "reason",
    "signalid",
    "signalname",
    "tag",
    "text",
];

/// TradingView's own names for a strategy's exits.
const OWN_NAMES: &[&str] = &["close entry(s) order", "close position order", "margin call"];

/// What all fields of an alert say about its position.
#[derive(Debug, Default)]
pub(super) struct Position {
    after: Stated,
    before: Stated,
    flag: Option<Span>,
    /// A comment that is nothing but a word for an exit, with the side that it names.
    exit: Option<(Option<Side>, Span)>,
    /// TradingView's own name for an exit, which may close only part of the position.
    named: Option<Span>,
    /// A name in which there is a word for an exit, among others, with its key.
    hinted: Option<(String, Span)>,
    terms: Terms,
}

/// What the order states for itself, besides its position.
#[derive(Debug, Default)]
pub(super) struct Own<'a> {
    /// The place of its size.
    pub(super) size: Option<Span>,
    /// The place of a price that the order waits for.
    pub(super) price: Option<Span>,
    /// Whether the dialect can close the part of a position that the size gives.
    pub(super) parts: bool,
    /// How many contracts the strategy trades.
    pub(super) contracts: Option<Scalar<'a>>,
}

/// The action, once the position is taken into account.
#[derive(Debug)]
pub(super) struct Settled {
    pub(super) action: Action,
    /// The order closes the whole position, so its own size is the size of the position.
    pub(super) left: bool,
}

/// Whether a field with this name says something about the position.
pub(super) fn names_a_position(name: &str) -> bool {
    FLAGS.contains(&name)
        || matches!(name, "marketposition" | "prevmarketposition" | "previousmarketposition")
        || matches!(name, "positionsize" | "marketpositionsize" | "prevmarketpositionsize")
}

/// Whether a field by this name holds what a sender calls an order.
pub(super) fn names_an_order(name: &str) -> bool {
    COMMENTS.contains(&name)
}

impl Position {
    /// Reads the fields about the position, also those of the objects inside.
    pub(super) fn of(fields: &mut Fields<'_>) -> Result<Self, SignalError> {
        let bar = fields.has_bar_prices();
        let mut position = Self::default();
        fields.visit(&mut |name, span, content| position.read(name, span, content, bar))?;
        position.after.agree()?;
        position.before.agree()?;
        Ok(position)
    }

    /// Reads one field. Returns whether the field belongs to the position alone.
    fn read(
        &mut self,
        name: &str,
        span: Span,
        content: &Content<'_>,
        bar: bool,
    ) -> Result<bool, SignalError> {
        if FLAGS.contains(&name) {
            self.flag = flag(name, span, content)?.or(self.flag);
            return Ok(true);
        }
        if name == "close" {
            self.close(span, content, bar)?;
            return Ok(false);
        }
        if COMMENTS.contains(&name) {
            self.comment(name, content);
            return Ok(false);
        }
        match name {
            // The dialects read the word themselves, and pass over a blank one.
            "sentiment" if !matches!(content, Content::Scalar(_)) => {
                return Err(no_position(name, span));
            }
            "marketposition" => self.after.word(name, span, content)?,
            "positionsize" | "marketpositionsize" => self.after.size(name, span, content)?,
            "prevmarketposition" | "previousmarketposition" => self.before.word(name, span, content)?,
            "prevmarketpositionsize" => self.before.size(name, span, content)?,
            _ => {
                self.terms.add(name, span, content, bar);
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// `close` is the closing price of a bar, or an exit flag. The number 1 may be either, unless there is another price of
    /// a bar.
    fn close(&mut self, span: Span, content: &Content<'_>, bar: bool) -> Result<(), SignalError> {
        let scalar = match content {
            Content::Absent | Content::Empty => return Ok(()),
            Content::Scalar(scalar) => scalar,
            Content::Object(_) | Content::List(_) => return flag("close", span, content).map(|_| ()),
        };
        let price = number(scalar).filter(|price| *price > Decimal::ZERO);
        match price {
            Some(price) if bar || price != Decimal::ONE => Ok(()),
            Some(_) => {
                let detail = "`close` may be a price or an exit flag here: write `true` for an exit.";
                Err(SignalError::at(ErrorCode::UnknownParameter, scalar.span, detail))
            }
            None => {
                self.flag = flag("close", span, content)?.or(self.flag);
                Ok(())
            }
        }
    }

    /// A comment that is nothing but a word for an exit says which side it closes; one among other words is only a hint.
    fn comment(&mut self, key: &str, content: &Content<'_>) {
        let Content::Scalar(scalar) = content else {
            return;
        };
        let text = scalar.text.trim().to_ascii_lowercase();
        if OWN_NAMES.iter().any(|name| text.starts_with(name)) {
            self.named = self.named.or(Some(scalar.span));
        } else if let Ok(Action::Close(side)) = order::action(scalar) {
            self.exit = self.exit.or(Some((side, scalar.span)));
        } else if self.hinted.is_none() && names_an_exit(&scalar.text) {
            self.hinted = Some((key.to_owned(), scalar.span));
        }
    }

    /// The place of the first field that says something about the position.
    pub(super) fn place(&self) -> Option<Span> {
        let held = |stated: &Stated| stated.held.map(|(_, span)| span);
        let exit = self.exit.map(|(_, span)| span);
        let hinted = self.hinted.as_ref().map(|(_, span)| *span);
        self.flag.or(exit).or(self.named).or(hinted).or(held(&self.after)).or(held(&self.before))
    }

    /// Adds a further word for the position after the fill.
    pub(super) fn word_after(&mut self, word: &Scalar<'_>) -> Result<(), SignalError> {
        self.after.set(held(word)?, word.span)?;
        self.after.agree()
    }

    /// The action that is really asked for, given the position.
    pub(super) fn settle(&self, asked: Action, own: &Own<'_>) -> Result<Settled, SignalError> {
        match asked {
            Action::Open(side, _) => self.settle_order(asked, side, own),
            Action::Close(side) => self.settle_close(side, own),
            Action::Cancel(_) | Action::Modify(_) => match self.flag {
                Some(span) => Err(context(span, REDUCES)),
                None => Ok(Settled { action: asked, left: false }),
            },
        }
    }

    fn settle_order(&self, asked: Action, side: Side, own: &Own<'_>) -> Result<Settled, SignalError> {
        let closes = Settled { action: Action::Close(Some(side.opposite())), left: true };
        if let Some((Held::Flat, span)) = self.after.held {
            let fits = self.before.held.is_none_or(|(held, _)| held == Held::Open(side.opposite()));
            if !fits {
                return Err(contradicts(span));
            }
            return self.terms.protection.map_or(Ok(closes), |span| Err(context(span, PROTECTS)));
        }
        if let Some((Held::Open(held), span)) = self.after.held
            && held != side
        {
            return Err(context(
                span,
                "This closes part of a position, and how large a part is not known here: send a close with a percentage.",
            ));
        }
        if self.after.held.is_some()
            && let Some(span) = self.flag.or(self.exit.map(|(_, span)| span)).or(self.named)
        {
            return Err(context(
                span,
                "This is marked as an exit, but the position after it is on the order's own side.",
            ));
        }
        if let Some(span) = self.flag {
            return if self.has_terms(own) { Err(context(span, REDUCES)) } else { Ok(closes) };
        }
        if let Some((exit, span)) = self.exit {
            if exit == Some(side) {
                return Err(contradicts(span));
            }
            return if self.has_terms(own) { Err(context(span, REDUCES)) } else { Ok(closes) };
        }
        if let Some(span) = self.named {
            return Err(context(span, REDUCES));
        }
        self.refuse_hint()?;
        self.refuse_reversal(side, own)?;
        Ok(Settled { action: asked, left: false })
    }

    /// Refuses an order whose name has a word for an exit, unless the position tells that it is an entry.
    fn refuse_hint(&self) -> Result<(), SignalError> {
        let entered = self.after.held.is_some() && !self.after.unsigned;
        let was_flat = matches!(self.before.held, Some((Held::Flat, _)));
        let Some((key, span)) = self.hinted.as_ref().filter(|_| !entered && !was_flat) else {
            return Ok(());
        };
        let detail = format!(
            "`{key}` may name an exit, and nothing tells that this is an entry: send `market_position`, or a close."
        );
        Err(context(*span, &detail))
    }

    /// Refuses an entry that would first have to close the other side, or that does not make its own side larger.
    fn refuse_reversal(&self, side: Side, own: &Own<'_>) -> Result<(), SignalError> {
        const TURNS: &str =
            "This reverses the position, which is not supported yet: send a close, then the entry.";
        match self.before.held {
            Some((Held::Open(held), span)) if held != side => return Err(context(span, TURNS)),
            Some((Held::Open(_), _)) => {
                let sizes = (self.before.size, self.after.size);
                if let (Some((before, _)), Some((after, span))) = sizes
                    && after.abs() <= before.abs()
                {
                    return Err(contradicts(span));
                }
            }
            Some((Held::Flat, _)) | None => {}
        }
        let contracts = own.contracts.as_ref().and_then(number);
        match (contracts, self.after.size) {
            (Some(contracts), Some((after, span))) if contracts > after.abs() => Err(context(span, TURNS)),
            _ => Ok(()),
        }
    }

    /// Whether the message states a size, a price, a stop, a target or a leverage.
    fn has_terms(&self, own: &Own<'_>) -> bool {
        let Terms { size, protection, leverage } = self.terms;
        own.size.or(own.price).or(size).or(protection).or(leverage).is_some()
    }

    /// A close stays a close, but it is refused if part of the position stays open, or if it has terms of its own that a
    /// close of the whole position would drop.
    fn settle_close(&self, side: Option<Side>, own: &Own<'_>) -> Result<Settled, SignalError> {
        let stays = self.after.size.filter(|(size, _)| !size.is_zero());
        if let Some((_, span)) = stays {
            return Err(context(span, "Part of the position stays open: send a close with a percentage."));
        }
        let held = self.before.held.and_then(|(held, _)| match held {
            Held::Open(side) => Some(side),
            Held::Flat => None,
        });
        if let Some(span) = self.terms.protection {
            return Err(context(span, PROTECTS));
        }
        let left = matches!(self.after.held, Some((Held::Flat, _)));
        // Beside a position, a price is the one at which the strategy has left.
        let waits = own.price.filter(|_| self.after.held.or(self.before.held).is_none());
        if let Some(span) = waits {
            return Err(context(
                span,
                "A close that waits for a price is not carried out here: send it without one.",
            ));
        }
        let dropped = if own.parts {
            self.terms.size.filter(|_| own.size.is_none())
        } else {
            own.size.or(self.terms.size)
        };
        if let Some(span) = dropped.filter(|_| !left) {
            return Err(context(
                span,
                "How large a part of the position this size closes is not known here: send a close with a percentage.",
            ));
        }
        Ok(Settled { action: Action::Close(side.or(held)), left })
    }
}

const PROTECTS: &str = "A close has no stop loss and no target: send it without them.";
const REDUCES: &str = "An order that only reduces a position is not carried out here: send a close.";

fn context(span: Span, detail: &str) -> SignalError {
    SignalError::at(ErrorCode::ContextRequired, span, detail)
}
