//! What the scenarios share: nodes, clients that keep a journal of what they were told, and a judge of it.

pub(crate) mod checker;
pub(crate) mod client;
pub(crate) mod follower;
pub(crate) mod journal;
pub(crate) mod load;
pub(crate) mod node;
pub(crate) mod reading;
pub(crate) mod scene;
pub(crate) mod witness;

use std::time::Duration;

/// How long a test waits for something that must come, on a machine that is busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Every answer to a signal leaves within 2.5 s, and is here a little later, on a machine that is busy.
pub(crate) const ANSWER: Duration = Duration::from_millis(3000);

/// A signal that is understood.
pub(crate) const BUY: &str = "BUY EURUSD @1.0860 SL 1.0850 TP 1.0890";
