//! Why a message was refused, and which characters are to blame.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A half-open range of byte offsets into the original text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// A refusal by the language.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct SignalError {
    /// The stable code.
    pub code: ErrorCode,
    /// One sentence that a trader understands.
    pub detail: String,
    /// Where, if one place is to blame.
    pub span: Option<Span>,
}

impl Span {
    /// The smallest span that holds both.
    #[must_use]
    pub fn to(self, other: Span) -> Span {
        Span { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

impl SignalError {
    /// A refusal that blames a place.
    pub(super) fn at(code: ErrorCode, span: Span, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), span: Some(span) }
    }

    /// A refusal of the whole message.
    pub(super) fn whole(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), span: None }
    }
}

/// A refusal as JSON shows it: to programs that parse, and to those who ask for an explanation.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ErrorView<'a> {
    /// The stable code.
    pub code: &'a str,
    /// The sentence.
    pub detail: &'a str,
    /// First byte of the place to blame.
    pub start: Option<usize>,
    /// One past its last byte.
    pub end: Option<usize>,
}

impl<'a> From<&'a SignalError> for ErrorView<'a> {
    fn from(error: &'a SignalError) -> Self {
        let (start, end) = error.span.map(|span| (span.start, span.end)).unzip();
        Self { code: error.code.as_str(), detail: &error.detail, start, end }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal,)*) => {
        /// The stable codes of refusals by the language and by an account's policy.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $($(#[$doc])* $variant,)*
        }

        impl ErrorCode {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$variant,)*];

            /// The code as it stands on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(ErrorCode::$variant => $code,)*
                }
            }
        }
    };
}

codes! {
    /// Nothing but blanks.
    Empty = "empty",
    /// More than a limit of the language allows.
    TooLarge = "too_large",
    /// Bytes or characters that no signal may hold.
    BadEncoding = "bad_encoding",
    /// Begins as JSON and is none.
    BadJson = "bad_json",
    /// A JSON key twice in one object.
    DuplicateKey = "duplicate_key",
    /// A template variable that its sender never filled.
    UnfilledPlaceholder = "unfilled_placeholder",
    /// A message that asks for nothing: chat, advert, opinion.
    NoSignal = "no_signal",
    /// A message about what has happened already.
    Report = "report",
    /// A word where the side belongs that is none.
    UnknownAction = "unknown_action",
    /// A word where the instrument belongs that is none.
    UnknownInstrument = "unknown_instrument",
    /// No instrument anywhere.
    NoInstrument = "no_instrument",
    /// No side anywhere.
    NoSide = "no_side",
    /// The account asks for a stop loss and there is none.
    MissingStopLoss = "missing_stop_loss",
    /// The account asks for a target and there is none.
    MissingTakeProfit = "missing_take_profit",
    /// Something where a number belongs that is no plain positive decimal.
    BadNumber = "bad_number",
    /// A number whose marks mean different things in different countries.
    NumberLocale = "number_locale",
    /// A price that no label claims.
    UnlabelledPrice = "unlabelled_price",
    /// A distance (pips, percent) where a price is needed.
    RelativePrice = "relative_price",
    /// A price with a condition that cannot be watched.
    ConditionalPrice = "conditional_price",
    /// A limit or stop order without its price.
    PendingWithoutPrice = "pending_without_price",
    /// More than one instruction in one message.
    SeveralOrders = "several_orders",
    /// Two parts of the message that cannot both hold.
    Contradiction = "contradiction",
    /// One field twice with different values.
    DuplicateField = "duplicate_field",
    /// A stop loss or target on the wrong side.
    WrongSide = "wrong_side",
    /// Prices too far apart to be meant.
    ImplausibleDistance = "implausible_distance",
    /// A size, risk or leverage over its cap.
    SizeCap = "size_cap",
    /// A command that does not say what it is about.
    ContextRequired = "context_required",
    /// An asset that no broker here trades.
    UnsupportedAsset = "unsupported_asset",
    /// Understood, but not supported yet.
    Unsupported = "unsupported",
    /// A parameter that the dialect does not have.
    UnknownParameter = "unknown_parameter",
    /// Too old to act on.
    Stale = "stale",
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
