//! Brokers: where orders are worked.
//!
//! A broker is told of an order by our own id (the client order id) and answers with what it *knows*. A lost,
//! late or unreadable answer is [`Answer::Unknown`]: it is evidence of nothing, and the engine asks again.

mod mock;

use async_trait::async_trait;
use hookfill_domain::money::Quantity;
use hookfill_domain::order::Order;
use hookfill_domain::time::Timestamp;

pub use mock::MockBroker;

/// Most characters kept of a broker's words; they end up in messages, which have a limit.
const WORDS: usize = 500;
/// Most bytes of a broker's id for an order.
const BROKER_ORDER_ID: usize = 128;

/// What a broker says about an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It has the order and works it.
    Working {
        /// The broker's id for it.
        broker_order_id: String,
        /// When to ask again.
        check_again_at: Timestamp,
    },
    /// A part has filled.
    PartlyFilled {
        /// The broker's id for it.
        broker_order_id: String,
        /// How much in all.
        filled: Quantity,
        /// When to ask again.
        check_again_at: Timestamp,
    },
    /// It has filled; the position is open.
    Filled {
        /// The broker's id for it.
        broker_order_id: String,
        /// The broker's time of the fill.
        executed_at: Timestamp,
        /// When to ask again.
        check_again_at: Timestamp,
    },
    /// It has filled and the position is closed.
    Closed {
        /// The broker's id for it.
        broker_order_id: String,
        /// The broker's time of the fill.
        executed_at: Timestamp,
        /// The broker's time of the close.
        closed_at: Timestamp,
        /// Why it closed, where the broker tells.
        reason: Option<String>,
    },
    /// A part of the position is closed, as was asked.
    Reduced {
        /// Which part of what was open.
        fraction: Quantity,
        /// The broker's time.
        reduced_at: Timestamp,
        /// When to ask again.
        check_again_at: Timestamp,
    },
    /// It is canceled.
    Canceled,
    /// The broker will not have it.
    Rejected {
        /// The broker's words.
        reason: String,
    },
    /// It expired at the broker.
    Expired {
        /// The broker's words.
        reason: String,
    },
    /// Proof that the broker never got it: the adapter has waited out the broker's visibility delay.
    NeverArrived {
        /// What proves it.
        why: String,
        /// When it may be sent again.
        check_again_at: Timestamp,
    },
    /// The broker will not cancel or close it now.
    Refused {
        /// The broker's words.
        why: String,
        /// When to ask again.
        check_again_at: Timestamp,
    },
    /// Nothing is known: time-out, reset, 5xx, an unreadable answer.
    Unknown {
        /// What went wrong.
        why: String,
    },
}

impl Answer {
    /// The same answer, its words cut to what is kept. An id that is too long to be one makes it unreadable.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        match &mut self {
            Self::Working { broker_order_id, .. }
            | Self::PartlyFilled { broker_order_id, .. }
            | Self::Filled { broker_order_id, .. }
            | Self::Closed { broker_order_id, .. }
                if broker_order_id.len() > BROKER_ORDER_ID =>
            {
                return Self::Unknown { why: "the broker's order id is too long to be one".to_owned() };
            }
            Self::Closed { reason: Some(words), .. }
            | Self::Rejected { reason: words }
            | Self::Expired { reason: words }
            | Self::NeverArrived { why: words, .. }
            | Self::Refused { why: words, .. }
            | Self::Unknown { why: words } => {
                if let Some((end, _)) = words.char_indices().nth(WORDS) {
                    words.truncate(end);
                    words.push('…');
                }
            }
            Self::Working { .. }
            | Self::PartlyFilled { .. }
            | Self::Filled { .. }
            | Self::Closed { .. }
            | Self::Reduced { .. }
            | Self::Canceled => {}
        }
        self
    }
}

/// A broker's adapter.
///
/// Every call is preceded by a stored intent: `submit` by the order's submission, `cancel` and `close` by the
/// request. `submit` is made once for each stored submission. `cancel` and `close` are made again after a lost answer
/// or a restart: an adapter must make that harmless, by our order id and the time of the request in the order's state.
/// `query` may always be repeated.
#[async_trait]
pub trait Broker: Send + Sync {
    /// What this adapter fixes for a submission, in its own words; stored with the intent before `submit`.
    fn fix(&self) -> String;
    /// Sends an order whose submission is stored.
    async fn submit(&self, order: &Order, now: Timestamp) -> Answer;
    /// Asks what became of an order, by our id.
    async fn query(&self, order: &Order, now: Timestamp) -> Answer;
    /// Asks for an order to be canceled.
    async fn cancel(&self, order: &Order, now: Timestamp) -> Answer;
    /// Asks for a position to be closed, or for the part of it that the order's state names.
    async fn close(&self, order: &Order, now: Timestamp) -> Answer;
}
