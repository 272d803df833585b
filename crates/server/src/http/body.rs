//! Reading a request's body: how much, for how long, and what JSON object it holds.

use std::collections::BTreeMap;
use std::fmt;

use axum::body::Body;
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::error::ApiError;
use super::limits::{BODY, BODY_WAIT};

/// Reads a body whole.
///
/// # Errors
/// 413 over the limit, 408 if it is not complete in time, 400 if the connection breaks off.
pub async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, ApiError> {
    let closing = |error: ApiError| error.with_header(CONNECTION, HeaderValue::from_static("close"));
    let too_large = || {
        let detail = format!("The body is larger than {BODY} bytes.");
        closing(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail))
    };
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > BODY as u64) {
        return Err(too_large());
    }
    let collected = tokio::time::timeout(BODY_WAIT, Limited::new(body, BODY).collect()).await;
    match collected {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(closing(ApiError::bad_request("body_incomplete", "The body broke off."))),
        Err(_) => {
            let detail = format!("The body was not complete within {} s.", BODY_WAIT.as_secs());
            Err(closing(ApiError::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", detail)))
        }
    }
}

/// Checks that a body may be read as JSON: `application/json`, `text/plain` (what TradingView and `curl -d` with a
/// hand-written header send), or no `Content-Type` at all.
///
/// # Errors
/// 415 for anything else.
pub fn expect_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(content_type) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let essence = content_type.to_str().ok().and_then(|text| text.split(';').next()).map(str::trim);
    let taken = ["application/json", "text/plain", ""];
    if essence.is_some_and(|essence| taken.iter().any(|taken| essence.eq_ignore_ascii_case(taken))) {
        return Ok(());
    }
    let detail = "Send JSON, as application/json.";
    Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail))
}

/// Reads a body as one JSON object.
///
/// # Errors
/// 400, 408, 413 or 415.
pub async fn read_object(headers: &HeaderMap, body: Body) -> Result<Object, ApiError> {
    expect_json(headers)?;
    Object::parse(&read(headers, body).await?)
}

/// A JSON object. No `Debug`: secrets arrive in it.
pub struct Object {
    fields: Map<String, Value>,
    /// The raw text of the fields that are numbers: parsing a number may round it.
    numbers: BTreeMap<String, Box<RawValue>>,
}

impl Object {
    /// Reads an object.
    ///
    /// # Errors
    /// 400 for what is no JSON, no object, or names a key twice, at whatever depth.
    pub fn parse(bytes: &[u8]) -> Result<Self, ApiError> {
        let parsed: Result<Distinct, _> = serde_json::from_slice(bytes);
        match parsed {
            Ok(Distinct(Value::Object(fields))) => Ok(Self { numbers: numbers(&fields, bytes), fields }),
            Ok(_) => Err(ApiError::bad_request("wrong_shape", "The body must be one JSON object.")),
            Err(error) if error.is_data() => {
                Err(ApiError::bad_request("wrong_shape", format!("The body cannot be read: {error}.")))
            }
            Err(_) if std::str::from_utf8(bytes).is_err() => {
                Err(ApiError::bad_request("bad_encoding", "The body is not UTF-8."))
            }
            Err(error) => Err(ApiError::bad_request("bad_json", format!("The body is not JSON: {error}."))),
        }
    }

    /// A field; `None` if it is absent or null.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    /// The raw text of a field that is a number; `None` if it is anything else.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<&str> {
        self.numbers.get(name).map(|number| number.get())
    }

    /// The names of all fields.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.keys().map(String::as_str)
    }
}

/// The raw text of the fields that are numbers, in an object that has already been parsed.
fn numbers(fields: &Map<String, Value>, bytes: &[u8]) -> BTreeMap<String, Box<RawValue>> {
    if !fields.values().any(Value::is_number) {
        return BTreeMap::new();
    }
    let mut raw: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(bytes).unwrap_or_default();
    raw.retain(|name, _| fields.get(name).is_some_and(Value::is_number));
    raw
}

/// A JSON value in which no object names a key twice: whoever sent that meant one of the two, and which is a guess.
struct Distinct(Value);

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue).map(Self)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut read = Vec::new();
        while let Some(Distinct(item)) = items.next_element()? {
            read.push(item);
        }
        Ok(Value::Array(read))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut read = Map::new();
        while let Some(key) = fields.next_key::<String>()? {
            if read.contains_key(&key) {
                return Err(de::Error::custom(format_args!("the key `{key}` stands there twice")));
            }
            let Distinct(value) = fields.next_value()?;
            read.insert(key, value);
        }
        Ok(Value::Object(read))
    }
}

/// What is wrong with single fields, gathered before it is said.
#[derive(Debug, Default)]
pub struct FieldErrors(BTreeMap<&'static str, Vec<String>>);

impl FieldErrors {
    /// Notes that something is wrong with a field.
    pub fn add(&mut self, field: &'static str, sentence: impl Into<String>) {
        self.0.entry(field).or_default().push(sentence.into());
    }

    /// A text that must be there: not blank, at most `longest` characters, without control characters.
    pub fn text(&mut self, object: &Object, field: &'static str, longest: usize) -> String {
        let text = match object.get(field) {
            None => return self.refuse(field, "This field is required."),
            Some(Value::String(text)) => text.trim(),
            Some(_) => return self.refuse(field, "Not a valid string."),
        };
        if text.is_empty() {
            return self.refuse(field, "This field may not be blank.");
        }
        if text.chars().count() > longest {
            return self.refuse(field, format!("Ensure this field has no more than {longest} characters."));
        }
        if text.chars().any(char::is_control) {
            return self.refuse(field, "Control characters are not allowed.");
        }
        text.to_owned()
    }

    fn refuse(&mut self, field: &'static str, sentence: impl Into<String>) -> String {
        self.add(field, sentence);
        String::new()
    }

    /// Ends the gathering.
    ///
    /// # Errors
    /// 400 with `errors`, if anything was noted.
    pub fn check(self) -> Result<(), ApiError> {
        if self.0.is_empty() { Ok(()) } else { Err(ApiError::fields(self.0)) }
    }
}

/// The signal text of a request: a string, not blank, with no control character but those of lines and tabs.
///
/// # Errors
/// 400 with `errors`.
pub fn signal_text(object: &Object) -> Result<&str, ApiError> {
    let mut errors = FieldErrors::default();
    let text = match object.get("signal") {
        Some(Value::String(text)) if text.trim().is_empty() => {
            errors.add("signal", "This field may not be blank.");
            ""
        }
        Some(Value::String(text))
            if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) =>
        {
            errors.add("signal", "Control characters are not allowed.");
            ""
        }
        Some(Value::String(text)) => text.as_str(),
        Some(_) => {
            errors.add("signal", "Not a valid string.");
            ""
        }
        None => {
            errors.add("signal", "This field is required.");
            ""
        }
    };
    errors.check().map(|()| text)
}
