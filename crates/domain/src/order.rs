//! The order: what was asked, and where it stands.

use serde::{Deserialize, Serialize};

/// Which way an order trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Side {
    /// Buys; a stop loss lies below, targets above.
    Buy,
    /// Sells; a stop loss lies above, targets below.
    Sell,
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
