//! hookfill turns trading webhooks into order fills.
//!
//! Modules in dependency order: what stands below may use what stands above, never the other way round.

// Leaves: the time, the order to stop, logs and metrics.
pub mod clock;
pub mod shutdown;
pub mod telemetry;

// Keys and settings.
pub mod api_key;
pub mod config;
pub mod secrets;

// What the service works with.
pub mod broker;
pub mod bus;
pub mod credentials;
pub mod database;

// The service: the engine and the outside meet in the store.
pub mod engine;
pub mod http;

// The live stream, which shares the outside's authentication and errors.
pub mod stream;

// The wiring.
pub mod app;

// The command line.
pub mod cli;

#[cfg(test)]
mod specimen;
