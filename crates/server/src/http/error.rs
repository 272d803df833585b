//! Every refusal on the wire: RFC 9457 `application/problem+json` with a stable `code`.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use hookfill_domain::signal::SignalError;
use hookfill_store::StoreError;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::webhook::REMEMBERED;

/// How long a caller should wait before it sends again what could not be stored.
const STORE_RETRY: Duration = Duration::from_secs(1);

/// The body of every refusal.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Identifies the kind of problem: `urn:hookfill:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// The status in words.
    #[schema(example = "Unprocessable Entity")]
    title: &'static str,
    /// The HTTP status.
    #[schema(example = 422)]
    status: u16,
    /// What is wrong, in a sentence.
    detail: String,
    /// The stable code.
    #[schema(example = "wrong_side")]
    code: &'static str,
    /// The same sentence as `detail`, for older clients.
    error: String,
    /// Where single fields are at fault: their sentences.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    errors: BTreeMap<&'static str, Vec<String>>,
    /// First byte of the place in the signal that is to blame.
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<usize>,
    /// One past its last byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<usize>,
}

/// A refusal, on its way to the wire.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    detail: String,
    errors: BTreeMap<&'static str, Vec<String>>,
    place: Option<(usize, usize)>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl ApiError {
    /// A refusal with a status, a code and a sentence.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let (errors, headers) = (BTreeMap::new(), Vec::new());
        Self { status, code, detail: detail.into(), errors, place: None, headers }
    }

    /// 400: the request has the wrong shape.
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 400: single fields are at fault.
    pub fn fields(errors: BTreeMap<&'static str, Vec<String>>) -> Self {
        let named: Vec<_> =
            errors.iter().map(|(field, sentences)| format!("{field}: {}", sentences.join(" "))).collect();
        Self { errors, ..Self::bad_request("invalid_fields", named.join(" ")) }
    }

    /// 401: no usable key.
    pub fn unauthorized(code: &'static str, detail: impl Into<String>) -> Self {
        let challenge = HeaderValue::from_static("Bearer realm=\"hookfill\"");
        Self::new(StatusCode::UNAUTHORIZED, code, detail).with_header(WWW_AUTHENTICATE, challenge)
    }

    /// 403: the key is right and may not do this.
    pub fn forbidden(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    /// 404: the path, or what it names, is not there.
    pub fn not_found(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, detail)
    }

    /// 409: what is there does not allow it.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 422: the signal is refused.
    pub fn refused(error: &SignalError) -> Self {
        let refusal = Self::new(StatusCode::UNPROCESSABLE_ENTITY, error.code.as_str(), error.detail.clone());
        Self { place: error.span.map(|span| (span.start, span.end)), ..refusal }
    }

    /// 503: it cannot be done now.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        let seconds = HeaderValue::from(STORE_RETRY.as_secs());
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).with_header(RETRY_AFTER, seconds)
    }

    /// 500: the cause is in the log.
    pub fn internal() -> Self {
        let detail = "Something went wrong on our side; the log of the service says what.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", detail)
    }

    /// 503: it is not known in time whether a signal was stored.
    pub fn outcome_unknown() -> Self {
        let detail = format!(
            "The signal was still being stored when this answer was due; it may or may not be stored. Send the same \
             request again within {} s: the answer will say what became of it.",
            REMEMBERED.as_secs()
        );
        Self { code: "outcome_unknown", ..Self::unavailable(detail) }
    }

    /// 405; the router adds the methods that there are.
    pub fn method_not_allowed() -> Self {
        let detail = "This path does not take this method.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
    }

    /// With a header more.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The sentence.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::OutcomeUnknown => {
                tracing::warn!(%error, "a write is late");
                let detail = "The store did not confirm in time: this may or may not be stored. Check before you send \
                              it again.";
                Self { code: "outcome_unknown", ..Self::unavailable(detail) }
            }
            StoreError::Unavailable(_) | StoreError::Failed(_) => {
                tracing::warn!(%error, "a request could not be stored");
                Self::unavailable("The store cannot take this now; send it again.")
            }
            StoreError::Illegal(_)
            | StoreError::LeaseLost
            | StoreError::Missing(_)
            | StoreError::Corrupt(_) => {
                tracing::error!(%error, "a request failed");
                Self::internal()
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Self { status, code, detail, errors, place, headers } = self;
        let problem = Problem {
            kind: format!("urn:hookfill:problem:{code}"),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            error: detail.clone(),
            detail,
            code,
            errors,
            start: place.map(|(start, _)| start),
            end: place.map(|(_, end)| end),
        };
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let json = HeaderValue::from_static("application/problem+json");
        let mut response = (status, [(CONTENT_TYPE, json)], body).into_response();
        response.headers_mut().extend(headers);
        response
    }
}
