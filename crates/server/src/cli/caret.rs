//! Shows the place in a text that is to blame: its line, and carets under the characters.

use std::ops::Range;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::harmless;

/// Most columns of the line that are shown before and after the place.
const CONTEXT: usize = 60;

/// Two lines for the bytes `place` of `text`, or nothing where that is no place in it.
pub(super) fn under(text: &str, place: Range<usize>) -> Option<String> {
    if place.start > place.end || !text.is_char_boundary(place.start) || !text.is_char_boundary(place.end) {
        return None;
    }
    let begin = text[..place.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[place.start..].find('\n').map_or(text.len(), |at| place.start + at);
    let line = text[begin..end].trim_end_matches('\r');
    // A place may reach over the end of its line; only the first line is shown.
    let blamed = line.get(place.start - begin..place.end.min(begin + line.len()) - begin).unwrap_or("");
    let before = tail(line.get(..place.start - begin).unwrap_or(line));
    let after = head(line.get(place.start - begin + blamed.len()..).unwrap_or(""));
    let blamed = head(blamed);
    let (before, blamed, after) = (visible(before), visible(blamed), visible(after));
    let carets = "^".repeat(blamed.width().max(1));
    Some(format!("  {before}{blamed}{after}\n  {}{carets}", " ".repeat(before.width())))
}

/// As it may stand on a terminal; a tab is one blank, so that columns can be counted.
fn visible(text: &str) -> String {
    harmless(&text.replace('\t', " "))
}

fn head(text: &str) -> &str {
    let mut width = 0;
    let end = text.char_indices().find(|(_, letter)| {
        width += letter.width().unwrap_or(1);
        width > CONTEXT
    });
    end.map_or(text, |(at, _)| &text[..at])
}

fn tail(text: &str) -> &str {
    let mut width = 0;
    let begin = text.char_indices().rev().find(|(_, letter)| {
        width += letter.width().unwrap_or(1);
        width > CONTEXT
    });
    begin.map_or(text, |(at, letter)| &text[at + letter.len_utf8()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, blamed: &str) -> String {
        let start = text.find(blamed).unwrap();
        under(text, start..start + blamed.len()).unwrap()
    }

    #[test]
    fn carets_stand_under_the_characters_of_their_line() {
        assert_eq!(shown("BUY EURUSD\nSL 1.2.3 now\r\nTP 2", "1.2.3"), "  SL 1.2.3 now\n     ^^^^^");
    }

    #[test]
    fn wide_and_joined_characters_take_the_columns_that_a_terminal_gives_them() {
        assert_eq!(shown("买 🔥 BUY x", "x"), "  买 🔥 BUY x\n            ^");
        assert_eq!(shown("e\u{301}\tBUX", "BUX"), "  e\u{301} BUX\n    ^^^");
    }

    #[test]
    fn an_empty_place_has_one_caret_also_at_the_end() {
        assert_eq!(under("BUY", 3..3).unwrap(), "  BUY\n     ^");
        assert_eq!(under("", 0..0).unwrap(), "  \n  ^");
        assert_eq!(under("BUY\r\n", 4..5).unwrap(), "  BUY\n     ^");
        assert_eq!(under("BUY\n", 4..4).unwrap(), "  \n  ^");
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let text = format!("{}here{}", "a".repeat(500), "b".repeat(500));
        let expected = format!("  {}here{}\n  {}^^^^", "a".repeat(60), "b".repeat(60), " ".repeat(60));
        assert_eq!(shown(&text, "here"), expected);
    }

    #[test]
    fn what_a_terminal_would_obey_is_not_shown() {
        assert!(!shown("\u{1b}[2J\u{202e}BUY", "BUY").contains(['\u{1b}', '\u{202e}']));
    }

    #[test]
    fn what_is_no_place_in_the_text_shows_nothing() {
        assert_eq!(under("é", 1..2), None);
        assert_eq!(under("BUY", 2..9), None);
        let backwards = Range { start: 2, end: 1 };
        assert_eq!(under("BUY", backwards), None);
    }
}
