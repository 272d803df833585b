//! What can go wrong with a store.

use hookfill_domain::lifecycle::IllegalTransition;
use thiserror::Error;

/// Why the store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StoreError {
    /// It could not be stored now and was not; later it may be. The sentence is for logs.
    #[error("the store cannot take this now: {0}")]
    Unavailable(String),
    /// The caller stopped waiting while the write was under way: it may or may not be stored.
    #[error("the outcome of the write is not known")]
    OutcomeUnknown,
    /// The disk failed in a way after which nothing may be trusted until a restart.
    #[error("the store has failed and takes nothing more: {0}")]
    Failed(String),
    /// The event cannot happen to the order as it is stored.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
    /// Somebody else has the right to work this order now.
    #[error("the lease on this work was lost")]
    LeaseLost,
    /// What was asked for is not there.
    #[error("there is no {0}")]
    Missing(&'static str),
    /// A stored row cannot be read: a bug or a tampered database.
    #[error("a stored row cannot be read: {0}")]
    Corrupt(String),
}

/// Why a database cannot be opened. Each sentence says what to do.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another server has it.
    #[error("the database {0} is already served by another process; stop that one first")]
    Locked(String),
    /// It cannot be opened or created.
    #[error("the database {path} cannot be opened: {cause}")]
    Unreadable {
        /// Which file.
        path: String,
        /// The reason.
        cause: String,
    },
    /// A part of it is missing, or what lies beside it is not its own.
    #[error("the database {path} is not complete: {cause}")]
    Incomplete {
        /// Which file.
        path: String,
        /// The reason.
        cause: String,
    },
    /// Not a hookfill database, or one that an unknown version has changed.
    #[error("the database {path} does not fit this version of hookfill: {cause}")]
    Schema {
        /// Which file.
        path: String,
        /// The reason.
        cause: String,
    },
    /// What names the database cannot be used.
    #[error("the database's URL {0}")]
    Url(String),
    /// The server acknowledges what it may lose.
    #[error(
        "the database {path} runs with {setting} = off: what it acknowledges can be lost; set {setting} = on, and \
         restart it"
    )]
    Unsafe {
        /// Which database.
        path: String,
        /// The server's setting.
        setting: &'static str,
    },
    /// The SQLite library is too old to be trusted with write-ahead logs.
    #[error("SQLite {0} has a bug that can corrupt the database; 3.51.3 or newer is needed")]
    LibraryTooOld(String),
}
