//! Exact positive decimals: prices and quantities.
//!
//! A number is kept as it was written: `1.0860` stays `1.0860`, trailing zero and all, and never passes
//! through floating point. The limits (12 digits before the point, 12 after) are those of the wire contract.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// Most digits before the decimal point.
pub const MAX_INTEGER_DIGITS: usize = 12;
/// Most digits after the decimal point.
pub const MAX_FRACTION_DIGITS: usize = 12;

/// Why a text is no price or quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NumberError {
    /// Something else than digits with at most one point among them: a sign, an exponent, `NaN`, `1.2.3`.
    #[error("is not a plain decimal number")]
    NotPlain,
    /// Zero is no price and no quantity.
    #[error("must be above zero")]
    NotPositive,
    /// More than [`MAX_INTEGER_DIGITS`] before the point.
    #[error("has more than 12 digits before the point")]
    TooLarge,
    /// More than [`MAX_FRACTION_DIGITS`] after the point.
    #[error("has more than 12 digits after the point")]
    TooPrecise,
}

/// Reads `digits[.digits]` or `.digits`, ASCII only, above zero, within the digit limits.
fn parse_plain(text: &str) -> Result<Decimal, NumberError> {
    let (integer, fraction) = match text.split_once('.') {
        Some((integer, fraction)) if !fraction.is_empty() => (integer, fraction),
        Some(_) => return Err(NumberError::NotPlain),
        None if text.is_empty() => return Err(NumberError::NotPlain),
        None => (text, ""),
    };
    if !integer.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return Err(NumberError::NotPlain);
    }
    if integer.trim_start_matches('0').len() > MAX_INTEGER_DIGITS {
        return Err(NumberError::TooLarge);
    }
    if fraction.len() > MAX_FRACTION_DIGITS {
        return Err(NumberError::TooPrecise);
    }
    // At most 24 digits are left: they fit both the sum and a decimal's 96 bits.
    let digits = integer.bytes().chain(fraction.bytes());
    let units = digits.fold(0i128, |units, digit| units * 10 + i128::from(digit - b'0'));
    let value =
        Decimal::try_from_i128_with_scale(units, fraction.len() as u32).map_err(|_| NumberError::NotPlain)?;
    if value.is_zero() { Err(NumberError::NotPositive) } else { Ok(value) }
}

macro_rules! positive_decimal {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Decimal);

        impl $name {
            /// The exact value.
            #[must_use]
            pub fn value(self) -> Decimal {
                self.0
            }
        }

        impl FromStr for $name {
            type Err = NumberError;
            fn from_str(text: &str) -> Result<Self, NumberError> {
                parse_plain(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(|error| serde::de::Error::custom(format_args!("`{text}` {error}")))
            }
        }
    };
}

positive_decimal! {
    /// A price in the instrument's quote currency.
    Price
}
positive_decimal! {
    /// An amount of something: lots, units, percent, as the unit beside it says.
    Quantity
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_is_shown_as_it_was_written() {
        for text in ["1.0860", "1950.00", "0.000000000001", "999999999999.999999999999", "60000"] {
            assert_eq!(text.parse::<Price>().unwrap().to_string(), text);
        }
        assert_eq!(".7".parse::<Price>().unwrap().to_string(), "0.7");
        assert_eq!("007.50".parse::<Price>().unwrap().to_string(), "7.50");
    }

    #[test]
    fn what_is_no_plain_positive_decimal_is_refused() {
        use NumberError::*;
        for (text, error) in [
            ("", NotPlain),
            (".", NotPlain),
            ("1.", NotPlain),
            ("1.2.3", NotPlain),
            ("-1", NotPlain),
            ("+1", NotPlain),
            ("1e5", NotPlain),
            ("NaN", NotPlain),
            ("0x1F", NotPlain),
            ("1_000", NotPlain),
            ("1 000", NotPlain),
            ("١", NotPlain),
            ("0", NotPositive),
            ("0.000", NotPositive),
            ("1234567890123", TooLarge),
            ("1.1234567890123", TooPrecise),
        ] {
            assert_eq!(text.parse::<Price>(), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_a_panic(text in ".{0,40}") {
            let _ = text.parse::<Price>();
        }

        #[test]
        fn printing_and_reading_gives_the_same_number(integer in 1u64..1_000_000_000_000, fraction in "[0-9]{0,12}") {
            let text = if fraction.is_empty() { integer.to_string() } else { format!("{integer}.{fraction}") };
            let price: Price = text.parse().unwrap();
            prop_assert_eq!(price.to_string(), text);
            let json = serde_json::to_string(&price).unwrap();
            prop_assert_eq!(serde_json::from_str::<Price>(&json).unwrap(), price);
        }
    }
}
