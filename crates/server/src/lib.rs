//! hookfill turns trading webhooks into order fills.
//!
//! Modules in dependency order: what stands below may use what stands above, never the other way round.

pub mod api_key;
pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod http;
pub mod secrets;
