//! Any bytes in any dialect: no panic, and every place that an answer names lies on characters of the message.
#![no_main]

use hookfill_domain::signal::{Format, Reading, Signal, Span, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, text)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(text);
    let format = Format::ALL[usize::from(*choice & 0x7f) % Format::ALL.len()];
    let reading = Reading { decimal_comma: *choice & 0x80 != 0, ..Reading::default() };
    let within = |span: Span| {
        assert!(span.start <= span.end && text.get(span.start..span.end).is_some(), "{span:?} of {text:?}");
    };
    match parse(&text, format, &reading) {
        Ok(parsed) => {
            parsed.spans.iter().for_each(|place| within(place.span));
            if let Signal::Order(order) = &parsed.signal {
                let (stop, targets) = (order.stop_loss, &order.take_profits);
                assert!(targets.iter().all(|target| Some(*target) != stop));
                assert!(targets.len() <= 10);
            }
        }
        Err(error) => {
            assert!(!error.detail.is_empty());
            error.span.into_iter().for_each(within);
        }
    }
});
