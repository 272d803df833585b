//! A database of its own for each test, and the nodes that share it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hookfill_rig::{Database, Postgres, SharedPostgres};
use hookfill_store::contract::Backend;
use hookfill_store::postgres::{Options, PostgresStore};
use hookfill_store::sqlite::Role;
use hookfill_store::{CommitListener, SharedStore};
use uuid::Uuid;

/// A node that stays the same over restarts, so that it has its leases again at once.
pub(crate) fn node(number: u128) -> Options {
    Options {
        role: Role::Server,
        node: Uuid::from_u128(number),
        name: format!("node {number}"),
        lease: Duration::from_secs(60),
        split_by_user: false,
    }
}

/// A database on the server that the tests share.
pub(crate) struct OnServer {
    pub(crate) database: Database,
    split_by_user: bool,
    _server: SharedPostgres,
}

impl OnServer {
    pub(crate) fn fresh(split_by_user: bool) -> Self {
        let server = Postgres::shared();
        Self { database: server.database(), split_by_user, _server: server }
    }
}

#[async_trait]
impl Backend for OnServer {
    async fn open(&self, listener: Arc<dyn CommitListener>) -> SharedStore {
        let options = Options { split_by_user: self.split_by_user, ..node(1) };
        Arc::new(PostgresStore::open(self.database.url(), options, listener).await.unwrap())
    }
}
