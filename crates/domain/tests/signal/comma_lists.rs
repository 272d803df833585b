//! A comma list of license, command and symbol: a word of the language is never the symbol, and a symbol never the license.

use hookfill_domain::signal::{Format, Parsed, Reading, Signal, parse};
use proptest::prelude::*;
use proptest::sample::select;
use rstest::rstest;

const SYMBOLS: &[&str] = &["SOLUSDT", "AUDUSD", "XAGUSD", "ETHUSD", "audusd", "AUDUSDm", "SOL-USDT", "BTC"];
const WORDS: &[&str] = &[
    "flat",
    "close",
    "CLOSE",
    "exit",
    "Exit",
    "now",
    "NOW",
    "market",
    "limit",
    "stop",
    "reduce_only",
    "reduceOnly",
    "close-only",
    "close_all",
    "closelong",
    "tp",
    "tp1",
    "sl",
    "buy",
    "sell",
    "short",
    "entry",
    "cancel",
    "flatten",
];
const TAILS: &[&str] = &["", ",vol_lots=0.1", ",sl_pips=20,tp_pips=40"];

fn instrument(format: Format, text: &str) -> Option<String> {
    match parse(text, format, &Reading::default()) {
        Ok(Parsed { signal: Signal::Order(order), .. }) => Some(order.instrument.to_string()),
        Ok(Parsed { signal: Signal::Close(close), .. }) => {
            close.instrument.map(|instrument| instrument.to_string())
        }
        Ok(_) | Err(_) => None,
    }
}

proptest! {
    #[test]
    fn a_word_of_the_language_is_never_the_symbol(
        head in select(&["SOLUSDT", "AUDUSD", "6012345", "trend7"][..]),
        command in select(&["buy", "SELL", "long", "short", "close", "exit", "bull"][..]),
        word in select(WORDS), blank in select(&["", " "][..]), tail in select(TAILS),
        format in select(&[Format::Auto, Format::TradingView, Format::PineConnector][..]),
    ) {
        let text = format!("{head},{blank}{command},{blank}{word}{tail}");
        prop_assert_eq!(instrument(format, &text), None, "{}", text);
    }

    #[test]
    fn a_symbol_is_never_the_license_of_another_one(
        head in select(SYMBOLS), command in select(&["buy", "SELL", "long", "close"][..]), tail in select(TAILS),
        format in select(&[Format::Auto, Format::PineConnector][..]),
    ) {
        let text = format!("{head},{command},GBPJPY{tail}");
        prop_assert_eq!(instrument(format, &text), None, "{}", text);
    }

    #[test]
    fn an_exit_word_is_never_the_license(
        head in select(&["flat", "close", "exit", "reduce_only", "closeOnly", "close_long"][..]),
        format in select(&[Format::Auto, Format::PineConnector][..]),
    ) {
        let text = format!("{head},sell,AUDUSD");
        prop_assert_eq!(instrument(format, &text), None, "{}", text);
    }
}

#[rstest]
#[case("6012345,buy,AUDUSD,vol_lots=0.1", "AUDUSD")]
#[case("trend7,sell,XAGUSD", "XAGUSD")]
#[case("MYKEY,closelong,AUDUSD", "AUDUSD")]
#[case("gold,buy,XAUUSD", "XAUUSD")]
fn a_license_or_a_strategy_stays_one(#[case] text: &str, #[case] expected: &str) {
    for format in [Format::Auto, Format::PineConnector] {
        assert_eq!(instrument(format, text).as_deref(), Some(expected), "{text}");
    }
}

#[rstest]
#[case("SOLUSDT,sell,flat", "unknown_instrument", "flat")]
#[case("AUDUSD,buy,GBPJPY", "unknown_parameter", "AUDUSD")]
fn the_refusal_names_what_is_wrong(#[case] text: &str, #[case] code: &str, #[case] place: &str) {
    let error = parse(text, Format::Auto, &Reading::default()).unwrap_err();
    assert_eq!(
        (error.code.as_str(), error.span.map(|span| &text[span.start..span.end])),
        (code, Some(place))
    );
}
