//! The validated symbol of what is traded.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// Longest symbol, in characters.
pub const MAX_SYMBOL_LENGTH: usize = 32;

/// A symbol in its folded form: upper-case ASCII letters and digits, and `.`, `!` or `&` inside.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instrument(Box<str>);

/// Why a text is no instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InstrumentError {
    /// Nothing was left to name an instrument.
    #[error("is empty")]
    Empty,
    /// Longer than [`MAX_SYMBOL_LENGTH`].
    #[error("is longer than 32 characters")]
    TooLong,
    /// A character that no symbol holds.
    #[error("holds a character that no symbol has")]
    BadCharacter,
    /// Digits alone name no instrument.
    #[error("has no letter")]
    NoLetter,
}

impl Instrument {
    /// The folded symbol.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Instrument {
    type Err = InstrumentError;

    /// Accepts a symbol and folds it to upper case; separators must have been taken out before.
    fn from_str(text: &str) -> Result<Self, InstrumentError> {
        if text.is_empty() {
            return Err(InstrumentError::Empty);
        }
        if text.len() > MAX_SYMBOL_LENGTH {
            return Err(InstrumentError::TooLong);
        }
        if !text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'!' | b'&')) {
            return Err(InstrumentError::BadCharacter);
        }
        if !text.bytes().any(|b| b.is_ascii_alphabetic()) {
            return Err(InstrumentError::NoLetter);
        }
        Ok(Self(text.to_ascii_uppercase().into_boxed_str()))
    }
}

impl fmt::Display for Instrument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Instrument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Instrument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(|error| serde::de::Error::custom(format_args!("`{text}` {error}")))
    }
}
