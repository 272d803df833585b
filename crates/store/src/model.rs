//! What goes into the store and what comes out of it.

use std::sync::Arc;

use hookfill_domain::account::{BrokerAccount, PolicyChange};
use hookfill_domain::audit::{AuditAction, Place};
use hookfill_domain::ids::{BrokerAccountId, KeyId, OrderId, Seq, UserId};
use hookfill_domain::instrument::Instrument;
use hookfill_domain::manage::{Command, CommandError, Skipped};
use hookfill_domain::order::Order;
use hookfill_domain::time::Timestamp;
use hookfill_domain::wire::Status;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Partition;

/// Who opens a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Who serves it. Creates and migrates it. There is one on a SQLite database, held by a lock beside it, and any number
    /// on PostgreSQL.
    Server,
    /// A tool that runs beside servers, or without one. Never creates a database, nor changes its schema.
    Tool,
}

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Send signals.
    Submit,
    /// Read orders, events, the audit log and the stream.
    Read,
    /// Cancel and close.
    Trade,
    /// Change accounts, keys and sources.
    Admin,
}

impl Scope {
    /// Every scope: what a user's first key may do.
    pub const ALL: [Scope; 4] = [Scope::Submit, Scope::Read, Scope::Trade, Scope::Admin];

    /// The scope's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Submit => "submit",
            Scope::Read => "read",
            Scope::Trade => "trade",
            Scope::Admin => "admin",
        }
    }
}

/// Who is asking: the owner of an API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The user.
    pub user_id: UserId,
    /// The user's name.
    pub username: Arc<str>,
    /// Which key.
    pub key_id: KeyId,
    /// What the key may do.
    pub scopes: Vec<Scope>,
    /// From when the key is refused.
    pub expires_at: Option<Timestamp>,
}

/// A new API key, its text already hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// Its id.
    pub id: KeyId,
    /// SHA-256 of its text.
    pub hash: [u8; 32],
    /// The owner's name for it.
    pub label: String,
}

/// A broker's secret as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedSecret {
    /// A Fernet token.
    pub token: String,
    /// Fingerprint of the Fernet key that made it.
    pub key_id: [u8; 8],
}

impl std::fmt::Debug for SealedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealedSecret(…)")
    }
}

/// A stored secret with the row that holds it, for the check that the keys at hand open it.
#[derive(Debug, Clone)]
pub struct StoredSecret {
    /// The account whose secret it is.
    pub account_id: BrokerAccountId,
    /// The owner's name.
    pub username: String,
    /// The secret.
    pub secret: SealedSecret,
}

/// A broker account to be linked.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// Its id.
    pub id: BrokerAccountId,
    /// Which broker.
    pub broker_name: String,
    /// The account's id there.
    pub account_id: String,
    /// The broker's secret.
    pub secret: SealedSecret,
}

/// A user who registers.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The name asked for.
    pub username: String,
    /// The first key.
    pub key: NewKey,
    /// The first broker account.
    pub account: NewAccount,
    /// When.
    pub at: Timestamp,
}

/// What became of a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registered {
    /// The user exists now.
    Created {
        /// The user.
        user_id: UserId,
        /// The account.
        account: BrokerAccount,
    },
    /// Somebody has that name.
    UsernameTaken,
}

/// The result of linking a broker account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Linked {
    /// The new account.
    Created(BrokerAccount),
    /// The user's active account that already has this broker name and account id.
    AccountExists(BrokerAccountId),
}

/// An idempotency key and the request it came with, hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Idempotency {
    /// Key and scope.
    pub key_hash: [u8; 16],
    /// The request's bytes.
    pub body_hash: [u8; 16],
}

/// What an earlier request with the same idempotency key did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// What it made.
    pub made: Made,
    /// Whether that request had the same bytes.
    pub same_body: bool,
}

/// What an accepted signal made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Made {
    /// An order.
    Order(OrderId),
    /// A request to some open orders.
    Command {
        /// `close`, `cancel` or `modify`.
        kind: String,
        /// The orders that it touched, oldest first.
        orders: Vec<OrderId>,
        /// The pending orders that a close was about and left alone, oldest first.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        still_pending: Vec<OrderId>,
        /// The other orders that it was about and left unchanged, oldest first.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        skipped: Vec<Skipped>,
        /// What its sender was told about both.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
}

/// A command about open orders, to be carried out.
#[derive(Debug, Clone)]
pub struct NewCommand {
    /// Whose orders.
    pub user_id: UserId,
    /// Only orders of this account, if one was named.
    pub account_id: Option<BrokerAccountId>,
    /// What to do.
    pub command: Command,
    /// The idempotency key, if the request had one.
    pub idempotency: Option<Idempotency>,
    /// For the audit log: a JSON object with the `signal` as it was sent.
    pub details: serde_json::Map<String, serde_json::Value>,
    /// When.
    pub at: Timestamp,
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Managed {
    /// It is stored.
    Touched {
        /// The orders that it touched, oldest first, as they are now.
        orders: Vec<Order>,
        /// What it did, as a repetition with its idempotency key is told.
        made: Made,
    },
    /// It was refused, and no order was touched.
    Refused(CommandError),
    /// The key was known.
    Remembered(Remembered),
}

/// An order to be accepted.
#[derive(Debug, Clone)]
pub struct NewOrder {
    /// The order; its `seq` is given when it is stored.
    pub order: Order,
    /// The idempotency key, if the request had one.
    pub idempotency: Option<Idempotency>,
    /// For the audit log: a JSON object with the `signal` as it was sent.
    pub details: Vec<u8>,
}

/// What became of an order to be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// It is stored, under this number.
    Created(Seq),
    /// The key was known.
    Remembered(Remembered),
}

/// A signal that was refused, for the audit log.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// Whose signal.
    pub user_id: UserId,
    /// When.
    pub at: Timestamp,
    /// A JSON object: the `signal` as it was sent, `code`, `detail`.
    pub details: Vec<u8>,
}

/// What a user asks of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Cancel it while it is pending.
    Cancel,
    /// Close its position.
    Close,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requested {
    /// It is stored, or was already: the engine takes it from here.
    Stored(Order),
    /// The order's status does not allow it.
    WrongStatus(Order),
    /// The user has no such order.
    NotFound,
}

/// Which orders, and from where.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OrderQuery {
    /// Only older than this number; `None` begins at the newest.
    pub before: Option<Seq>,
    /// Only of this status.
    pub status: Option<Status>,
    /// Only of this instrument.
    pub instrument: Option<Instrument>,
    /// At most so many.
    pub limit: usize,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, C> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<C>,
}

/// How many orders, of what, in which status.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// Orders of each status, in the order of [`Status::ALL`].
    pub by_status: [i64; 6],
    /// Orders of each instrument, most first.
    pub by_instrument: Vec<(String, i64)>,
}

/// A stored journal entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// Where it stands.
    pub place: Place,
    /// When.
    pub at: Timestamp,
    /// What.
    pub action: AuditAction,
    /// Which order.
    pub order_id: Option<OrderId>,
    /// A JSON object.
    pub details: Vec<u8>,
    /// The stream message's bytes, if the wire shows it.
    pub message: Option<Vec<u8>>,
    /// The chain's hash over it.
    pub hash: [u8; 32],
}

/// A committed stream message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Whose stream.
    pub user_id: UserId,
    /// Its number.
    pub seq: Seq,
    /// Its bytes.
    pub message: Arc<str>,
}

/// What a group of writes has committed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Commit {
    /// Stream messages, each user's in order.
    pub shown: Vec<Shown>,
    /// The earliest time at which an order that was written is due that this process may work.
    pub due_here: Option<Timestamp>,
    /// The same of orders that other processes work, for each partition.
    pub due_elsewhere: Vec<(Partition, Timestamp)>,
}

/// The epoch under which work was taken: a result is kept only while it holds. One server at a time has a
/// SQLite database, by a lock beside it, so there it is always 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence(pub i64);

/// An order that is due, and the right to work it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leased {
    /// The order.
    pub order: Order,
    /// The right.
    pub fence: Fence,
}

/// A change of a broker account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountChange {
    /// A change of its policy, applied to the policy as it is stored.
    Policy(PolicyChange),
    /// No new orders.
    Deactivate,
}

/// The outcome of a walk along the audit chains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChainState {
    /// So many entries, all as they were written.
    Intact {
        /// Entries checked.
        entries: u64,
    },
    /// The first entry that is not.
    Broken {
        /// Whose journal.
        user_id: UserId,
        /// Where.
        place: Place,
        /// The id under which the audit log shows it.
        id: Option<Uuid>,
    },
}
