//! A few connections that only read, each used by one query at a time.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::open;
use crate::{OpenError, StoreError};

/// Queries that run at the same time; more wait.
const CONNECTIONS: usize = 4;
/// How long a query waits for a connection.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

type Idle = Arc<Mutex<Vec<Connection>>>;

/// The pool of readers.
pub(super) struct Readers {
    idle: Idle,
    permits: Arc<Semaphore>,
}

/// A connection that goes back to the pool, also when its query ends in a panic.
struct Borrowed {
    connection: Option<Connection>,
    idle: Idle,
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.extend(self.connection.take());
    }
}

impl Readers {
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        let connections = (0..CONNECTIONS).map(|_| open::reader(path)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { idle: Arc::new(Mutex::new(connections)), permits: Arc::new(Semaphore::new(CONNECTIONS)) })
    }

    /// Runs a query on a thread that may block.
    pub(super) async fn read<T, F>(&self, query: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let unavailable = |why: &str| StoreError::Unavailable(why.to_owned());
        let permit = match timeout(LONGEST_WAIT, Arc::clone(&self.permits).acquire_owned()).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) => return Err(unavailable("the store is closing")),
            Err(_) => return Err(unavailable("too many queries wait already")),
        };
        let idle = Arc::clone(&self.idle);
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let taken = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let borrowed = Borrowed { connection: taken, idle };
            match &borrowed.connection {
                Some(connection) => query(connection),
                None => Err(unavailable("no reader is free")),
            }
        });
        task.await.unwrap_or_else(|error| Err(StoreError::Corrupt(error.to_string())))
    }
}
