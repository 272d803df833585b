//! Pages: limits, cursors, and the link to the next page.

use http::{HeaderValue, Uri};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::ApiError;

/// Items of a page, if the caller does not say.
const DEFAULT_LIMIT: usize = 100;

/// The query of a request.
///
/// # Errors
/// 400 for a query that has not the right form.
pub fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, ApiError> {
    axum::extract::Query::try_from_uri(uri).map(|axum::extract::Query(query)| query).map_err(|error| {
        ApiError::bad_request("invalid_query", format!("The query cannot be read: {}.", error.body_text()))
    })
}

/// `?limit=`, still as text.
#[derive(Debug, Default, Deserialize)]
pub struct Limit {
    limit: Option<String>,
}

impl Limit {
    /// How many items, from 1 to 1000.
    ///
    /// # Errors
    /// 400 for anything else.
    pub fn items(&self) -> Result<usize, ApiError> {
        let Some(text) = self.limit.as_deref() else { return Ok(DEFAULT_LIMIT) };
        let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        match text.parse() {
            Ok(limit) if plain && (1..=hookfill_store::MAX_PAGE).contains(&limit) => Ok(limit),
            _ => {
                let detail = format!("`limit` is a number from 1 to {}.", hookfill_store::MAX_PAGE);
                Err(ApiError::bad_request("invalid_limit", detail))
            }
        }
    }
}

/// A cursor of some numbers: opaque to clients, dots between numbers here.
#[must_use]
pub fn write_cursor(kind: char, numbers: &[i64]) -> String {
    let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    format!("{kind}{}", numbers.join("."))
}

/// Reads a cursor of a kind.
///
/// # Errors
/// 400 for a text that is no such cursor.
pub fn read_cursor<const N: usize>(kind: char, text: &str) -> Result<[i64; N], ApiError> {
    let invalid = || ApiError::bad_request("invalid_cursor", "`cursor` is not one that this list gave out.");
    let numbers = text.strip_prefix(kind).ok_or_else(invalid)?;
    let plain = numbers.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let numbers: Vec<i64> = numbers
        .split('.')
        .map(str::parse)
        .collect::<Result<_, _>>()
        .ok()
        .filter(|_| plain)
        .ok_or_else(invalid)?;
    numbers.try_into().map_err(|_| invalid())
}

/// `Link` to the page that begins after the cursor, with the caller's other parameters.
#[must_use]
pub fn next_link(uri: &Uri, cursor: &str) -> Option<HeaderValue> {
    let kept = uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
    let cursor = format!("cursor={cursor}");
    let query: Vec<&str> = kept.chain([cursor.as_str()]).collect();
    HeaderValue::try_from(format!("<{}?{}>; rel=\"next\"", uri.path(), query.join("&"))).ok()
}
