//! The service from outside: real HTTP and WebSocket on a port of its own, one file a path.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot be set up has failed")]
#![expect(unreachable_pub, reason = "what the files of a test share is nobody else's")]

mod harness;
mod raw;
mod routes;
mod slow;

mod account_choice;
mod account_order;
mod account_twice;
mod accounts;
mod analytics;
mod audit;
mod auth;
mod commands;
mod deploy;
mod docs;
mod engine;
mod events;
mod explain;
mod flood;
mod health;
mod hostile;
mod idempotency;
mod limits;
mod malformed;
mod metrics;
mod openapi;
mod order_requests;
mod orders;
mod policy;
mod rate_limit;
mod readme;
mod receive_signal;
mod registration;
mod restart;
mod routing;
mod scripted;
mod secrets;
mod skipped_orders;
mod stream;
mod stream_auth;
mod stream_resume;
mod stream_slow;
mod tidy;
mod unknown_outcome;
mod unread_body;
mod unstored;
mod wire;
