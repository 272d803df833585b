//! What a signal means, and what would become of it. Creates nothing.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use hookfill_domain::signal::{self, ErrorView};
use http::Request;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::auth::Caller;
use super::body;
use super::error::{ApiError, Problem};
use super::reading;
use super::state::AppState;
use super::webhook::{self, Admitted, Chosen};

/// A text to be explained.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "documents the body; it is read field by field")]
pub struct ExplainBody {
    /// The signal as people or bots write it.
    #[schema(example = "BUY EURUSD @1.0860 SL 1.0850 TP 1.0890")]
    signal: String,
    /// The dialect; `auto` if absent.
    #[schema(example = "auto")]
    format: Option<String>,
    /// The account whose aliases and policy apply; the oldest active one if absent.
    broker_account_id: Option<String>,
}

/// Explains a signal as one of the caller's broker accounts would read it.
#[utoipa::path(post, path = "/signals/explain/", tag = "signals", operation_id = "signals_explain",
    request_body = ExplainBody, security(("api_key" = []), ("bearer" = [])),
    responses((status = 200, body = Object, description = "`ok` with `signal`, `spans` (byte offsets of every value that was read), `would` and `refusal`; or not `ok`, with `error`"),
              (status = 400, body = Problem), (status = 401, body = Problem), (status = 413, body = Problem),
              (status = 415, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem)))]
pub async fn explain(
    State(state): State<Arc<AppState>>,
    caller: Caller,
    request: Request<Body>,
) -> Result<Json<Value>, ApiError> {
    let (parts, body) = request.into_parts();
    let object = body::read_object(&parts.headers, body).await?;
    let text = body::signal_text(&object)?;
    let (format, _) = reading::format(&object)?;
    let account_id = webhook::account_id(&object)?;
    let accounts = state.credentials.accounts(caller.user_id).await?;
    let chosen = Chosen::of(account_id, &accounts);
    Ok(Json(match signal::parse(text, format, &chosen.reading()) {
        Ok(parsed) => {
            let spans: Map<String, Value> = parsed
                .spans
                .iter()
                .map(|read| {
                    (read.field.to_string(), json!({ "start": read.span.start, "end": read.span.end }))
                })
                .collect();
            let refusal = match webhook::admit(parsed.signal.clone(), chosen) {
                Ok(Admitted::Order(..)) => None,
                Ok(Admitted::Command(command, account_id)) => {
                    webhook::would_refuse(&state, &caller, &command, account_id).await?
                }
                Err(refusal) => Some(refusal),
            };
            json!({
                "ok": true,
                "signal": parsed.signal,
                "spans": spans,
                "would": if refusal.is_none() { "accept" } else { "refuse" },
                "refusal": refusal.map(|error| json!({ "code": error.code(), "detail": error.detail() })),
            })
        }
        Err(error) => json!({ "ok": false, "error": ErrorView::from(&error) }),
    }))
}
