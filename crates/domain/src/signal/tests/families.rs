//! What people write: headers, labels, lists, zones, remarks, and what speaks against an order.

use super::*;

#[test]
fn side_and_symbol_stand_in_any_order_and_on_any_line() {
    let expected = "sell GBPJPY limit 190.50 sl 191.00 tp 189.50";
    for text in [
        "GBPJPY\nSELL LIMIT @ 190.50\nSL 191.00\nTP 189.50",
        "Limit Short GBP/JPY: 190.50\nStop Loss: 191.00\nTP: 189.50",
        "SELL 190.50 gbpjpy tp 189.50 sl 191.00",
        "1. SELL LIMIT = 190.50\nTP 189.50\nSL 191.00 #GBPJPY",
        "Signal no. 7\n*GBP JPY* — sell limit 190.50\nS.L : 191.00\nT.P : 189.50",
        "Entry: 190.50\nSL: 191.00\nTP: 189.50\nPair: GBPJPY\nDirection: Bearish",
    ] {
        assert_eq!(order(text), expected, "{text}");
    }
}

#[test]
fn targets_are_listed_in_every_way() {
    let expected = "buy XAUUSD limit 2650 sl 2640 tp 2655,2660,2670";
    for targets in [
        "TP 2655\nTP 2660\nTP 2670",
        "TP1 2655\nTP2 2660\nTP3 2670",
        "TP 1: 2655\nTP 2: 2660\nTP 3: 2670\nTP 4: open",
        "Targets: 2655, 2660, 2670",
        "TP 2655/2660/2670",
        "Target 2655 - 2660 - 2670",
        "Take-Profit Targets: 1) 2655 2) 2660 3) 2670",
        "Targets:\n1) 2655\n2) 2660\n3) 2670",
        "1st target 2655\n2nd target 2660\n3rd target 2670",
        "tp1-2655\ntp2-2660\ntp3-2670",
        "T.P 1\n2655\nT.P 2\n2660\nT.P 3\n2670",
        "TP 2655 (+50 pips)\nTP 2660 (30%)\nTP 2670 RR 1:2",
        "Tp.1.2655.0 Tp.2.2660.0 Tp.3.2670.0",
    ] {
        let text = format!("GOLD BUY 2650\nSL 2640\n{targets}");
        assert_eq!(order(&text).replace(".0", ""), expected, "{text}");
    }
}

#[test]
fn a_number_that_says_what_it_is_is_no_price() {
    let expected = "buy XAUUSD limit 2650 sl 2640 tp 2660";
    for remark in [
        "Signal 4",
        "[10/7/2025 9:16 PM]",
        "2025.10.07 21:16",
        "Timeframe: H4",
        "15M chart",
        "Confidence: 87.5%",
        "RR 1:2.5",
        "Risk/Reward Ratio: 1 : 3",
        "Payoff 5.5",
        "+70 pips",
        "Account 2000$",
        "SIGNAL NO: 33",
        "#38792",
        "12 May 2024",
        "???? new ????",
        "🔥 100% accuracy",
        "follow us at https://t.example/XAUUSD-4000 or @sell_signals",
    ] {
        for text in [
            format!("{remark}\nGOLD BUY 2650\nSL 2640\nTP 2660"),
            format!("GOLD BUY 2650\nSL 2640\nTP 2660\n\n{remark}"),
        ] {
            assert_eq!(order(&text), expected, "{text}");
        }
    }
}

#[test]
fn a_number_that_nobody_claims_refuses_the_message() {
    for extra in ["Layer 2645", "Support: 2638", "2645", "SLL 2635", "moon 2: 2700"] {
        let text = format!("GOLD BUY 2650\nSL 2640\nTP 2660\n{extra}");
        assert_eq!(refusal(&text).0, "unlabelled_price", "{text}");
    }
    assert_eq!(refusal("GOLD BUY 2650 2645 SL 2640 TP 2660").0, "unlabelled_price");
    assert_eq!(refusal("GOLD BUY 2650 SL 2 640 TP 2660").0, "unlabelled_price");
}

#[test]
fn the_word_stop_is_read_by_its_place_or_not_at_all() {
    assert_eq!(order("BUY STOP GOLD 2650 SL 2640 TP 2660"), "buy XAUUSD stop 2650 sl 2640 tp 2660");
    assert_eq!(order("BUY GOLD STOP 2650 SL 2640 TP 2660"), "buy XAUUSD stop 2650 sl 2640 tp 2660");
    assert_eq!(order("BUY GOLD 2650 STOP 2640 TP 2660"), "buy XAUUSD limit 2650 sl 2640 tp 2660");
    assert_eq!(order("BUY GOLD\nStop: 2640\nTarget: 2660"), "buy XAUUSD market sl 2640 tp 2660");
    assert_eq!(refusal("BUY GOLD STOP 2640 TP 2660"), ("contradiction", "STOP"));
    assert_eq!(refusal("BUY STOP LIMIT GOLD 2640 TP 2660").0, "unsupported_asset");
}

#[test]
fn an_index_that_could_be_a_target_is_refused() {
    assert_eq!(
        order("BUY EURUSD 1.0820 SL 1.0790 TP 1 1.0840"),
        "buy EURUSD limit 1.0820 sl 1.0790 tp 1.0840"
    );
    assert_eq!(order("BUY DOGEUSDT 8 SL 7 TP 9 10 12"), "buy DOGEUSDT limit 8 sl 7 tp 9,10,12");
    assert_eq!(refusal("BUY XRPUSD 0.9 SL 0.8 TP 1 1.2"), ("unlabelled_price", "1"));
    assert_eq!(order("SELL USDJPY 109.44 TP109.28 SL109.56"), "sell USDJPY limit 109.44 sl 109.56 tp 109.28");
}

#[test]
fn unseen_and_foreign_characters_cost_no_meaning() {
    let expected = "buy EURUSD limit 1.0860 sl 1.0850 tp 1.0890";
    assert_eq!(order("ＢＵＹ ＥＵＲＵＳＤ ＠１．０８６０ SL １．０８５０ TP １．０８９０"), expected);
    assert_eq!(order("BUY EUR\u{200b}USD @۱٫۰۸۶۰ SL ۱.۰۸۵۰ TP ۱.۰۸۹۰"), expected);
    assert_eq!(refusal("BUY ЕURUSD @1.0860 SL 1.0850 TP 1.0890").0, "no_instrument");
    assert_eq!(refusal("BUY EURUSD @1.08\u{200b}60 SL 1.0850 TP 1.0890").0, "bad_number");
    assert_eq!(refusal("BUY EURUSD @1.08\u{202e}60 SL 1.0850 TP 1.0890").0, "bad_encoding");
    assert_eq!(refusal("BUY EURUSD @1.0860 SL 1\u{fe0f}\u{20e3}.0850 TP 1.0890").0, "bad_number");
    assert_eq!(refusal("B̶U̶Y̶ EURUSD @1.0860 SL 1.0850 TP 1.0890").0, "no_side");
}

#[test]
fn what_is_no_instruction_is_none_however_complete_it_looks() {
    let order = "EURUSD buy 1.0860 SL 1.0850 TP 1.0890";
    for (text, code) in [
        (format!("{order}\nTP1 hit!"), "report"),
        (format!("{order}\nclosed in profit"), "report"),
        (format!("Results: {order}"), "report"),
        (format!("We may sell later. {order}").replace("sell later. ", ""), "no_signal"),
        (format!("{order}?"), "no_signal"),
        (format!("~~{order}~~"), "report"),
        (format!("> {order}"), "report"),
        (format!("Don't {order}").replace("EURUSD buy", "buy EURUSD"), "no_signal"),
        (format!("If it breaks out: {order}"), "conditional_price"),
        (format!("{order}\nSELL GBPUSD"), "several_orders"),
        (format!("{order} close EURUSD"), "several_orders"),
    ] {
        assert_eq!(refusal(&text).0, code, "{text}");
    }
}

#[test]
fn an_accounts_policy_changes_the_reading() {
    let aliases =
        [("MOON".to_owned(), "XAUUSD".parse().unwrap()), ("GOLD".to_owned(), "GOLD".parse().unwrap())].into();
    let reading = Reading { aliases, decimal_comma: true };
    let parsed = parse("BUY MOON 2650,5 SL 2.640,00 TP 2660,25", Format::Auto, &reading).unwrap();
    let Signal::Order(moon) = parsed.signal else { panic!("no order") };
    assert_eq!(summary(&moon), "buy XAUUSD limit 2650.5 sl 2640.00 tp 2660.25");
    let parsed = parse("BUY GOLD SL 20,5 TP 22", Format::Auto, &reading).unwrap();
    let Signal::Order(gold) = parsed.signal else { panic!("no order") };
    assert_eq!(gold.instrument.as_str(), "GOLD");
}

#[test]
fn admission_is_a_second_step() {
    let all = Admission { require_stop_loss: true, require_take_profit: true };
    let none = Admission { require_stop_loss: false, require_take_profit: false };
    let bare = read("BUY EURUSD").unwrap().signal;
    assert_eq!(admit(&bare, all).unwrap_err().code, ErrorCode::MissingStopLoss);
    assert_eq!(admit(&bare, none), Ok(()));
    let pips = read("6012345,buy,EURUSD,vol_lots=0.1,sl_pips=20").unwrap().signal;
    assert_eq!(admit(&pips, none).unwrap_err().code, ErrorCode::RelativePrice);
}
