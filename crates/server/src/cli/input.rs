//! A signal's text, from the argument or from standard input.

use std::io::{self, IsTerminal, Read};

use anyhow::Context;

use super::say;

/// Most bytes that are read: well above what the language takes, so that the language is who refuses.
const MAX_SIZE: u64 = 1024 * 1024;

/// The argument, or else all of standard input.
pub(super) fn signal_text(argument: Option<String>) -> anyhow::Result<String> {
    if let Some(text) = argument {
        return Ok(text);
    }
    let stdin = io::stdin().lock();
    if stdin.is_terminal() {
        say("type the signal, then Ctrl-D");
    }
    let mut bytes = Vec::new();
    stdin.take(MAX_SIZE).read_to_end(&mut bytes)?;
    String::from_utf8(bytes).context("the signal is not UTF-8")
}
