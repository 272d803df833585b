//! `hookfill parse`.

use std::process::Stdio;

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
