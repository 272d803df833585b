//! `hookfill parse --jsonl`: one line in, one line out, in order, for programs that read many signals.

use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};

use hookfill_domain::signal::{self, ErrorCode, ErrorView, Format, Reading, Signal, UnknownFormat};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Most bytes of a line: enough for the longest signal, each of its bytes escaped.
const MAX_LINE: usize = 1024 * 1024;

/// A line that came in. Its parts are read one by one, so that a bad one does not cost the answer its id.
#[derive(Deserialize)]
struct Question<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    text: Option<&'a RawValue>,
    #[serde(borrow, default)]
    format: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Understood<'a> {
    id: Option<&'a RawValue>,
    ok: bool,
    signal: &'a Signal,
}

#[derive(Serialize)]
struct Refused<'a> {
    id: Option<&'a RawValue>,
    ok: bool,
    error: ErrorView<'a>,
}

/// How reading a line ended.
enum Line {
    Whole,
    TooLong,
    End,
}

/// Answers every line. What is wrong with one is its answer, and never stops the rest.
///
/// # Errors
/// Input or output does not work.
pub(super) fn answer(mut input: BufReader<impl Read>, output: impl Write, default: Format) -> io::Result<()> {
    let mut output = BufWriter::new(output);
    let mut line = Vec::new();
    loop {
        // Nothing more to answer without waiting: who sends line by line gets answers so.
        if !input.buffer().contains(&b'\n') {
            output.flush()?;
        }
        match read_line(&mut input, &mut line)? {
            Line::Whole => answer_line(&line, default, &mut output)?,
            Line::TooLong => {
                let detail = format!("The line has more than {MAX_LINE} bytes.");
                refuse(None, ErrorCode::TooLarge.as_str(), &detail, &mut output)?;
            }
            Line::End => return output.flush(),
        }
    }
}

fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Line> {
    line.clear();
    let mut seen = false;
    let mut too_long = false;
    loop {
        let waiting = input.fill_buf()?;
        if waiting.is_empty() && !seen {
            return Ok(Line::End);
        }
        seen = true;
        let end = waiting.iter().position(|byte| *byte == b'\n');
        let part = &waiting[..end.unwrap_or(waiting.len())];
        too_long |= line.len() + part.len() > MAX_LINE;
        if !too_long {
            line.extend_from_slice(part);
        }
        let is_last = end.is_some() || waiting.is_empty();
        let used = part.len() + usize::from(end.is_some());
        input.consume(used);
        if is_last {
            return Ok(if too_long { Line::TooLong } else { Line::Whole });
        }
    }
}

fn answer_line(line: &[u8], default: Format, output: &mut impl Write) -> io::Result<()> {
    let bad_json = ErrorCode::BadJson.as_str();
    let question: Question<'_> = match serde_json::from_slice(line) {
        Ok(question) => question,
        Err(_) => return refuse(None, bad_json, "The line is no JSON object with `text`.", output),
    };
    let Question { id, text, format } = question;
    let Some(text) = text.map(RawValue::get).filter(|text| text.starts_with('"')) else {
        return refuse(id, bad_json, "The line has no string `text`.", output);
    };
    let Ok(text) = serde_json::from_str::<String>(text) else {
        let detail = "The string `text` holds half of a surrogate pair, which is no character.";
        return refuse(id, ErrorCode::BadEncoding.as_str(), detail, output);
    };
    let format = match format.map(|format| serde_json::from_str::<String>(format.get())) {
        None => default,
        Some(Err(_)) => return refuse(id, "unknown_format", "`format` is no string.", output),
        Some(Ok(name)) => match name.parse() {
            Ok(format) => format,
            Err(error @ UnknownFormat(_)) => return refuse(id, "unknown_format", &error.to_string(), output),
        },
    };
    match signal::parse(&text, format, &Reading::default()) {
        Ok(parsed) => print(&Understood { id, ok: true, signal: &parsed.signal }, output),
        Err(error) => print(&Refused { id, ok: false, error: ErrorView::from(&error) }, output),
    }
}

fn refuse(id: Option<&RawValue>, code: &str, detail: &str, output: &mut impl Write) -> io::Result<()> {
    print(&Refused { id, ok: false, error: ErrorView { code, detail, start: None, end: None } }, output)
}

fn print(answer: &impl Serialize, output: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *output, answer)?;
    output.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn answers(input: &[u8]) -> Vec<Value> {
        let mut output = Vec::new();
        answer(BufReader::new(input), &mut output, Format::Auto).unwrap();
        let text = String::from_utf8(output).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn every_line_is_answered_in_order_and_none_stops_the_rest() {
        let input = b"{\"id\":1,\"text\":\"BUY EURUSD\"}\nnoise\n\n{\"id\":\"x\",\"text\":7}\n\
            {\"id\":[2],\"text\":\"BUY EURUSD\",\"format\":\"klingon\"}\n{\"id\":3,\"text\":\"\\ud800\"}\n\
            \xff\n{\"text\":\"hello\",\"format\":null}\n{\"id\":4,\"text\":\"SELL EURUSD\",\"format\":\"text\",\"more\":0}";
        let answers = answers(input);
        let got: Vec<_> =
            answers.iter().map(|answer| (answer["id"].clone(), answer["error"]["code"].clone())).collect();
        let expected = [
            (json!(1), json!(null)),
            (json!(null), json!("bad_json")),
            (json!(null), json!("bad_json")),
            (json!("x"), json!("bad_json")),
            (json!([2]), json!("unknown_format")),
            (json!(3), json!("bad_encoding")),
            (json!(null), json!("bad_json")),
            (json!(null), answers[7]["error"]["code"].clone()),
            (json!(4), json!(null)),
        ];
        assert_eq!(got, expected);
        assert_eq!(answers[0]["signal"]["action"], "BUY");
        assert_eq!(answers[7]["ok"], false);
    }

    #[test]
    fn an_id_comes_back_as_it_was_sent() {
        let mut output = Vec::new();
        let input = br#"{"text":"","id":123456789012345678901234567890.10}"#;
        answer(BufReader::new(&input[..]), &mut output, Format::Auto).unwrap();
        let text = String::from_utf8(output).unwrap();
        assert!(text.starts_with(r#"{"id":123456789012345678901234567890.10,"ok":false,"#), "{text}");
    }

    #[test]
    fn a_line_that_is_too_long_costs_only_itself() {
        let mut input = vec![b'x'; MAX_LINE + 1];
        input.extend(b"\n{\"id\":2,\"text\":\"BUY EURUSD\"}\n");
        let answers = answers(&input);
        assert_eq!(answers[0]["error"]["code"], "too_large");
        assert_eq!((answers.len(), &answers[1]["id"]), (2, &json!(2)));
    }

    /// Gives its lines one a read, and notes how much had been answered by then.
    struct Slow<'a> {
        lines: Vec<&'static str>,
        written: &'a std::cell::RefCell<Vec<u8>>,
        answered: &'a std::cell::RefCell<Vec<usize>>,
    }

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.answered
                .borrow_mut()
                .push(self.written.borrow().iter().filter(|byte| **byte == b'\n').count());
            let Some(line) = self.lines.pop() else { return Ok(0) };
            buffer[..line.len()].copy_from_slice(line.as_bytes());
            Ok(line.len())
        }
    }

    struct Shared<'a>(&'a std::cell::RefCell<Vec<u8>>);

    impl Write for Shared<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn who_sends_line_by_line_gets_answers_line_by_line() {
        let (written, answered) = (Default::default(), Default::default());
        let lines =
            vec!["\"text\":\"\"}\n", "{\"id\":2,\"text\":\"\"}\n{\"id\":3,", "{\"id\":1,\"text\":\"\"}\n"];
        let input = Slow { lines, written: &written, answered: &answered };
        answer(BufReader::new(input), Shared(&written), Format::Auto).unwrap();
        assert_eq!(*answered.borrow(), [0, 1, 2, 3]);
    }
}
