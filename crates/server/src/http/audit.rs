//! The audit log.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use hookfill_domain::audit::Place;
use hookfill_domain::ids::Seq;
use hookfill_store::{Scope, StoredEntry};
use http::Uri;
use http::header::LINK;
use serde::Deserialize;

use super::auth::{Caller, require};
use super::dto::{AuditView, audit_views};
use super::error::{ApiError, Problem};
use super::paging::{self, Limit};
use super::state::AppState;

/// The parameters.
#[derive(Debug, Deserialize)]
struct AuditQuery {
    #[serde(flatten)]
    limit: Limit,
    cursor: Option<String>,
}

/// The last item of a page: its entry's place, and how many items of that entry are still to come.
type Mark = (Place, usize);

/// The user's audit log, newest first, in pages.
#[utoipa::path(get, path = "/audit/", tag = "audit", operation_id = "audit_list",
    security(("api_key" = []), ("bearer" = [])),
    params(("limit" = Option<u32>, Query, description = "1 to 1000; 100 if absent", minimum = 1, maximum = 1000),
           ("cursor" = Option<String>, Query, description = "from the Link of the page before")),
    responses((status = 200, body = Vec<AuditView>, headers(("Link" = String, description = "`rel=\"next\"`: the next page"))),
              (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 429, body = Problem), (status = 503, body = Problem)))]
pub async fn list(
    State(state): State<Arc<AppState>>,
    caller: Caller,
    uri: Uri,
) -> Result<Response, ApiError> {
    require(&caller, Scope::Read)?;
    let query = paging::query::<AuditQuery>(&uri)?;
    let limit = query.limit.items()?;
    let mark = query.cursor.as_deref().map(read_mark).transpose()?;
    let before = mark.map(|(place, left)| {
        // An entry of which something is still to come is read once more.
        if left > 0 { Place { seq: place.seq, step: place.step + 1 } } else { place }
    });
    // One more than the page, to know whether there is another.
    let entries = state.store.entries(caller.user_id, before, limit + 1).await?;
    let (items, next) = page(&entries, mark, limit);
    let mut response = Json(items).into_response();
    if let Some((place, left)) = next {
        let left = i64::try_from(left).unwrap_or_default();
        let cursor = paging::write_cursor('a', &[place.seq.0, place.step, left]);
        if let Some(link) = paging::next_link(&uri, &cursor) {
            response.headers_mut().insert(LINK, link);
        }
    }
    Ok(response)
}

fn read_mark(cursor: &str) -> Result<Mark, ApiError> {
    let [seq, step, left] = paging::read_cursor('a', cursor)?;
    let left = usize::try_from(left).unwrap_or_default();
    if step == i64::MAX || left > 1 {
        return Err(ApiError::bad_request("invalid_cursor", "`cursor` is not one that this list gave out."));
    }
    Ok((Place { seq: Seq(seq), step }, left))
}

/// The items of a page, newest first, and where the next page begins.
fn page(entries: &[StoredEntry], mark: Option<Mark>, limit: usize) -> (Vec<AuditView>, Option<Mark>) {
    let mut items = Vec::with_capacity(limit);
    let mut last = None;
    for entry in entries {
        let mut views = audit_views(entry);
        if let Some((place, left)) = mark
            && place == entry.place
        {
            views.truncate(left);
        }
        while let Some(view) = views.pop() {
            if items.len() == limit {
                return (items, last);
            }
            items.push(view);
            last = Some((entry.place, views.len()));
        }
    }
    (items, None)
}
