//! An order that its sender names as an exit is never an entry, unless the position says that it is one.

use hookfill_domain::order::Side;
use hookfill_domain::signal::{Format, Parsed, Reading, Signal, parse};
use proptest::prelude::*;
use proptest::sample::select;
use rstest::rstest;

/// Entries of every service that has names or comments. `@` marks the place for one more field.
const SHAPES: &[(Format, &str)] = &[
    (Format::TradingView, r#"{"ticker":"SOLUSDT","action":"sell","contracts":2@}"#),
    (Format::Auto, r#"{"symbol":"SOLUSDT","side":"SHORT"@}"#),
    (Format::Auto, r#"{"symbol":"SOLUSDT","side":"sell","strategy":{"a":1@}}"#),
    (Format::TradingView, r#"{"ticker":"SOLUSDT","strategy":{"order_action":"sell","order_contracts":2@}}"#),
    (Format::TradersPost, r#"{"ticker":"SPY","action":"sell","extras":{"a":1@}}"#),
    (
        Format::ThreeCommas,
        r#"{"action":"sell","tv_instrument":"SOLUSDT","bot_uuid":"b","strategy_info":{"a":1@}}"#,
    ),
    (Format::WunderTrading, r#"{"code":"ENTER-SHORT_BINANCE_SOLUSDT_a_5M_2"@}"#),
    (Format::Auto, r#"{"signal":"SELL SOLUSDT SL 150 TP 120"@}"#),
];

const KEYS: &[&str] = &[
    "comment",
    "order_id",
    "orderId",
    "id",
    "message",
    "msg",
    "note",
    "strategy.order_comment",
    "strategy.order_id",
    "order_comment",
    "name",
    "tag",
    "TAG",
    "alert_message",
];

const EXITS: &[&str] = &[
    "Long Exit",
    "Exit Long",
    "exit_long_1",
    "LongExit",
    "longexit",
    "Close Long @ TP",
    "Long close",
    "CLOSED",
    "Cover short",
    "SL hit",
    "SL",
    "Stop Loss",
    "stop-loss",
    "TP1",
    "tp_2",
    "Take Profit 3",
    "partial close",
    "Close 50%",
    "trailing stop",
    "Trail",
    "Margin call",
    "Flat",
    "go flat",
    "Stopped out",
    "Target 1",
    "target hit",
    "Close above EMA",
    "Breakout close",
];

const OTHERS: &[&str] = &[
    "Long",
    "Breakout",
    "RSI oversold",
    "Short Entry",
    "Buy Stop",
    "Discovery",
    "enclosed",
    "slope up",
    "flatter MA",
    "closer",
    "stop run reversal",
    "id-48815",
    "setup 3",
    "TPO profile",
];

fn order(format: Format, text: &str) -> Option<Side> {
    match parse(text, format, &Reading::default()) {
        Ok(Parsed { signal: Signal::Order(order), .. }) => Some(order.side),
        Ok(_) | Err(_) => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]
    #[test]
    fn an_order_with_the_name_of_an_exit_is_no_entry(
        (format, shape) in select(SHAPES), key in select(KEYS), name in select(EXITS),
    ) {
        let text = shape.replace('@', &format!(",\"{key}\":\"{name}\""));
        prop_assert_eq!(order(format, &text), None, "{}", text);
    }

    #[test]
    fn the_position_tells_that_a_named_order_is_an_entry(
        key in select(&["comment", "order_id", "id", "message", "note", "name"][..]),
        name in select(&["Close above EMA", "Breakout close", "TP1 runner", "SL sweep", "trailing high"][..]),
        position in select(&[
            r#""market_position":"short""#, r#""position_size":-2"#, r#""sentiment":"bearish""#,
            r#""prev_market_position":"flat""#, r#""strategy":{"market_position":"short"}"#,
        ][..]),
    ) {
        let text = format!(r#"{{"ticker":"SOLUSDT","action":"sell",{position},"{key}":"{name}"}}"#);
        prop_assert_eq!(order(Format::TradingView, &text), Some(Side::Sell), "{}", text);
    }

    #[test]
    fn any_other_name_changes_nothing(key in select(KEYS), name in select(OTHERS)) {
        let text = format!(r#"{{"ticker":"SOLUSDT","action":"sell","{key}":"{name}"}}"#);
        // A key that the alert does not know refuses whatever it holds.
        prop_assume!(!key.starts_with("strategy.") && !matches!(key, "order_comment" | "alert_message"));
        prop_assert_eq!(order(Format::TradingView, &text), Some(Side::Sell), "{}", text);
    }
}

#[rstest]
#[case(Format::PineConnector, "6012345,sell,AUDUSD,vol_lots=0.1,comment=Long Exit")]
#[case(Format::OctoBot, "SYMBOL=SOLUSDT\nSIGNAL=SELL\nTAG=TP1")]
#[case(Format::Auto, "action=sell,symbol=SOLUSDT,comment=SL hit")]
#[case(
    Format::TradingView,
    r#"{"ticker":"SOLUSDT","action":"buy","market_position_size":2,"order_id":"TP1"}"#
)]
fn a_pair_with_the_name_of_an_exit_is_no_entry(#[case] format: Format, #[case] text: &str) {
    assert_eq!(order(format, text), None, "{text}");
}

#[test]
fn the_refusal_names_the_key_and_points_at_the_name() {
    let text = r#"{"ticker":"SOLUSDT","action":"sell","order_id":"Long Exit"}"#;
    let error = parse(text, Format::TradingView, &Reading::default()).unwrap_err();
    assert_eq!(error.code.as_str(), "context_required");
    assert!(error.detail.contains("`orderid`"), "{}", error.detail);
    assert_eq!(error.span.map(|span| &text[span.start..span.end]), Some("Long Exit"));
}

#[test]
fn the_name_of_a_strategy_is_not_the_name_of_an_order() {
    let text =
        r#"{"ticker":"SOLUSDT","action":"sell","strategy_name":"Trailing Close","strategy":"TP hunter"}"#;
    assert_eq!(order(Format::TradingView, text), Some(Side::Sell));
}
