//! Hears hints of the users who have a stream here, and of no others.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, Subscriber};
use futures_util::StreamExt;
use hookfill_domain::ids::{Seq, UserId};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::HAND_OVER;
use super::subjects::{Subjects, number};
use crate::bus::LocalBus;
use crate::bus::poll::Unconfirmed;
use crate::telemetry::{HintFate, Metrics};

/// How often it is looked who has a stream, though nothing seems to have changed.
const LOOK: Duration = Duration::from_secs(1);
/// The shortest time between two looks, each of which goes through all users who have a stream.
const REST: Duration = Duration::from_millis(20);

/// What hints of users lead to.
#[derive(Clone)]
pub(super) struct Interest {
    pub(super) local: Arc<LocalBus>,
    pub(super) unconfirmed: Arc<Unconfirmed>,
    pub(super) metrics: Arc<Metrics>,
}

impl Interest {
    /// Keeps subscriptions at NATS in step with the streams that are open; returns if the client has ended.
    ///
    /// What was missed by then is found by the poll.
    pub(super) async fn follow(self, client: &Client, subjects: &Subjects) {
        let mut changes = self.local.changes();
        let mut tasks = JoinSet::new();
        let mut heard: HashMap<UserId, AbortHandle> = HashMap::new();
        loop {
            // What is ordered while NATS is away would pile up; the client renews by itself what it had.
            if client.connection_state() == State::Connected {
                let wanted: HashSet<UserId> = self.local.users().into_iter().collect();
                heard.retain(|user_id, task| {
                    let stays = wanted.contains(user_id);
                    if !stays {
                        task.abort();
                    }
                    stays
                });
                for user_id in wanted {
                    if heard.contains_key(&user_id) {
                        continue;
                    }
                    match timeout(HAND_OVER, client.subscribe(subjects.user(user_id))).await {
                        Ok(Ok(hints)) => {
                            heard.insert(user_id, tasks.spawn(self.clone().pass_on(user_id, hints)));
                        }
                        Ok(Err(_)) => return,
                        // NATS is slow: the others get their turn at the next look.
                        Err(_) => break,
                    }
                }
                while tasks.try_join_next().is_some() {}
            }
            // Whether it has changed or not, and whoever could change it is there as long as we are.
            let _ = timeout(LOOK, changes.changed()).await;
            sleep(REST).await;
        }
    }

    /// Has the store asked about a user whom other nodes say to have more than is known here.
    async fn pass_on(self, user_id: UserId, mut hints: Subscriber) {
        while let Some(hint) = hints.next().await {
            let Some(seq) = number(&hint.payload) else {
                self.metrics.count_hints(HintFate::Malformed, 1);
                continue;
            };
            self.metrics.count_hints(HintFate::Received, 1);
            if self.local.is_news(user_id, Seq(seq)) {
                self.unconfirmed.add(user_id);
            }
        }
    }
}
