//! The bus: tells open streams that something was committed. A hint, never the truth.
//!
//! It may lose, repeat and reorder; a stream that sees a gap, or hears nothing for a while, asks the store.
//! Subscribe before you query, or what is committed between the two is missed until the next hint.
//!
//! A process that has a store for itself needs no more than [`LocalBus`]. Nodes that share a store hear of each other's
//! commits by asking it once a second (`poll`): that is what holds. Over NATS ([`NatsBus`]) they tell each other when
//! to ask sooner. [`Reach`] says which of these there is.

mod local;
mod nats;
mod poll;
mod reach;

use hookfill_domain::ids::{Seq, UserId};
use hookfill_store::{Commit, Shown};

pub use local::{LocalBus, Subscription};
pub use nats::NatsBus;
pub use poll::POLL;
pub use reach::{Node, Reach, Relay};

/// Hints a subscriber may lag behind before it is told to ask the store.
const BACKLOG: usize = 256;

/// Something that a subscriber is told.
#[derive(Debug, Clone)]
pub enum Hint {
    /// A message was committed: here it is.
    Message(Shown),
    /// The store has the user's messages up to this number.
    Head(Seq),
    /// Something was committed; the store knows what.
    Look,
}

/// Carries hints.
pub trait Bus: Send + Sync {
    /// Tells whoever listens what was committed here. Must not block.
    fn publish(&self, commit: &Commit);
    /// Listens to one user's hints from now on.
    fn subscribe(&self, user_id: UserId) -> Subscription;
}
