//! hookfill turns trading webhooks into order fills.
//!
//! Modules in dependency order: what stands below may use what stands above, never the other way round.

pub mod api_key;
pub mod app;
pub mod broker;
pub mod bus;
pub mod clock;
pub mod config;
pub mod credentials;
pub mod engine;
pub mod http;
pub mod secrets;
pub mod shutdown;
#[cfg(test)]
mod specimen;
pub mod stream;
pub mod telemetry;
