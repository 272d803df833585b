//! The order: what was asked, and where it stands.

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

use crate::ids::{BrokerAccountId, OrderId, Seq, SourceId, UserId};
use crate::instrument::Instrument;
use crate::lifecycle::OrderState;
use crate::money::{MAX_FRACTION_DIGITS, Price, Quantity};
use crate::signal::{Amount, Entry, OrderSignal};
use crate::time::Timestamp;

/// Which way an order trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Side {
    /// Buys; a stop loss lies below, targets above.
    Buy,
    /// Sells; a stop loss lies above, targets below.
    Sell,
}

impl Side {
    /// The other side.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}

/// When an order may fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderType {
    /// At once, at the price that is there.
    Market,
    /// At the entry price or better.
    Limit,
    /// Once the market trades through the entry price.
    Stop,
}

/// What was asked. Never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Buy or sell.
    pub side: Side,
    /// What is traded.
    pub instrument: Instrument,
    /// When it may fill.
    pub order_type: OrderType,
    /// Where it may fill.
    pub entry: Entry,
    /// How much.
    pub quantity: Option<Amount>,
    /// How much may be lost.
    pub risk: Option<Amount>,
    /// Times the own capital.
    pub leverage: Option<Quantity>,
    /// An order that has not been sent by then is expired instead; `None` never is.
    #[serde(default)]
    pub valid_until: Option<Timestamp>,
}

/// The protection around a position. Changes with management commands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Bracket {
    /// Where the loss is cut.
    pub stop_loss: Option<Price>,
    /// Where profit is taken, nearest wish first.
    pub take_profits: Vec<Price>,
}

/// A broker call that was decided and stored before it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// When it was decided.
    pub at: Timestamp,
    /// What the broker's adapter fixed then, in its own words.
    pub fixed: String,
    /// Which attempt it is, from 1.
    pub attempt: u32,
}

/// Where an order stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The state.
    pub state: OrderState,
    /// Why it is so, where there is something to say.
    pub reason: Option<String>,
    /// The last broker call to open it.
    pub submission: Option<Submission>,
    /// The broker's own id for it.
    pub broker_order_id: Option<String>,
    /// How much has filled, where the broker told.
    pub filled: Option<Quantity>,
    /// The broker's time of the fill.
    pub executed_at: Option<Timestamp>,
    /// The broker's time of the close.
    pub closed_at: Option<Timestamp>,
    /// Which part of the position is still open after partial closes; `None` is all of it.
    #[serde(default)]
    pub remaining: Option<Quantity>,
    /// How often in a row the broker's answer was lost; paces the questions.
    pub doubts: u32,
}

/// One order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Its id, and the client order id at the broker.
    pub id: OrderId,
    /// Its owner.
    pub user_id: UserId,
    /// The number of its first stream message: its place in the user's history.
    pub seq: Seq,
    /// The account that works it.
    pub broker_account_id: BrokerAccountId,
    /// The source that sent it, if one did.
    pub source_id: Option<SourceId>,
    /// What was asked.
    pub terms: Terms,
    /// Its protection now.
    pub bracket: Bracket,
    /// Where it stands.
    pub progress: Progress,
    /// When to look at it next; `None` once nothing more can happen by itself.
    pub due_at: Option<Timestamp>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Who an order is for and where it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The order's id.
    pub id: OrderId,
    /// Its owner.
    pub user_id: UserId,
    /// The account that is to work it.
    pub broker_account_id: BrokerAccountId,
    /// The source, if one sent it.
    pub source_id: Option<SourceId>,
}

impl Progress {
    /// A part of what was open is closed. What is left is cut to the digits that the wire shows, and never to nothing.
    pub(crate) fn reduce(&mut self, fraction: Quantity) {
        let open = self.remaining.map_or(Decimal::ONE, Quantity::value);
        let digits = MAX_FRACTION_DIGITS as u32;
        let left = (open * (Decimal::ONE - fraction.value()))
            .round_dp_with_strategy(digits, RoundingStrategy::ToZero)
            .max(Decimal::new(1, digits))
            .normalize();
        self.remaining = left.to_string().parse().ok();
        self.reason = Some("partly_closed".to_owned());
    }
}

impl AsRef<Order> for Order {
    fn as_ref(&self) -> &Order {
        self
    }
}

impl Order {
    /// Makes an order of an admitted signal. Its `seq` is given by the store, in the transaction that keeps it.
    #[must_use]
    pub fn from_signal(
        signal: OrderSignal,
        origin: Origin,
        valid_until: Option<Timestamp>,
        at: Timestamp,
    ) -> Order {
        let OrderSignal {
            side,
            instrument,
            order_type,
            entry,
            stop_loss,
            take_profits,
            quantity,
            risk,
            leverage,
            distances: _,
            notes: _,
        } = signal;
        Order {
            id: origin.id,
            user_id: origin.user_id,
            seq: Seq::default(),
            broker_account_id: origin.broker_account_id,
            source_id: origin.source_id,
            terms: Terms { side, instrument, order_type, entry, quantity, risk, leverage, valid_until },
            bracket: Bracket { stop_loss, take_profits },
            progress: Progress {
                state: OrderState::New,
                reason: None,
                submission: None,
                broker_order_id: None,
                filled: None,
                executed_at: None,
                closed_at: None,
                remaining: None,
                doubts: 0,
            },
            due_at: Some(at),
            created_at: at,
            updated_at: at,
        }
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> OrderState {
        self.progress.state
    }
}
