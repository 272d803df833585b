//! Why a stream ends, and what its client is told.

use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::ProtocolError;

/// Why a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The client left, or the connection broke.
    Gone,
    /// The client closed, and is to be answered.
    Closed,
    /// The client sent what is no message: a WebSocket close code says what was wrong with it.
    BadMessage(u16),
    /// Nothing was heard of it.
    Dead,
    Unauthorized,
    Forbidden,
    TooSlow,
    AheadOfUs,
    Unavailable,
    Stopping,
}

impl End {
    /// The close code and sentence; `None` where nobody is there to read it.
    pub(super) fn frame(self) -> Option<(u16, &'static str)> {
        match self {
            End::Gone | End::Closed | End::Dead => None,
            End::BadMessage(code) => Some((code, "this is no message that a client may send")),
            End::Unauthorized => Some((4401, "authenticate with an API key")),
            End::Forbidden => Some((4403, "the API key may not read this stream")),
            End::TooSlow => Some((4408, "too slow; resume after your last seq")),
            End::AheadOfUs => Some((4409, "after is above the last seq; begin anew")),
            End::Unavailable => Some((1013, "the store does not answer; try again")),
            End::Stopping => Some((1001, "the server is stopping")),
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            End::Gone => "gone",
            End::Closed => "closed",
            End::BadMessage(_) => "bad_message",
            End::Dead => "dead",
            End::Unauthorized => "unauthorized",
            End::Forbidden => "forbidden",
            End::TooSlow => "too_slow",
            End::AheadOfUs => "ahead_of_us",
            End::Unavailable => "unavailable",
            End::Stopping => "stopping",
        }
    }
}

/// What a read error says of the client: RFC 6455 section 7.4.1 has a code for each fault of a message.
pub(super) fn bad_message(error: &axum::Error) -> End {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<Error>());
    match source {
        Some(Error::Capacity(_)) => End::BadMessage(1009),
        Some(Error::Utf8(_)) => End::BadMessage(1007),
        Some(Error::Protocol(fault)) if !matches!(fault, ProtocolError::ResetWithoutClosingHandshake) => {
            End::BadMessage(1002)
        }
        _ => End::Gone,
    }
}
