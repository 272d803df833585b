//! What clients sent and what they were told: all that they can hold the service to.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What a client knows of an order after it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    /// It is accepted, and has this id.
    Accepted(String),
    /// It is not stored, and will not be.
    NotStored,
    /// It may be stored or not: no answer came, or one that says just this.
    Nothing,
    /// What must never be answered to a good signal.
    Wrong(String),
}

/// An order that was sent once.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) user_id: i64,
    /// The node that it was sent to.
    pub(crate) node: SocketAddr,
    /// The idempotency key, if it had one.
    pub(crate) key: Option<String>,
    pub(crate) told: Told,
    /// How long the answer took, or the client's patience.
    pub(crate) took: Duration,
    /// The status, if there was an answer.
    pub(crate) status: Option<u16>,
}

/// Everything that was sent, in the order in which the answers came.
#[derive(Default)]
pub(crate) struct Journal(Mutex<Vec<Sent>>);

impl Journal {
    fn lock(&self) -> MutexGuard<'_, Vec<Sent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn note(&self, sent: Sent) {
        self.lock().push(sent);
    }

    pub(crate) fn all(&self) -> Vec<Sent> {
        self.lock().clone()
    }

    /// How many answers said that an order is accepted.
    pub(crate) fn accepted(&self) -> usize {
        self.lock().iter().filter(|sent| matches!(sent.told, Told::Accepted(_))).count()
    }

    /// How many answers said that an order is not stored, or that nobody knows.
    pub(crate) fn refused(&self) -> usize {
        self.lock().iter().filter(|sent| sent.status == Some(503)).count()
    }

    /// How long the slowest answer of these nodes took.
    pub(crate) fn slowest_of(&self, nodes: &[SocketAddr]) -> Duration {
        let answered = |sent: &Sent| sent.status.filter(|_| nodes.contains(&sent.node)).map(|_| sent.took);
        self.lock().iter().filter_map(answered).max().unwrap_or_default()
    }
}
