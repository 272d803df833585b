//! The bus: tells open streams that something was committed. A hint, never the truth.
//!
//! It may lose, repeat and reorder; a stream that sees a gap, or hears nothing for a while, asks the store.
//! Subscribe before you query, or what is committed between the two is missed until the next hint.

mod local;

use hookfill_domain::ids::UserId;
use hookfill_store::{Commit, Shown};
use tokio::sync::broadcast;

pub use local::LocalBus;

/// Hints a subscriber may lag behind before it is told to ask the store.
const BACKLOG: usize = 256;

/// Something that a subscriber is told.
#[derive(Debug, Clone)]
pub enum Hint {
    /// A message was committed: here it is.
    Message(Shown),
    /// Something was committed; the store knows what.
    Look,
}

/// A user's hints.
pub struct Subscription {
    hints: broadcast::Receiver<Hint>,
}

impl Subscription {
    /// The next hint. Waits for ever if there is none: put a limit on it.
    pub async fn next(&mut self) -> Hint {
        match self.hints.recv().await {
            Ok(hint) => hint,
            Err(broadcast::error::RecvError::Lagged(_)) => Hint::Look,
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// Carries hints.
pub trait Bus: Send + Sync {
    /// Tells whoever listens what was committed here. Must not block.
    fn publish(&self, commit: &Commit);
    /// Listens to one user's hints from now on.
    fn subscribe(&self, user_id: UserId) -> Subscription;
}
