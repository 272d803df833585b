//! `hookfill parse`: explain a signal. Pure language: no account's policy is applied.

use std::io::{self, IsTerminal, Write};

use clap::Args;
use hookfill_domain::signal::{self, ErrorView, Format, Parsed, Reading, Signal, SignalError};
use serde_json::Value;

use super::{Outcome, caret, harmless, input};

mod jsonl;

/// The fields of the signal JSON in their published order.
const FIELDS: [&str; 15] = [
    "action",
    "instrument",
    "order_type",
    "entry_price",
    "entry_range",
    "entries",
    "stop_loss",
    "take_profits",
    "quantity",
    "risk",
    "leverage",
    "fraction",
    "stop_loss_to",
    "side",
    "notes",
];

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
    writeln!(out, "{title}: {}", kind(&parsed.signal))?;
    let json = serde_json::to_value(&parsed.signal)?;
    for field in FIELDS {
        let value = shown(&json[field]);
        if value.is_empty() {
            continue;
        }
        let line = match source(text, parsed, field) {
            Some(source) => format!("  {:<13} {value:<18} from {source}", field.replace('_', " ")),
            None => format!("  {:<13} {value}", field.replace('_', " ")),
        };
        writeln!(out, "{}", harmless(&line))?;
    }
    Ok(())
}

fn kind(signal: &Signal) -> &'static str {
    match signal {
        Signal::Order(_) => "open a position",
        Signal::Close(_) => "close a position",
        Signal::Cancel(_) => "cancel pending orders",
        Signal::Modify(_) => "change the protection of open orders",
    }
}

/// A value for people; empty for what is absent.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(", "),
        Value::Object(amount) => format!("{} {}", shown(&amount["value"]), shown(&amount["unit"])),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// The words of the message that became a field.
fn source(text: &str, parsed: &Parsed, field: &str) -> Option<String> {
    let is_of =
        |name: &str| name.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('['));
    let spans = parsed.spans.iter().filter(|span| is_of(&span.field));
    let words = spans.filter_map(|span| text.get(span.span.start..span.span.end));
    let words: Vec<_> = words.map(|words| format!("`{words}`")).collect();
    (!words.is_empty()).then(|| words.join(", "))
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
