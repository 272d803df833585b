//! One step of a group at the server, with its time limit.

use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::Error;

use super::batch::Link;
use crate::StoreError;

/// How long the server may take for one step of a group; then the connection counts as lost.
pub(super) const STEP_LIMIT: Duration = Duration::from_secs(3);

/// Why a step of a group failed.
pub(super) enum Stopped {
    Said(Error),
    Silent,
}

pub(super) async fn step<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Stopped> {
    match timeout(STEP_LIMIT, work).await {
        Ok(done) => done.map_err(Stopped::Said),
        Err(_) => Err(Stopped::Silent),
    }
}

pub(super) async fn roll_back(link: &Link) -> Result<(), StoreError> {
    match step(link.client.batch_execute("ROLLBACK")).await {
        Ok(()) => Ok(()),
        Err(Stopped::Said(error)) => Err(error.into()),
        Err(Stopped::Silent) => Err(silent()),
    }
}

pub(super) fn silent() -> StoreError {
    StoreError::Unavailable("the database does not answer".to_owned())
}
