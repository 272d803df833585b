//! `hookfill openapi`: print the OpenAPI document.

use std::io::{self, Write};

use super::Outcome;

/// Prints the document that the service serves at `/openapi.json`.
///
/// # Errors
/// Standard output does not take it.
pub fn run() -> anyhow::Result<Outcome> {
    let document = crate::http::openapi().to_pretty_json()?;
    let mut out = io::stdout().lock();
    writeln!(out, "{document}")?;
    out.flush()?;
    Ok(Outcome::Done)
}
