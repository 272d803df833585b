//! Hints within one process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hookfill_domain::ids::{Seq, UserId};
use hookfill_store::Commit;
use tokio::sync::{broadcast, watch};

use super::{BACKLOG, Bus, Hint};

/// Carries hints from the writer to the streams of the same process.
#[derive(Default)]
pub struct LocalBus {
    users: Arc<Users>,
}

/// Those who have a subscriber, and no others.
#[derive(Default)]
struct Users {
    listened: Mutex<HashMap<UserId, Listened>>,
    /// Changes when a user gets a first subscriber or loses the last.
    changes: watch::Sender<()>,
}

struct Listened {
    hints: broadcast::Sender<Hint>,
    subscribers: usize,
    /// The highest number that subscribers were told, by whoever knows it from the store.
    told: Seq,
}

impl Users {
    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, Listened>> {
        self.listened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LocalBus {
    /// The users who have a subscriber.
    #[must_use]
    pub fn users(&self) -> Vec<UserId> {
        self.users.lock().keys().copied().collect()
    }

    /// Tells when [`LocalBus::users`] changes.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<()> {
        self.users.changes.subscribe()
    }

    /// Whether there is a subscriber to whom this number would be new.
    #[must_use]
    pub fn is_news(&self, user_id: UserId, seq: Seq) -> bool {
        self.users.lock().get(&user_id).is_some_and(|listened| seq > listened.told)
    }

    /// The store has said that it has a user's messages up to this number: tells whoever subscribes, unless it is no
    /// news, and says whether it was.
    pub fn confirm(&self, user_id: UserId, head: Seq) -> bool {
        let mut users = self.users.lock();
        let Some(listened) = users.get_mut(&user_id).filter(|listened| head > listened.told) else {
            return false;
        };
        listened.told = head;
        // Nobody receives between a subscriber's end and its being forgotten.
        let _ = listened.hints.send(Hint::Head(head));
        true
    }
}

impl Bus for LocalBus {
    fn publish(&self, commit: &Commit) {
        let mut users = self.users.lock();
        if users.is_empty() {
            return;
        }
        for message in &commit.shown {
            if let Some(listened) = users.get_mut(&message.user_id) {
                listened.told = listened.told.max(message.seq);
                let _ = listened.hints.send(Hint::Message(message.clone()));
            }
        }
    }

    fn subscribe(&self, user_id: UserId) -> Subscription {
        let mut users = self.users.lock();
        let listened = users.entry(user_id).or_insert_with(|| {
            self.users.changes.send_replace(());
            Listened { hints: broadcast::Sender::new(BACKLOG), subscribers: 0, told: Seq(0) }
        });
        listened.subscribers += 1;
        Subscription { hints: listened.hints.subscribe(), user_id, users: Arc::clone(&self.users) }
    }
}

/// A user's hints. Dropped, it is forgotten at once.
pub struct Subscription {
    hints: broadcast::Receiver<Hint>,
    user_id: UserId,
    users: Arc<Users>,
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

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut users = self.users.lock();
        let Some(listened) = users.get_mut(&self.user_id) else { return };
        listened.subscribers -= 1;
        if listened.subscribers == 0 {
            users.remove(&self.user_id);
            self.users.changes.send_replace(());
        }
    }
}

#[cfg(test)]
mod tests {
    use hookfill_store::Shown;

    use super::*;

    fn commit(user: i64, seqs: std::ops::RangeInclusive<i64>) -> Commit {
        let shown = |seq| Shown { user_id: UserId(user), seq: Seq(seq), message: "{}".into() };
        Commit { shown: seqs.map(shown).collect(), ..Commit::default() }
    }

    #[test]
    fn a_user_is_known_from_the_first_subscription_to_the_end_of_the_last() {
        let bus = LocalBus::default();
        let mut changes = bus.changes();
        let first = bus.subscribe(UserId(7));
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        let second = bus.subscribe(UserId(7));
        drop(first);
        assert!(!changes.has_changed().unwrap(), "one is still there");
        assert_eq!(bus.users(), [UserId(7)]);
        drop(second);
        assert!(changes.has_changed().unwrap());
        assert!(bus.users().is_empty());
    }

    #[tokio::test]
    async fn only_a_number_above_all_that_was_told_is_news() {
        let bus = LocalBus::default();
        assert!(!bus.is_news(UserId(7), Seq(1)), "nobody listens");
        let mut hints = bus.subscribe(UserId(7));
        bus.publish(&commit(7, 1..=3));
        for seq in 1..=3 {
            assert!(matches!(hints.next().await, Hint::Message(shown) if shown.seq == Seq(seq)));
        }
        assert!(!bus.is_news(UserId(7), Seq(3)) && bus.is_news(UserId(7), Seq(4)));
        assert!(!bus.confirm(UserId(7), Seq(3)) && bus.confirm(UserId(7), Seq(5)));
        assert!(!bus.confirm(UserId(7), Seq(5)), "it was told");
        bus.publish(&commit(7, 4..=4));
        assert!(matches!(hints.next().await, Hint::Head(Seq(5))));
        assert!(matches!(hints.next().await, Hint::Message(shown) if shown.seq == Seq(4)));
        assert!(!bus.is_news(UserId(7), Seq(5)), "what is told late takes nothing back");
    }

    #[tokio::test]
    async fn a_subscriber_that_lags_too_far_is_told_to_look() {
        let bus = LocalBus::default();
        let mut hints = bus.subscribe(UserId(7));
        let many = i64::try_from(BACKLOG).unwrap() + 1;
        bus.publish(&commit(7, 1..=many));
        let first = tokio::time::timeout(std::time::Duration::from_secs(20), hints.next()).await;
        assert!(matches!(first, Ok(Hint::Look)));
        assert!(matches!(hints.next().await, Hint::Message(_)));
    }
}
