//! How the rules of writing reach PostgreSQL's rows: what a group needs is read before it runs, what it writes is
//! gathered and written when it has run. In between nothing waits for the server.

use std::collections::{BTreeMap, HashMap};

use hookfill_domain::account::BrokerAccount;
use hookfill_domain::audit::{ChainHash, JournalEntry};
use hookfill_domain::ids::{BrokerAccountId, OrderId, Seq, UserId};
use hookfill_domain::instrument::Instrument;
use hookfill_domain::order::Order;
use hookfill_domain::time::Timestamp;

use crate::ledger::{Books, Head, Ledger};
use crate::rows::StoredOrder;
use crate::{Fence, Idempotency, Made, NewAccount, NewKey, OrderKey, Partition, Remembered, StoreError};

/// What a write has to know before it can be decided. What is not named here is not there for it.
#[derive(Debug, Clone, Default)]
pub(super) struct Needs {
    /// Whose journal it appends to. Locked for the group.
    pub(super) head: Option<UserId>,
    pub(super) key: Option<Idempotency>,
    pub(super) order_id: Option<OrderId>,
    pub(super) order_seq: Option<Seq>,
    /// Open orders: of one instrument, or of all.
    pub(super) open: Option<Option<Instrument>>,
    /// The epoch of the user's partition. Held for the group.
    pub(super) lease: bool,
    pub(super) account: Option<BrokerAccountId>,
    /// The broker name and account id of an account that may already be active.
    pub(super) linked: Option<(String, String)>,
    /// Whether somebody has that name; if not, the number of a new user.
    pub(super) username: Option<String>,
}

impl Needs {
    /// Needs that user's head, and nothing else.
    pub(super) fn head(user_id: UserId) -> Self {
        Self { head: Some(user_id), ..Self::default() }
    }

    /// Whether it may make a user, whose journal nobody has yet.
    pub(super) fn makes_user(&self) -> bool {
        self.head.is_none()
    }
}

/// An order that a group has written: new, with its key, or known before.
pub(super) enum Written {
    New(Option<Idempotency>),
    Changed,
}

/// What a group has read, and what it writes.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) heads: HashMap<UserId, Head>,
    /// What each key was used for, and the body that came with it.
    pub(super) remembered: HashMap<(UserId, [u8; 16]), (Made, [u8; 16])>,
    pub(super) orders: BTreeMap<OrderKey, StoredOrder<Order>>,
    pub(super) places: HashMap<(UserId, OrderId), Seq>,
    pub(super) epochs: HashMap<Partition, Fence>,
    pub(super) usernames: HashMap<String, UserId>,
    /// Numbers for new users.
    pub(super) fresh: Vec<UserId>,
    pub(super) accounts: HashMap<(UserId, BrokerAccountId), BrokerAccount>,

    pub(super) entries: Vec<(JournalEntry, ChainHash)>,
    pub(super) written: BTreeMap<OrderKey, Written>,
    pub(super) command_keys: Vec<(UserId, Idempotency, Made)>,
    pub(super) new_users: Vec<(UserId, String, Timestamp)>,
    pub(super) new_keys: Vec<(UserId, NewKey, Timestamp)>,
    pub(super) new_accounts: Vec<(BrokerAccount, NewAccount)>,
    pub(super) changed_accounts: HashMap<(UserId, BrokerAccountId), BrokerAccount>,
}

/// The transaction of one group.
pub(super) type Group = Ledger<Rows>;

impl Rows {
    /// Takes in an order as it is stored.
    pub(super) fn know(&mut self, stored: StoredOrder<Order>) {
        let key = (stored.order.user_id, stored.order.seq);
        self.places.insert((key.0, stored.order.id), key.1);
        self.orders.insert(key, stored);
    }

    fn orders_of(&self, user_id: UserId) -> impl Iterator<Item = &StoredOrder<Order>> {
        self.orders.range((user_id, Seq(i64::MIN))..=(user_id, Seq(i64::MAX))).map(|(_, stored)| stored)
    }
}

impl Books for Rows {
    fn head(&mut self, user_id: UserId) -> Result<Option<Head>, StoreError> {
        Ok(self.heads.get(&user_id).cloned())
    }

    fn remembered(&mut self, user_id: UserId, key: Idempotency) -> Result<Option<Remembered>, StoreError> {
        let known = self.remembered.get(&(user_id, key.key_hash));
        Ok(known.map(|(made, body_hash)| Remembered {
            made: made.clone(),
            same_body: *body_hash == key.body_hash,
        }))
    }

    fn order_by_id(
        &mut self,
        user_id: UserId,
        id: OrderId,
    ) -> Result<Option<StoredOrder<Order>>, StoreError> {
        let place = self.places.get(&(user_id, id));
        Ok(place.and_then(|seq| self.orders.get(&(user_id, *seq))).cloned())
    }

    fn order_at(&mut self, user_id: UserId, seq: Seq) -> Result<Option<StoredOrder<Order>>, StoreError> {
        Ok(self.orders.get(&(user_id, seq)).cloned())
    }

    fn open_orders(
        &mut self,
        user_id: UserId,
        instrument: Option<&Instrument>,
    ) -> Result<Vec<StoredOrder<Order>>, StoreError> {
        let is_meant = |order: &Order| {
            order.due_at.is_some() && instrument.is_none_or(|wanted| order.terms.instrument == *wanted)
        };
        Ok(self.orders_of(user_id).filter(|stored| is_meant(&stored.order)).cloned().collect())
    }

    fn is_held(&mut self, partition: Partition, fence: Fence) -> Result<bool, StoreError> {
        Ok(self.epochs.get(&partition) == Some(&fence))
    }

    fn insert_entry(&mut self, entry: JournalEntry, hash: ChainHash) -> Result<(), StoreError> {
        self.entries.push((entry, hash));
        Ok(())
    }

    fn insert_order(
        &mut self,
        stored: StoredOrder<Order>,
        key: Option<Idempotency>,
    ) -> Result<(), StoreError> {
        let order = &stored.order;
        if let Some(key) = key {
            let made = Made::Order(order.id);
            self.remembered.insert((order.user_id, key.key_hash), (made, key.body_hash));
        }
        self.written.insert((order.user_id, order.seq), Written::New(key));
        self.know(stored);
        Ok(())
    }

    fn update_order(&mut self, stored: StoredOrder<Order>) -> Result<(), StoreError> {
        // One that is new in this group is inserted as it is at the end.
        self.written.entry((stored.order.user_id, stored.order.seq)).or_insert(Written::Changed);
        self.know(stored);
        Ok(())
    }

    fn insert_command_key(
        &mut self,
        user_id: UserId,
        key: Idempotency,
        made: Made,
    ) -> Result<(), StoreError> {
        self.remembered.insert((user_id, key.key_hash), (made.clone(), key.body_hash));
        self.command_keys.push((user_id, key, made));
        Ok(())
    }

    fn user_named(&mut self, username: &str) -> Result<Option<UserId>, StoreError> {
        Ok(self.usernames.get(username).copied())
    }

    fn insert_user(&mut self, username: &str, at: Timestamp) -> Result<UserId, StoreError> {
        let unnumbered = || StoreError::Corrupt("no number was drawn for a new user".to_owned());
        let user_id = self.fresh.pop().ok_or_else(unnumbered)?;
        self.heads.insert(user_id, Head::first(username));
        self.usernames.insert(username.to_owned(), user_id);
        self.new_users.push((user_id, username.to_owned(), at));
        Ok(user_id)
    }

    fn insert_key(&mut self, user_id: UserId, key: &NewKey, at: Timestamp) -> Result<(), StoreError> {
        self.new_keys.push((user_id, key.clone(), at));
        Ok(())
    }

    fn account(&mut self, user_id: UserId, id: BrokerAccountId) -> Result<Option<BrokerAccount>, StoreError> {
        Ok(self.accounts.get(&(user_id, id)).cloned())
    }

    fn active_account(
        &mut self,
        user_id: UserId,
        broker_name: &str,
        account_id: &str,
    ) -> Result<Option<BrokerAccountId>, StoreError> {
        let is_it = |account: &&BrokerAccount| {
            account.user_id == user_id
                && account.is_active
                && account.broker_name == broker_name
                && account.account_id == account_id
        };
        Ok(self.accounts.values().find(is_it).map(|account| account.id))
    }

    fn insert_account(&mut self, account: &BrokerAccount, new: &NewAccount) -> Result<(), StoreError> {
        self.accounts.insert((account.user_id, account.id), account.clone());
        self.new_accounts.push((account.clone(), new.clone()));
        Ok(())
    }

    fn update_account(&mut self, account: &BrokerAccount) -> Result<(), StoreError> {
        let key = (account.user_id, account.id);
        self.accounts.insert(key, account.clone());
        // An account that is new in this group is inserted in its final state.
        match self.new_accounts.iter_mut().find(|(new, _)| (new.user_id, new.id) == key) {
            Some((new, _)) => new.clone_from(account),
            None => drop(self.changed_accounts.insert(key, account.clone())),
        }
        Ok(())
    }
}
