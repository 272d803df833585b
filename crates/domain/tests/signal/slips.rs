//! A slip of one character costs a message, never a wrong side or a wrong instrument.

use hookfill_domain::order::{OrderType, Side};
use hookfill_domain::signal::{Signal, Span};
use proptest::prelude::*;

use super::forms::{FORMS, INSTRUMENTS, Idea, ideas, read};

const SLIPS: &[char] = &[
    ' ', '\n', 'T', 'S', 'P', 'm', 'x', 'e', 'C', '0', '1', '9', '.', ',', ':', '-', '/', '_', '@', '#', '$',
    '%', '+', '(', '}', '"', '|', '\u{200b}', '🔥', 'Е', '٣', '½',
];

/// Reads a message with one character changed: whoever still understands it has the same side and instrument.
fn check(text: &str, at: usize, slip: char) {
    let Ok(parsed) = read(text) else {
        panic!("refused: {text}");
    };
    let Signal::Order(order) = &parsed.signal else { panic!("no order: {text}") };
    let guarded: Vec<Span> = parsed
        .spans
        .iter()
        .filter(|place| matches!(place.field.as_str(), "action" | "instrument"))
        .map(|place| place.span)
        .collect();
    let Some((start, old)) = text.char_indices().nth(at) else {
        return;
    };
    if old == slip || guarded.iter().any(|span| span.start <= start && start < span.end) {
        return;
    }
    let changed = format!("{}{slip}{}", &text[..start], &text[start + old.len_utf8()..]);
    match read(&changed).map(|parsed| parsed.signal) {
        Ok(Signal::Order(other)) => {
            assert_eq!(other.side, order.side, "{changed:?} from {text:?}");
            assert_eq!(other.instrument, order.instrument, "{changed:?} from {text:?}");
        }
        Ok(Signal::Close(_) | Signal::Cancel(_) | Signal::Modify(_)) => {
            panic!("{changed:?} from {text:?} is a command")
        }
        Err(_) => {}
    }
}

#[test]
fn every_slip_in_every_form_keeps_side_and_instrument() {
    for (turn, instrument) in INSTRUMENTS.iter().enumerate() {
        let idea = Idea {
            side: if turn % 2 == 0 { Side::Buy } else { Side::Sell },
            instrument,
            kind: OrderType::Limit,
            entry: Some("101.5".into()),
            stop: if turn % 2 == 0 { "99.5".into() } else { "103.5".into() },
            targets: if turn % 2 == 0 {
                vec!["104".into(), "106.25".into()]
            } else {
                vec!["99".into(), "97.25".into()]
            },
        };
        for form in FORMS {
            let text = form(&idea);
            for at in 0..text.chars().count() {
                for slip in SLIPS {
                    check(&text, at, *slip);
                }
            }
        }
    }
}

/// A letter in place of the blank before a pair, or no blank at all, makes no coin of the word and the pair.
#[test]
fn a_word_that_runs_into_a_coins_pair_is_not_a_coin() {
    let letters = ('A'..='Z').map(String::from).chain([String::new()]);
    for letter in letters {
        for (word, coin, quote) in [
            ("BUY STOP", "BTC", "USDT"),
            ("SELL LIMIT", "ETH", "USDC"),
            ("BUY LIMIT", "SOL", "USD"),
            ("LONG", "DOGE", "USDT"),
            ("SELL", "XRP", "USDT"),
        ] {
            let text = format!("{word}{letter}{coin}{quote} @ 100 SL 99 TP 104");
            let text = if word.contains(' ') { text } else { format!("BUY {text}") };
            let read = read(&text);
            assert!(read.is_err(), "{text}: {read:?}");
        }
    }
}

proptest! {
    #[test]
    fn any_slip_in_any_order_keeps_side_and_instrument(idea in ideas(), form in 0usize..FORMS.len(), at in 0usize..120, slip in any::<char>()) {
        check(&FORMS[form](&idea), at, slip);
    }
}
