//! A position as one alert states it: a word for its direction, its size, or both.

use std::str::FromStr;

use rust_decimal::Decimal;

use super::fields::{Content, Scalar};
use super::order::{self, Action};
use crate::order::Side;
use crate::signal::{ErrorCode, SignalError, Span};

/// A position, as an alert states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    Flat,
    Open(Side),
}

/// What an alert states about a position: its direction, its size, or both.
#[derive(Debug, Default)]
pub(super) struct Stated {
    pub(super) held: Option<(Held, Span)>,
    pub(super) size: Option<(Decimal, Span)>,
    /// Only a size without a sign is stated, which is that of either side.
    pub(super) unsigned: bool,
}

impl Stated {
    pub(super) fn word(&mut self, name: &str, span: Span, content: &Content<'_>) -> Result<(), SignalError> {
        match content {
            Content::Scalar(scalar) => self.set(held(scalar)?, scalar.span),
            Content::Absent | Content::Empty | Content::Object(_) | Content::List(_) => {
                Err(no_position(name, span))
            }
        }
    }

    pub(super) fn set(&mut self, held: Held, span: Span) -> Result<(), SignalError> {
        if self.held.is_some_and(|(first, _)| first != held) {
            return Err(contradicts(span));
        }
        self.held = Some((held, span));
        Ok(())
    }

    pub(super) fn size(&mut self, name: &str, span: Span, content: &Content<'_>) -> Result<(), SignalError> {
        let scalar = match content {
            Content::Scalar(scalar) => scalar,
            Content::Absent | Content::Empty | Content::Object(_) | Content::List(_) => {
                return Err(no_position(name, span));
            }
        };
        let Some(size) = number(scalar) else {
            let detail = format!("`{}` is not the size of a position.", scalar.text);
            return Err(SignalError::at(ErrorCode::BadNumber, scalar.span, detail));
        };
        // `position_size` is signed and `market_position_size` is not.
        if self.size.is_some_and(|(first, _)| first.abs() != size.abs()) {
            return Err(contradicts(scalar.span));
        }
        self.unsigned = name.starts_with("market") && (self.unsigned || self.size.is_none());
        if self.size.is_none_or(|(first, _)| first.is_sign_positive()) {
            self.size = Some((size, scalar.span));
        }
        Ok(())
    }

    /// Direction and size must agree. A size alone also gives the direction: without a minus sign it is long.
    pub(super) fn agree(&mut self) -> Result<(), SignalError> {
        let Some((size, span)) = self.size else {
            return Ok(());
        };
        let negative = size.is_sign_negative();
        match self.held {
            Some((Held::Flat, _)) if !size.is_zero() => Err(contradicts(span)),
            Some((Held::Open(_), _)) if size.is_zero() => Err(contradicts(span)),
            Some((Held::Open(Side::Buy), _)) if negative => Err(contradicts(span)),
            Some(_) => {
                self.unsigned = false;
                Ok(())
            }
            None => {
                let side = if negative { Side::Sell } else { Side::Buy };
                let held = if size.is_zero() { Held::Flat } else { Held::Open(side) };
                self.held = Some((held, span));
                Ok(())
            }
        }
    }
}

pub(super) fn held(word: &Scalar<'_>) -> Result<Held, SignalError> {
    match order::action(word) {
        Ok(Action::Open(side, None)) => Ok(Held::Open(side)),
        Ok(Action::Close(None)) => Ok(Held::Flat),
        Ok(_) | Err(_) => Err(no_position(&word.text, word.span)),
    }
}

pub(super) fn number(scalar: &Scalar<'_>) -> Option<Decimal> {
    let text = scalar.text.trim();
    let digits = text.trim_start_matches('-');
    let plain = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if plain { Decimal::from_str(text).ok() } else { None }
}

pub(super) fn no_position(what: &str, span: Span) -> SignalError {
    let detail = format!("`{what}` is not a position: long, short or flat is expected.");
    SignalError::at(ErrorCode::UnknownParameter, span, detail)
}

pub(super) fn contradicts(span: Span) -> SignalError {
    SignalError::at(ErrorCode::Contradiction, span, "The alert contradicts itself about its position.")
}
