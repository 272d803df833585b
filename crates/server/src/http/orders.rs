//! Orders: a list in pages, one of them, its history.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use hookfill_domain::audit::Place;
use hookfill_domain::ids::{OrderId, Seq};
use hookfill_store::{OrderQuery, Scope};
use http::Uri;
use http::header::LINK;
use serde::Deserialize;

use super::auth::{Caller, require};
use super::dto::{EventView, OrderView};
use super::error::{ApiError, Problem};
use super::paging::{self, Limit};
use super::path::Id;
use super::state::AppState;

/// The parameters of the list.
#[derive(Debug, Deserialize)]
struct ListQuery {
    #[serde(flatten)]
    limit: Limit,
    status: Option<String>,
    instrument: Option<String>,
    cursor: Option<String>,
}

impl ListQuery {
    fn read(self) -> Result<OrderQuery, ApiError> {
        let limit = self.limit.items()?;
        let status = self.status.map(|word| word.parse()).transpose();
        let status =
            status.map_err(|error| ApiError::bad_request("unknown_status", format!("`status` {error}.")))?;
        let instrument = self.instrument.map(|symbol| symbol.parse()).transpose();
        let instrument = instrument
            .map_err(|error| ApiError::bad_request("unknown_instrument", format!("`instrument` {error}.")))?;
        let before = match self.cursor {
            Some(cursor) => Some(Seq(paging::read_cursor::<1>('o', &cursor)?[0])),
            None => None,
        };
        Ok(OrderQuery { before, status, instrument, limit })
    }
}

/// The user's orders, newest first, in pages.
#[utoipa::path(get, path = "/orders/", tag = "orders", operation_id = "orders_list",
    security(("api_key" = []), ("bearer" = [])),
    params(("limit" = Option<u32>, Query, description = "1 to 1000; 100 if absent", minimum = 1, maximum = 1000),
           ("status" = Option<String>, Query, description = "pending, executed, closed, canceled, rejected or expired"),
           ("instrument" = Option<String>, Query, description = "a symbol"),
           ("cursor" = Option<String>, Query, description = "from the Link of the page before")),
    responses((status = 200, body = Vec<OrderView>, headers(("Link" = String, description = "`rel=\"next\"`: the next page"))),
              (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 429, body = Problem), (status = 503, body = Problem)))]
pub async fn list(
    State(state): State<Arc<AppState>>,
    caller: Caller,
    uri: Uri,
) -> Result<Response, ApiError> {
    require(&caller, Scope::Read)?;
    let query = paging::query::<ListQuery>(&uri)?.read()?;
    let page = state.store.orders(caller.user_id, query).await?;
    let mut response = Json(page.items.iter().map(OrderView::from).collect::<Vec<_>>()).into_response();
    if let Some(next) = page.next
        && let Some(link) = paging::next_link(&uri, &paging::write_cursor('o', &[next.0]))
    {
        response.headers_mut().insert(LINK, link);
    }
    Ok(response)
}

/// 404 for an order that is not there, or not the caller's.
#[must_use]
pub fn order_not_found() -> ApiError {
    ApiError::not_found("order_not_found", "Order not found.")
}

/// The id in a path; what is no id names no order.
///
/// # Errors
/// 404.
pub fn order_id(id: &str) -> Result<OrderId, ApiError> {
    id.parse().map(OrderId).map_err(|_: uuid::Error| order_not_found())
}

/// One order.
#[utoipa::path(get, path = "/orders/{id}/", tag = "orders", operation_id = "orders_read",
    params(("id" = uuid::Uuid, Path)), security(("api_key" = []), ("bearer" = [])),
    responses((status = 200, body = OrderView), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 404, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem)))]
pub async fn read(
    State(state): State<Arc<AppState>>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<OrderView>, ApiError> {
    require(&caller, Scope::Read)?;
    let order = state.store.order(caller.user_id, order_id(&id)?).await?.ok_or_else(order_not_found)?;
    Ok(Json(OrderView::from(&order)))
}

/// The query parameters of an order's history.
#[derive(Debug, Deserialize)]
struct HistoryQuery {
    #[serde(flatten)]
    limit: Limit,
    cursor: Option<String>,
}

/// An order's whole history, oldest first, internal steps included, in pages.
#[utoipa::path(get, path = "/orders/{id}/events/", tag = "orders", operation_id = "orders_events",
    security(("api_key" = []), ("bearer" = [])),
    params(("id" = uuid::Uuid, Path),
           ("limit" = Option<u32>, Query, description = "1 to 1000; 100 if absent", minimum = 1, maximum = 1000),
           ("cursor" = Option<String>, Query, description = "from the Link of the page before")),
    responses((status = 200, body = Vec<EventView>, headers(("Link" = String, description = "`rel=\"next\"`: the next page"))),
              (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 404, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem)))]
pub async fn events(
    State(state): State<Arc<AppState>>,
    caller: Caller,
    Id(id): Id,
    uri: Uri,
) -> Result<Response, ApiError> {
    require(&caller, Scope::Read)?;
    let query = paging::query::<HistoryQuery>(&uri)?;
    let limit = query.limit.items()?;
    let cursor = query.cursor.as_deref().map(|cursor| paging::read_cursor('h', cursor)).transpose()?;
    let after = cursor.map(|[seq, step]| Place { seq: Seq(seq), step });
    let page = state.store.history(caller.user_id, order_id(&id)?, after, limit).await?;
    let page = page.ok_or_else(order_not_found)?;
    let mut response = Json(page.items.iter().map(EventView::from).collect::<Vec<_>>()).into_response();
    if let Some(next) = page.next
        && let Some(link) = paging::next_link(&uri, &paging::write_cursor('h', &[next.seq.0, next.step]))
    {
        response.headers_mut().insert(LINK, link);
    }
    Ok(response)
}
