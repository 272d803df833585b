//! All wiring, nothing else.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hookfill_store::sqlite::{Role, SqliteStore};
use hookfill_store::{Accounts, NoListener};

use crate::config::{Config, DatabaseUrl};
use crate::secrets::KeyFile;

/// A service that is ready to run.
pub struct App {
    made_key_file: Option<PathBuf>,
    _store: SqliteStore,
}

impl App {
    /// Opens everything that the service needs.
    ///
    /// # Errors
    /// Why it cannot start.
    pub async fn build(config: Config) -> anyhow::Result<Self> {
        let DatabaseUrl::Sqlite(path) = config.database_url else {
            anyhow::bail!("PostgreSQL is not supported by this version yet");
        };
        let store = SqliteStore::open(&path, Role::Server, Arc::new(NoListener))?;
        let samples = store.sample_secrets().await?;
        let keys = KeyFile::of(&path).obtain(config.encryption_keys, &samples)?;
        Ok(Self { made_key_file: keys.made, _store: store })
    }

    /// The key file, if it was made just now.
    #[must_use]
    pub fn made_key_file(&self) -> Option<&Path> {
        self.made_key_file.as_deref()
    }

    /// Serves until `shutdown` resolves.
    ///
    /// # Errors
    /// None yet.
    pub async fn run(
        self,
        _listener: tokio::net::TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> anyhow::Result<()> {
        shutdown.await;
        Ok(())
    }
}
