//! Messages that repeat one piece until nothing more fits: where a look ahead or back has no bound, these take
//! minutes. No clock is read: how long the longest of them takes is what `benches/signal.rs` prints.

use hookfill_domain::signal::limits::MAX_BYTES;
use hookfill_domain::signal::{ErrorCode, Format, Reading, parse};

const PIECES: &[&str] = &[
    "BUY ",
    "1 ",
    "1.1 ",
    "SL 1 ",
    "TP 1 ",
    "TP1 ",
    "@",
    "@a",
    "(",
    ")",
    "-",
    "1-",
    "1/",
    "1,",
    "x_",
    "EURUSD ",
    "close ",
    "half at ",
    "signal ",
    "\n",
    "\n1) ",
    "{",
    "{\"a\":",
    "[",
    "\"",
    "a=1,",
    "hit ",
    "not ",
    ":a",
    "1:",
    ". ",
    "🔥",
    "é",
    "A",
    "BTC/",
    "EUR ",
    "risk ",
    "move sl ",
    "limit ",
    "now ",
    "trailing ",
    "\\u0041",
    "<a",
    "%a",
];

#[test]
fn the_longest_repetition_of_anything_is_answered_in_every_dialect() {
    for piece in PIECES {
        let head = "BUY EURUSD 1.1 SL 1.0 TP 1.2 ";
        let text = format!("{head}{}", piece.repeat((MAX_BYTES - head.len()) / piece.len()));
        let bare = piece.repeat(MAX_BYTES / piece.len());
        for format in Format::ALL {
            for text in [&text, &bare] {
                let answer = parse(text, *format, &Reading::default());
                assert_eq!(
                    answer,
                    parse(text, *format, &Reading::default()),
                    "{piece:?} as {format}"
                );
            }
        }
    }
}

#[test]
fn what_is_longer_than_the_limit_is_refused_before_it_is_read() {
    for format in Format::ALL {
        let refused = parse(&"BUY ".repeat(16 * 1024), *format, &Reading::default()).unwrap_err();
        assert_eq!(refused.code, ErrorCode::TooLarge);
    }
}
