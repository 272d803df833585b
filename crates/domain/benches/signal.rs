//! How long understanding takes: the plain signal of the wire contract, a long card, a JSON alert, a refusal, and the
//! longest messages that are read at all.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use hookfill_domain::signal::limits::MAX_BYTES;
use hookfill_domain::signal::{Format, Reading, parse};

const CARD: &str = "⚡ #SOL/USDT ⚡\nExchanges: Binance Futures\nSignal Type: Regular (Long)\nLeverage: Isolated (10X)\n\
    Entry Targets:\n1) 150\n2) 148.5\nTake-Profit Targets: 1) 155 2) 160 3) 170\nStop Targets: 1) 140\n";

const CASES: &[(&str, &str)] = &[
    ("plain", "BUY EURUSD @1.0860 SL 1.0850 TP 1.0890"),
    ("plain, three lines", "BUY EURUSD [@1.0860]\n\nSL 1.0850\nTP 1.0890"),
    ("crypto card", CARD),
    ("command", "GOLD move SL to breakeven"),
    (
        "json",
        r#"{"action":"buy","symbol":"EURUSD","price":"1.0860","sl":1.0850,"tp":1.0890,"quantity":"0.1"}"#,
    ),
    ("chat", "Good morning family, big news today! Stay patient and enjoy the weekend."),
];

/// Repeated until the limit.
const LONGEST: &[&str] =
    &["TP 1.1 ", "half at ", "EURUSD ", "1-", "@a ", "x_", "🔥", "\n1) ", "a=1,", "{\"a\":"];

fn understand(c: &mut Criterion) {
    let reading = Reading::default();
    for (name, text) in CASES {
        c.bench_function(name, |b| {
            b.iter(|| parse(black_box(text), Format::Auto, &reading));
        });
    }
    for piece in LONGEST {
        let text = format!("BUY EURUSD 1.1 {}", piece.repeat((MAX_BYTES - 16) / piece.len()));
        c.bench_function(&format!("16 KiB of {piece:?}"), |b| {
            b.iter(|| parse(black_box(&text), Format::Auto, &reading));
        });
    }
}

criterion_group!(benches, understand);
criterion_main!(benches);
