//! The command line: one file a sub-command.

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{ConfigError, Flags};

mod attempt;
pub mod backup;
mod caret;
pub mod doctor;
mod input;
pub mod keys;
pub mod migrate;
pub mod openapi;
pub mod parse;
pub mod send;
pub mod serve;
mod stop;
pub mod watch;

/// Turns trading webhooks into order fills. Without a command it serves.
#[derive(Parser)]
#[command(name = "hookfill", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    #[expect(missing_docs, reason = "clap would show a comment here as help")]
    pub command: Option<Command>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show a comment here as help")]
    pub flags: Flags,
}

/// What to do.
#[derive(Subcommand)]
#[expect(missing_docs, reason = "the arguments of each say what it does")]
pub enum Command {
    /// Run the service
    Serve(Box<Flags>),
    Parse(parse::Arguments),
    Send(send::Arguments),
    Watch(watch::Arguments),
    #[command(subcommand)]
    Keys(keys::Command),
    Backup(backup::Arguments),
    Migrate(migrate::Arguments),
    /// Print the OpenAPI document
    Openapi,
    /// Check this installation
    Doctor(Box<Flags>),
}

/// How a command that ran to its end came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// As asked: exit code 0.
    Done,
    /// Not, and it has said why: exit code 1.
    Failed,
}

/// Turns a result into an exit code: 0 done, 1 failed, 2 wrong usage, of which wrong settings are a part.
pub fn finish(result: anyhow::Result<Outcome>) -> ExitCode {
    match result {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Failed) => ExitCode::FAILURE,
        // The reader of our output (`| head`) has seen enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("{error:#}"));
            if error.is::<ConfigError>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

/// One sentence to the person at the terminal, beside the command's own output.
fn say(sentence: &str) {
    // Without a standard error there is nobody to tell.
    let _ = writeln!(io::stderr(), "hookfill: {}", harmless(sentence));
}

/// Text from elsewhere as a terminal may see it: control characters and those that turn the line around are replaced.
fn harmless(text: &str) -> String {
    let is_harmful = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|letter| if is_harmful(letter) { '\u{fffd}' } else { letter }).collect()
}
