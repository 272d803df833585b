//! What a request asks for: its text, its dialect, its account, its idempotency key.

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

/// The account id that a body names, if any.
///
/// # Errors
/// 400 if it is not a string, or has control characters.
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
pub(super) fn half_hash(parts: &[&[u8]]) -> [u8; 16] {
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
fn idempotency_key<'a>(object: &'a Object, headers: &'a HeaderMap) -> Result<Option<&'a str>, ApiError> {
    let invalid = |detail: &str| Err(ApiError::bad_request("invalid_idempotency_key", detail));
    let mut keys = headers.get_all("idempotency-key").iter();
    let header = match keys.next().map(|value| value.to_str()) {
        None => None,
        Some(Ok(key)) if keys.next().is_none() => Some(key),
        Some(_) => return invalid("Idempotency-Key must be one header of visible ASCII characters."),
    };
    let name = if object.get("idempotency_key").is_some() { "idempotency_key" } else { "id" };
    let field = match object.get(name) {
        None => None,
        Some(Value::String(key)) => Some(key.as_str()),
        // Many senders number their alerts. Two numbers are the same key only if they are written alike.
        Some(Value::Number(_)) => object.number(name),
        Some(_) => return invalid("The idempotency key must be a string or a number."),
    };
    if let (Some(header), Some(field)) = (header, field)
        && header != field
    {
        return invalid("The header Idempotency-Key and the body's key are different.");
    }
    match header.or(field) {
        Some(key) if key.is_empty() || key.chars().count() > 255 => {
            invalid("The idempotency key must have 1 to 255 characters.")
        }
        Some(key) if key.chars().any(char::is_control) => {
            invalid("The idempotency key has a control character.")
        }
        key => Ok(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};
    use proptest::prelude::*;
    use rstest::rstest;

    fn key(body: &str, header: Option<&str>) -> Result<String, String> {
        let header = header.map(|key| HeaderValue::from_str(key).unwrap());
        let name = HeaderName::from_static("idempotency-key");
        let headers: HeaderMap = header.into_iter().map(|key| (name.clone(), key)).collect();
        let object = Object::parse(body.as_bytes()).map_err(|error| error.code().to_owned())?;
        let key = idempotency_key(&object, &headers).map_err(|error| error.code().to_owned())?;
        Ok(key.expect("a key").to_owned())
    }

    /// The text of a JSON number.
    fn number() -> impl Strategy<Value = String> {
        "-?(0|[1-9][0-9]{0,39})([.][0-9]{1,30})?([eE][+-]?[0-9]{1,2})?"
    }

    proptest! {
        #[test]
        fn a_numeric_key_keeps_its_digits(number in number(), blanks in "[ \t\n]{0,3}", field in "id|idempotency_key") {
            let body = format!("{{\"signal\":\"x\",{blanks}\"{field}\"{blanks}:{blanks}{number}{blanks}}}");
            prop_assert_eq!(key(&body, None), Ok(number.clone()));
            prop_assert_eq!(key(&body, Some(&number)), Ok(number.clone()));
            let text = format!("{{\"{field}\":\"{number}\"}}");
            prop_assert_eq!(key(&text, None), Ok(number.clone()));
            let longer = format!("{number}0");
            prop_assert_eq!(key(&body, Some(&longer)), Err("invalid_idempotency_key".to_owned()));
        }
    }

    #[rstest]
    #[case("1732789012.123456701", "1732789012.123456789")]
    #[case("18446744073709551616", "18446744073709551617")]
    #[case("123456789012345678901234567890", "123456789012345678901234567891")]
    #[case("1", "1.0")]
    #[case("1e5", "100000")]
    #[case("1e5", "1E5")]
    #[case("-0", "0")]
    fn numbers_that_are_written_differently_are_different_keys(#[case] one: &str, #[case] other: &str) {
        let of = |number: &str| key(&format!("{{\"id\":{number}}}"), None).unwrap();
        assert_eq!((of(one).as_str(), of(other).as_str()), (one, other));
    }

    #[test]
    fn a_numeric_key_has_the_length_limit_of_any_other() {
        let digits = "7".repeat(256);
        assert_eq!(key(&format!("{{\"id\":{}}}", &digits[1..]), None), Ok(digits[1..].to_owned()));
        let refused = key(&format!("{{\"id\":{digits}}}"), None);
        assert_eq!(refused, Err("invalid_idempotency_key".to_owned()));
    }

    #[test]
    fn a_number_deeper_in_the_body_is_not_a_key() {
        let object = Object::parse(br#"{"signal":"x","more":{"id":1.50}}"#).unwrap();
        assert_eq!(idempotency_key(&object, &HeaderMap::new()).unwrap(), None);
    }
}
