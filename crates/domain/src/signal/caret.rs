//! A refusal for a terminal: the line, and a mark under the characters that are to blame.

use super::SignalError;
use super::fold;

/// Columns between two tab stops.
const TAB: usize = 4;
/// Columns of the line that are shown at most.
const WIDEST: usize = 100;

const RED: &str = "\u{1b}[31m";
const BOLD: &str = "\u{1b}[1m";
const PLAIN: &str = "\u{1b}[0m";

/// Shows a refusal: its code and sentence, and where a place is to blame the line with `^^^` under it.
///
/// Tabs are widened, wide characters count two columns, and control characters are never passed to the terminal.
#[must_use]
pub fn render_caret(text: &str, error: &SignalError, color: bool) -> String {
    let (red, bold, plain) = if color { (RED, BOLD, PLAIN) } else { ("", "", "") };
    let mut shown = format!("{red}{}{plain}: {bold}{}{plain}", error.code, printable(&error.detail));
    let Some(span) = error.span else { return shown };
    let (start, end) = (boundary(text, span.start), boundary(text, span.end));
    let line_start = text[..start]
        .rfind(is_line_end)
        .map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
    let line_end = text[start..].find(is_line_end).map_or(text.len(), |at| start + at);
    let number =
        text[..line_start].matches(is_line_end).count() - text[..line_start].matches("\r\n").count() + 1;
    let first = first_shown(&text[line_start..start]) + line_start;
    let before = columns(&text[first..start]);
    let marked = columns(&text[start..end.min(line_end)]).max(1);
    let margin = format!("{number} | ");
    shown.push_str(&format!("\n{margin}{}\n", visible(&text[first..line_end])));
    shown.push_str(&" ".repeat(margin.len() + before));
    shown.push_str(&format!("{red}{}{plain}", "^".repeat(marked.min(WIDEST))));
    shown
}

fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// The nearest place at or before `at` that does not cut a character.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default()
}

/// From where a long line is shown, so that the place is still in sight.
fn first_shown(before: &str) -> usize {
    let mut width = 0;
    for (at, c) in before.char_indices().rev() {
        width += columns_of(c);
        if width > WIDEST / 2 {
            return at + c.len_utf8();
        }
    }
    0
}

/// The line as a terminal may have it, cut where it gets too wide.
fn visible(line: &str) -> String {
    let mut width = 0;
    line.chars()
        .take_while(|c| {
            width += columns_of(*c);
            width <= WIDEST
        })
        .map(|c| if c == '\t' { " ".repeat(TAB) } else { printable(c.encode_utf8(&mut [0; 4])) })
        .collect()
}

/// Without what would command the terminal or turn its text round.
fn printable(text: &str) -> String {
    let commands = |c: char| c.is_control() || fold::is_direction_override(c);
    text.chars().map(|c| if commands(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

fn columns(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// How many columns a character takes, near enough for a mark to stand under it.
fn columns_of(c: char) -> usize {
    let wide = matches!(c, '\u{1100}'..='\u{115F}' | '\u{2E80}'..='\u{A4CF}' | '\u{AC00}'..='\u{D7A3}'
        | '\u{F900}'..='\u{FAFF}' | '\u{FE30}'..='\u{FE6F}' | '\u{FF01}'..='\u{FF60}' | '\u{1F300}'..='\u{1FAFF}'
        | '\u{231A}' | '\u{231B}' | '\u{26A1}' | '\u{2705}' | '\u{274C}' | '\u{274E}' | '\u{2753}'..='\u{2757}' | '\u{2795}'..='\u{2797}');
    if c == '\t' {
        TAB
    } else if fold::is_invisible(c) && c != '\u{AD}' || fold::is_combining(c) {
        0
    } else {
        1 + usize::from(wide)
    }
}

#[cfg(test)]
mod tests;
