//! The store on SQLite: one writer that commits in groups, readers beside it.

mod accounts;
mod backup;
mod books;
mod journal;
mod migrations;
mod open;
mod orders;
mod readers;
mod wal;
mod work;
mod writer;

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::ErrorCode;

use crate::{CommitListener, OpenError, Role, StoreError};
pub use backup::{BackupError, Copied, backup};
pub use migrations::{migrate, migrations};
use readers::Readers;
use writer::Writer;

/// The store on SQLite.
pub struct SqliteStore {
    readers: Readers,
    /// Dropped after the readers: its connection closes last and settles what becomes of the log.
    writer: Writer,
    /// Held for as long as the store lives. Declared last: dropped after the connections.
    _lock: Option<File>,
}

impl SqliteStore {
    /// Opens a database, creating or migrating it where `role` may.
    ///
    /// Blocks while it reads and writes the file.
    ///
    /// # Errors
    /// [`OpenError`] says why the database cannot be served; it is never replaced by an empty one.
    pub fn open(path: &str, role: Role, listener: Arc<dyn CommitListener>) -> Result<Self, OpenError> {
        let path = PathBuf::from(path);
        let lock = match role {
            Role::Server => Some(open::lock(&path)?),
            Role::Tool => None,
        };
        let connection = open::writer(&path, role)?;
        let readers = Readers::open(&path)?;
        let writer = Writer::start(connection, role, listener)?;
        Ok(Self { readers, writer, _lock: lock })
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let code = error.sqlite_error_code();
        let text = error.to_string();
        let Some(code) = code else {
            return StoreError::Corrupt(text);
        };
        #[expect(clippy::wildcard_enum_match_arm, reason = "the library's list of codes is open")]
        match code {
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::CannotOpen
            | ErrorCode::OutOfMemory
            | ErrorCode::OperationInterrupted => StoreError::Unavailable(text),
            // After a failed sync the kernel may have dropped the pages and call the next sync a success.
            ErrorCode::SystemIoFailure
            | ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase
            | ErrorCode::ReadOnly => StoreError::Failed(text),
            _ => StoreError::Corrupt(text),
        }
    }
}

fn unreadable(path: &std::path::Path, cause: impl ToString) -> OpenError {
    OpenError::Unreadable { path: path.display().to_string(), cause: cause.to_string() }
}
