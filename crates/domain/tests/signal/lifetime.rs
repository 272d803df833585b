//! Time in force, expiry and trailing stops: what is not supported refuses the message, and no text after it is lost.

use hookfill_domain::signal::{Format, Reading, Signal, parse};
use proptest::prelude::*;
use proptest::sample::select;
use rstest::rstest;

use super::forms::{ideas, read};

/// Phrases about time and trailing stops, and whether an order that contains one may be accepted.
const PHRASES: &[(&str, bool)] = &[
    ("GTC", true),
    ("TIF: GTC", true),
    ("good till cancelled", true),
    ("valid until canceled", true),
    ("valid setup", true),
    ("still valid", true),
    ("trail SL to entry after TP1", true),
    ("trailing stop: off", true),
    ("close half at TP1", true),
    ("IOC", false),
    ("FOK", false),
    ("TIF DAY", false),
    ("time in force: IOC", false),
    ("good till Friday", false),
    ("good for the day", false),
    ("DAY order", false),
    ("DAY", false),
    ("valid today", false),
    ("valid 4h", false),
    ("valid for 24 hours", false),
    ("valid until 18:00", false),
    ("valid till NY close", false),
    ("Validity: 1 day", false),
    ("Expires: 2031.04.07 18:00", false),
    ("expiry 18:00", false),
    ("no longer valid", false),
    ("open until tomorrow", false),
    ("fill or kill", false),
    ("trailing stop 20 pips", false),
    ("trail SL by 1%", false),
    ("TSL 50 pips", false),
    ("trailing stop", false),
];

proptest! {
    #[test]
    fn a_phrase_about_time_or_trailing_never_removes_a_stop_loss_or_a_target(
        idea in ideas(), (phrase, accepted) in select(PHRASES), place in 0usize..8, lines in any::<bool>(),
    ) {
        let entry = idea.entry.as_ref().map_or(String::new(), |entry| format!(" @{entry}"));
        let kind = if format!("{:?}", idea.kind) == "Stop" { " STOP" } else { "" };
        let mut parts = vec![format!("{}{kind} {}{entry}", idea.word(), idea.instrument), format!("SL {}", idea.stop)];
        parts.extend(idea.targets.iter().enumerate().map(|(at, price)| format!("TP{} {price}", at + 1)));
        parts.insert(place.min(parts.len()).max(1), phrase.to_owned());
        let text = parts.join(if lines { "\n" } else { " " });
        match read(&text).map(|parsed| parsed.signal) {
            Ok(Signal::Order(order)) => {
                prop_assert!(accepted, "accepted: {}", text);
                prop_assert_eq!(order.stop_loss.map(|price| price.to_string()), Some(idea.stop), "{}", text);
                let targets: Vec<_> = order.take_profits.iter().map(ToString::to_string).collect();
                prop_assert_eq!(targets, idea.targets, "{}", text);
            }
            Ok(other) => prop_assert!(false, "{}: {:?}", text, other),
            Err(_) => {}
        }
    }
}

fn refusal(text: &str) -> (&'static str, &str) {
    let error = match read(text) {
        Ok(parsed) => panic!("{text}: {parsed:?}"),
        Err(error) => error,
    };
    (error.code.as_str(), error.span.map_or("", |span| &text[span.start..span.end]))
}

#[rstest]
#[case("GTC")]
#[case("tif=gtc")]
#[case("Time in force: GTC")]
#[case("Good-till-cancelled")]
#[case("Valid until cancelled")]
#[case("Expiry: none")]
#[case("valid setup on H4")]
#[case("Valid entry")]
#[case("The setup is still valid!")]
#[case("VIP discount code valid until Sunday")]
#[case("No trailing stop")]
#[case("Trailing stop after first target")]
fn a_phrase_that_changes_nothing_leaves_the_order_as_it_is(#[case] phrase: &str) {
    for text in [
        format!("BUY AUDUSD 0.6600\n{phrase}\nSL 0.6570\nTP 0.6660"),
        format!("BUY AUDUSD 0.6600\nSL 0.6570\nTP 0.6660\n{phrase}"),
    ] {
        let Ok(Signal::Order(order)) = read(&text).map(|parsed| parsed.signal) else {
            panic!("{text}: {:?}", read(&text));
        };
        assert_eq!(order.stop_loss.map(|price| price.to_string()).as_deref(), Some("0.6570"), "{text}");
        assert_eq!(order.take_profits.len(), 1, "{text}");
    }
}

#[rstest]
#[case("valid until 18:00", "valid until 18:00")]
#[case("Valid: 24h", "Valid: 24h")]
#[case("expires in 4 hours.", "expires in 4 hours")]
#[case("IOC", "IOC")]
#[case("TIF: DAY", "TIF: DAY")]
#[case("good for the day", "good for the day")]
#[case("DAY order", "DAY order")]
#[case("trailing stop 20 pips", "trailing")]
#[case("Trail your stop", "Trail")]
#[case("Trailing Configuration:\nStop: Moving Target", "Trailing")]
fn a_refusal_of_an_expiry_or_trailing_stop_points_at_its_words(#[case] phrase: &str, #[case] place: &str) {
    let text = format!("BUY AUDUSD 0.6600\nSL 0.6570\nTP 0.6660\n{phrase}");
    assert_eq!(refusal(&text), ("unsupported", place));
    let text = format!("BUY AUDUSD 0.6600 {phrase}\nSL 0.6570\nTP 0.6660");
    assert_eq!(refusal(&text), ("unsupported", place));
}

#[test]
fn a_message_that_says_it_is_no_longer_valid_is_not_a_signal() {
    assert_eq!(refusal("BUY AUDUSD 0.6600 SL 0.6570 TP 0.6660\nnot valid anymore").0, "no_signal");
}

#[test]
fn a_trailing_configuration_ends_before_the_next_field() {
    let section = "Trailing Configuration:\nStop: Breakeven -\n  Trigger: Target (1)";
    let text = format!("BUY AUDUSD 0.6600\nTP1 0.6630\n{section}\nSL 0.6570\nTP2 0.6660");
    let Ok(Signal::Order(order)) = read(&text).map(|parsed| parsed.signal) else {
        panic!("{:?}", read(&text))
    };
    assert_eq!(order.stop_loss.map(|price| price.to_string()).as_deref(), Some("0.6570"));
    assert_eq!(order.take_profits.len(), 2);
}

#[test]
fn an_instruction_for_later_does_not_swallow_a_price_of_one_or_two_digits() {
    for text in
        ["BUY DOGEUSDT 8 close half at TP1 SL 7 TP 9", "BUY DOGEUSDT 8 SL 7 TP 9 close half at TP1 TP 12"]
    {
        match read(text).map(|parsed| parsed.signal) {
            Ok(Signal::Order(order)) => {
                assert_eq!((order.stop_loss.is_some(), order.take_profits.len()), (true, 2));
            }
            Ok(other) => panic!("{text}: {other:?}"),
            Err(error) => assert_eq!(error.code.as_str(), "several_orders"),
        }
    }
}

/// Messages of programs. `@` marks the place for one more field; the flag says whether it is JSON.
const SHAPES: &[(Format, &str, bool)] = &[
    (Format::Auto, r#"{"action":"buy","symbol":"AUDUSD","sl":0.65,"tp":0.67@}"#, true),
    (Format::Auto, r#"{"action":"buy","symbol":"AUDUSD","strategy":{"a":1@}}"#, true),
    (Format::TradingView, r#"{"ticker":"AUDUSD","strategy":{"order_action":"buy"@}}"#, true),
    (Format::TradersPost, r#"{"ticker":"SPY","action":"buy"@}"#, true),
    (
        Format::TradersPost,
        r#"{"ticker":"SPY","action":"buy","stopLoss":{"type":"stop","stopPrice":490@}}"#,
        true,
    ),
    (
        Format::ThreeCommas,
        r#"{"action":"buy","tv_instrument":"BTCUSDT","bot_uuid":"u","order":{"amount":"1"@}}"#,
        true,
    ),
    (Format::WunderTrading, r#"{"code":"ENTER-LONG_BINANCE_BTCUSDT_x_1M_1"@}"#, true),
    (Format::OpenAlgo, r#"{"symbol":"INFY","action":"BUY","pricetype":"MARKET"@}"#, true),
    (Format::Auto, r#"{"signal":"BUY AUDUSD SL 0.65 TP 0.67"@}"#, true),
    (Format::PineConnector, "6012345,buy,AUDUSD,vol_lots=0.1@", false),
    (Format::OctoBot, "SYMBOL=BTCUSDT\nSIGNAL=BUY@", false),
    (Format::Auto, "action=buy,symbol=AUDUSD@", false),
    (Format::Alertatron, "Keys(BTCUSDT) { market(side=buy, amount=1@); }", false),
];

fn message(shape: (Format, &str, bool), key: &str, value: &str) -> String {
    let bare = value.trim_matches('"');
    let field = match shape {
        (_, _, true) => format!(",\"{key}\":{value}"),
        (Format::OctoBot, ..) => format!("\n{key}={bare}"),
        _ => format!(",{key}={bare}"),
    };
    shape.1.replace('@', &field)
}

proptest! {
    #[test]
    fn a_key_for_an_expiry_or_a_trailing_stop_is_refused_in_every_dialect(
        shape in select(SHAPES),
        (key, value) in select(&[
            ("tif", "\"IOC\""), ("timeInForce", "\"fok\""), ("time_in_force", "\"DAY\""), ("TIF", "\"day\""),
            ("duration", "\"4h\""), ("duration", "60"), ("expiration", "\"2031-04-07\""), ("expires_at", "1700000000"),
            ("gtd", "\"2031-04-07\""), ("valid_until", "\"18:00\""), ("validFor", "3600"), ("good_till", "\"Friday\""),
            ("trailing", "true"), ("trail_points", "20"), ("trailingStop", "\"1%\""), ("trail_offset", "5"),
            ("trailing_stop_loss", "\"yes\""), ("callbackRate", "0.5"), ("tsl", "10"), ("strategy.trailing", "1"),
        ][..]),
    ) {
        let text = message(shape, key, value);
        let refused = parse(&text, shape.0, &Reading::default());
        prop_assert!(refused.is_err(), "{}", text);
    }

    #[test]
    fn a_lifetime_key_whose_value_changes_nothing_passes_in_every_dialect(
        shape in select(SHAPES),
        (key, value) in select(&[
            ("tif", "\"GTC\""), ("timeInForce", "\"gtc\""), ("time_in_force", "\"good_till_cancelled\""),
            ("duration", "0"), ("expiry", "0"), ("gtd", "\"\""), ("trailing", "false"), ("trailingStop", "0"),
            ("trail_points", "\"0.0\""), ("callbackRate", "0"), ("trailing", "\"off\""),
        ][..]),
    ) {
        let text = message(shape, key, value);
        let plain = parse(&shape.1.replace('@', ""), shape.0, &Reading::default()).unwrap().signal;
        let read = parse(&text, shape.0, &Reading::default()).map(|parsed| parsed.signal);
        prop_assert_eq!(read, Ok(plain), "{}", text);
    }
}

#[test]
fn a_stop_loss_of_a_trailing_type_is_refused() {
    let text = r#"{"ticker":"SPY","action":"buy","stopLoss":{"type":"trailing_stop","stopPrice":490}}"#;
    assert_eq!(refusal(text), ("unsupported", "type"));
}

#[test]
fn a_trailing_object_is_refused_unless_it_is_off() {
    let order =
        |trailing: &str| format!(r#"{{"action":"buy","symbol":"AUDUSD","sl":0.65,"trailing":{trailing}}}"#);
    assert_eq!(refusal(&order(r#"{"activation":0.67,"distance":0.01}"#)), ("unsupported", "trailing"));
    for off in [r#"{"enabled":false,"distance":0.01}"#, r#"{"distance":0}"#, "{}", "[]", "null"] {
        assert!(read(&order(off)).is_ok(), "{off}");
    }
}

/// Terms in the words of brokers and programs.
const TERMS: &[&str] = &[
    "valid_until 18:00",
    "validuntil 18:00",
    "ValidTill:18:00",
    "valid-for=4h",
    "expires_at=18:00",
    "expiresIn: 3600",
    "exp 18:00",
    "exp: Friday",
    "good 4 hrs",
    "active for 2 hours",
    "ttl 4h",
    "lifetime 4h",
    "duration 4h",
    "duration: 2 days",
    "today only",
    "only today",
    "EOD",
    "E.O.D.",
    "end of day",
    "end-of-day",
    "GFD",
    "GTX",
    "AON",
    "MOC",
    "MOO",
    "LOO",
    "OPG",
    "post only",
    "post-only",
    "post_only",
    "POSTONLY",
    "all or none",
    "I.O.C.",
    "F.O.K",
    "time_in_force: DAY",
    "time_in_force=IOC",
    "time-in-force = FOK",
    "timeInForce: day",
    "trailingstop 20 pips",
    "TrailingSL=20",
    "TS 20 pips",
    "TS: 1%",
    "use TS",
    "follow with 20 pips",
    "follow price by 1%",
    "trail_offset 0.6650",
    "trailing_stop_loss 20",
];

proptest! {
    #[test]
    fn terms_in_the_words_of_brokers_and_programs_refuse_the_order(
        phrase in select(TERMS),
        form in select(&[
            "BUY AUDUSD 0.6600\nSL 0.6570\nTP 0.6660\n@", "BUY AUDUSD 0.6600\nSL 0.6570\nTP 0.6660 @",
            "BUY AUDUSD 0.6600 @\nSL 0.6570\nTP 0.6660", "BUY AUDUSD 0.6600\n@\nSL 0.6570\nTP 0.6660",
            "BUY AUDUSD 0.6600, SL 0.6570, TP 0.6660, @", "BUY AUDUSD 0.6600 SL 0.6570 TP 0.6660 (@)",
        ][..]),
    ) {
        let text = form.replace('@', phrase);
        let error = read(&text).unwrap_err();
        prop_assert_eq!(error.code.as_str(), "unsupported", "{}", text);
        let span = error.span.unwrap();
        let start = form.find('@').unwrap();
        prop_assert!((start..start + phrase.len()).contains(&span.start), "{}: {:?}", text, span);
    }

    #[test]
    fn the_same_words_in_prose_or_with_an_idle_value_leave_the_order_as_it_is(
        phrase in select(&[
            "time_in_force: GTC", "valid_until=GTC", "expires_at: never", "trailing_stop: off",
            "Our lifetime members saw this one before all others", "Good 4 beginners", "We will look at it again at the end of day and write",
            "Follow us", "10 years exp in the market", "Have a good day", "Regards, TS",
        ][..]),
    ) {
        let text = format!("BUY AUDUSD 0.6600\nSL 0.6570\nTP 0.6660\n{phrase}");
        match read(&text).map(|parsed| parsed.signal) {
            Ok(Signal::Order(order)) => prop_assert_eq!(order.take_profits.len(), 1, "{}", text),
            other => prop_assert!(false, "{}: {:?}", text, other),
        }
    }
}

#[rstest]
#[case("BUY $IOC 30 SL 28 TP 35", "IOC")]
#[case("BUY NYSE:AON 300 SL 290 TP 320", "AON")]
#[case("BUY MOO 80 SL 75 TP 90", "MOO")]
fn a_symbol_that_is_spelled_like_a_term_stays_a_symbol(#[case] text: &str, #[case] symbol: &str) {
    let Ok(Signal::Order(order)) = read(text).map(|parsed| parsed.signal) else {
        panic!("{text}: {:?}", read(text))
    };
    assert_eq!(order.instrument.to_string(), symbol);
}
