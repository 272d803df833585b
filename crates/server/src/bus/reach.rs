//! How far hints have to travel, and what runs for it.

use std::sync::Arc;
use std::time::Duration;

use hookfill_domain::time::Timestamp;
use hookfill_store::{Journal, Partition};
use uuid::Uuid;

use super::nats::Link;
use super::poll::{Poll, Unconfirmed};
use super::{Bus, LocalBus, NatsBus};
use crate::clock::Clock;
use crate::config::NatsUrl;
use crate::shutdown::Stop;
use crate::telemetry::Metrics;

/// Who else commits to the store.
#[derive(Debug, Clone)]
pub enum Reach {
    /// Nobody.
    Alone,
    /// Other nodes; what they commit is found by asking the store.
    Polling,
    /// Other nodes; NATS says when to ask.
    Nats(NatsUrl),
}

impl Reach {
    /// The bus, and what has to run for it once the store is open.
    #[must_use]
    pub fn wire(self, clock: Arc<dyn Clock>, metrics: Arc<Metrics>) -> (Arc<dyn Bus>, Relay) {
        let local = Arc::new(LocalBus::default());
        match self {
            Self::Alone => (local, Relay::Idle),
            Self::Polling => (Arc::clone(&local) as Arc<dyn Bus>, Relay::Polling(local)),
            Self::Nats(url) => {
                let (bus, link) = NatsBus::over(Arc::clone(&local), url, clock, metrics);
                (Arc::new(bus), Relay::Nats(local, link))
            }
        }
    }
}

/// What a node that shares a store works with.
pub struct Node {
    /// The store.
    pub journal: Arc<dyn Journal>,
    /// Which store: nodes of another one do not hear us, though they have the same NATS.
    pub installation: Uuid,
    /// Whether orders of a partition are worked here.
    pub holds: Box<dyn Fn(Partition) -> bool + Send + Sync>,
    /// Wakes whoever works them: one is due at that time.
    pub ring: Box<dyn Fn(Timestamp) + Send + Sync>,
    /// How often the store is asked, whatever is hinted: [`POLL`](super::POLL), but in tests.
    pub poll_every: Duration,
}

/// What brings to this node that others have committed something.
pub enum Relay {
    /// There are no others.
    Idle,
    /// The store is asked.
    Polling(Arc<LocalBus>),
    /// The store is asked, sooner where NATS says so.
    Nats(Arc<LocalBus>, Link),
}

impl Relay {
    /// Runs until told to stop. NATS need not be there, and nothing waits for it.
    pub async fn run(self, node: Node, mut stop: Stop) {
        let unconfirmed = Arc::new(Unconfirmed::default());
        let poll = |bus| Poll {
            bus,
            journal: Arc::clone(&node.journal),
            unconfirmed: Arc::clone(&unconfirmed),
            every: node.poll_every,
        };
        match self {
            Self::Idle => stop.ordered().await,
            Self::Polling(local) => tokio::select! {
                () = stop.ordered() => {}
                () = poll(local).run() => {}
            },
            Self::Nats(local, link) => tokio::select! {
                () = stop.ordered() => {}
                () = poll(local).run() => {}
                () = link.run(&node, &unconfirmed) => {}
            },
        }
    }
}
