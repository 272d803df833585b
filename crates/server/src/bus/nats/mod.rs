//! Hints between the nodes that share a store, over NATS.
//!
//! A hint is a number, never a message: whoever hears one asks the store. It is sent after the commit, and nothing waits
//! for it; what NATS cannot take is dropped and counted.

mod connection;
mod due;
mod interest;
mod outbox;
mod subjects;

use std::sync::Arc;
use std::time::Duration;

use async_nats::Client;
use async_nats::connection::State;
use futures_util::StreamExt;
use hookfill_domain::time::Timestamp;
use hookfill_store::Commit;
use tokio::time::{sleep, timeout};

use self::connection::Events;
use self::interest::Interest;
use self::outbox::Outbox;
use self::subjects::{Subjects, number, partition};
use super::poll::Unconfirmed;
use super::{Bus, LocalBus, Node, Subscription};
use crate::clock::Clock;
use crate::config::NatsUrl;
use crate::telemetry::{HintFate, Metrics};
use hookfill_domain::ids::UserId;

/// How long the client may take to accept what it is handed: longer, and NATS is too slow for hints to be worth it.
const HAND_OVER: Duration = Duration::from_secs(1);
/// How long to wait before a client that has ended is replaced.
const RENEWAL: Duration = Duration::from_secs(1);

/// Carries hints to the streams of this process, and to other nodes.
pub struct NatsBus {
    local: Arc<LocalBus>,
    outbox: Arc<Outbox>,
    clock: Arc<dyn Clock>,
}

impl NatsBus {
    /// A bus, and the link that has to run for its hints to leave.
    pub(super) fn over(
        local: Arc<LocalBus>,
        url: NatsUrl,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> (Self, Link) {
        let outbox = Arc::new(Outbox::new(Arc::clone(&metrics)));
        let link = Link { local: Arc::clone(&local), outbox: Arc::clone(&outbox), url, metrics };
        (Self { local, outbox, clock }, link)
    }
}

impl Bus for NatsBus {
    fn publish(&self, commit: &Commit) {
        self.local.publish(commit);
        self.outbox.put(commit, self.clock.now());
    }

    fn subscribe(&self, user_id: UserId) -> Subscription {
        self.local.subscribe(user_id)
    }
}

/// The link to NATS.
pub struct Link {
    local: Arc<LocalBus>,
    outbox: Arc<Outbox>,
    url: NatsUrl,
    metrics: Arc<Metrics>,
}

impl Link {
    /// Sends and receives for ever, while NATS is there.
    pub(super) async fn run(self, node: &Node, unconfirmed: &Arc<Unconfirmed>) {
        let subjects = Subjects::of(node.installation);
        let events = Arc::new(Events::default());
        loop {
            match connection::open(&self.url, &events).await {
                Ok(client) => tokio::select! {
                    () = connection::watch(&client, &events, &self.metrics) => {}
                    () = self.send(&client, &subjects) => {}
                    () = self.hear_users(&client, &subjects, unconfirmed) => {}
                    () = self.hear_due(&client, &subjects, node) => {}
                },
                Err(error) => tracing::error!(%error, "no client for NATS can be made"),
            }
            self.metrics.nats_connected.set(0);
            sleep(RENEWAL).await;
        }
    }

    /// Sends what is committed here; returns if the client has ended.
    async fn send(&self, client: &Client, subjects: &Subjects) {
        loop {
            let waiting = self.outbox.take().await;
            let (all, mut sent) = (waiting.len(), 0);
            let mut has_ended = false;
            if client.connection_state() == State::Connected {
                let handing_over = async {
                    for (subject, payload) in waiting.hints(subjects) {
                        if client.publish(subject, payload).await.is_err() {
                            has_ended = true;
                            break;
                        }
                        sent += 1;
                    }
                };
                // The rest is dropped: what comes meanwhile is newer.
                let _ = timeout(HAND_OVER, handing_over).await;
            }
            self.metrics.count_hints(HintFate::Sent, sent);
            self.metrics.count_hints(HintFate::Dropped, all - sent);
            if has_ended {
                return;
            }
        }
    }

    async fn hear_users(&self, client: &Client, subjects: &Subjects, unconfirmed: &Arc<Unconfirmed>) {
        let interest = Interest {
            local: Arc::clone(&self.local),
            unconfirmed: Arc::clone(unconfirmed),
            metrics: Arc::clone(&self.metrics),
        };
        interest.follow(client, subjects).await;
    }

    /// Rings for orders that are due here and were written elsewhere; returns if the client has ended.
    async fn hear_due(&self, client: &Client, subjects: &Subjects, node: &Node) {
        // Waits while NATS is away and has not been there yet.
        let Ok(messages) = client.subscribe(subjects.every_due()).await else { return };
        let due = messages.filter_map(|message| {
            let hint = partition(&message.subject).zip(number(&message.payload));
            let fate = if hint.is_some() { HintFate::Received } else { HintFate::Malformed };
            self.metrics.count_hints(fate, 1);
            let ours = hint.filter(|(partition, _)| (node.holds)(*partition));
            std::future::ready(ours.map(|(_, micros)| Timestamp::from_micros(micros)))
        });
        due::ring(due, &node.ring).await;
    }
}
