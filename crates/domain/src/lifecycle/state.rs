//! Where an order can stand.

use serde::{Deserialize, Serialize};

use crate::money::Quantity;
use crate::time::Timestamp;

/// What the broker is known to hold of an order whose cancel was requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exposure {
    /// Nothing: it was never sent.
    Unsent,
    /// It was sent and no answer is known.
    Unknown,
    /// It works there.
    Working,
    /// A part of it has filled.
    PartlyFilled,
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum OrderState {
    /// Stored, not yet sent.
    New,
    /// The decision to send it is stored; the broker's answer is not known yet.
    Submitting,
    /// The broker's answer was lost: only asking the broker can tell.
    InDoubt,
    /// It works at the broker.
    Accepted,
    /// A part has filled.
    PartlyFilled,
    /// The user wants it canceled; the broker has not confirmed.
    Canceling {
        /// What the broker is known to hold.
        exposure: Exposure,
        /// When the user asked.
        requested_at: Timestamp,
    },
    /// Filled: a position is open.
    Filled,
    /// The user wants the position closed; the broker has not confirmed.
    Closing {
        /// When the user asked.
        requested_at: Timestamp,
    },
    /// The user wants a part of the position closed; the broker has not confirmed.
    Reducing {
        /// Which part of what is open, above 0 and below 1.
        fraction: Quantity,
        /// When the user asked.
        requested_at: Timestamp,
    },
    /// The position is closed.
    Closed,
    /// Canceled before it filled.
    Canceled,
    /// Rejected by the broker.
    Rejected,
    /// Too old to be sent, or expired at the broker.
    Expired,
}

impl OrderState {
    /// Nothing more can happen by itself.
    #[must_use]
    pub fn is_final(self) -> bool {
        match self {
            Self::Closed | Self::Canceled | Self::Rejected | Self::Expired => true,
            Self::New
            | Self::Submitting
            | Self::InDoubt
            | Self::Accepted
            | Self::PartlyFilled
            | Self::Canceling { .. }
            | Self::Filled
            | Self::Closing { .. }
            | Self::Reducing { .. } => false,
        }
    }

    /// What the user has asked for and the broker has not confirmed, as the wire's `reason` says it.
    #[must_use]
    pub fn request(self) -> Option<&'static str> {
        match self {
            Self::Canceling { .. } => Some("cancel_requested"),
            Self::Closing { .. } | Self::Reducing { .. } => Some("close_requested"),
            Self::New
            | Self::Submitting
            | Self::InDoubt
            | Self::Accepted
            | Self::PartlyFilled
            | Self::Filled
            | Self::Closed
            | Self::Canceled
            | Self::Rejected
            | Self::Expired => None,
        }
    }

    /// The state's name, as stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Submitting => "submitting",
            Self::InDoubt => "in_doubt",
            Self::Accepted => "accepted",
            Self::PartlyFilled => "partly_filled",
            Self::Canceling { .. } => "canceling",
            Self::Filled => "filled",
            Self::Closing { .. } => "closing",
            Self::Reducing { .. } => "reducing",
            Self::Closed => "closed",
            Self::Canceled => "canceled",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
        }
    }
}
