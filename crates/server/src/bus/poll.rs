//! Asks a store that other nodes share what they have committed: every second, and sooner after a hint.
//!
//! Streams are told only what the store has said, so that a hint from elsewhere may be late, repeated, or a lie: it can
//! do no more than bring a question forward. One question is about many users, and there is never more than one.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hookfill_domain::ids::UserId;
use hookfill_store::{Journal, MAX_HEADS};
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};

use super::LocalBus;

/// How often the store is asked about every user who has a stream: so late a stream is at most that misses all hints.
pub const POLL: Duration = Duration::from_secs(1);
/// How long one question may take.
const ANSWER: Duration = Duration::from_secs(1);
/// The shortest time between two questions that hints have brought forward.
const REST: Duration = Duration::from_millis(5);

/// Users of whom another node says that it has committed something.
#[derive(Default)]
pub(super) struct Unconfirmed {
    /// Only users who had a stream here when the hint came.
    users: Mutex<HashSet<UserId>>,
    came: Notify,
}

impl Unconfirmed {
    /// Has the store asked about a user soon. For users who have a stream here: nobody else may fill the memory.
    pub(super) fn add(&self, user_id: UserId) {
        if self.lock().insert(user_id) {
            self.came.notify_one();
        }
    }

    /// Some of them, [`MAX_HEADS`] at most; the others come next.
    fn take(&self) -> Vec<UserId> {
        let mut users = self.lock();
        let some: Vec<UserId> = users.iter().take(MAX_HEADS).copied().collect();
        for user_id in &some {
            users.remove(user_id);
        }
        if !users.is_empty() {
            self.came.notify_one();
        }
        some
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<UserId>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task that asks.
pub(super) struct Poll {
    /// Who is told.
    pub(super) bus: Arc<LocalBus>,
    /// Who is asked.
    pub(super) journal: Arc<dyn Journal>,
    /// What is asked about before its time.
    pub(super) unconfirmed: Arc<Unconfirmed>,
    /// How often all users are asked about.
    pub(super) every: Duration,
}

impl Poll {
    /// Asks for ever.
    pub(super) async fn run(self) {
        let mut all = interval_at(Instant::now() + self.every, self.every);
        all.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut rest = REST;
        let mut rest_until = Instant::now();
        loop {
            let hinted = async {
                self.unconfirmed.came.notified().await;
                sleep_until(rest_until).await;
            };
            let is_hinted = tokio::select! {
                biased;
                _ = all.tick() => false,
                () = hinted => true,
            };
            if is_hinted {
                let users = self.unconfirmed.take();
                if users.is_empty() {
                    continue;
                }
                // Hints that prove to be empty are heeded ever more slowly, down to as often as without them.
                let was_news = self.ask(&users).await;
                rest = if was_news { REST } else { (rest * 2).min(self.every) };
                rest_until = Instant::now() + rest;
            } else {
                // Whoever is hinted at is among them.
                self.unconfirmed.lock().clear();
                self.ask(&self.bus.users()).await;
            }
        }
    }

    /// Asks about users and passes on what is news; whether anything was. A store that does not answer is outlived in
    /// silence: whoever needs it more has said so.
    async fn ask(&self, users: &[UserId]) -> bool {
        let mut was_news = false;
        for some in users.chunks(MAX_HEADS) {
            let Ok(Ok(heads)) = timeout(ANSWER, self.journal.heads(some)).await else {
                return was_news;
            };
            for (user_id, head) in heads {
                was_news |= self.bus.confirm(user_id, head);
            }
        }
        was_news
    }
}

#[cfg(test)]
mod tests;
