//! What holds of the store on SQLite alone.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod halves;
mod model;
mod on_disk;
mod opening;
mod statements;
mod tampering;
mod waiting;
