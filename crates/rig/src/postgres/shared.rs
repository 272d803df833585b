//! One server for many tests.

use std::env;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::cluster::Cluster;
use super::database::Database;

/// A server that others use as well: to make databases on, not to break.
#[derive(Debug)]
pub struct SharedPostgres {
    admin_url: String,
    own: Option<Arc<Cluster>>,
}

impl SharedPostgres {
    pub(super) fn open() -> Self {
        // Started by the first who needs it and ended with the last, as a `static` is never dropped.
        static RUNNING: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());
        if let Ok(admin_url) = env::var("TEST_POSTGRES_URL") {
            return Self { admin_url, own: None };
        }
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let cluster = running.upgrade().unwrap_or_else(|| Arc::new(Cluster::start(&[], false)));
        *running = Arc::downgrade(&cluster);
        Self { admin_url: cluster.admin_url(), own: Some(cluster) }
    }

    /// Where a superuser connects.
    #[must_use]
    pub fn admin_url(&self) -> &str {
        &self.admin_url
    }

    /// Makes an empty database.
    #[must_use]
    pub fn database(&self) -> Database {
        Database::create(&self.admin_url, self.own.clone())
    }
}
