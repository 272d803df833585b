//! Messages that look like one order and are none, or two.

use super::*;

#[test]
fn a_header_behind_the_prices_begins_a_second_order() {
    for text in [
        "BUY CHFJPY SL 170 TP 180\nBUY CHFJPY SL 170 TP 182",
        "BUY CHFJPY SL 170 TP 180 BUY CHFJPY SL 170 TP 182",
        "BUY CHFJPY SL 170 TP 180\nBUY CHFJPY SL 170 TP 180",
        "SIGNAL 1: BUY CHFJPY SL 170 TP 180\nSIGNAL 2: BUY CHFJPY SL 170 TP 182",
        "BUY GOLD\nSL 2600\nTP 2700\n\nBUY XAUUSD\nSL 2600\nTP 2710",
        "CHFJPY BUY\nTP 180\nSL 170\nCHFJPY BUY\nTP 182\nSL 170",
        "BUY CHFJPY TP 180 BUY SL 170",
        "BUY CHFJPY 175 SL 170 TP 180 (BUY CHFJPY SL 170 TP 182)",
    ] {
        assert_eq!(refusal(text), ("several_orders", "BUY"), "{text}");
        let place = read(text).unwrap_err().span.map(|span| span.start);
        assert_eq!(place, text.rfind("BUY"), "{text}");
    }
    let limits = "BUYLIMIT CHFJPY 175 SL 170 TP 180\nBUYLIMIT CHFJPY 175 SL 170 TP 182";
    assert_eq!(refusal(limits), ("several_orders", "BUYLIMIT"));
    let cards =
        "Pair: CHFJPY\nDirection: Long\nSL: 170\nTP: 180\nPair: CHFJPY\nDirection: Long\nSL: 170\nTP: 182";
    assert_eq!(refusal(cards), ("several_orders", "Long"));
    let cards =
        "Direction: Long\nPair: CHFJPY\nSL: 170\nTP: 180\nDirection: Long\nPair: CHFJPY\nSL: 170\nTP: 182";
    assert_eq!(refusal(cards), ("several_orders", "Long"));
}

#[test]
fn a_tag_with_prices_behind_it_is_a_header() {
    let first = "BUY CHFJPY SL 170 TP 180";
    assert_eq!(refusal(&format!("{first}\nCHFJPY SL 170 TP 182")), ("several_orders", "CHFJPY"));
    assert_eq!(refusal(&format!("{first}\nType: Long TP 182")), ("several_orders", "Long"));
    assert_eq!(refusal(&format!("{first} (long TP 182)")), ("several_orders", "long"));
    assert_eq!(order(&format!("{first}\nCHFJPY TP2 182")), "buy CHFJPY market sl 170 tp 180,182");
    assert_eq!(order("BUY CHFJPY TP 180 (long) SL 170"), "buy CHFJPY market sl 170 tp 180");
}

#[test]
fn a_header_said_twice_before_the_prices_is_one_order() {
    let expected = "buy CHFJPY market sl 170 tp 180";
    assert_eq!(order("CHFJPY BUY\nBUY CHFJPY NOW\nSL 170\nTP 180"), expected);
    assert_eq!(order("BUY CHFJPY SL 170 TP 180\n#CHFJPY"), expected);
    assert_eq!(order("BUY CHFJPY SL 170 TP 180\nDirection: Buy"), expected);
    assert_eq!(order("BUY CHFJPY SL 170 TP 180 (long)"), expected);
    assert_eq!(order("SL 170\nTP 180\nBUY NOW\nBUY CHFJPY"), expected);
}

#[test]
fn equal_targets_are_separate_targets() {
    assert_eq!(order("BUY CHFJPY TP 180 SL 170 TP 180"), "buy CHFJPY market sl 170 tp 180,180");
    assert_eq!(
        order("BUY CHFJPY SL 170\nTP1 180\nTP2 180.0\nTP3 182"),
        "buy CHFJPY market sl 170 tp 180,180.0,182"
    );
    assert_eq!(order("BUY CHFJPY SL 170 TP 180 / 180"), "buy CHFJPY market sl 170 tp 180,180");
}

#[test]
fn a_target_repeated_with_its_number_and_price_counts_once() {
    assert_eq!(order("BUY CHFJPY SL 170\nTP1 180\nTP2 182\nTP1 180"), "buy CHFJPY market sl 170 tp 180,182");
    assert_eq!(order("BUY CHFJPY\nTP1: 180 (TP1: 180)\nSL 170"), "buy CHFJPY market sl 170 tp 180");
}

#[test]
fn a_trading_key_beside_a_text_is_a_second_instruction() {
    for (key, value) in [
        ("action", "\"sell\""),
        ("side", "\"buy\""),
        ("sl", "168.5"),
        ("Stop_Loss", "\"168\""),
        ("take-profit", "190"),
        ("tp2", "190"),
        ("price", "175"),
        ("quantity", "10"),
        ("symbol", "\"CHFJPY\""),
        ("ticker", "\"GBPUSD\""),
        ("instrument", "\"GBPUSD\""),
        ("leverage", "5"),
        ("risk", "2"),
        ("type", "\"limit\""),
        ("orderType", "\"limit\""),
        ("targets", "[190]"),
    ] {
        let text = format!(r#"{{"signal": "BUY CHFJPY SL 170 TP 180", "{key}": {value}}}"#);
        assert_eq!(refusal(&text), ("contradiction", key), "{text}");
    }
}

#[test]
fn a_key_of_the_transport_beside_a_text_says_nothing() {
    let text = r#"{"id": "7", "signal": "BUY CHFJPY SL 170 TP 180", "format": "text", "idempotency_key": "k",
        "broker_account_id": "b", "secret": "s", "type": "alert", "source": "desk", "sl": null, "time": 5}"#;
    assert_eq!(order(text), "buy CHFJPY market sl 170 tp 180");
    let named = r#"{"signal": "enter long", "symbol": "CHFJPY"}"#;
    assert_eq!(order(named), "buy CHFJPY market sl - tp ");
}

#[test]
fn a_question_commands_nothing() {
    assert_eq!(refusal("Exit CHFJPY?"), ("no_signal", "?"));
    assert_eq!(refusal("close half of CHFJPY ?"), ("no_signal", "?"));
    assert_eq!(refusal("move SL CHFJPY to 170??"), ("no_signal", "?"));
}

#[test]
fn an_announced_or_withdrawn_order_is_none() {
    let order = "BUY CHFJPY SL 170 TP 180";
    assert_eq!(refusal(&format!("Getting ready: {order}")), ("no_signal", "ready"));
    assert_eq!(refusal(&format!("prepare to {order}")), ("no_signal", "prepare"));
    for word in ["void", "wrong", "mistake", "Sorry"] {
        for text in [format!("{order} {word}"), format!("{order}\n\n{word}!")] {
            assert_eq!(refusal(&text), ("no_signal", word), "{text}");
        }
    }
    assert_eq!(refusal("close CHFJPY, sorry"), ("no_signal", "sorry"));
}

#[test]
fn to_buy_back_opens_nothing() {
    assert_eq!(refusal("BUY BACK CHFJPY SL 170 TP 180"), ("contradiction", "BUY BACK"));
    assert_eq!(refusal("Buy-back CHFJPY 175 SL 170 TP 180"), ("contradiction", "Buy-back"));
    assert_eq!(refusal("buy CHFJPY back SL 170 TP 180"), ("contradiction", "buy CHFJPY back"));
    assert_eq!(refusal("CHFJPY buy to cover SL 170 TP 180"), ("contradiction", "buy to cover"));
}

#[test]
fn three_parts_are_no_pair() {
    for symbol in
        ["CHF/JPY/USD", "CHF / JPY / USD", "CHF-JPY-USD", "CHF/JPY-USD", "CHF JPY USD", "CHFJPY/USD"]
    {
        let text = format!("BUY {symbol} SL 170 TP 180");
        assert_eq!(refusal(&text), ("unknown_instrument", symbol), "{text}");
    }
    assert_eq!(order("BUY CHF/JPY (M15) SL 170 TP 180"), "buy CHFJPY market sl 170 tp 180");
    assert_eq!(order("BUY GOLD/XAUUSD SL 2600 TP 2700"), "buy XAUUSD market sl 2600 tp 2700");
}

#[test]
fn two_risks_that_differ_are_refused() {
    let order = |risk: &str| format!("BUY CHFJPY SL 170 TP 180 {risk}");
    for risk in ["risk 1% 2%", "risk 1% risk 2%", "1% risk 2% risk", "risk 1%, 2%", "1% risk\nRisk: 2%"] {
        assert_eq!(refusal(&order(risk)), ("duplicate_field", "2"), "{risk}");
    }
    assert_eq!(refusal(&order("risk 1% risk 2$")), ("duplicate_field", "2"));
    assert_eq!(refusal(&order("risk 1% risk 2")), ("unlabelled_price", "2"));
    for risk in [
        "risk 1%",
        "1% risk",
        "risk 1% 1%",
        "risk 1% (risk 1%)",
        "risk 1-2%",
        "risk 1% to 2%",
        "1% risk RR 1:2",
    ] {
        let text = order(risk);
        let Signal::Order(order) = read(&text).unwrap().signal else {
            panic!("{text} is no order");
        };
        assert_eq!(order.risk.unwrap().value.to_string(), "1", "{risk}");
    }
}
