//! `hookfill parse`.

use std::process::Stdio;

use rstest::rstest;
use serde_json::Value;

use super::program::Directory;

const ORDER: &str = "BUY EURUSD @1.0860 SL 1.0850 TP 1.0890";

#[test]
fn what_is_understood_is_shown_field_by_field() {
    let directory = Directory::empty();
    for ended in [directory.run(&["parse", ORDER]), directory.run_on(ORDER.as_bytes(), &["parse"])] {
        assert_eq!(ended.code, Some(0), "{ended:?}");
        for (field, value) in
            [("action", "BUY"), ("instrument", "EURUSD"), ("stop loss", "1.0850"), ("take profits", "1.0890")]
        {
            let line = ended.stdout.lines().find(|line| line.trim_start().starts_with(field));
            assert!(line.is_some_and(|line| line.contains(value)), "{field}: {ended:?}");
        }
    }
}

#[test]
fn the_json_is_the_signal_and_keeps_its_numbers() {
    let ended = Directory::empty().run(&["parse", "--json", ORDER]);
    let signal: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&signal["kind"], &signal["entry_price"]), (&"order".into(), &"1.0860".into()));
}

#[test]
fn what_is_refused_has_a_caret_under_its_place() {
    let ended = Directory::empty().run(&["parse", "BUY EURUSD\nSL 1.2.3"]);
    assert_eq!(ended.code, Some(1));
    let lines: Vec<_> = ended.stderr.lines().collect();
    assert!(lines[0].starts_with("refused: ") && lines[0].ends_with("[bad_number]"), "{ended:?}");
    assert_eq!(lines[1..], ["  SL 1.2.3", "     ^^^^^"]);
    assert_eq!(ended.stdout, "");
}

#[test]
fn a_format_that_does_not_exist_is_wrong_usage() {
    let ended = Directory::empty().run(&["parse", "--format", "klingon", ORDER]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("klingon"), "{ended:?}");
}

#[test]
fn input_that_is_not_utf_8_is_a_sentence() {
    let ended = Directory::empty().run_on(b"BUY \xff", &["parse"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("not UTF-8"), "{ended:?}");
}

#[test]
fn lines_of_json_are_answered_in_order_and_bad_ones_too() {
    let mut input = String::new();
    for id in 0..2000 {
        input += &match id % 4 {
            0 => format!("{{\"id\":{id},\"text\":\"{ORDER}\"}}\n"),
            1 => format!("{{\"id\":{id},\"text\":\"no order here\"}}\n"),
            2 => format!("{{\"id\":{id},\"text\":\"{ORDER}\",\"format\":\"klingon\"}}\n"),
            _ => format!("{{\"id\":{id}\n"),
        };
    }
    let ended = Directory::empty().run_on(input.as_bytes(), &["parse", "--jsonl"]);
    assert_eq!(ended.code, Some(0));
    let answers: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), 2000);
    for (id, answer) in answers.iter().enumerate() {
        let expected = if id % 4 == 3 { Value::Null } else { id.into() };
        assert_eq!((&answer["id"], &answer["ok"]), (&expected, &(id % 4 == 0).into()), "{answer}");
    }
    assert_eq!(answers[2]["error"]["code"], "unknown_format");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let directory = Directory::empty();
    let mut command = directory.command(&["openapi"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

/// Collects the scalars inside a value, as text.
fn leaves(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Null => {}
        Value::Array(items) => items.iter().for_each(|item| leaves(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| leaves(field, found)),
        Value::String(text) => found.push(text.clone()),
        Value::Bool(_) | Value::Number(_) => found.push(value.to_string()),
    }
}

#[rstest]
#[case("auto", "BUY EURUSD @1.0860 SL 1.0850 TP1 1.0890 TP2 1.0900 0.5 lots risk 1%")]
#[case("auto", "SELL XAUUSD 2400-2410 SL 2420 TP 2380 leverage 10")]
#[case("auto", "6012345,buy,EURUSD,vol_lots=0.1,sl_pips=20,tp_pips=40")]
#[case("auto", "CLOSE HALF EURUSD")]
#[case("auto", "MOVE EURUSD SL TO 1.0855")]
#[case("auto", "EURUSD SL TO BE")]
#[case("whook", "main ETH/USDT cancel:first")]
#[case("auto", "CANCEL EURUSD")]
fn parse_shows_every_field_of_the_json(#[case] format: &str, #[case] text: &str) {
    let directory = Directory::empty();
    let json = directory.run(&["parse", "--json", "--format", format, text]);
    let shown = directory.run(&["parse", "--format", format, text]);
    assert_eq!((json.code, shown.code), (Some(0), Some(0)), "{json:?} {shown:?}");
    let signal: Value = serde_json::from_str(&json.stdout).unwrap();
    for (name, value) in signal.as_object().unwrap().iter().filter(|(name, _)| *name != "kind") {
        let mut values = Vec::new();
        leaves(value, &mut values);
        let label = name.replace('_', " ");
        let label = format!("  {label}  ");
        let line = shown.stdout.lines().find(|line| line.starts_with(&label));
        assert_eq!(line.is_some(), !values.is_empty(), "{name}: {}", shown.stdout);
        for value in values {
            assert!(line.is_some_and(|line| line.contains(&value)), "{name} {value}: {}", shown.stdout);
        }
    }
}

#[test]
fn parse_shows_whether_one_order_or_all_are_canceled() {
    let directory = Directory::empty();
    let one = directory.run(&["parse", "--format", "whook", "main ETH/USDT cancel:first"]).stdout;
    assert!(one.starts_with("understood: cancel one pending order\n") && one.contains("first"), "{one}");
    let all = directory.run(&["parse", "CANCEL ETHUSDT"]).stdout;
    assert!(all.starts_with("understood: cancel pending orders\n"), "{all}");
}
