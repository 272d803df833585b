//! The audit log: a closed list of actions, and the chain of hashes over its entries.

use std::fmt;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::ids::{OrderId, Seq, UserId};
use crate::lifecycle::Change;
use crate::time::Timestamp;

macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)*) => {
        /// What an audit entry records.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum AuditAction {
            $($(#[$doc])* $variant,)*
        }

        impl AuditAction {
            /// Every action.
            pub const ALL: &'static [AuditAction] = &[$(AuditAction::$variant,)*];

            /// The word on the wire and in the store.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(AuditAction::$variant => $word,)*
                }
            }

            /// The action of a word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(AuditAction::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

actions! {
    /// A user registered, with a first broker account and API key.
    AccountCreated = "account_created",
    /// A user linked a further broker account.
    BrokerAccountLinked = "broker_account_linked",
    /// A broker account's policy changed.
    PolicyChanged = "policy_changed",
    /// A broker account takes no new orders any more.
    BrokerAccountDeactivated = "broker_account_deactivated",
    /// The operator issued a new API key for a user.
    ApiKeyIssued = "api_key_issued",
    /// A signal arrived. Never stored by itself: the first half of a signal's entry.
    SignalReceived = "signal_received",
    /// A signal was refused.
    SignalRejected = "signal_rejected",
    /// A signal was a command about open orders, and was carried out.
    CommandAccepted = "command_accepted",
    /// A signal became an order.
    OrderCreated = "order_created",
    /// It was decided to send the order.
    OrderSubmitting = "order_submitting",
    /// The broker has the order.
    OrderSubmitted = "order_submitted",
    /// A broker's answer was lost.
    OrderInDoubt = "order_in_doubt",
    /// The broker never got the order.
    OrderNotSubmitted = "order_not_submitted",
    /// A part of the order filled.
    OrderPartlyFilled = "order_partly_filled",
    /// The order filled.
    OrderExecuted = "order_executed",
    /// The user asked to cancel the order.
    OrderCancelRequested = "order_cancel_requested",
    /// The order was canceled.
    OrderCanceled = "order_canceled",
    /// The broker would not cancel the order.
    OrderCancelRefused = "order_cancel_refused",
    /// The user asked to close the position.
    OrderCloseRequested = "order_close_requested",
    /// The user asked to close a part of the position.
    OrderReduceRequested = "order_reduce_requested",
    /// A part of the position was closed.
    OrderReduced = "order_reduced",
    /// The position was closed.
    OrderClosed = "order_closed",
    /// The broker would not close the position.
    OrderCloseRefused = "order_close_refused",
    /// The broker rejected the order.
    OrderRejected = "order_rejected",
    /// The order expired.
    OrderExpired = "order_expired",
    /// The order's protection changed.
    OrderModified = "order_modified",
}

impl From<&Change> for AuditAction {
    fn from(change: &Change) -> Self {
        match change {
            Change::Submitting { .. } => Self::OrderSubmitting,
            Change::Accepted { .. } => Self::OrderSubmitted,
            Change::AnswerLost { .. } => Self::OrderInDoubt,
            Change::NotSubmitted { .. } => Self::OrderNotSubmitted,
            Change::PartlyFilled { .. } => Self::OrderPartlyFilled,
            Change::Executed { .. } => Self::OrderExecuted,
            Change::CancelRequested => Self::OrderCancelRequested,
            Change::Canceled => Self::OrderCanceled,
            Change::CancelRefused { .. } => Self::OrderCancelRefused,
            Change::CloseRequested => Self::OrderCloseRequested,
            Change::ReduceRequested { .. } => Self::OrderReduceRequested,
            Change::Reduced { .. } => Self::OrderReduced,
            Change::Closed { .. } => Self::OrderClosed,
            Change::CloseRefused { .. } => Self::OrderCloseRefused,
            Change::Rejected { .. } => Self::OrderRejected,
            Change::Expired { .. } => Self::OrderExpired,
            Change::Modified { .. } => Self::OrderModified,
        }
    }
}

impl fmt::Display for AuditAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A SHA-256 over an entry and the hash of the entry before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ChainHash(pub [u8; 32]);

/// Where an entry stands in its user's journal.
///
/// `seq` is the number of the user's last stream message, this entry's own included; `step` is 0 for the entry
/// that carries this message and counts 1, 2, 3 … over the internal entries that follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Place {
    /// The last stream message's number.
    pub seq: Seq,
    /// Steps since that message.
    pub step: i64,
}

/// One entry of a user's append-only journal, before it is chained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// Whose journal.
    pub user_id: UserId,
    /// Where in it.
    pub place: Place,
    /// When.
    pub at: Timestamp,
    /// What.
    pub action: AuditAction,
    /// Which order, if it is about one.
    pub order_id: Option<OrderId>,
    /// Where that order's entry before this one stands; `None` at its first.
    pub previous: Option<Place>,
    /// Circumstances: a JSON object.
    pub details: Vec<u8>,
    /// The bytes of the stream message, where the wire shows the entry.
    pub message: Option<Vec<u8>>,
}

impl JournalEntry {
    /// The hash that chains this entry to the one before it.
    ///
    /// Every field is written with its length, so that no two different entries are written alike.
    #[must_use]
    pub fn chained(&self, before: &ChainHash) -> ChainHash {
        let mut hash = Sha256::new();
        hash.update(before.0);
        let JournalEntry { user_id, place, at, action, order_id, previous, details, message } = self;
        let back = previous.map_or([-1, -1], |place| [place.seq.0, place.step]);
        for number in [user_id.0, place.seq.0, place.step, at.as_micros(), back[0], back[1]] {
            hash.update(number.to_be_bytes());
        }
        let order_id = order_id.map(|id| *id.0.as_bytes());
        let parts = [
            Some(action.as_str().as_bytes()),
            order_id.as_ref().map(<[u8; 16]>::as_slice),
            Some(details.as_slice()),
            message.as_deref(),
        ];
        for part in parts {
            hash.update([u8::from(part.is_some())]);
            let part = part.unwrap_or_default();
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        ChainHash(hash.finalize().into())
    }
}

/// The id under which half `part` (0 or 1) of an entry is shown: a UUID made of the entry's hash.
#[must_use]
pub fn audit_id(hash: &ChainHash, part: u8) -> Uuid {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.0[..16]);
    bytes[15] = (bytes[15] & 0xfe) | (part & 1);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
