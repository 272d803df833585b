//! One line a change.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Deserialize;

use super::super::harmless;

/// A message of the stream, as far as it is shown. All but the number may be absent: a newer service is followed too.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    seq: i64,
    #[serde(borrow, default)]
    at: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    order_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    instrument: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    action: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    entry_price: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    stop_loss: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    take_profit: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    reason: Option<Cow<'a, str>>,
}

/// A message that has a number.
pub(super) struct Change {
    /// Its number.
    pub(super) seq: i64,
    /// How it is shown to people.
    pub(super) line: String,
    is_greeting: bool,
}

impl Change {
    /// Reads a message; `None` for one that has no number.
    pub(super) fn read(text: &str) -> Option<Self> {
        let message: Message<'_> = serde_json::from_str(text).ok()?;
        let is_greeting = message.kind == "connection_established";
        Some(Self { seq: message.seq, line: line(&message), is_greeting })
    }

    /// Whether it is the first message of a connection, which tells of no change.
    pub(super) fn is_greeting(&self) -> bool {
        self.is_greeting
    }
}

fn line(message: &Message<'_>) -> String {
    let kind = message.kind.strip_prefix("order.").unwrap_or(&message.kind);
    let mut words: Vec<String> = Vec::new();
    words.extend(message.at.as_ref().map(ToString::to_string));
    words.push(format!("{kind:<8}"));
    words.extend(message.action.as_ref().map(ToString::to_string));
    words.extend(message.instrument.as_ref().map(ToString::to_string));
    words.push(match &message.entry_price {
        Some(price) => format!("@ {price}"),
        None => "at market".to_owned(),
    });
    words.extend(message.stop_loss.as_ref().map(|price| format!("SL {price}")));
    words.extend(message.take_profit.as_ref().map(|price| format!("TP {price}")));
    words.extend(message.order_id.as_ref().map(|id| format!("order {id}")));
    words.extend(message.reason.as_ref().map(|reason| format!("({reason})")));
    harmless(&words.join(" "))
}

/// Prints a line at once: who follows wants to see it now.
pub(super) fn print(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_one_line() {
        let message = r#"{"type":"order.canceled","seq":7,"at":"2026-11-22T14:00:00.000001Z","order_id":"0192",
            "instrument":"EURUSD","action":"BUY","status":"canceled","entry_price":"1.0860","stop_loss":"1.0850",
            "take_profit":"1.0890","user":"bob","reason":"cancel_requested\n\u001b[2J"}"#;
        let change = Change::read(message).unwrap();
        assert_eq!(change.seq, 7);
        assert_eq!(
            change.line,
            "2026-11-22T14:00:00.000001Z canceled BUY EURUSD @ 1.0860 SL 1.0850 TP 1.0890 order 0192 \
             (cancel_requested\u{fffd}\u{fffd}[2J)"
        );
    }

    #[test]
    fn what_is_absent_is_left_out_and_no_price_is_at_market() {
        let change =
            Change::read(r#"{"type":"order.pending","seq":1,"instrument":"BTCUSD","entry_price":null}"#);
        assert_eq!(change.unwrap().line, "pending  BTCUSD at market");
        assert!(Change::read(r#"{"type":"noise"}"#).is_none() && Change::read("noise").is_none());
    }
}
