//! The service from outside: real HTTP and WebSocket on a port of its own, one file a path.

mod harness;

mod accounts;
mod engine;
mod receive_signal;
mod scripted;
mod stream;
mod stream_auth;
mod stream_resume;
mod stream_slow;
