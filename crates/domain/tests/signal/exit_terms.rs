//! A size, a price, a stop or a target beside an exit is used or refused: it never turns into a close of everything.

use hookfill_domain::signal::{Format, Reading, Signal, parse};
use proptest::prelude::*;
use proptest::sample::select;
use rstest::rstest;

/// What a message closes: `all`, a fraction, a quantity, or the code of its refusal.
fn outcome(format: Format, text: &str) -> String {
    match parse(text, format, &Reading::default()).map(|parsed| parsed.signal) {
        Ok(Signal::Close(close)) => match (close.fraction, close.quantity) {
            (None, None) => "all".to_owned(),
            (Some(fraction), _) => format!("part {fraction}"),
            (None, Some(quantity)) => format!("{} {:?}", quantity.value, quantity.unit),
        },
        Ok(other) => format!("{other:?}"),
        Err(error) => error.code.as_str().to_owned(),
    }
}

/// Exits without terms. `@` marks the place for one more field, and a `#` the place for one inside an object.
const EXITS: &[(Format, &str)] = &[
    (Format::TradingView, r#"{"ticker":"SOLUSDT","action":"sell","reduce_only":true@}"#),
    (Format::TradingView, r#"{"ticker":"SOLUSDT","action":"buy","closeOnly":"yes"@}"#),
    (Format::TradingView, r#"{"ticker":"SOLUSDT","action":"sell","comment":"Exit Long"@}"#),
    (Format::Auto, r#"{"symbol":"SOLUSDT","side":"sell","reduceOnly":1@}"#),
    (Format::OpenAlgo, r#"{"symbol":"TCS","action":"EXIT","exchange":"NSE"@}"#),
    (Format::OpenAlgo, r#"{"symbol":"TCS","action":"CLOSE","exchange":"NSE","pricetype":"MARKET"@}"#),
    (Format::ThreeCommas, r#"{"tv_instrument":"SOLUSDT","action":"exit_long","bot_uuid":"b"@}"#),
    (Format::ThreeCommas, r#"{"action":"close_at_market_price","pair":"USDT_SOL","bot_id":7@}"#),
    (Format::WunderTrading, r#"{"code":"EXIT-LONG_BINANCE_SOLUSDT_a_5M_2"@}"#),
    (
        Format::Auto,
        r#"{"action":"EXIT_LONG","instrument":"SOLUSDT","signalToken":"t","investmentType":"base"@}"#,
    ),
];

/// Terms of an order, in many spellings.
const TERMS: &[&str] = &[
    r#""quantity":"7""#,
    r#""qty":7"#,
    r#""contracts":7"#,
    r#""order_contracts":7"#,
    r#""size":7"#,
    r#""lots":0.7"#,
    r#""amount":"0.7""#,
    r#""amountPerTrade":0.7"#,
    r#""sl":90"#,
    r#""stop_loss":90"#,
    r#""stopLoss":{"price":90}"#,
    r#""tp":120"#,
    r#""takeProfit2":120"#,
    r#""risk_pct":2"#,
];

proptest! {
    #[test]
    fn no_exit_with_a_term_of_its_own_closes_everything(
        (format, exit) in select(EXITS), term in select(TERMS), inside in select(&["", "order", "strategy", "bar", "data"][..]),
    ) {
        let field = if inside.is_empty() { format!(",{term}") } else { format!(r#","{inside}":{{{term}}}"#) };
        let text = exit.replace('@', &field);
        prop_assert_ne!(outcome(format, &text), "all", "{}", text);
    }
}

#[test]
fn the_exits_without_terms_close_everything() {
    for (format, exit) in EXITS {
        assert_eq!(outcome(*format, &exit.replace('@', "")), "all", "{exit}");
    }
}

#[rstest]
#[case(r#""sell","reduce_only":true,"strategy":{"order_contracts":3}"#, "context_required")]
#[case(r#""sell","close_only":"1","order":{"qty":3}"#, "context_required")]
#[case(r#""sell","reduce_only":true,"leverage":10"#, "context_required")]
#[case(r#""sell","reduce_only":true,"tp":120"#, "context_required")]
#[case(r#""sell","reduce_only":true,"bar":{"contracts":3}"#, "context_required")]
#[case(r#""sell","reduce_only":true,"open":1,"high":2,"volume":900"#, "all")]
#[case(r#""sell","reduce_only":true,"bar":{"open":1,"high":2,"low":1,"close":1,"volume":900}"#, "all")]
#[case(r#""close","sl":90"#, "context_required")]
#[case(r#""close","tp1":120"#, "context_required")]
#[case(r#""close","price":100"#, "context_required")]
#[case(r#""close","type":"limit","price":100"#, "context_required")]
#[case(r#""close","sl":0,"price":0"#, "all")]
#[case(r#""close","leverage":5"#, "all")]
#[case(r#""close","qty":3"#, "3 Units")]
#[case(r#""close","qty":"25%""#, "part 0.25")]
#[case(r#""close","strategy":{"order_contracts":3}"#, "context_required")]
#[case(r#""close","market_position":"flat","contracts":3,"price":100"#, "all")]
#[case(r#""sell","market_position":"flat","contracts":3,"price":100"#, "all")]
#[case(r#""sell","market_position":"flat","sl":90"#, "context_required")]
#[case(r#""sell","market_position":"flat","stopLoss":{"price":90}"#, "context_required")]
fn the_terms_beside_an_exit_of_a_flat_alert(#[case] rest: &str, #[case] expected: &str) {
    let text = format!(r#"{{"ticker":"SOLUSDT","action":{rest}}}"#);
    assert_eq!(outcome(Format::TradingView, &text), expected, "{text}");
}

#[rstest]
#[case(
    Format::OpenAlgo,
    r#"{"symbol":"TCS","action":"CLOSE","quantity":"7","pricetype":"LIMIT","price":90}"#,
    "context_required"
)]
#[case(
    Format::OpenAlgo,
    r#"{"symbol":"TCS","action":"EXIT","pricetype":"LIMIT","price":90}"#,
    "context_required"
)]
#[case(
    Format::WunderTrading,
    r#"{"code":"EXIT-LONG_BINANCE_SOLUSDT_a_5M_2","amountPerTrade":0.5,"amountPerTradeType":"percents"}"#,
    "context_required"
)]
#[case(
    Format::TradersPost,
    r#"{"ticker":"SPY","action":"exit","quantityType":"dollar_amount","quantity":500}"#,
    "context_required"
)]
#[case(
    Format::TradersPost,
    r#"{"ticker":"SPY","action":"exit","quantityType":"percent_of_position","quantity":40}"#,
    "part 0.4"
)]
#[case(Format::TradersPost, r#"{"ticker":"SPY","action":"sell","sentiment":"flat","quantity":4}"#, "all")]
#[case(Format::Auto, r#"{"direction":"close","symbol":"SOL-PERP","stub":"main","size":"30"}"#, "30 Usd")]
fn the_terms_beside_an_exit_of_other_services(
    #[case] format: Format,
    #[case] text: &str,
    #[case] expected: &str,
) {
    assert_eq!(outcome(format, text), expected, "{text}");
}

#[rstest]
#[case("percentage_position", "100", "all")]
#[case("percentage_position", "30", "part 0.3")]
#[case("percentage_position", "130", "size_cap")]
#[case("percentage_balance", "30", "context_required")]
#[case("base", "0.3", "context_required")]
#[case("contract", "3", "context_required")]
fn okx_closes_a_percentage_of_the_position_and_no_other_size(
    #[case] kind: &str,
    #[case] amount: &str,
    #[case] expected: &str,
) {
    let text = format!(
        r#"{{"action":"EXIT_SHORT","instrument":"SOL-USDT-SWAP","signalToken":"t","orderType":"market","investmentType":"{kind}","amount":"{amount}"}}"#
    );
    assert_eq!(outcome(Format::Auto, &text), expected, "{text}");
}

#[rstest]
#[case("position_percent", "", "part 0.3")]
#[case("margin_percent", "", "context_required")]
#[case("base", "", "context_required")]
#[case("base", r#","strategy_info":{"market_position":"flat"}"#, "all")]
fn threecommas_closes_a_percentage_of_the_position_and_no_other_size(
    #[case] kind: &str,
    #[case] rest: &str,
    #[case] expected: &str,
) {
    let text = format!(
        r#"{{"tv_instrument":"SOLUSDT","action":"exit_long","bot_uuid":"b","order":{{"amount":"30","currency_type":"{kind}"}}{rest}}}"#
    );
    assert_eq!(outcome(Format::ThreeCommas, &text), expected, "{text}");
}
