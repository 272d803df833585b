//! What the errors of a PostgreSQL server mean.

use tokio_postgres::error::{Severity, SqlState};

use crate::StoreError;

/// An error with its cause, for logs: the library's own text leaves the cause out.
pub(super) fn sentence(error: &tokio_postgres::Error) -> String {
    match (error.as_db_error(), std::error::Error::source(error)) {
        (Some(said), _) => format!("{} ({})", said.message(), said.code().code()),
        (None, Some(cause)) => format!("{error}: {cause}"),
        (None, None) => error.to_string(),
    }
}

/// What an error says about the transaction in which it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Somebody else wrote the same: once more will do.
    Again,
    /// A deadlock with another session. Running the same group again may deadlock again, unless it takes fewer locks.
    Deadlocked,
    /// Somebody else has kept a lock for as long as anybody waits.
    Locked,
    /// The server will not do it, or not now.
    Refused,
    /// The connection is gone, or no good any more.
    Disconnected,
}

pub(super) fn meaning(error: &tokio_postgres::Error) -> Meaning {
    let Some(said) = error.as_db_error() else { return Meaning::Disconnected };
    if said.parsed_severity().is_some_and(|severity| severity != Severity::Error) {
        return Meaning::Disconnected;
    }
    let code = said.code();
    if [
        &SqlState::T_R_SERIALIZATION_FAILURE,
        // Two nodes made the same at the same time; the second look finds what the first made.
        &SqlState::UNIQUE_VIOLATION,
    ]
    .contains(&code)
    {
        return Meaning::Again;
    }
    if code == &SqlState::T_R_DEADLOCK_DETECTED {
        return Meaning::Deadlocked;
    }
    if code == &SqlState::LOCK_NOT_AVAILABLE {
        return Meaning::Locked;
    }
    // A server that was made a standby, or that has lost a statement that another connection prepared.
    let disconnected = [
        &SqlState::READ_ONLY_SQL_TRANSACTION,
        &SqlState::INVALID_SQL_STATEMENT_NAME,
        // Distributed databases say so where they do not know the outcome of a commit themselves.
        &SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN,
    ];
    if disconnected.contains(&code) {
        return Meaning::Disconnected;
    }
    Meaning::Refused
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        let text = sentence(&error);
        if error.is_closed() || meaning(&error) != Meaning::Refused {
            return StoreError::Unavailable(text);
        }
        // Classes 08 (a connection of the server's own), 53 (resources), 55 (state), 57 (intervention) and 58 (the system around it) pass.
        match error.code().map(|code| &code.code()[..2]) {
            Some("08" | "53" | "55" | "57" | "58") | None => StoreError::Unavailable(text),
            Some(_) => StoreError::Corrupt(text),
        }
    }
}

impl From<deadpool_postgres::PoolError> for StoreError {
    fn from(error: deadpool_postgres::PoolError) -> Self {
        match error {
            deadpool_postgres::PoolError::Backend(error) => {
                StoreError::Unavailable(format!("the database cannot be reached: {}", sentence(&error)))
            }
            deadpool_postgres::PoolError::Timeout(_)
            | deadpool_postgres::PoolError::Closed
            | deadpool_postgres::PoolError::NoRuntimeSpecified
            | deadpool_postgres::PoolError::PostCreateHook(_) => StoreError::Unavailable(error.to_string()),
        }
    }
}
