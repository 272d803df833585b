//! What bears on an order counts wherever it stands: inside an object, inside a list, and under a key that says nothing.

use hookfill_domain::signal::{Format, Parsed, Reading, Signal, parse};
use proptest::prelude::*;
use proptest::sample::select;
use rstest::rstest;

/// Entries of every service with JSON. `@` marks the place for one more field.
const ENTRIES: &[(Format, &str)] = &[
    (Format::Auto, r#"{"action":"buy","symbol":"AUDUSD"@}"#),
    (Format::TradingView, r#"{"action":"buy","ticker":"AUDUSD","contracts":2,"sl":0.65,"tp":0.67@}"#),
    (Format::TradingView, r#"{"ticker":"AUDUSD","strategy":{"order_action":"buy"}@}"#),
    (Format::TradersPost, r#"{"ticker":"SPY","action":"buy"@}"#),
    (Format::ThreeCommas, r#"{"action":"buy","tv_instrument":"SOLUSDT","bot_uuid":"b"@}"#),
    (Format::OpenAlgo, r#"{"symbol":"TCS","action":"BUY","pricetype":"MARKET"@}"#),
    (Format::WunderTrading, r#"{"code":"ENTER-LONG_BINANCE_SOLUSDT_a_5M_2"@}"#),
    (Format::Auto, r#"{"signal":"BUY AUDUSD SL 0.65 TP 0.67"@}"#),
];

/// Keys whose single value says nothing, in one service or another.
const AROUND: &[&str] = &[
    "strategy",
    "bar",
    "alert",
    "user",
    "bot",
    "comment",
    "message",
    "id",
    "time",
    "exchange",
    "source",
    "token",
    "extras",
    "strategy_info",
    "meta",
    "note",
    "account",
    "product",
];

/// Nests a member. `@` marks the place for it.
const NESTS: &[&str] =
    &[r#"{@}"#, r#"[{@}]"#, r#"{"a":[{@}]}"#, r#"{"a":{"b":{"name":"x",@}}}"#, r#"[[{@}]]"#];

const BEARING: &[&str] = &[
    r#""closeAll":true"#,
    r#""flatten":true"#,
    r#""positionEffect":"close""#,
    r#""closeOnTrigger":true"#,
    r#""intent":"exit""#,
    r#""open_close":"close""#,
    r#""liquidate":1"#,
    r#""reduce_only":true"#,
    r#""reduceOnly":"yes""#,
    r#""is_exit":1"#,
    r#""market_position":"flat""#,
    r#""position_size":0"#,
    r#""order_action":"sell""#,
    r#""side":"SELL""#,
    r#""what":"sell""#,
    r#""kind":"flat""#,
    r#""stop_loss":0.64"#,
    r#""sl":0.64"#,
    r#""stopLoss":490"#,
    r#""take_profit":0.68"#,
    r#""tp1":0.68"#,
    r#""targets":[0.68,0.69]"#,
    r#""trailing_stop":5"#,
    r#""qty":5"#,
    r#""order_contracts":5"#,
    r#""risk_percent":1"#,
    r#""leverage":20"#,
    r#""limit_price":0.66"#,
    r#""cancel_at":"18:00""#,
    r#""timeout":60"#,
    r#""exp":60"#,
    r#""lifetime":60"#,
    r#""gtt":"2031-01-01""#,
    r#""tif":"IOC""#,
    r#""activationPrice":0.68"#,
    r#""breakeven":true"#,
    r#""symbol":"GBPUSD""#,
];

const HARMLESS: &[&str] = &[
    r#""a":1"#,
    r#""version":"2""#,
    r#""rsi":55.3"#,
    r#""chart":"https://example.com""#,
    r#""closeAll":false"#,
    r#""sl":null"#,
    r#""tp":0"#,
    r#""reduce_only":false"#,
    r#""timeframe":"15""#,
    r#""open":0.65,"high":0.67,"low":0.64,"close":0.66,"volume":9000,"time":"2031-01-01""#,
];

fn is_order(format: Format, text: &str) -> bool {
    matches!(parse(text, format, &Reading::default()), Ok(Parsed { signal: Signal::Order(_), .. }))
}

fn nested(entry: &str, around: &str, nest: &str, member: &str) -> String {
    entry.replace('@', &format!(",\"{around}\":{}", nest.replace('@', member)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn what_bears_on_an_order_counts_at_any_depth(
        (format, entry) in select(ENTRIES), around in select(AROUND), nest in select(NESTS), member in select(BEARING),
    ) {
        let text = nested(entry, around, nest, member);
        prop_assert!(!is_order(format, &text), "{}", text);
    }
}

#[test]
fn what_says_nothing_stays_without_effect_at_any_depth() {
    for (entry, around) in
        [(0, "strategy"), (0, "alert"), (1, "bar"), (2, "bar"), (3, "extras"), (4, "strategy_info")]
    {
        let (format, entry) = ENTRIES[entry];
        for nest in NESTS {
            for member in HARMLESS {
                let text = nested(entry, around, nest, member);
                assert!(is_order(format, &text), "{text}: {:?}", parse(&text, format, &Reading::default()));
            }
        }
    }
}

#[rstest]
#[case(
    Format::ThreeCommas,
    r#"{"action":"sell","tv_instrument":"SOLUSDT","bot_uuid":"b","strategy_info":"flat"}"#
)]
#[case(Format::TradersPost, r#"{"ticker":"SPY","action":"sell","extras":"flat"}"#)]
#[case(Format::Auto, r#"{"action":"sell","symbol":"AUDUSD","alert":["x","reduce_only"]}"#)]
#[case(Format::Auto, r#"{"action":"sell","symbol":"AUDUSD","user":{"x":["close"]}}"#)]
#[case(Format::OpenAlgo, r#"{"symbol":"TCS","action":"CLOSE","exchange":"NSE","fraction":"half"}"#)]
fn a_value_in_an_unexpected_place_is_refused(#[case] format: Format, #[case] text: &str) {
    assert!(parse(text, format, &Reading::default()).is_err(), "{text}");
}

#[test]
fn a_break_even_instruction_of_a_comma_list_is_noted() {
    let text = "6012345,buy,AUDUSD,vol_lots=0.1,betrigger=30,beoffset=5";
    let Ok(Signal::Order(order)) =
        parse(text, Format::PineConnector, &Reading::default()).map(|read| read.signal)
    else {
        panic!("{text}")
    };
    assert!(order.notes.iter().any(|note| note.contains("betrigger 30")), "{:?}", order.notes);
    assert!(order.notes.iter().any(|note| note.contains("beoffset 5")), "{:?}", order.notes);
    let close = "6012345,closelong,AUDUSD,betrigger=30";
    assert!(parse(close, Format::PineConnector, &Reading::default()).is_err());
}
