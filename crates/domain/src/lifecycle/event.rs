//! What can happen to an order.

use serde::{Deserialize, Serialize};

use crate::money::Quantity;
use crate::order::Bracket;
use crate::time::Timestamp;

/// Something that happened to an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderEvent {
    /// When it was recorded.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub change: Change,
}

/// What can happen to an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Change {
    /// It was decided to send it; stored before the broker is called.
    Submitting {
        /// What the broker's adapter fixed for this call.
        fixed: String,
    },
    /// The broker has it.
    Accepted {
        /// The broker's id.
        broker_order_id: String,
        /// When to ask again.
        check_again_at: Timestamp,
    },
    /// A broker call had no usable answer.
    AnswerLost {
        /// What went wrong, for people.
        why: String,
        /// When to ask again.
        check_again_at: Timestamp,
    },
    /// Evidence that the broker never got it: it may be sent again.
    NotSubmitted {
        /// What shows it.
        why: String,
        /// When to send again.
        check_again_at: Timestamp,
    },
    /// A part filled.
    PartlyFilled {
        /// How much in all.
        filled: Quantity,
        /// When to ask again.
        check_again_at: Timestamp,
    },
    /// It filled.
    Executed {
        /// The broker's time.
        executed_at: Timestamp,
        /// When to ask again.
        check_again_at: Timestamp,
    },
    /// The user asked to cancel it.
    CancelRequested,
    /// The broker confirmed that it is canceled.
    Canceled,
    /// The broker would not cancel it.
    CancelRefused {
        /// The broker's words.
        why: String,
        /// When to ask again.
        check_again_at: Timestamp,
    },
    /// The user asked to close the position.
    CloseRequested,
    /// The position is closed.
    Closed {
        /// The broker's time.
        closed_at: Timestamp,
        /// Why, where the broker told.
        reason: Option<String>,
    },
    /// The user asked to close a part of the position.
    ReduceRequested {
        /// Which part of what is open, above 0 and below 1.
        fraction: Quantity,
    },
    /// A part of the position is closed.
    Reduced {
        /// Which part of what was open.
        fraction: Quantity,
        /// The broker's time.
        reduced_at: Timestamp,
        /// When to ask again.
        check_again_at: Timestamp,
    },
    /// The broker would not close it.
    CloseRefused {
        /// The broker's words.
        why: String,
        /// When to ask again.
        check_again_at: Timestamp,
    },
    /// The broker rejected it.
    Rejected {
        /// The broker's words.
        reason: String,
    },
    /// It was too old to be sent, or expired at the broker.
    Expired {
        /// Why.
        reason: String,
    },
    /// Its protection was changed.
    Modified {
        /// The protection from now on.
        bracket: Bracket,
    },
}

impl Change {
    /// The event's name.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Submitting { .. } => "submitting",
            Self::Accepted { .. } => "accepted",
            Self::AnswerLost { .. } => "answer_lost",
            Self::NotSubmitted { .. } => "not_submitted",
            Self::PartlyFilled { .. } => "partly_filled",
            Self::Executed { .. } => "executed",
            Self::CancelRequested => "cancel_requested",
            Self::Canceled => "canceled",
            Self::CancelRefused { .. } => "cancel_refused",
            Self::CloseRequested => "close_requested",
            Self::Closed { .. } => "closed",
            Self::ReduceRequested { .. } => "reduce_requested",
            Self::Reduced { .. } => "reduced",
            Self::CloseRefused { .. } => "close_refused",
            Self::Rejected { .. } => "rejected",
            Self::Expired { .. } => "expired",
            Self::Modified { .. } => "modified",
        }
    }
}
