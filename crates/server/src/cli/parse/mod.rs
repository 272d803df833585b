//! `hookfill parse`: explain a signal. Pure language: no account's policy is applied.

use std::io::{self, IsTerminal, Write};

use clap::Args;
use hookfill_domain::signal::{self, ErrorView, Format, Parsed, Reading, SignalError};

use super::{Outcome, caret, harmless, input};

mod fields;
mod jsonl;

/// What to explain, and how.
#[derive(Args)]
#[command(about = "Explain a signal: what is understood, or what is wrong and where")]
pub struct Arguments {
    /// The signal; read from standard input if absent
    text: Option<String>,
    /// The language of the signal; with --jsonl, of lines that name none
    #[arg(long, default_value_t)]
    format: Format,
    /// Print JSON: the signal, or the error
    #[arg(long)]
    json: bool,
    /// Read {"id","text","format"} lines from standard input and answer each with a line
    #[arg(long, conflicts_with_all = ["text", "json"])]
    jsonl: bool,
}

/// Explains the signal.
///
/// # Errors
/// Standard input or output does not work.
pub fn run(arguments: Arguments) -> anyhow::Result<Outcome> {
    if arguments.jsonl {
        jsonl::answer(io::BufReader::new(io::stdin().lock()), io::stdout().lock(), arguments.format)?;
        return Ok(Outcome::Done);
    }
    let text = input::signal_text(arguments.text)?;
    let parsed = signal::parse(&text, arguments.format, &Reading::default());
    if arguments.json {
        let json = match &parsed {
            Ok(parsed) => serde_json::to_string(&parsed.signal)?,
            Err(error) => serde_json::to_string(&ErrorView::from(error))?,
        };
        writeln!(io::stdout(), "{json}")?;
    } else {
        match &parsed {
            Ok(parsed) => explain(&text, parsed)?,
            Err(error) => refuse(&text, error)?,
        }
    }
    Ok(if parsed.is_ok() { Outcome::Done } else { Outcome::Failed })
}

fn explain(text: &str, parsed: &Parsed) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let title = paint("understood", "32;1", out.is_terminal());
    writeln!(out, "{title}: {}", fields::kind(&parsed.signal))?;
    for line in fields::lines(text, parsed)? {
        writeln!(out, "{}", harmless(&line))?;
    }
    Ok(())
}

fn refuse(text: &str, error: &SignalError) -> io::Result<()> {
    let mut out = io::stderr().lock();
    let colour = out.is_terminal();
    let title = paint("refused", "31;1", colour);
    writeln!(out, "{title}: {} [{}]", harmless(&error.detail), error.code)?;
    if let Some(shown) = error.span.and_then(|span| caret::under(text, span.start..span.end)) {
        writeln!(out, "{shown}")?;
    }
    Ok(())
}

/// Colour for who can see it and has not declined it (<https://no-color.org>).
fn paint(text: &str, code: &str, terminal: bool) -> String {
    let declined = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if terminal && !declined { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}
