//! How a request wants its signal to be read.

use hookfill_domain::account::Policy;
use hookfill_domain::signal::{Format, Reading};
use serde_json::Value;

use super::body::Object;
use super::error::ApiError;

/// The dialect of a body: the format, and the word that named it.
///
/// # Errors
/// 400 for a word that names none.
pub fn format(object: &Object) -> Result<(Format, Option<&str>), ApiError> {
    let word = match object.get("format") {
        None => return Ok((Format::Auto, None)),
        Some(Value::String(word)) => word.as_str(),
        Some(_) => return Err(ApiError::bad_request("unknown_format", "`format` must be a string.")),
    };
    match word.parse() {
        Ok(format) => Ok((format, Some(word))),
        Err(_) => {
            Err(ApiError::bad_request("unknown_format", "`format` names no dialect that is known here."))
        }
    }
}

/// What a policy changes about the reading.
#[must_use]
pub fn of(policy: &Policy) -> Reading {
    Reading { aliases: policy.aliases.clone(), decimal_comma: policy.decimal_comma }
}
