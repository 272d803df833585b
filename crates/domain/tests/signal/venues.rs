//! A venue before a colon, or as a caption, is never the instrument.

use hookfill_domain::signal::Signal;
use proptest::prelude::*;
use proptest::sample::select;
use rstest::rstest;

use super::forms::read;

fn instrument(text: &str) -> Option<String> {
    match read(text).ok()?.signal {
        Signal::Order(order) => Some(order.instrument.to_string()),
        Signal::Close(close) => close.instrument.map(|instrument| instrument.to_string()),
        other @ (Signal::Cancel(_) | Signal::Modify(_)) => panic!("{text}: {other:?}"),
    }
}

proptest! {
    #[test]
    fn text_and_json_read_the_same_instrument_after_a_venue(
        venue in select(&["NASDAQ", "NYSE", "nasdaq", "NASDAQ_DLY", "XETR", "NSE", "TVC", "OANDA", "BINANCE", "CME_MINI"][..]),
        name in select(&["MSFT", "GOLD", "NOW", "BRK.B", "BTCUSDT.P", "1000PEPEUSDT", "ES1!", "M&M", "BAJAJ-AUTO", "DAX", "ALL"][..]),
        form in select(&["BUY @ 220.5 SL 210 TP 240", "@ BUY 220.5\nSL 210\nTP 240", "buy now @\nSL 210\nTP 240", "BUY (@) 220.5 SL 210 TP 240"][..]),
    ) {
        let symbol = format!("{venue}:{name}");
        let text = form.replacen('@', &symbol, 1);
        let json = format!(r#"{{"action":"buy","symbol":"{symbol}"}}"#);
        prop_assert_eq!(instrument(&text), instrument(&json), "{}", text);
    }
}

#[rstest]
#[case("Microsoft Corp. (NASDAQ: MSFT) buy 410.50 SL 400 TP 430", Some("MSFT"))]
#[case("Close NASDAQ:MSFT", Some("MSFT"))]
#[case("SELL NYSE:F", Some("F"))]
#[case("BUY MSFT 410 SL 400 TP 430 #nasdaq", None)]
#[case("#NASDAQ\nBUY MSFT 410\nSL 400\nTP 430", None)]
#[case("Microsoft (Nasdaq) buy 410 SL 400 TP 430", None)]
#[case("Buy Microsoft on Nasdaq at 410, SL 400, TP 430", None)]
#[case("MSFT NASDAQ BUY 410 SL 400 TP 430", None)]
#[case("Microsoft, Nasdaq: buy 410 SL 400 TP 430", None)]
#[case("NASDAQ INDEX SELL 20150 SL 20250 TP 19900", Some("NAS100"))]
#[case("BUY NASDAQ:MSFT-410 SL 400 TP 430", None)]
#[case("BINANCE LONG 60000 SL 59000 TP 62000", None)]
#[case("NYSE SELL 190 SL 200 TP 180", None)]
#[case("NASDAQ SELL 20150 SL 20250 TP 19900", Some("NAS100"))]
#[case("Sell Nasdaq now\nSL 20250\nTP 19900", Some("NAS100"))]
#[case("NASDAQ: SELL 20150 SL 20250 TP 19900", Some("NAS100"))]
#[case("Pair: NASDAQ\nDirection: Sell\nSL: 20250\nTP: 19900", Some("NAS100"))]
#[case("GOLD:BUY 4000 SL 3990 TP 4010", Some("XAUUSD"))]
#[case("BINANCE: BTCUSDT LONG SL 59000 TP 62000", Some("BTCUSDT"))]
#[case("BYBIT\n#SOL/USDT LONG\nSL 140\nTP 160", Some("SOLUSDT"))]
fn an_exchange_used_as_a_caption_is_not_the_instrument(#[case] text: &str, #[case] expected: Option<&str>) {
    assert_eq!(instrument(text).as_deref(), expected, "{text}: {:?}", read(text));
}
