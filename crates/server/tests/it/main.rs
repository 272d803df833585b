//! The service from outside: real HTTP and WebSocket on a port of its own, one file a path.

mod harness;

mod accounts;
mod readme;
mod receive_signal;
mod stream;
mod tidy;
