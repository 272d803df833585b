//! What a request asks for: its text, its dialect, its account, its idempotency key.

use std::borrow::Cow;

use hookfill_domain::signal::Format;
use hookfill_store::Idempotency;
use http::HeaderMap;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::http::body::{self, Object};
use crate::http::error::ApiError;
use crate::http::reading;

/// Which route an idempotency key counts for.
const ROUTE: &[u8] = b"POST /webhook/receive-signal/";

/// What a request asks for.
pub(super) struct Delivery<'a> {
    pub(super) text: &'a str,
    pub(super) format: Format,
    pub(super) format_word: Option<&'a str>,
    pub(super) account_id: Option<&'a str>,
    pub(super) idempotency: Option<Idempotency>,
}

impl<'a> Delivery<'a> {
    /// Reads a request.
    ///
    /// # Errors
    /// 400 that names what has the wrong shape.
    pub(super) fn read(object: &'a Object, headers: &'a HeaderMap, bytes: &[u8]) -> Result<Self, ApiError> {
        let text = body::signal_text(object)?;
        let (format, format_word) = reading::format(object)?;
        let account_id = account_id(object)?;
        let idempotency = idempotency_key(object, headers)?.map(|key| Idempotency {
            key_hash: half_hash(&[ROUTE, key.as_bytes()]),
            body_hash: half_hash(&[bytes]),
        });
        Ok(Self { text, format, format_word, account_id, idempotency })
    }
}

/// The account that a body names, if it does.
///
/// # Errors
/// 400 where it is no string, or has control characters.
pub(in crate::http) fn account_id(object: &Object) -> Result<Option<&str>, ApiError> {
    match object.get("broker_account_id") {
        None => Ok(None),
        Some(Value::String(id)) if id.chars().any(char::is_control) => {
            Err(wrong_field("broker_account_id", "Control characters are not allowed."))
        }
        Some(Value::String(id)) => Ok(Some(id)),
        Some(_) => Err(wrong_field("broker_account_id", "Not a valid string.")),
    }
}

fn wrong_field(field: &'static str, sentence: &str) -> ApiError {
    ApiError::fields([(field, vec![sentence.to_owned()])].into())
}

/// The first 16 bytes of a SHA-256 over parts, each with its length.
fn half_hash(parts: &[&[u8]]) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let full: [u8; 32] = hash.finalize().into();
    let mut half = [0; 16];
    half.copy_from_slice(&full[..16]);
    half
}

/// The idempotency key of a request: the header, the field, or the `id` beside the signal; all that are there agree.
fn idempotency_key<'a>(object: &'a Object, headers: &'a HeaderMap) -> Result<Option<Cow<'a, str>>, ApiError> {
    let invalid = |detail: &str| Err(ApiError::bad_request("invalid_idempotency_key", detail));
    let mut keys = headers.get_all("idempotency-key").iter();
    let header = match keys.next().map(|value| value.to_str()) {
        None => None,
        Some(Ok(key)) if keys.next().is_none() => Some(key),
        Some(_) => return invalid("Idempotency-Key must be one header of visible ASCII characters."),
    };
    let field = match object.get("idempotency_key").or_else(|| object.get("id")) {
        None => None,
        Some(Value::String(key)) => Some(Cow::Borrowed(key.as_str())),
        // Many senders count their alerts.
        Some(Value::Number(key)) => Some(Cow::Owned(key.to_string())),
        Some(_) => return invalid("The idempotency key must be a string or a number."),
    };
    if let (Some(header), Some(field)) = (header, &field)
        && header != field
    {
        return invalid("The header Idempotency-Key and the body's key are different.");
    }
    match header.map(Cow::Borrowed).or(field) {
        Some(key) if key.is_empty() || key.chars().count() > 255 => {
            invalid("The idempotency key must have 1 to 255 characters.")
        }
        Some(key) if key.chars().any(char::is_control) => {
            invalid("The idempotency key has a control character.")
        }
        key => Ok(key),
    }
}
