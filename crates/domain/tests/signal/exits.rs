//! An exit never becomes an entry, whichever service sends it and however it is spelled.

use hookfill_domain::order::Side;
use hookfill_domain::signal::{Format, Parsed, Reading, Signal, SignalError, parse};
use proptest::prelude::*;
use proptest::sample::select;
use rstest::rstest;

const FLAGS: &[&str] = &[
    "reduce_only",
    "reduceOnly",
    "reduce-only",
    "reduce only",
    "REDUCEONLY",
    "close_only",
    "closePosition",
    "close_position",
    "is_exit",
    "isClose",
    "exit",
    "close",
    "strategy.reduce_only",
];
const TRUE: &[&str] = &[
    "true",
    "\"true\"",
    "\"True\"",
    "\"TRUE\"",
    "1",
    "\"1\"",
    "1.0",
    "\"1.0\"",
    "\"yes\"",
    "\"Y\"",
    "\"on\"",
    "\"t\"",
    "\"enabled\"",
];
const FALSE: &[&str] =
    &["false", "\"False\"", "0", "\"0\"", "0.0", "\"no\"", "\"off\"", "\"disabled\"", "null"];
const NEITHER: &[&str] = &["2", "\"maybe\"", "\"\"", "-1", "[true]", "{\"a\":1}", "\"long\""];

/// A service's JSON. `@` marks the place for one more field.
type Shape = (Format, &'static str);

const SHAPES: &[Shape] = &[
    (Format::Auto, r#"{"action":"sell","symbol":"BTCUSDT"@}"#),
    (Format::Auto, r#"{"side":"SELL","symbol":"BTCUSDT","type":"market","quantity":"0.5"@}"#),
    (Format::TradingView, r#"{"action":"sell","ticker":"BTCUSDT","contracts":"0.5","sl":70000,"tp":60000@}"#),
    (
        Format::TradingView,
        r#"{"ticker":"BTCUSDT","strategy":{"order_action":"sell","order_contracts":0.5@}}"#,
    ),
    (Format::Auto, r#"{"action":"sell","symbol":"BTCUSDT","strategy":{"name":"x"@}}"#),
    (Format::TradersPost, r#"{"ticker":"BTCUSDT","action":"sell","quantity":1@}"#),
    (Format::TradersPost, r#"{"ticker":"BTCUSDT","action":"sell","extras":{"a":1@}}"#),
    (Format::ThreeCommas, r#"{"action":"sell","tv_instrument":"BTCUSDT","bot_uuid":"u"@}"#),
    (
        Format::ThreeCommas,
        r#"{"action":"sell","tv_instrument":"BTCUSDT","bot_uuid":"u","strategy_info":{"a":1@}}"#,
    ),
    (
        Format::ThreeCommas,
        r#"{"action":"enter_short","tv_instrument":"BTCUSDT","bot_uuid":"u","order":{"amount":"1"@}}"#,
    ),
    (Format::WunderTrading, r#"{"code":"ENTER-SHORT_BINANCE_BTCUSDT_x_1M_1","orderType":"market"@}"#),
    (Format::OpenAlgo, r#"{"symbol":"INFY","action":"SELL","pricetype":"MARKET","quantity":"1"@}"#),
    (
        Format::Auto,
        r#"{"action":"ENTER_SHORT","instrument":"BTCUSDT","signalToken":"t","investmentType":"base","amount":"1"@}"#,
    ),
    (Format::Auto, r#"{"signal":"SELL BTCUSDT SL 70000 TP 60000"@}"#),
    (Format::Auto, r#"{"signal":"SELL BTCUSDT SL 70000 TP 60000","meta":{"a":1@}}"#),
];

/// Texts of key-value pairs. `@` marks the place for one more.
const PAIRS: &[Shape] = &[
    (Format::Auto, "action=sell,symbol=BTCUSDT,qty=1@"),
    (Format::OctoBot, "SYMBOL=BTCUSDT\nSIGNAL=SELL\nVOLUME=1@"),
    (Format::PineConnector, "6012345,sell,EURUSD,vol_lots=0.1@"),
    (Format::Alertatron, "Keys(BTCUSDT) { market(side=sell, amount=1@); }"),
];

fn read(format: Format, text: &str) -> Result<Parsed, SignalError> {
    parse(text, format, &Reading::default())
}

fn opens(format: Format, text: &str) -> bool {
    matches!(read(format, text), Ok(Parsed { signal: Signal::Order(_), .. }))
}

fn with_field(shape: &str, key: &str, value: &str) -> String {
    shape.replace('@', &format!(",\"{key}\":{value}"))
}

fn with_pair(shape: &str, key: &str, value: &str) -> String {
    let separator = if shape.starts_with("SYMBOL") { "\n" } else { "," };
    shape.replace('@', &format!("{separator}{key}={value}"))
}

proptest! {
    #[test]
    fn json_with_an_exit_flag_that_is_true_opens_no_position(
        (format, shape) in select(SHAPES), key in select(FLAGS), value in select(TRUE),
    ) {
        let text = with_field(shape, key, value);
        prop_assert!(!opens(format, &text), "{}", text);
    }

    #[test]
    fn pairs_with_an_exit_flag_that_is_true_open_no_position(
        (format, shape) in select(PAIRS), key in select(&["reduceOnly", "reduce_only", "closePosition", "is_exit"][..]),
        value in select(&["true", "True", "1", "1.0", "yes", "on", "y", "t", "enabled"][..]),
    ) {
        let text = with_pair(shape, key, value);
        prop_assert!(!opens(format, &text), "{}", text);
    }

    #[test]
    fn an_exit_flag_that_is_neither_true_nor_false_refuses_the_message(
        (format, shape) in select(&SHAPES[..13]), key in select(FLAGS), value in select(NEITHER),
    ) {
        // A number in `close` is the price of a bar, and a blank `close` means that there is none.
        prop_assume!(key != "close" || !matches!(value, "2" | "\"\""));
        let text = with_field(shape, key, value);
        prop_assert!(read(format, &text).is_err(), "{}", text);
    }

    #[test]
    fn an_exit_flag_that_is_false_changes_nothing(
        (format, shape) in select(&SHAPES[..13]), key in select(&FLAGS[..10]), value in select(FALSE),
    ) {
        let text = with_field(shape, key, value);
        let plain = read(format, &shape.replace('@', "")).unwrap().signal;
        prop_assert_eq!(read(format, &text).map(|parsed| parsed.signal), Ok(plain), "{}", text);
    }

    #[test]
    fn a_sell_that_closes_reduces_or_reverses_a_position_is_not_an_entry(
        (format, shape) in select(&SHAPES[..13]),
        after in select(&[
            r#""market_position":"flat""#, r#""market_position":"FLAT""#, r#""market_position_size":"0""#,
            r#""position_size":0"#, r#""position_size":"0.0""#, r#""strategy.position_size":"0""#,
            r#""strategy_market_position":"flat""#, r#""market_position":"long""#, r#""position_size":0.2"#,
            r#""market_position":"short","prev_market_position":"long""#, r#""prev_market_position":"long""#,
            r#""market_position":"flat","prev_market_position":"long","prev_market_position_size":"0.5""#,
        ][..]),
    ) {
        let text = shape.replace('@', &format!(",{after}"));
        prop_assert!(!opens(format, &text), "{}", text);
    }
}

/// The side that a message closes, or the code of its refusal.
fn outcome(text: &str) -> String {
    match read(Format::TradingView, text).map(|parsed| parsed.signal) {
        Ok(Signal::Close(close)) if close.quantity.is_none() => format!("close {:?}", close.side),
        Ok(Signal::Order(order)) => format!("order {:?}", order.side),
        Ok(other) => panic!("{text}: {other:?}"),
        Err(error) => error.code.as_str().to_owned(),
    }
}

#[rstest]
#[case(r#""sell","market_position":"flat""#, "close Some(Buy)")]
#[case(r#""buy","market_position":"flat""#, "close Some(Sell)")]
#[case(r#""sell","position_size":"0.0","contracts":2"#, "close Some(Buy)")]
#[case(r#""sell","reduce_only":"yes""#, "close Some(Buy)")]
#[case(r#""buy","close":true"#, "close Some(Sell)")]
#[case(r#""close","prev_market_position":"short""#, "close Some(Sell)")]
#[case(r#""close","reduceOnly":true"#, "close None")]
#[case(r#""sell","comment":"Exit Long""#, "close Some(Buy)")]
#[case(r#""sell","reduce_only":true,"contracts":2"#, "context_required")]
#[case(r#""sell","reduce_only":true,"type":"limit","price":120"#, "context_required")]
#[case(
    r#""sell","market_position":"long","market_position_size":1,"prev_market_position_size":3"#,
    "context_required"
)]
#[case(r#""sell","market_position":"short","prev_market_position":"long""#, "context_required")]
#[case(r#""sell","market_position":"short","position_size":-1,"contracts":3"#, "context_required")]
#[case(r#""buy","position_size":"0.1","qty":1"#, "context_required")]
#[case(r#""sell","order_id":"Close entry(s) order Long","contracts":2"#, "context_required")]
#[case(r#""close","position_size":2"#, "context_required")]
#[case(r#""sell","market_position":"flat","position_size":0.5"#, "contradiction")]
#[case(r#""sell","market_position":"short","position_size":0"#, "contradiction")]
#[case(r#""sell","market_position":"long","market_position":"long","position_size":-2"#, "duplicate_key")]
#[case(r#""buy","market_position":"long","position_size":-2"#, "contradiction")]
#[case(r#""buy","market_position":"flat","prev_market_position":"long""#, "contradiction")]
#[case(r#""sell","market_position":"sideways""#, "unknown_parameter")]
#[case(r#""sell","market_position":"""#, "unknown_parameter")]
#[case(r#""sell","position_size":"NaN""#, "bad_number")]
#[case(r#""sell","market_position":"short","position_size":-2,"contracts":2"#, "order Sell")]
#[case(r#""buy","market_position":"long","market_position_size":3,"prev_market_position":"long","prev_market_position_size":1,"contracts":2"#, "order Buy")]
#[case(r#""buy","position_size":2,"prev_market_position":"flat""#, "order Buy")]
#[case(r#""buy","comment":"Close above the average""#, "context_required")]
#[case(r#""buy","close":101.5,"open":100"#, "order Buy")]
fn the_position_decides_whether_an_action_opens_closes_or_is_refused(
    #[case] rest: &str,
    #[case] expected: &str,
) {
    assert_eq!(outcome(&format!(r#"{{"ticker":"SOLUSDT","action":{rest}}}"#)), expected, "{rest}");
}

const BLANK: &[&str] = &["null", "\"\"", "\" \"", "{}", "[]"];

proptest! {
    #[test]
    fn a_position_that_is_stated_without_a_value_refuses_the_message(
        (format, shape) in select(&SHAPES[..13]), value in select(BLANK),
        key in select(&["market_position", "position_size", "sentiment", "prev_market_position", "marketPositionSize"][..]),
    ) {
        let text = with_field(shape, key, value);
        prop_assert!(read(format, &text).is_err(), "{}", text);
    }
}

#[rstest]
#[case("SELL SOLUSDT reduce only SL 150 TP 120", "reduce only")]
#[case("reduce-only: sell SOLUSDT, SL 150, TP 120", "reduce-only")]
#[case("SELL SOLUSDT\nReduceOnly=true\nSL 150\nTP 120", "ReduceOnly")]
#[case("SELL SOLUSDT close only", "close only")]
fn a_text_that_says_reduce_only_or_close_only_is_refused(#[case] text: &str, #[case] place: &str) {
    let error = read(Format::Auto, text).unwrap_err();
    let blamed = error.span.map(|span| &text[span.start..span.end]);
    assert_eq!((error.code.as_str(), blamed), ("context_required", Some(place)), "{text}");
}

#[test]
fn a_text_that_sells_in_order_to_close_is_refused() {
    let error = read(Format::Auto, "SELL SOLUSDT to close").unwrap_err();
    assert_eq!(error.code.as_str(), "contradiction");
}

#[test]
fn whook_does_not_read_reduce_only_as_an_account_name() {
    assert!(!opens(Format::Whook, "reduceOnly SOL/USDT sell 50%"));
    assert!(opens(Format::Whook, "desk SOL/USDT sell 50%"));
}

#[rstest]
#[case(r#""volume":0.2"#, Some(("0.2", "lots")))]
#[case(r#""volume":1800.5,"open":1,"high":2"#, None)]
#[case(r#""volume":1800.5,"close":"101.5","contracts":3"#, Some(("3", "units")))]
#[case(r#""volume":1800.5,"bar":{"close":101.5}"#, None)]
#[case(r#""volume":1800.5,"bar":{"open":100,"close":1}"#, None)]
#[case(r#""volume":1800.5,"alert":[{"low":100}],"contracts":3"#, Some(("3", "units")))]
#[case(r#""volume":0.2,"bar":{"time":"2031-01-01"}"#, Some(("0.2", "lots")))]
fn a_volume_with_the_prices_of_a_bar_is_not_a_size(#[case] rest: &str, #[case] size: Option<(&str, &str)>) {
    let text = format!(r#"{{"ticker":"SOLUSDT","action":"buy",{rest}}}"#);
    let Signal::Order(order) = read(Format::TradingView, &text).unwrap().signal else { panic!("no order") };
    assert_eq!(order.side, Side::Buy);
    let read =
        order.quantity.map(|amount| (amount.value.to_string(), format!("{:?}", amount.unit).to_lowercase()));
    let read = read.as_ref().map(|(value, unit)| (value.as_str(), unit.as_str()));
    assert_eq!(read, size, "{rest}");
}

#[rstest]
#[case("interval")]
#[case("timeframe")]
#[case("exchange")]
#[case("time")]
fn a_volume_with_only_a_key_of_the_chart_is_refused(#[case] key: &str) {
    let text = format!(r#"{{"ticker":"SOLUSDT","action":"buy","volume":1800.5,"{key}":"15"}}"#);
    let error = read(Format::TradingView, &text).unwrap_err();
    assert!(error.detail.contains("size_unit"), "{}", error.detail);
}

proptest! {
    #[test]
    fn a_text_whose_position_is_flat_closes_the_side_that_the_action_ends(
        (action, closed) in select(&[("buy", Side::Sell), ("SELL", Side::Buy), ("sell", Side::Buy), ("long", Side::Sell), ("Short", Side::Buy)][..]),
        flat in select(&["market_position=flat", "market_position flat", "market position: flat", "market-position = FLAT", "position is flat", "position=\"flat\""][..]),
        form in select(&["A BTCUSDT P", "BTCUSDT A P", "P\nA BTCUSDT", "BTCUSDT P, A", "A BTCUSDT\nP"][..]),
    ) {
        let text = form.replace('P', "\u{1}").replace('A', action).replace('\u{1}', flat);
        match read(Format::Auto, &text).map(|parsed| parsed.signal) {
            Ok(Signal::Close(close)) => prop_assert_eq!(close.side, Some(closed), "{}", text),
            other => prop_assert!(false, "{}: {:?}", text, other),
        }
    }

    #[test]
    fn a_word_that_closes_after_buy_or_sell_is_refused_and_the_command_is_named(
        action in select(&["BUY", "sell", "Sell"][..]),
        exit in select(&["exit", "(close)", "- CLOSE", "flat", "now close", "flatten", "\nexit", "position close", "close half", "close 50%"][..]),
        form in select(&["A EURUSD X", "EURUSD A X", "A X EURUSD"][..]),
    ) {
        let text = form.replace("EURUSD", "\u{1}").replace('A', action).replace('X', exit).replace('\u{1}', "EURUSD");
        let error = read(Format::Auto, &text).unwrap_err();
        prop_assert_eq!(error.code.as_str(), "context_required", "{}", text);
        prop_assert!(error.detail.contains("`CLOSE EURUSD`"), "{}: {}", text, error.detail);
    }
}

#[rstest]
#[case("CLOSE SELL EURUSD", Some(Side::Sell))]
#[case("EXIT LONG EURUSD", Some(Side::Buy))]
#[case("close my sell on EURUSD", Some(Side::Sell))]
#[case("close the EURUSD sell", Some(Side::Sell))]
#[case("EURUSD long close", Some(Side::Buy))]
#[case("EURUSD shorts exit", Some(Side::Sell))]
#[case("closelong EURUSD", Some(Side::Buy))]
#[case("EURUSD market_position=flat", None)]
#[case("CLOSE EURUSD", None)]
fn a_command_that_names_the_open_side_closes_that_side(#[case] text: &str, #[case] side: Option<Side>) {
    let Ok(Signal::Close(close)) = read(Format::Auto, text).map(|parsed| parsed.signal) else {
        panic!("{text}: {:?}", read(Format::Auto, text))
    };
    assert_eq!(close.side, side, "{text}");
}
