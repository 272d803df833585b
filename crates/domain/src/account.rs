//! Broker accounts and what each asks of a signal.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{BrokerAccountId, UserId};
use crate::instrument::Instrument;
use crate::signal::Admission;
use crate::time::Timestamp;

/// Most aliases in one policy.
pub const MAX_ALIASES: usize = 500;

/// What an account asks of a signal, and how its owner's messages are to be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Refuse an order without a stop loss.
    pub require_stop_loss: bool,
    /// Refuse an order without a target.
    pub require_take_profit: bool,
    /// Names of the owner's own for instruments, upper case, beside the built-in ones.
    pub aliases: BTreeMap<String, Instrument>,
    /// Read `1,0820` as a decimal number.
    pub decimal_comma: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            require_stop_loss: true,
            require_take_profit: true,
            aliases: BTreeMap::new(),
            decimal_comma: false,
        }
    }
}

impl Policy {
    /// The part that admission asks for.
    #[must_use]
    pub fn admission(&self) -> Admission {
        Admission { require_stop_loss: self.require_stop_loss, require_take_profit: self.require_take_profit }
    }
}

/// An account at a broker, linked by a user. The broker's secret is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerAccount {
    /// Its id here.
    pub id: BrokerAccountId,
    /// Its owner.
    pub user_id: UserId,
    /// Which broker, in the owner's words.
    pub broker_name: String,
    /// The account's id at the broker.
    pub account_id: String,
    /// Whether it takes new orders.
    pub is_active: bool,
    /// What it asks of a signal.
    pub policy: Policy,
    /// When it was linked.
    pub created_at: Timestamp,
}
