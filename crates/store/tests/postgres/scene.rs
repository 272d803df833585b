//! A database of its own for each test, and the nodes that share it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hookfill_domain::order::Order;
use hookfill_rig::{Database, Postgres, Proxy, SharedPostgres};
use hookfill_store::contract::{Backend, Trial, at};
use hookfill_store::postgres::{Options, PostgresStore};
use hookfill_store::{ChainState, CommitListener, Leased, NoListener, Role, SharedStore, Store};
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

/// Far longer than anything takes that works.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

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
    server: SharedPostgres,
}

impl OnServer {
    pub(crate) fn fresh(split_by_user: bool) -> Self {
        let server = Postgres::shared();
        Self { database: server.database(), split_by_user, server }
    }

    /// A way to the database that fails on command, and its URL.
    pub(crate) fn proxy(&self) -> (Proxy, String) {
        let authority = self.server.admin_url().rsplit('@').next();
        let proxy = Proxy::to(authority.and_then(|rest| rest.split('/').next()).unwrap());
        let url = self.database.url_through(&proxy.address());
        (proxy, url)
    }
}

#[async_trait]
impl Backend for OnServer {
    async fn open(&self, listener: Arc<dyn CommitListener>) -> SharedStore {
        let options = Options { split_by_user: self.split_by_user, ..node(1) };
        Arc::new(PostgresStore::open(self.database.url(), options, listener).await.unwrap())
    }
}

/// A node that reaches a database at a URL.
pub(crate) struct Node {
    pub(crate) url: String,
    pub(crate) options: Options,
}

#[async_trait]
impl Backend for Node {
    async fn open(&self, listener: Arc<dyn CommitListener>) -> SharedStore {
        Arc::new(PostgresStore::open(&self.url, self.options.clone(), listener).await.unwrap())
    }
}

/// A node on trial.
pub(crate) async fn trial(url: &str, options: Options) -> Trial {
    Trial::open(Node { url: url.to_owned(), options }).await
}

/// A node on trial on a database that others were tried on: it draws other ids than they did.
pub(crate) async fn trial_again(url: &str, round: usize) -> Trial {
    let trial = trial(url, node(1)).await;
    for _ in 0..round * 1000 {
        trial.draw();
    }
    trial
}

/// A node beside another.
pub(crate) async fn store(url: &str, options: Options) -> Arc<PostgresStore> {
    Arc::new(PostgresStore::open(url, options, Arc::new(NoListener)).await.unwrap())
}

/// A client that knows nothing of the store.
pub(crate) async fn raw(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Does something that blocks, such as waiting for a proxy.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// Waits until something is so, asking again and again.
pub(crate) async fn until<T>(what: &str, limit: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let found = tokio::time::timeout(limit, looking).await;
    found.unwrap_or_else(|_| panic!("not within {limit:?}: {what}"))
}

/// An order to work on, if this node may.
pub(crate) async fn leased(store: &dyn Store, order: &Order) -> Option<Leased> {
    let due = store.due(at(1_000_000), 100_000, &HashSet::new()).await.unwrap();
    due.into_iter().find(|leased| leased.order.id == order.id)
}

/// Every journal is whole, and has so many entries in all.
pub(crate) async fn intact(store: &dyn Store) -> u64 {
    match store.verify().await.unwrap() {
        ChainState::Intact { entries } => entries,
        broken @ ChainState::Broken { .. } => panic!("{broken:?}"),
    }
}
