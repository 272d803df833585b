//! The command line as a black box: the real binary, in a directory of its own, with an environment of its own.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails where it stands"
)]

mod backup;
mod crash;
mod doctor;
mod fernet;
mod halves;
mod key_file;
mod key_origin;
mod keys;
mod log_secrets;
mod migrate;
mod parse;
mod program;
mod send;
mod serve;
mod settings;
mod watch;
