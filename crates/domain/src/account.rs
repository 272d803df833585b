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

/// A change of a policy: what is `None` stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PolicyChange {
    /// Refuse an order without a stop loss.
    pub require_stop_loss: Option<bool>,
    /// Refuse an order without a target.
    pub require_take_profit: Option<bool>,
    /// All aliases from now on.
    pub aliases: Option<BTreeMap<String, Instrument>>,
    /// Read `1,0820` as a decimal number.
    pub decimal_comma: Option<bool>,
}

impl From<Policy> for PolicyChange {
    fn from(policy: Policy) -> Self {
        let Policy { require_stop_loss, require_take_profit, aliases, decimal_comma } = policy;
        Self {
            require_stop_loss: Some(require_stop_loss),
            require_take_profit: Some(require_take_profit),
            aliases: Some(aliases),
            decimal_comma: Some(decimal_comma),
        }
    }
}

impl Policy {
    /// The policy after a change.
    #[must_use]
    pub fn changed(&self, change: &PolicyChange) -> Policy {
        let PolicyChange { require_stop_loss, require_take_profit, aliases, decimal_comma } = change;
        Policy {
            require_stop_loss: require_stop_loss.unwrap_or(self.require_stop_loss),
            require_take_profit: require_take_profit.unwrap_or(self.require_take_profit),
            aliases: aliases.as_ref().unwrap_or(&self.aliases).clone(),
            decimal_comma: decimal_comma.unwrap_or(self.decimal_comma),
        }
    }

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
