//! Every example of docs/SIGNALS.md says what the program does, and every code has its row.

use hookfill_domain::signal::{ErrorCode, Format, Reading, parse};
use serde_json::{Value, json};

const PAGE: &str = include_str!("../../../../docs/SIGNALS.md");

/// Codes that need a message no page can show, or that the language leaves to others.
const WITHOUT_EXAMPLE: &[ErrorCode] = &[
    ErrorCode::Empty,
    ErrorCode::TooLarge,
    ErrorCode::BadEncoding,
    ErrorCode::MissingStopLoss,
    ErrorCode::MissingTakeProfit,
    ErrorCode::Stale,
];

struct Example {
    format: Format,
    text: String,
    expected: Value,
}

/// Pairs of a `signal` block and the `json` block behind it.
fn examples() -> Vec<Example> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, Vec<&str>)> = None;
    for line in PAGE.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(_), Some((kind, lines))) => {
                blocks.push((std::mem::take(kind), lines.join("\n")));
                open = None;
            }
            (Some(kind), None) => open = Some((kind.to_owned(), Vec::new())),
            (None, Some((_, lines))) => lines.push(line),
            (None, None) => {}
        }
    }
    let signals = blocks.iter().enumerate().filter(|(_, (kind, _))| kind.starts_with("signal"));
    signals
        .map(|(at, (kind, text))| Example {
            format: kind
                .split(' ')
                .nth(1)
                .map_or(Format::Auto, |name| name.parse().unwrap_or_else(|error| panic!("{error}"))),
            text: text.clone(),
            expected: serde_json::from_str(&blocks[at + 1].1)
                .unwrap_or_else(|error| panic!("{text}: {error}")),
        })
        .collect()
}

fn answer(example: &Example) -> Value {
    match parse(&example.text, example.format, &Reading::default()) {
        Ok(parsed) => json!(parsed.signal),
        Err(error) => {
            let at = error.span.map(|span| &example.text[span.start..span.end]);
            json!({"code": error.code, "at": at})
        }
    }
}

#[test]
fn every_example_is_answered_as_the_page_says() {
    let mut wrong = Vec::new();
    for example in examples() {
        let answer = answer(&example);
        for (key, value) in example.expected.as_object().unwrap() {
            if answer.get(key) != Some(value) {
                wrong.push(format!("{}\n  {key}: {value} on the page, {answer}", example.text));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_code_has_its_row_and_every_code_of_the_language_an_example() {
    let shown: Vec<_> = examples()
        .iter()
        .filter_map(|example| example.expected["code"].as_str().map(str::to_owned))
        .collect();
    for code in ErrorCode::ALL {
        assert!(PAGE.contains(&format!("`{code}`")), "{code} has no row");
        let exempt = WITHOUT_EXAMPLE.contains(code);
        assert!(exempt || shown.iter().any(|shown| shown == code.as_str()), "{code} has no example");
    }
}

#[test]
fn every_format_has_an_example() {
    for format in Format::ALL {
        assert!(PAGE.contains(&format!("`{format}`")), "{format}");
    }
}
