//! The database that the settings name, of whatever kind it is.

use std::sync::Arc;
use std::time::Duration;

use hookfill_store::postgres::{Options, PostgresStore};
use hookfill_store::sqlite::SqliteStore;
use hookfill_store::{CommitListener, NoListener, OpenError, Partition, Role, SharedStore, StoredSecret};
use secrecy::ExposeSecret;
use uuid::Uuid;

use crate::clock::new_uuid;
use crate::config::{Config, DatabaseUrl};
use crate::secrets::{KeyFile, Keyring, Loaded, Obtained, SecretsError};

/// An open database.
pub struct Database {
    /// The store in it.
    pub store: SharedStore,
    /// The same, where other nodes have it too.
    shared: Option<Arc<PostgresStore>>,
}

impl Database {
    /// Names the installation; the same on all of its nodes.
    #[must_use]
    pub fn installation(&self) -> Uuid {
        // One server has all of a SQLite database, and nobody to be told apart from.
        self.shared.as_ref().map_or(Uuid::nil(), |shared| shared.installation())
    }

    /// Tells whether orders of a partition are worked here.
    #[must_use]
    pub fn holds(&self) -> Box<dyn Fn(Partition) -> bool + Send + Sync> {
        match self.shared.clone() {
            Some(shared) => Box::new(move |partition| shared.works(partition)),
            None => Box::new(|_| true),
        }
    }
}

/// Opens a database to serve it.
///
/// # Errors
/// [`OpenError`] says what to do.
pub async fn open(
    url: &DatabaseUrl,
    lease: Duration,
    listener: Arc<dyn CommitListener>,
) -> Result<Database, OpenError> {
    match url {
        DatabaseUrl::Sqlite(path) => {
            let store = Arc::new(SqliteStore::open(path, Role::Server, listener)?);
            Ok(Database { store, shared: None })
        }
        DatabaseUrl::Postgres(url) => {
            let options = Options {
                role: Role::Server,
                node: new_uuid(),
                name: node_name(),
                lease,
                split_by_user: false,
            };
            let store = Arc::new(PostgresStore::open(url.expose_secret(), options, listener).await?);
            Ok(Database { store: Arc::clone(&store) as SharedStore, shared: Some(store) })
        }
    }
}

/// Opens a database for a tool, beside whoever serves it.
///
/// # Errors
/// As [`open`]; a tool never makes a database, nor changes its schema.
pub async fn open_for_tool(url: &DatabaseUrl) -> Result<SharedStore, OpenError> {
    match url {
        DatabaseUrl::Sqlite(path) => Ok(Arc::new(SqliteStore::open(path, Role::Tool, Arc::new(NoListener))?)),
        DatabaseUrl::Postgres(url) => {
            let options = Options {
                role: Role::Tool,
                node: new_uuid(),
                name: node_name(),
                lease: Duration::ZERO,
                split_by_user: false,
            };
            let opened = PostgresStore::open(url.expose_secret(), options, Arc::new(NoListener));
            Ok(Arc::new(opened.await?))
        }
    }
}

/// The keys that open what is stored; where there is nothing yet, they may be made.
///
/// # Errors
/// [`SecretsError`] where they do not open the samples, or there are none.
pub fn obtain_keys(config: &Config, samples: &[StoredSecret]) -> Result<Obtained, SecretsError> {
    let configured = config.encryption_keys.clone();
    match &config.database_url {
        DatabaseUrl::Sqlite(path) => KeyFile::of(path).obtain(configured, samples),
        DatabaseUrl::Postgres(_) => {
            let keyring = shared_keys(configured, samples)?;
            Ok(Obtained { keyring, made: None, warning: None })
        }
    }
}

/// As [`obtain_keys`], and makes none.
///
/// # Errors
/// As [`obtain_keys`].
pub fn load_keys(config: &Config, samples: &[StoredSecret]) -> Result<Loaded, SecretsError> {
    let configured = config.encryption_keys.clone();
    match &config.database_url {
        DatabaseUrl::Sqlite(path) => KeyFile::of(path).load(configured, samples),
        DatabaseUrl::Postgres(_) => {
            let keyring = shared_keys(configured, samples)?;
            Ok(Loaded::Keys { keyring, warning: None })
        }
    }
}

/// All nodes have the same keys, so that none can make them for itself.
fn shared_keys(configured: Option<Keyring>, samples: &[StoredSecret]) -> Result<Keyring, SecretsError> {
    let keyring = configured.ok_or(SecretsError::NoKey)?;
    keyring.check(samples)?;
    Ok(keyring)
}

/// The node for people: the machine and the process.
fn node_name() -> String {
    let system = rustix::system::uname();
    format!("{} {}", system.nodename().to_string_lossy(), std::process::id())
}
