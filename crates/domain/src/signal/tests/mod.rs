//! The language as a whole.

mod commands;
mod families;
mod hostile;
mod plain;

use super::*;

/// Reads a text under no account's policy.
fn read(text: &str) -> Result<Parsed, SignalError> {
    parse(text, Format::Auto, &Reading::default())
}

/// The order that a text must be, in one line.
fn order(text: &str) -> String {
    match read(text) {
        Ok(Parsed { signal: Signal::Order(order), .. }) => summary(&order),
        other => panic!("{text:?} is no order: {other:?}"),
    }
}

fn summary(order: &OrderSignal) -> String {
    let entry = match &order.entry {
        Entry::Market => String::new(),
        Entry::At(price) => format!(" {price}"),
        Entry::Zone(low, high) => format!(" {low}..{high}"),
        Entry::Ladder(prices) => format!(" {prices:?}"),
    };
    let stop = order.stop_loss.map_or("-".to_owned(), |price| price.to_string());
    let targets: Vec<_> = order.take_profits.iter().map(ToString::to_string).collect();
    let side = format!("{:?}", order.side).to_lowercase();
    let kind = format!("{:?}", order.order_type).to_lowercase();
    format!("{side} {} {kind}{entry} sl {stop} tp {}", order.instrument, targets.join(","))
}

/// The code of a refusal and the characters that it blames.
fn refusal(text: &str) -> (&'static str, &str) {
    match read(text) {
        Ok(parsed) => panic!("{text:?} is understood: {parsed:?}"),
        Err(error) => {
            let place = error.span.map_or("", |span| &text[span.start..span.end]);
            (error.code.as_str(), place)
        }
    }
}
