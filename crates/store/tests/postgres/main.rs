//! What every backend promises, held against PostgreSQL, and what PostgreSQL alone can break.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod conflicts;
mod contract;
mod encryption;
mod fencing;
mod leases;
mod load;
mod lost_answers;
mod opening;
mod outage;
mod scene;
mod schema;
mod slow_commit;
mod statements;
mod tampering;
mod two_nodes;
