//! Servers and failures for tests: PostgreSQL, NATS, and a TCP proxy that fails on command.
//!
//! Blocking code with threads, so that any test can use it. Everything listens on 127.0.0.1, on a port that nobody else
//! is given, lives in a temporary directory, and ends with the value that started it, or with the process, however that
//! ends. Needs Linux.
//!
//! Everything here panics, with what the server wrote, where it cannot do what it is asked: a test cannot go on then.

#![expect(clippy::expect_used, reason = "a rig that cannot go on fails the test where it stands")]

mod nats;
mod port;
mod postgres;
mod process;
mod programs;
mod proxy;
mod wait;

pub use nats::Nats;
pub use port::Port;
pub use postgres::{Database, Postgres, SharedPostgres};
pub use process::Process;
pub use proxy::{Proxy, Trigger};
pub use wait::wait_until;
