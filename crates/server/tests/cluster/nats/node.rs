//! A node as far as hints go: its bus, its relay, and a store that it shares.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hookfill::bus::{Bus, Hint, Node as Surroundings, Reach, Subscription};
use hookfill::clock::{Clock, SystemClock};
use hookfill::shutdown::{self, Stopper};
use hookfill::telemetry::{HintFate, HintLabels, Metrics};
use hookfill_domain::ids::{Seq, UserId};
use hookfill_domain::time::Timestamp;
use hookfill_store::{Commit, Partition, Shown};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use uuid::Uuid;

use super::heads::Heads;
use super::server::PATIENCE;

/// So seldom does a node poll in these tests: what it hears, it hears over NATS.
pub(super) const NEVER: Duration = Duration::from_secs(3600);

/// The users of these tests.
pub(super) const ALICE: UserId = UserId(1);
pub(super) const BOB: UserId = UserId(2);

pub(super) struct Node {
    pub(super) bus: Arc<dyn Bus>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) store: Arc<Heads>,
    /// What was due when it was rung for.
    pub(super) rung: Arc<Mutex<Vec<Timestamp>>>,
    stop: Stopper,
    running: JoinHandle<()>,
}

/// How a node is to be started.
pub(super) struct Setup {
    pub(super) url: String,
    pub(super) installation: Uuid,
    pub(super) store: Arc<Heads>,
    pub(super) holds: fn(Partition) -> bool,
    pub(super) poll_every: Duration,
}

impl Setup {
    pub(super) fn at(url: &str, store: &Arc<Heads>) -> Self {
        Self {
            url: url.to_owned(),
            installation: Uuid::from_u128(1),
            store: Arc::clone(store),
            holds: |_| true,
            poll_every: NEVER,
        }
    }

    pub(super) fn start(self) -> Node {
        let metrics = Arc::new(Metrics::default());
        let reach = Reach::Nats(self.url.parse().unwrap());
        let (bus, relay) = reach.wire(Arc::new(SystemClock), Arc::clone(&metrics));
        let rung = Arc::new(Mutex::new(Vec::new()));
        let note = Arc::clone(&rung);
        let surroundings = Surroundings {
            journal: Arc::clone(&self.store) as Arc<dyn hookfill_store::Journal>,
            installation: self.installation,
            holds: Box::new(self.holds),
            ring: Box::new(move |due_at| note.lock().unwrap().push(due_at)),
            poll_every: self.poll_every,
        };
        let (stop, stopping) = shutdown::order();
        let running = tokio::spawn(relay.run(surroundings, stopping));
        Node { bus, metrics, store: self.store, rung, stop, running }
    }
}

impl Node {
    /// One that is connected to NATS.
    pub(super) async fn connected(url: &str, store: &Arc<Heads>) -> Self {
        let node = Setup::at(url, store).start();
        node.is_connected(true).await;
        node
    }

    /// Waits until it is, or is not.
    pub(super) async fn is_connected(&self, connected: bool) {
        let shown = || self.metrics.nats_connected.get() == i64::from(connected);
        super::server::until("NATS has come or gone", shown).await;
    }

    /// Commits so many messages of a user in one group.
    pub(super) fn commit(&self, user_id: UserId, messages: usize) -> Seq {
        let shown = |_| Shown { user_id, seq: self.store.commit(user_id), message: "{}".into() };
        let commit = Commit { shown: (0..messages).map(shown).collect(), ..Commit::default() };
        self.bus.publish(&commit);
        commit.shown.last().unwrap().seq
    }

    /// Writes an order that another node works.
    pub(super) fn due(&self, partition: i16, after: Duration) -> Timestamp {
        let due_at = SystemClock.now().plus(after);
        let due_elsewhere = vec![(Partition::from_number(partition).unwrap(), due_at)];
        self.bus.publish(&Commit { due_elsewhere, ..Commit::default() });
        due_at
    }

    pub(super) fn hints(&self, fate: HintFate) -> u64 {
        let fate = match fate {
            HintFate::Sent => "sent",
            HintFate::Dropped => "dropped",
            HintFate::Received => "received",
            HintFate::Malformed => "malformed",
        };
        self.metrics.nats_hints.get_or_create(&HintLabels { fate }).get()
    }

    /// Stops as a service does.
    pub(super) async fn stop(self) {
        self.stop.stop();
        timeout(PATIENCE, self.running).await.expect("it stops in time").unwrap();
    }
}

/// The number that a subscriber hears next of another node's commits.
pub(super) async fn heard(hints: &mut Subscription) -> Seq {
    match timeout(PATIENCE, hints.next()).await.expect("a hint") {
        Hint::Head(seq) => seq,
        other @ (Hint::Message(_) | Hint::Look) => panic!("{other:?}"),
    }
}
