//! The rules of writing, for every backend: what a group of writes does to orders, journals and counts.
//!
//! A backend says how rows are read and written ([`Books`]); what they mean is here, once.

mod accounts;
mod commands;
mod orders;

use std::collections::BTreeMap;
use std::sync::Arc;

use hookfill_domain::account::BrokerAccount;
use hookfill_domain::audit::{AuditAction, ChainHash, JournalEntry, Place};
use hookfill_domain::ids::{BrokerAccountId, OrderId, Seq, UserId};
use hookfill_domain::instrument::Instrument;
use hookfill_domain::order::Order;
use hookfill_domain::time::Timestamp;
use hookfill_domain::wire::StreamMessage;

use crate::rows::{StoredOrder, slot, to_json};
use crate::{Fence, Idempotency, Made, NewAccount, NewKey, Partition, Remembered, Shown, StoreError};

pub(crate) use accounts::{change, issue, link, register};
pub(crate) use commands::{manage, plan};
pub(crate) use orders::{accept, postpone, record, refuse, request};

/// Where a user's journal stands, and the counts over the user's orders.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) username: String,
    pub(crate) place: Place,
    pub(crate) hash: ChainHash,
    /// Orders of each status, in the order of a life.
    pub(crate) tally: [i64; 6],
}

impl Head {
    /// Where a new user's journal stands.
    pub(crate) fn first(username: &str) -> Self {
        let (place, hash) = (Place::default(), ChainHash::default());
        Self { username: username.to_owned(), place, hash, tally: [0; 6] }
    }
}

/// How a backend reads and writes rows inside the transaction of one group. What was written is read.
pub(crate) trait Books {
    /// The user's head as it is stored, locked until the end of the group.
    fn head(&mut self, user_id: UserId) -> Result<Option<Head>, StoreError>;
    /// What a key was used for.
    fn remembered(&mut self, user_id: UserId, key: Idempotency) -> Result<Option<Remembered>, StoreError>;
    /// One of a user's orders.
    fn order_by_id(&mut self, user_id: UserId, id: OrderId)
    -> Result<Option<StoredOrder<Order>>, StoreError>;
    /// The order at a place in its owner's history.
    fn order_at(&mut self, user_id: UserId, seq: Seq) -> Result<Option<StoredOrder<Order>>, StoreError>;
    /// The user's open orders, of one instrument or of all, in any order, one more than [`crate::MAX_SCAN`] at most.
    fn open_orders(
        &mut self,
        user_id: UserId,
        instrument: Option<&Instrument>,
    ) -> Result<Vec<StoredOrder<Order>>, StoreError>;
    /// Whether work on that partition may be recorded under that epoch.
    fn is_held(&mut self, partition: Partition, fence: Fence) -> Result<bool, StoreError>;
    fn insert_entry(&mut self, entry: JournalEntry, hash: ChainHash) -> Result<(), StoreError>;
    fn insert_order(
        &mut self,
        stored: StoredOrder<Order>,
        key: Option<Idempotency>,
    ) -> Result<(), StoreError>;
    fn update_order(&mut self, stored: StoredOrder<Order>) -> Result<(), StoreError>;
    fn insert_command_key(&mut self, user_id: UserId, key: Idempotency, made: Made)
    -> Result<(), StoreError>;
    fn user_named(&mut self, username: &str) -> Result<Option<UserId>, StoreError>;
    /// Makes a user with an empty head.
    fn insert_user(&mut self, username: &str, at: Timestamp) -> Result<UserId, StoreError>;
    fn insert_key(&mut self, user_id: UserId, key: &NewKey, at: Timestamp) -> Result<(), StoreError>;
    fn account(&mut self, user_id: UserId, id: BrokerAccountId) -> Result<Option<BrokerAccount>, StoreError>;
    /// The user's active account with this broker name and account id.
    fn active_account(
        &mut self,
        user_id: UserId,
        broker_name: &str,
        account_id: &str,
    ) -> Result<Option<BrokerAccountId>, StoreError>;
    fn insert_account(&mut self, account: &BrokerAccount, new: &NewAccount) -> Result<(), StoreError>;
    fn update_account(&mut self, account: &BrokerAccount) -> Result<(), StoreError>;
}

/// An entry to be appended.
pub(crate) struct Draft<'a> {
    pub(crate) user_id: UserId,
    pub(crate) at: Timestamp,
    pub(crate) action: AuditAction,
    pub(crate) details: Vec<u8>,
    pub(crate) about: Option<About<'a>>,
}

/// The order that an entry is about.
pub(crate) struct About<'a> {
    /// The order as it is after what the entry records.
    pub(crate) order: &'a Order,
    /// The order's entry before this one.
    pub(crate) previous: Option<Place>,
    /// The type of the stream message, if the wire shows the entry.
    pub(crate) message_type: Option<&'static str>,
}

/// What the writes of one group share, and what is left to be written when all of them are done.
pub(crate) struct Ledger<B> {
    pub(crate) books: B,
    /// The heads of the journals that were appended to, or looked at.
    pub(crate) heads: BTreeMap<UserId, Head>,
    /// New orders, by instrument.
    pub(crate) instruments: BTreeMap<(UserId, Box<str>), i64>,
    /// Stream messages, to be announced after the commit.
    pub(crate) shown: Vec<Shown>,
    /// When the earliest order of a partition is due that was written.
    pub(crate) due: BTreeMap<Partition, Timestamp>,
    /// Keys or accounts have changed: caches are to be emptied.
    pub(crate) credentials_changed: bool,
    /// The work done so far, in journal entries of a few rows each.
    pub(crate) work: usize,
}

impl<B: Books> Ledger<B> {
    pub(crate) fn new(books: B) -> Self {
        Self {
            books,
            heads: BTreeMap::new(),
            instruments: BTreeMap::new(),
            shown: Vec::new(),
            due: BTreeMap::new(),
            credentials_changed: false,
            work: 0,
        }
    }

    /// The user's head, read once a group.
    fn head(&mut self, user_id: UserId) -> Result<&mut Head, StoreError> {
        use std::collections::btree_map::Entry;
        match self.heads.entry(user_id) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(unknown) => {
                let head = self.books.head(user_id)?.ok_or(StoreError::Missing("such user"))?;
                Ok(unknown.insert(head))
            }
        }
    }

    /// Appends an entry to the user's journal and says where it stands.
    fn append(&mut self, draft: Draft<'_>) -> Result<Place, StoreError> {
        let Draft { user_id, at, action, details, about } = draft;
        let head = self.head(user_id)?;
        let (order, previous, message_type) = match &about {
            Some(about) => (Some(about.order), about.previous, about.message_type),
            None => (None, None, None),
        };
        let place = match message_type {
            Some(_) => Place { seq: head.place.seq.next(), step: 0 },
            None => Place { seq: head.place.seq, step: head.place.step + 1 },
        };
        let message = match (order, message_type) {
            (Some(order), Some(kind)) => {
                Some(to_json(&StreamMessage::about(order, kind, place.seq, at, &head.username))?)
            }
            _ => None,
        };
        let order_id: Option<OrderId> = order.map(|order| order.id);
        let entry = JournalEntry { user_id, place, at, action, order_id, previous, details, message };
        head.hash = entry.chained(&head.hash);
        head.place = place;
        let hash = head.hash;
        if let Some(message) = &entry.message {
            let message = str::from_utf8(message).map_err(|error| StoreError::Corrupt(error.to_string()))?;
            self.shown.push(Shown { user_id, seq: place.seq, message: Arc::from(message) });
        }
        self.books.insert_entry(entry, hash)?;
        self.work += 1;
        Ok(place)
    }

    /// Counts an order from one status to another; `None` before it exists.
    fn count(&mut self, before: Option<&Order>, after: &Order) -> Result<(), StoreError> {
        if before.is_none() {
            let instrument = after.terms.instrument.as_str().into();
            *self.instruments.entry((after.user_id, instrument)).or_default() += 1;
        }
        let tally = &mut self.head(after.user_id)?.tally;
        if let Some(before) = before {
            tally[slot(before.status())] -= 1;
        }
        tally[slot(after.status())] += 1;
        Ok(())
    }

    /// An order that was written is due at that time.
    pub(crate) fn work_is_due(&mut self, user_id: UserId, due_at: Option<Timestamp>) {
        let Some(due_at) = due_at else { return };
        let earliest = self.due.entry(Partition::of(user_id)).or_insert(due_at);
        *earliest = due_at.min(*earliest);
    }
}
