//! The words of the wire: the one place where states become `pending`, `executed`, `closed` …

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::ids::{OrderId, Seq};
use crate::lifecycle::OrderState;
use crate::money::Price;
use crate::order::{Order, Side};
use crate::time::Timestamp;

/// An order's status as clients see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Stored; not filled yet.
    Pending,
    /// Filled: a position is open.
    Executed,
    /// The position is closed.
    Closed,
    /// Canceled before it filled.
    Canceled,
    /// Rejected by the broker.
    Rejected,
    /// Too old to be sent, or expired at the broker.
    Expired,
}

impl Status {
    /// Every status, in the order of an order's life.
    pub const ALL: [Status; 6] = [
        Status::Pending,
        Status::Executed,
        Status::Closed,
        Status::Canceled,
        Status::Rejected,
        Status::Expired,
    ];

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Executed => "executed",
            Self::Closed => "closed",
            Self::Canceled => "canceled",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
        }
    }

    /// The stream message's type that announces it.
    fn message_type(self) -> &'static str {
        match self {
            Self::Pending => "order.pending",
            Self::Executed => "order.executed",
            Self::Closed => "order.closed",
            Self::Canceled => "order.canceled",
            Self::Rejected => "order.rejected",
            Self::Expired => "order.expired",
        }
    }
}

impl From<OrderState> for Status {
    fn from(state: OrderState) -> Self {
        match state {
            OrderState::New
            | OrderState::Submitting
            | OrderState::InDoubt
            | OrderState::Accepted
            | OrderState::PartlyFilled
            | OrderState::Canceling { .. } => Self::Pending,
            OrderState::Filled | OrderState::Closing { .. } | OrderState::Reducing { .. } => Self::Executed,
            OrderState::Closed => Self::Closed,
            OrderState::Canceled => Self::Canceled,
            OrderState::Rejected => Self::Rejected,
            OrderState::Expired => Self::Expired,
        }
    }
}

/// A word that is no status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is none of pending, executed, closed, canceled, rejected, expired")]
pub struct UnknownStatus;

impl FromStr for Status {
    type Err = UnknownStatus;
    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(UnknownStatus)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Order {
    /// Its status as clients see it.
    #[must_use]
    pub fn status(&self) -> Status {
        Status::from(self.state())
    }

    /// Why it is so, as clients see it: a request that waits for the broker, else the stored reason.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.state().request().or(self.progress.reason.as_deref())
    }

    /// The price at which it works; `None` at market.
    #[must_use]
    pub fn entry_price(&self) -> Option<Price> {
        self.terms.entry.working_price(self.terms.side)
    }
}

/// The type of the stream message that a change owes, if the wire shows the change.
///
/// Internal steps (submitting, accepted, in doubt, canceling) owe none: an order's life on the stream is
/// pending, executed, closed.
#[must_use]
pub fn message_type(before: Option<&Order>, after: &Order) -> Option<&'static str> {
    let Some(before) = before else {
        return Some(after.status().message_type());
    };
    if before.status() != after.status() {
        return Some(after.status().message_type());
    }
    let shown =
        |order: &Order| (order.bracket.clone(), order.progress.reason.clone(), order.progress.remaining);
    (shown(before) != shown(after)).then_some("order.modified")
}

/// A stream message, in the field order in which it is stored, replayed and sent.
#[derive(Debug, Serialize)]
pub struct StreamMessage<'a> {
    /// `order.pending`, `order.executed`, …
    #[serde(rename = "type")]
    pub message_type: &'static str,
    /// Its number.
    pub seq: Seq,
    /// When it was recorded.
    pub at: Timestamp,
    /// The order.
    pub order_id: OrderId,
    /// Its instrument.
    pub instrument: &'a str,
    /// Its side.
    pub action: Side,
    /// Its status.
    pub status: Status,
    /// Its working price; null at market.
    pub entry_price: Option<Price>,
    /// Its stop loss.
    pub stop_loss: Option<Price>,
    /// Its first target.
    pub take_profit: Option<Price>,
    /// The owner's name.
    pub user: &'a str,
    /// Why it is so, or null.
    pub reason: Option<&'a str>,
}

impl<'a> StreamMessage<'a> {
    /// The message about an order as it now is.
    #[must_use]
    pub fn about(
        order: &'a Order,
        message_type: &'static str,
        seq: Seq,
        at: Timestamp,
        user: &'a str,
    ) -> Self {
        Self {
            message_type,
            seq,
            at,
            order_id: order.id,
            instrument: order.terms.instrument.as_str(),
            action: order.terms.side,
            status: order.status(),
            entry_price: order.entry_price(),
            stop_loss: order.bracket.stop_loss,
            take_profit: order.bracket.take_profits.first().copied(),
            user,
            reason: order.reason(),
        }
    }
}
