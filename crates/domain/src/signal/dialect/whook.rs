//! whook's positional tokens: `account ETH/USDT buy 300$ x3 limit:id:1012`, in any order, meaning by shape.

use std::borrow::Cow;

use super::super::text::draft::Manner;
use super::super::{Amount, ErrorCode, Parsed, Reading, SignalError, Span, Unit};
use super::fields::{Scalar, plain_name};
use super::order::{self, Action, Builder};
use super::position::names_a_position;
use crate::instrument::Instrument;
use crate::money::Quantity;

#[derive(Default)]
struct Tokens<'a> {
    account: Option<Scalar<'a>>,
    symbol: Option<(Instrument, Span)>,
    action: Option<(Action, Span)>,
    size: Option<(Amount, Span)>,
    leverage: Option<(Quantity, Span)>,
    limit: Option<Scalar<'a>>,
    cancel: Option<Scalar<'a>>,
}

/// Reads one line of tokens.
pub(super) fn read(message: &str, reading: &Reading) -> Result<Parsed, SignalError> {
    if let Some(line) = message.trim().split_once('\n') {
        let start = message.len() - message.trim_start().len() + line.0.len() + 1;
        let span = Span { start, end: start + line.1.len() };
        return Err(SignalError::at(
            ErrorCode::SeveralOrders,
            span,
            "One line is one instruction: send one a message.",
        ));
    }
    let mut tokens = Tokens::default();
    for word in words(message) {
        super::fields::refuse_variable(&word.text, word.span)?;
        tokens.add(word, reading)?;
    }
    tokens.build()
}

fn words(message: &str) -> impl Iterator<Item = Scalar<'_>> {
    message.split_ascii_whitespace().map(move |word| {
        let start = word.as_ptr() as usize - message.as_ptr() as usize;
        Scalar { text: Cow::Borrowed(word), span: Span { start, end: start + word.len() } }
    })
}

impl<'a> Tokens<'a> {
    fn add(&mut self, word: Scalar<'a>, reading: &Reading) -> Result<(), SignalError> {
        let lower = word.text.to_ascii_lowercase();
        if let Some(rest) = lower.strip_prefix("limit:") {
            let price = rest.rsplit(':').next().unwrap_or_default().to_owned();
            let start = word.span.end - price.len();
            let price = Scalar { text: price.into(), span: Span { start, end: word.span.end } };
            return once(&mut self.limit, price, word.span);
        }
        if lower.starts_with("cancel:") {
            let name = Scalar { text: word.text[7..].to_owned().into(), span: word.span };
            return once(&mut self.cancel, name, word.span);
        }
        if matches!(lower.as_str(), "position" | "pos") {
            let detail = "A wanted position has no side of its own: it depends on what is open.";
            return Err(SignalError::at(ErrorCode::ContextRequired, word.span, detail));
        }
        let name = lower.split(['=', ':']).next().unwrap_or_default();
        if names_a_position(&plain_name(name)) {
            let detail = "An order that only reduces a position is not carried out here: send a close.";
            return Err(SignalError::at(ErrorCode::ContextRequired, word.span, detail));
        }
        if let Ok(action) = order::action(&word) {
            return once(&mut self.action, (action, word.span), word.span);
        }
        let times = lower.strip_prefix('x').or_else(|| lower.strip_suffix('x'));
        if let Some(times) =
            times.filter(|times| times.bytes().all(|b| b.is_ascii_digit() || b == b'.') && !times.is_empty())
        {
            let leverage = super::super::number::read(times, word.span)?;
            return once(&mut self.leverage, (leverage, word.span), word.span);
        }
        if lower.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+'))
            && !lower.contains('/')
        {
            let size = size(&word)?;
            return once(&mut self.size, (size, word.span), word.span);
        }
        if word.text.contains('/') || self.account.is_some() && self.symbol.is_none() || known(&word) {
            let instrument = order::instrument(&word, reading)?;
            return once(&mut self.symbol, (instrument, word.span), word.span);
        }
        let span = word.span;
        once(&mut self.account, word, span)
    }

    fn build(self) -> Result<Parsed, SignalError> {
        let Some(symbol) = self.symbol else {
            return Err(SignalError::whole(ErrorCode::NoInstrument, "The message names no instrument."));
        };
        if let Some(name) = self.cancel {
            let whole = name.text.is_empty() || name.text == "all";
            return Ok(order::cancel(symbol, None, (!whole).then(|| name.text.into_owned())));
        }
        let Some((action, span)) = self.action else {
            return Err(SignalError::whole(ErrorCode::UnknownAction, "The message names no action."));
        };
        match action {
            Action::Open(side, None) => {
                let mut builder = Builder::new(side, span, symbol.0, symbol.1);
                if let Some(limit) = self.limit {
                    builder.manner(Manner::Limit, limit.span)?;
                    builder.draft.entries.push(order::price(&limit)?);
                }
                if let Some((size, span)) = self.size {
                    builder.quantity(size, span)?;
                }
                builder.draft.leverage = self.leverage;
                builder.finish()
            }
            Action::Close(side) => order::close(symbol, side, self.size),
            Action::Cancel(side) => Ok(order::cancel(symbol, side, None)),
            Action::Open(_, Some(_)) | Action::Modify(_) => {
                Err(SignalError::at(ErrorCode::UnknownAction, span, "This is no action of this dialect."))
            }
        }
    }
}

fn known(word: &Scalar<'_>) -> bool {
    super::super::symbol::is_known(&word.text.to_ascii_uppercase())
}

/// `300$` of money, `33.33%` of what there is, `50@` or `50` units.
fn size(word: &Scalar<'_>) -> Result<Amount, SignalError> {
    let text = word.text.strip_suffix('@').unwrap_or(&word.text);
    order::amount(&Scalar { text: text.to_owned().into(), span: word.span }, Unit::Units)
}

fn once<T>(slot: &mut Option<T>, value: T, span: Span) -> Result<(), SignalError> {
    if slot.is_some() {
        let detail = "This token has no place: one of its kind stands there already.";
        return Err(SignalError::at(ErrorCode::UnknownParameter, span, detail));
    }
    *slot = Some(value);
    Ok(())
}
