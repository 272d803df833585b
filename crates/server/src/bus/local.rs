//! Hints within one process.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use hookfill_domain::ids::UserId;
use hookfill_store::Commit;
use tokio::sync::broadcast;

use super::{BACKLOG, Bus, Hint, Subscription};

/// Carries hints from the writer to the streams of the same process.
#[derive(Default)]
pub struct LocalBus {
    /// Only users with a subscriber, or who had one until their last message.
    users: Mutex<HashMap<UserId, broadcast::Sender<Hint>>>,
}

impl Bus for LocalBus {
    fn publish(&self, commit: &Commit) {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        if users.is_empty() {
            return;
        }
        for message in &commit.shown {
            if let Some(hints) = users.get(&message.user_id)
                && hints.send(Hint::Message(message.clone())).is_err()
            {
                users.remove(&message.user_id);
            }
        }
    }

    fn subscribe(&self, user_id: UserId) -> Subscription {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever left without a message to their user since is forgotten here.
        if users.len() >= 1024 {
            users.retain(|_, hints| hints.receiver_count() > 0);
        }
        let hints = users.entry(user_id).or_insert_with(|| broadcast::Sender::new(BACKLOG)).subscribe();
        Subscription { hints }
    }
}
