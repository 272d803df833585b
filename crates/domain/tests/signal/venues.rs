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

/// Whether a message is refused, or buys or sells the second name. The first name must never be the instrument.
fn is_never_the_first(text: &str, first: &str, second: &str) -> bool {
    let plain = |name: &str| instrument(&format!("BUY {name} SL 210 TP 240"));
    let read = instrument(text);
    read.is_none() || read.as_deref() == Some(second) && read != plain(first)
}

const INSTRUMENTS: &[&str] =
    &["NASDAQ", "DAX", "SP500", "NAS100", "US30", "GOLD", "EURUSD", "XAUUSD", "BTC", "Nasdaq"];
const TICKERS: &[&str] = &["SAP", "NEM", "AAPL", "BA", "TSLA", "F5Q", "INFY"];

proptest! {
    #[test]
    fn an_instrument_before_a_colon_and_a_name_is_not_traded(
        first in select(INSTRUMENTS), second in select(TICKERS),
        colon in select(&[":", ": ", ":\n", ":**", "**:**", "**: ", "`:`", "_: _", " : "][..]),
        form in select(&["BUY @ SL 210 TP 240", "BUY @\nSL 210\nTP 240", "BUY @ 220 SL 210 TP 240", "@ BUY 220\nSL 210\nTP 240"][..]),
    ) {
        let wrapped = if colon.starts_with("**") || colon.ends_with("**") { "**" } else { "" };
        let text = form.replace('@', &format!("{wrapped}{first}{colon}{second}"));
        prop_assert!(is_never_the_first(&text, first, second), "{}: {:?}", text, instrument(&text));
    }

    #[test]
    fn two_names_in_the_head_of_an_order_are_refused(
        first in select(INSTRUMENTS), second in select(TICKERS),
        between in select(&[" ", "\n", "\n\n", " - ", " / ", ", ", " (", "** ", "\n**", " $", " @ 220 ", " 220\n", "\n@220\n"][..]),
        form in select(&["BUY @ SL 210 TP 240", "BUY @\nSL 210\nTP 240", "BUY\n@\nSL 210\nTP 240", "BUY LIMIT @\nSL 210\nTP 240"][..]),
    ) {
        let text = form.replace('@', &format!("{first}{between}{second}"));
        prop_assert!(is_never_the_first(&text, first, second), "{}: {:?}", text, instrument(&text));
    }
}

#[rstest]
#[case("NASDAQ BUY\nNVDA\nSL 110\nTP 140", "NVDA")]
#[case("SELL US30 now\nBA\nSL 210\nTP 190", "BA")]
#[case("BUY GOLD NEM SL 40 TP 60", "NEM")]
#[case("NEM GOLD BUY 4000 SL 3990 TP 4010", "NEM")]
#[case("BUY NEM GOLD 4000 SL 3990 TP 4010", "NEM")]
#[case("us30:ba sell sl 210 tp 190", "ba")]
#[case("BUY BTC:USDT SL 59000 TP 62000", "USDT")]
fn a_refusal_of_two_names_quotes_the_second(#[case] text: &str, #[case] second: &str) {
    let error = read(text).unwrap_err();
    assert!(error.detail.contains(&format!("`{second}`")), "{text}: {}", error.detail);
}

#[rstest]
#[case("BUY NASDAQ\nApple\nSL 210\nTP 240")]
#[case("NASDAQ BUY\nApple Inc\nSL 210\nTP 240")]
#[case("BUY NASDAQ\n\nnvidia @ 120\nSL 110\nTP 140")]
#[case("BUY NASDAQ\nNVDA SL 110 TP 140")]
fn a_company_below_an_exchange_is_not_an_order_for_the_index(#[case] text: &str) {
    assert_eq!(instrument(text), None, "{text}");
}

#[rstest]
#[case("GOLD BUY NOW\nHIGH RISK SCALP\nSL 3990\nTP 4010", "XAUUSD")]
#[case("EURUSD BUY @1.0860 #FX #VIP\nSL 1.0850\nTP 1.0890", "EURUSD")]
#[case("XAUUSD (GOLD) BUY 4000 SL 3990 TP 4010", "XAUUSD")]
#[case("BUY GOLD NOW BEFORE NFP\nSL 3990\nTP 4010", "XAUUSD")]
#[case("ALPHA CREW\nSELL US30 44000\nSL 44100\nTP 43800\nJOE", "US30")]
#[case("NASDAQ SELL 20150\nThe trend is down\nSL 20250\nTP 19900", "NAS100")]
#[case("Sell Nasdaq now\nScalp\nSL 20250\nTP 19900", "NAS100")]
#[case("FOREX: EURUSD BUY SL 1.0850 TP 1.0890", "EURUSD")]
#[case("EURUSD: BUY NOW\nSL 1.0850\nTP 1.0890", "EURUSD")]
fn prose_in_capitals_and_tags_are_no_second_instrument(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(instrument(text).as_deref(), Some(expected), "{text}: {:?}", read(text));
}

#[test]
fn a_blank_behind_the_colon_of_a_venue_is_named_in_the_refusal() {
    let error = read("BUY NASDAQ: AAPL SL 210 TP 240").unwrap_err();
    assert_eq!(error.code.as_str(), "no_instrument");
    assert!(error.detail.contains("write `NASDAQ:AAPL`"), "{}", error.detail);
}
