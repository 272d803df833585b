//! A store that knows heads, and counts the questions.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use hookfill_domain::audit::Place;
use hookfill_domain::ids::{OrderId, Seq, UserId};
use hookfill_store::{ChainState, Journal, Page, Shown, StoreError, StoredEntry};

#[derive(Default)]
pub(super) struct Heads {
    heads: Mutex<HashMap<UserId, Seq>>,
    asked: AtomicUsize,
}

impl Heads {
    /// Commits the user's next message.
    pub(super) fn commit(&self, user_id: UserId) -> Seq {
        let mut heads = self.heads.lock().unwrap();
        let head = heads.entry(user_id).or_default();
        *head = head.next();
        *head
    }

    /// How many questions there were.
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Journal for Heads {
    async fn heads(&self, users: &[UserId]) -> Result<Vec<(UserId, Seq)>, StoreError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let heads = self.heads.lock().unwrap();
        Ok(users.iter().filter_map(|user| Some((*user, *heads.get(user)?))).collect())
    }
    async fn head(&self, _: UserId) -> Result<Seq, StoreError> {
        unreachable!("the bus asks about many")
    }
    async fn events_after(&self, _: UserId, _: Seq, _: usize) -> Result<Vec<Shown>, StoreError> {
        unreachable!("streams read messages")
    }
    async fn history(
        &self,
        _: UserId,
        _: OrderId,
        _: Option<Place>,
        _: usize,
    ) -> Result<Option<Page<StoredEntry, Place>>, StoreError> {
        unreachable!("the bus asks for heads alone")
    }
    async fn entries(&self, _: UserId, _: Option<Place>, _: usize) -> Result<Vec<StoredEntry>, StoreError> {
        unreachable!("the bus asks for heads alone")
    }
    async fn verify(&self) -> Result<ChainState, StoreError> {
        unreachable!("the bus asks for heads alone")
    }
}
