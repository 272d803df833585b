//! A message that has lost characters on the way is refused.

use hookfill_domain::signal::{Format, Reading, parse};

#[test]
fn lost_characters_are_refused_in_every_format() {
    let texts = [
        "SELL CADJPY 108.40 SL 109.00 TP 107.40\u{fffd}",
        "\u{fffd} SELL CADJPY SL 109.00 TP 107.40",
        "{\"action\":\"sell\",\"symbol\":\"CADJPY\",\"note\":\"a\u{fffd}b\"}",
        r#"{"action":"sell","symbol":"CADJPY","note":"a\ufffdb"}"#,
        r#"{"action":"sell","symbol":"CADJPY","n\uFFFDte":"b"}"#,
        r#"{"signal":"SELL CADJPY SL 109.00 TP 107.40\ufffd"}"#,
        "SYMBOL=BTCUSDT\nSIGNAL=SELL\nTAG=\u{fffd}",
        "6012345,sell,EURUSD,vol_lots=0.1,comment=\u{fffd}",
    ];
    for text in texts {
        for format in Format::ALL {
            let escaped = text.is_ascii();
            if escaped && !matches!(format, Format::Auto | Format::TradingView | Format::TradersPost) {
                continue;
            }
            let error = parse(text, *format, &Reading::default()).unwrap_err();
            let blamed = error.span.map(|span| text[span.start..span.end].to_lowercase());
            let lost = if escaped { "\\ufffd" } else { "\u{fffd}" };
            assert_eq!(
                (error.code.as_str(), blamed.as_deref()),
                ("bad_encoding", Some(lost)),
                "{text} as {format}"
            );
        }
    }
}
