//! The stream's messages, by number.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use hookfill_domain::ids::Seq;
use hookfill_store::Scope;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Uri};
use serde::Deserialize;

use super::auth::{Caller, require};
use super::error::{ApiError, Problem};
use super::paging::{self, Limit};
use super::state::AppState;

/// The parameters.
#[derive(Debug, Deserialize)]
struct EventsQuery {
    #[serde(flatten)]
    limit: Limit,
    after: Option<String>,
}

/// A sequence number as clients send it.
///
/// # Errors
/// 400 for what is no number.
pub fn read_after(text: Option<&str>) -> Result<Option<Seq>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        // The number after it is a number, too.
        Ok(after) if plain => Ok(Some(Seq(i64::min(after, i64::MAX - 1)))),
        _ => Err(ApiError::bad_request("invalid_after", "`after` is the number of a message: 0, 1, 2 …")),
    }
}

/// The user's stream messages after a number, byte for byte as they were sent.
#[utoipa::path(get, path = "/events/", tag = "stream", operation_id = "events_list",
    security(("api_key" = []), ("bearer" = [])),
    params(("after" = Option<u64>, Query, description = "only later numbers; 0 if absent"),
           ("limit" = Option<u32>, Query, description = "1 to 1000; 100 if absent", minimum = 1, maximum = 1000)),
    responses((status = 200, body = Vec<Object>), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem)))]
pub async fn list(
    State(state): State<Arc<AppState>>,
    caller: Caller,
    uri: Uri,
) -> Result<Response, ApiError> {
    require(&caller, Scope::Read)?;
    let query = paging::query::<EventsQuery>(&uri)?;
    let limit = query.limit.items()?;
    let after = read_after(query.after.as_deref())?.unwrap_or_default();
    let events = state.store.events_after(caller.user_id, after, limit).await?;
    // The stored bytes are joined, not parsed: what was sent once is sent again.
    let messages: Vec<&str> = events.iter().map(|event| &*event.message).collect();
    let json = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    Ok((json, format!("[{}]", messages.join(","))).into_response())
}
