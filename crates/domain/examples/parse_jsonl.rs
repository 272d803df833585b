//! Reads signals from standard input, one JSON object a line, and answers each with one line: the line protocol of
//! `hookfill parse --jsonl`, with nothing but the language behind it. Arguments are ignored.

use std::io::{self, BufRead, BufWriter, Write};

use hookfill_domain::signal::{ErrorCode, Format, Reading, SignalError, parse};
use serde_json::{Value, json};

fn main() -> io::Result<()> {
    let reading = Reading::default();
    let mut answers = BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        writeln!(answers, "{}", answer(&line?, &reading))?;
    }
    answers.flush()
}

fn answer(line: &str, reading: &Reading) -> Value {
    let asked: Value = serde_json::from_str(line).unwrap_or_default();
    let (id, text) = (&asked["id"], asked["text"].as_str().unwrap_or_default());
    let read = match asked["format"].as_str().unwrap_or("auto").parse::<Format>() {
        Ok(format) => parse(text, format, reading),
        Err(unknown) => {
            let error =
                SignalError { code: ErrorCode::UnknownParameter, detail: unknown.to_string(), span: None };
            Err(error)
        }
    };
    match read {
        Ok(parsed) => json!({ "id": id, "ok": true, "signal": parsed.signal }),
        Err(error) => json!({ "id": id, "ok": false, "error": {
            "code": error.code,
            "detail": error.detail,
            "start": error.span.map(|span| span.start),
            "end": error.span.map(|span| span.end),
        }}),
    }
}
