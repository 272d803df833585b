//! Where hookfill keeps what it promised: the only crate that knows SQL.
//!
//! Four narrow traits, one method a use case; a transaction never leaves the crate. Every change of an order goes
//! through [`hookfill_domain::order::Order::apply`], and its journal entry is written in the same transaction.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use hookfill_domain::account::BrokerAccount;
use hookfill_domain::audit::Place;
use hookfill_domain::ids::{BrokerAccountId, OrderId, Seq, UserId};
use hookfill_domain::lifecycle::OrderEvent;
use hookfill_domain::manage::{Command, CommandError};
use hookfill_domain::order::Order;
use hookfill_domain::time::Timestamp;

mod chain;
#[cfg(feature = "contract")]
pub mod contract;
mod error;
mod fair_queue;
mod history;
mod ledger;
pub mod migration;
mod model;
mod partition;
pub mod postgres;
mod queue;
mod rows;
pub mod sqlite;

pub use error::{OpenError, StoreError};
pub use model::{
    Accepted, AccountChange, ChainState, Commit, Fence, Idempotency, Leased, Linked, Made, Managed,
    NewAccount, NewCommand, NewKey, NewOrder, OrderQuery, Page, Principal, Refusal, Registered, Registration,
    Remembered, Request, Requested, Role, Scope, SealedSecret, Shown, StoredEntry, StoredSecret, Tally,
};
pub use partition::Partition;
pub use queue::Patience;

/// Most items of one page of any list.
pub const MAX_PAGE: usize = 1000;
/// Most orders that one filtered page looks at.
pub const MAX_SCAN: usize = 5000;
/// Most users whose heads are asked for at once.
pub const MAX_HEADS: usize = 1000;

/// An order's place among all orders.
pub type OrderKey = (UserId, Seq);

/// Users, keys and broker accounts.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Makes a user with a first key and a first broker account.
    async fn register(&self, new: Registration) -> Result<Registered, StoreError>;
    /// Links a further broker account to a user, unless an active one has the same broker name and account id.
    async fn link_account(
        &self,
        user_id: UserId,
        new: NewAccount,
        at: Timestamp,
    ) -> Result<Linked, StoreError>;
    /// The user's broker accounts, oldest first.
    async fn accounts(&self, user_id: UserId) -> Result<Vec<BrokerAccount>, StoreError>;
    /// Changes one of the user's broker accounts; `None` if there is no such account.
    async fn change_account(
        &self,
        user_id: UserId,
        id: BrokerAccountId,
        change: AccountChange,
        at: Timestamp,
    ) -> Result<Option<BrokerAccount>, StoreError>;
    /// Who has this key, whether or not it has expired; revoked keys are nobody's.
    async fn principal(&self, key_hash: [u8; 32]) -> Result<Option<Principal>, StoreError>;
    /// Adds a key for a user who lost theirs; `None` if nobody has that name.
    async fn issue_key(
        &self,
        username: &str,
        key: NewKey,
        at: Timestamp,
    ) -> Result<Option<UserId>, StoreError>;
    /// A number that goes up when keys or accounts change, by whatever process.
    async fn credentials_revision(&self) -> Result<i64, StoreError>;
    /// One stored secret for each encryption key in use.
    async fn sample_secrets(&self) -> Result<Vec<StoredSecret>, StoreError>;
}

/// Signals and the orders made of them.
#[async_trait]
pub trait Orders: Send + Sync {
    /// Stores an order with its first event and audit entry. Returns once it is on disk.
    ///
    /// A write that is still waiting at its deadline is withdrawn and not stored.
    async fn accept_signal(&self, new: NewOrder, patience: Patience) -> Result<Accepted, StoreError>;
    /// Puts a refused signal on the audit log, before its sender is told.
    async fn refuse_signal(&self, refusal: Refusal, patience: Patience) -> Result<(), StoreError>;
    /// Carries out a command for every open order that it is about, for all of them or for none, with an audit entry.
    ///
    /// What still waits at the deadline is withdrawn and not stored.
    async fn manage(&self, new: NewCommand, patience: Patience) -> Result<Managed, StoreError>;
    /// Why a command would be refused now; `None` if it would be carried out. Changes nothing.
    async fn rehearse(
        &self,
        user_id: UserId,
        account_id: Option<BrokerAccountId>,
        command: &Command,
    ) -> Result<Option<CommandError>, StoreError>;
    /// What an earlier request with this idempotency key made.
    async fn remembered(&self, user_id: UserId, key: Idempotency) -> Result<Option<Remembered>, StoreError>;
    /// One of the user's orders.
    async fn order(&self, user_id: UserId, id: OrderId) -> Result<Option<Order>, StoreError>;
    /// The user's orders, newest first.
    async fn orders(&self, user_id: UserId, query: OrderQuery) -> Result<Page<Order, Seq>, StoreError>;
    /// Stores that the user wants an order canceled or its position closed.
    async fn request(
        &self,
        user_id: UserId,
        id: OrderId,
        request: Request,
        at: Timestamp,
    ) -> Result<Requested, StoreError>;
    /// Counts over all of the user's orders, the thousand most traded instruments at most.
    async fn tally(&self, user_id: UserId) -> Result<Tally, StoreError>;
}

/// The log of everything that happened.
#[async_trait]
pub trait Journal: Send + Sync {
    /// The number of the user's last committed stream message.
    async fn head(&self, user_id: UserId) -> Result<Seq, StoreError>;
    /// The same of many users, [`MAX_HEADS`] at most; users that do not exist are left out.
    async fn heads(&self, users: &[UserId]) -> Result<Vec<(UserId, Seq)>, StoreError>;
    /// The user's stream messages after a number, in order, without gaps.
    async fn events_after(&self, user_id: UserId, after: Seq, limit: usize)
    -> Result<Vec<Shown>, StoreError>;
    /// An order's history after a place, oldest first; `None` if there is no such order. The cost of a page is bounded
    /// however long the history is, so a page may come back shorter than `limit`, with a `next`.
    async fn history(
        &self,
        user_id: UserId,
        id: OrderId,
        after: Option<Place>,
        limit: usize,
    ) -> Result<Option<Page<StoredEntry, Place>>, StoreError>;
    /// The user's journal, newest first, from before a place.
    async fn entries(
        &self,
        user_id: UserId,
        before: Option<Place>,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, StoreError>;
    /// Walks every chain and compares each hash.
    async fn verify(&self) -> Result<ChainState, StoreError>;
}

/// What the engine does.
#[async_trait]
pub trait Work: Send + Sync {
    /// Orders that are due, longest due first, as far as this process may work them and does not already (`busy`).
    async fn due(
        &self,
        now: Timestamp,
        limit: usize,
        busy: &HashSet<OrderKey>,
    ) -> Result<Vec<Leased>, StoreError>;
    /// When the next order is due that is not due yet at `after`, as far as this process may work it.
    async fn next_due(&self, after: Timestamp) -> Result<Option<Timestamp>, StoreError>;
    /// Applies events to an order as it is stored, all of them or none, and returns it.
    async fn record(&self, leased: &Leased, events: Vec<OrderEvent>) -> Result<Order, StoreError>;
    /// Nothing has changed: look again later.
    async fn postpone(&self, leased: &Leased, until: Timestamp) -> Result<(), StoreError>;
    /// Whether the right to work an order still holds, as far as this process knows without asking: to be looked at
    /// before something is done that the store cannot undo.
    fn holds(&self, leased: &Leased) -> bool;
    /// Gives up the right to work orders, so that other processes take over at once. Nothing may be in hand.
    async fn retire(&self);
    /// Writes something and returns once it is on disk.
    async fn probe(&self) -> Result<(), StoreError>;
}

/// A whole store.
pub trait Store: Accounts + Orders + Journal + Work {}
impl<T: Accounts + Orders + Journal + Work> Store for T {}

/// Is told after each commit. A hint: losing one costs delay, never correctness.
pub trait CommitListener: Send + Sync {
    /// What was committed. Called on the writer: it must not block.
    fn committed(&self, commit: &Commit);
    /// A group of so many writes took so long to commit.
    fn group_committed(&self, writes: usize, took: std::time::Duration);
    /// The store has failed and takes nothing more; the process should stop.
    fn failed(&self, cause: &str);
}

/// A listener that does nothing, for tools.
#[derive(Debug, Clone, Copy)]
pub struct NoListener;

impl CommitListener for NoListener {
    fn committed(&self, _commit: &Commit) {}
    fn group_committed(&self, _writes: usize, _took: std::time::Duration) {}
    fn failed(&self, _cause: &str) {}
}

/// A store behind a shared pointer.
pub type SharedStore = Arc<dyn Store>;
