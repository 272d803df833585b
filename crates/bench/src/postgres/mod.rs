//! What nodes do that share a PostgreSQL server. The server is started for the measurement, on a folder of its own, and
//! ends with it.

pub mod accepts;
pub mod across;
mod cluster;
pub mod costs;
pub mod lives;
pub mod looks;
mod processor;
