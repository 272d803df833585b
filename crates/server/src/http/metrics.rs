//! What is counted, as Prometheus reads it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::{ACCEPT, CONTENT_TYPE};

use super::accounts::check_admin_token;
use super::auth;
use super::caller;
use super::error::{ApiError, Problem};
use super::state::AppState;

/// Counters and histograms in Prometheus' text format; for local requests, or with `X-Admin-Token`.
#[utoipa::path(get, path = "/metrics", tag = "operation", operation_id = "metrics",
    responses((status = 200, body = String, content_type = "text/plain"),
              (status = 401, body = Problem), (status = 403, body = Problem)))]
pub async fn read(State(state): State<Arc<AppState>>, request: Request) -> Result<Response, ApiError> {
    let (parts, _) = request.into_parts();
    if !auth::peer(&parts).is_some_and(|peer| caller::is_local(peer, &parts.headers)) {
        check_admin_token(&state, &parts.headers)?;
    }
    let accepted = parts.headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    // The text is read under either name; who asks for the newer one gets it.
    let text = if accepted.contains("application/openmetrics-text") {
        HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8")
    } else {
        HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8")
    };
    Ok(([(CONTENT_TYPE, text)], state.metrics.render()).into_response())
}
