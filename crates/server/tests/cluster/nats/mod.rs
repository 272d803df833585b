//! Hints between nodes, over a real NATS server.

mod connection;
mod failures;
mod heads;
mod hints;
mod node;
mod server;
