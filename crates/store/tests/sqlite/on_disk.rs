//! A database file of its own, opened by the store and past it.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use hookfill_store::contract::Backend;
use hookfill_store::sqlite::SqliteStore;
use hookfill_store::{CommitListener, NoListener, OpenError, Role, SharedStore};
use rusqlite::Connection;
use tempfile::TempDir;

#[derive(Clone)]
pub(crate) struct OnDisk(Arc<TempDir>);

impl OnDisk {
    pub(crate) fn fresh() -> Self {
        Self(Arc::new(tempfile::tempdir().unwrap()))
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("store.db")
    }

    pub(crate) fn open_as(&self, role: Role) -> Result<SqliteStore, OpenError> {
        SqliteStore::open(self.path().to_str().unwrap(), role, Arc::new(NoListener))
    }

    /// A connection that the store knows nothing of.
    pub(crate) fn raw(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }

    /// The write-ahead log beside it.
    pub(crate) fn log(&self) -> PathBuf {
        self.0.path().join("store.db-wal")
    }

    /// A copy of the main file alone: all of a closed database, and half of one that is open.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self::fresh();
        std::fs::copy(self.path(), copy.path()).unwrap();
        copy
    }

    /// A copy of main file and log: what a killed process leaves, while nothing writes.
    pub(crate) fn as_if_killed(&self) -> Self {
        let copy = self.copy();
        std::fs::copy(self.log(), copy.log()).unwrap();
        copy
    }
}

#[async_trait]
impl Backend for OnDisk {
    async fn open(&self, listener: Arc<dyn CommitListener>) -> SharedStore {
        Arc::new(SqliteStore::open(self.path().to_str().unwrap(), Role::Server, listener).unwrap())
    }
}
