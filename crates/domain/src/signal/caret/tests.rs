use super::*;
use crate::signal::{Format, Reading, parse};

fn shown(text: &str) -> String {
    let error = parse(text, Format::Auto, &Reading::default()).unwrap_err();
    render_caret(text, &error, false)
}

#[test]
fn the_mark_stands_under_the_characters_that_are_to_blame() {
    let shown = shown("BUY EURUSD @1.0860\r\nSL 1.2.3\r\nTP 1.0890");
    assert_eq!(shown, "bad_number: `1.2.3` is not a plain decimal number.\n2 | SL 1.2.3\n       ^^^^^");
}

#[test]
fn tabs_and_wide_characters_move_the_mark() {
    let lines: Vec<String> = shown("BUY EURUSD\n\t🛑SL 1,5 TP 2").lines().map(str::to_owned).collect();
    assert_eq!(lines[1], "2 |     🛑SL 1,5 TP 2");
    assert_eq!(lines[2].len(), "2 | ".len() + 4 + 2 + 3 + 3);
}

#[test]
fn a_long_line_is_cut_around_the_place_and_nothing_commands_the_terminal() {
    let shown = shown(&format!("{} BUY EURUSD SL 1.2.3", "\u{7}abc ".replace('\u{7}', "x").repeat(200)));
    assert!(shown.lines().all(|line| line.chars().count() <= WIDEST + 10), "{shown}");
    assert!(shown.contains("^^^^^"));
    let error = parse("BUY \u{1b}[2J", Format::Auto, &Reading::default()).unwrap_err();
    assert!(!render_caret("BUY \u{1b}[2J", &error, false).contains('\u{1b}'));
    assert!(render_caret("BUY", &error, true).contains(RED));
}
