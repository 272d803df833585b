//! Orders, and the forms in which they can be written down.

use hookfill_domain::order::{OrderType, Side};
use hookfill_domain::signal::{Format, OrderSignal, Parsed, Reading, Signal, SignalError, parse};
use proptest::prelude::*;

/// An order as a person has it in mind.
#[derive(Debug, Clone)]
pub(crate) struct Idea {
    pub(crate) side: Side,
    pub(crate) instrument: &'static str,
    pub(crate) kind: OrderType,
    pub(crate) entry: Option<String>,
    pub(crate) stop: String,
    pub(crate) targets: Vec<String>,
}

/// Instruments of every sort that is known by name.
pub(crate) const INSTRUMENTS: &[&str] = &[
    "EURUSD",
    "GBPJPY",
    "XAUUSD",
    "BTCUSD",
    "BTCUSDT",
    "US30",
    "GER40",
    "1000PEPEUSDT",
    "USOIL",
    "ETHBTC",
];

/// Ways to write an order down.
pub(crate) const FORMS: &[fn(&Idea) -> String] = &[one_line, brackets, lines, card, bars, crypto_card, list];

impl Idea {
    pub(crate) fn word(&self) -> &'static str {
        match self.side {
            Side::Buy => "BUY",
            Side::Sell => "SELL",
        }
    }

    fn kind_word(&self) -> &'static str {
        match (self.kind, &self.entry) {
            (OrderType::Stop, Some(_)) => " STOP",
            (OrderType::Limit | OrderType::Market | OrderType::Stop, _) => "",
        }
    }

    fn entry(&self, before: &str) -> String {
        self.entry
            .as_ref()
            .map_or(String::new(), |entry| format!("{before}{entry}"))
    }

    fn targets(&self, label: fn(usize) -> String, between: &str) -> String {
        let all: Vec<_> = self
            .targets
            .iter()
            .enumerate()
            .map(|(at, price)| format!("{}{price}", label(at + 1)))
            .collect();
        all.join(between)
    }
}

fn one_line(idea: &Idea) -> String {
    let targets = idea.targets(|_| "TP ".into(), " ");
    let (side, kind) = (idea.word(), idea.kind_word());
    format!(
        "{side}{kind} {}{} SL {} {targets}",
        idea.instrument,
        idea.entry(" @"),
        idea.stop
    )
}

fn brackets(idea: &Idea) -> String {
    let entry = idea
        .entry
        .as_ref()
        .map_or(String::new(), |entry| format!(" [@{entry}]"));
    let (side, kind) = (idea.word().to_lowercase(), idea.kind_word().to_lowercase());
    let targets = idea.targets(|_| "tp ".into(), "\n");
    format!(
        "{side}{kind} {}{entry}\n\n{targets}\nsl {}",
        idea.instrument.to_lowercase(),
        idea.stop
    )
}

fn lines(idea: &Idea) -> String {
    let targets = idea.targets(|at| format!("🎯 TP{at}: "), "\n");
    let (side, kind) = (idea.word(), idea.kind_word());
    format!(
        "📣 {} {side}{kind}{} 📣\r\n{targets}\r\n❌ SL: {}  ",
        idea.instrument,
        idea.entry(" "),
        idea.stop
    )
}

fn card(idea: &Idea) -> String {
    let kind = match idea.kind {
        OrderType::Market => "Market",
        OrderType::Limit => "Limit",
        OrderType::Stop => "Stop",
    };
    let targets = idea.targets(|at| format!("Take Profit {at}: "), "\n");
    let entry = idea.entry("Entry Price: ");
    format!(
        "Pair: {}\nDirection: {}\nOrder Type: {kind}\n{entry}\nStop Loss: {}\n{targets}\nRisk: 1%",
        idea.instrument,
        idea.word(),
        idea.stop
    )
}

fn bars(idea: &Idea) -> String {
    let targets = idea.targets(|_| "TARGET ".into(), " | ");
    let (side, kind) = (idea.word(), idea.kind_word());
    format!(
        "{} | {side}{kind}{} | SL = {} | {targets}",
        idea.instrument,
        idea.entry(" | ENTRY "),
        idea.stop
    )
}

fn crypto_card(idea: &Idea) -> String {
    let targets = idea.targets(|at| format!("{at}) "), " ");
    let long = if idea.side == Side::Buy { "Long" } else { "Short" };
    let kind = if idea.kind == OrderType::Stop {
        "\nOrder Type: Stop"
    } else {
        ""
    };
    let entry = idea.entry("\nEntry: ");
    format!(
        "⚡ #{} ⚡\nSignal Type: Regular ({long}){kind}{entry}\nTake-Profit Targets: {targets}\nStop Targets: 1) {}",
        idea.instrument, idea.stop
    )
}

fn list(idea: &Idea) -> String {
    let targets: Vec<&str> = idea.targets.iter().map(String::as_str).collect();
    let (side, kind) = (idea.word(), idea.kind_word());
    format!(
        "{side}{kind} {}{}\nT.P {}\nS.L {}",
        idea.instrument,
        idea.entry(" at "),
        targets.join(" / "),
        idea.stop
    )
}

/// Any order whose prices hold together.
pub(crate) fn ideas() -> impl Strategy<Value = Idea> {
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let kind = prop_oneof![
        Just(OrderType::Market),
        Just(OrderType::Limit),
        Just(OrderType::Stop)
    ];
    let instrument = proptest::sample::select(INSTRUMENTS);
    let steps = proptest::collection::vec(1u64..400, 3..7);
    (side, kind, instrument, 5_000u64..900_000, steps, 0usize..5).prop_map(
        |(side, kind, instrument, middle, steps, decimals)| {
            let mut prices = Vec::new();
            let mut price = middle;
            for step in steps {
                prices.push(decimal(price, decimals));
                price = if side == Side::Buy {
                    price + step
                } else {
                    price - step
                };
            }
            let entry = (kind != OrderType::Market).then(|| prices[1].clone());
            Idea {
                side,
                instrument,
                kind,
                entry,
                stop: prices[0].clone(),
                targets: prices[2..].to_vec(),
            }
        },
    )
}

fn decimal(units: u64, decimals: usize) -> String {
    if decimals == 0 {
        return units.to_string();
    }
    let digits = format!("{units:0>width$}", width = decimals + 1);
    let (integer, fraction) = digits.split_at(digits.len() - decimals);
    format!("{integer}.{fraction}")
}

pub(crate) fn read(text: &str) -> Result<Parsed, SignalError> {
    parse(text, Format::Auto, &Reading::default())
}

pub(crate) fn order(text: &str) -> OrderSignal {
    match read(text) {
        Ok(Parsed {
            signal: Signal::Order(order),
            ..
        }) => order,
        other => panic!("no order: {text:?} {other:?}"),
    }
}
