//! The forms that the wire contract shows.

use super::*;

#[test]
fn the_three_forms_are_one_order() {
    let expected = "buy EURUSD limit 1.0860 sl 1.0850 tp 1.0890";
    assert_eq!(order("BUY EURUSD @1.0860 SL 1.0850 TP 1.0890"), expected);
    assert_eq!(order("BUY EURUSD [@1.0860]\n\nTP 1.0890\nSL 1.0850"), expected);
    assert_eq!(order("buy eurusd @ 1.0860\r\n\r\nsl 1.0850\r\n\r\ntp 1.0890\r\n"), expected);
}

#[test]
fn without_a_price_the_order_is_at_market() {
    assert_eq!(order("sell btcusd sl 70000 tp 60000"), "sell BTCUSD market sl 70000 tp 60000");
    assert_eq!(order("BUY XAUUSD\nSL 1900.50\nTP 1950.00"), "buy XAUUSD market sl 1900.50 tp 1950.00");
}

#[test]
fn a_number_that_is_none_is_refused_at_its_place() {
    for bad in ["1.2.3", "NaN", "1e5", "0", "-1", "+1", "1_000", "0x1F", "Infinity", "1.", ".", "1/2%", "½"]
    {
        for (text, label) in [
            (format!("BUY EURUSD @1.0860 SL {bad} TP 1.0890"), "SL"),
            (format!("BUY EURUSD @1.0860 SL 1.0850 TP {bad}"), "TP"),
            (format!("BUY EURUSD @{bad} SL 1.0850 TP 1.0890"), "@"),
        ] {
            let error = read(&text).err().filter(|_| bad != "1.");
            if bad == "1." {
                continue;
            }
            let error = error.unwrap_or_else(|| panic!("{text} is understood"));
            assert!(error.span.is_some() || bad == ".", "{text}: {label} {error:?}");
        }
    }
    assert_eq!(refusal("BUY EURUSD @1.0860 SL 1.2.3 TP 1.0890"), ("bad_number", "1.2.3"));
    assert_eq!(refusal("BUY EURUSD @1.0860 SL NaN TP 1.0890"), ("bad_number", "NaN"));
    assert_eq!(refusal("BUY EURUSD @1.0860 SL 1e5 TP 1.0890"), ("bad_number", "1e5"));
    assert_eq!(refusal("BUY EURUSD @1.0860 SL 0 TP 1.0890"), ("bad_number", "0"));
    assert_eq!(refusal("BUY EURUSD @1.0860 SL -1 TP 1.0890"), ("bad_number", "-1"));
    assert_eq!(refusal("BUY EURUSD @NaN SL 1.0850 TP 1.0890"), ("bad_number", "@NaN"));
}

#[test]
fn prices_on_the_wrong_side_are_refused() {
    assert_eq!(refusal("BUY EURUSD SL 1.09 TP 1.08"), ("wrong_side", "1.09"));
    assert_eq!(refusal("SELL EURUSD SL 1.08 TP 1.09"), ("wrong_side", "1.08"));
    assert_eq!(refusal("BUY EURUSD @1.10 SL 1.08 TP 1.09"), ("wrong_side", "1.09"));
    assert_eq!(refusal("SELL EURUSD @1.10 SL 1.10 TP 1.09"), ("wrong_side", "1.10"));
}

#[test]
fn a_message_that_is_no_order_says_why() {
    assert_eq!(refusal("HOLD EURUSD @1.0860\nSL 1.0850\nTP 1.0890"), ("unknown_action", "HOLD"));
    assert_eq!(refusal("BUY @1.0860 SL 1.0850 TP 1.0890").0, "no_instrument");
    assert_eq!(refusal("EURUSD @1.0860 SL 1.0850 TP 1.0890").0, "no_side");
    assert_eq!(refusal("BUY EURUSD [@1.0860\nSL 1.0850\nTP 1.0890"), ("bad_number", "["));
    assert_eq!(refusal("good morning").0, "no_signal");
    assert_eq!(refusal(" \n\t").0, "empty");
    assert_eq!(refusal("BUY EURUSD\u{0} SL 1 TP 2").0, "bad_encoding");
}

#[test]
fn every_value_says_which_characters_it_was() {
    let text = "BUY EURUSD @1.0860 SL 1.0850 TP 1.0890 1.0900";
    let parsed = read(text).unwrap();
    let spans: Vec<_> = parsed
        .spans
        .iter()
        .map(|place| (place.field.as_str(), &text[place.span.start..place.span.end]))
        .collect();
    assert_eq!(
        spans,
        [
            ("action", "BUY"),
            ("instrument", "EURUSD"),
            ("entry_price", "1.0860"),
            ("stop_loss", "1.0850"),
            ("take_profits[0]", "1.0890"),
            ("take_profits[1]", "1.0900"),
        ]
    );
}
