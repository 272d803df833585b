//! Canceling an order and closing a position: stored first, then worked, then answered.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use hookfill_domain::ids::UserId;
use hookfill_domain::lifecycle::OrderState;
use hookfill_domain::order::Order;
use hookfill_domain::wire::Status;
use hookfill_store::{Request, Requested, Scope};
use http::StatusCode;
use tokio::time::{Instant, timeout_at};

use super::auth::{Caller, require};
use super::dto::OrderView;
use super::error::{ApiError, Problem};
use super::limits::BROKER_ANSWER;
use super::orders::{order_id, order_not_found};
use super::path::Id;
use super::state::AppState;
use crate::bus::{Hint, Subscription};

/// How soon the store is asked what became of a request, whatever hints come.
const FIRST_LOOK: Duration = Duration::from_millis(25);
/// Each further look waits twice as long, up to this.
const LONGEST_LOOK: Duration = Duration::from_millis(400);

type Answer = Result<(StatusCode, Json<OrderView>), ApiError>;

/// Cancels a pending order.
#[utoipa::path(post, path = "/orders/{id}/cancel/", tag = "orders", operation_id = "orders_cancel",
    params(("id" = uuid::Uuid, Path)), security(("api_key" = []), ("bearer" = [])),
    responses((status = 200, body = OrderView, description = "the broker has confirmed"),
              (status = 202, body = OrderView, description = "the request is stored; the event follows"),
              (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem),
              (status = 409, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem)))]
pub async fn cancel(State(state): State<Arc<AppState>>, caller: Caller, Id(id): Id) -> Answer {
    ask(&state, &caller, &id, Request::Cancel).await
}

/// Closes the position of an executed order.
#[utoipa::path(post, path = "/orders/{id}/close/", tag = "orders", operation_id = "orders_close",
    params(("id" = uuid::Uuid, Path)), security(("api_key" = []), ("bearer" = [])),
    responses((status = 200, body = OrderView, description = "the broker has confirmed"),
              (status = 202, body = OrderView, description = "the request is stored; the event follows"),
              (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem),
              (status = 409, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem)))]
pub async fn close(State(state): State<Arc<AppState>>, caller: Caller, Id(id): Id) -> Answer {
    ask(&state, &caller, &id, Request::Close).await
}

async fn ask(state: &AppState, caller: &Caller, id: &str, request: Request) -> Answer {
    require(caller, Scope::Trade)?;
    let id = order_id(id)?;
    // Listening before the request is stored: what follows is not missed.
    let mut hints = state.bus.subscribe(caller.user_id);
    let deadline = Instant::now() + BROKER_ANSWER;
    let mut order = match state.store.request(caller.user_id, id, request, state.clock.now()).await? {
        Requested::Stored(order) if is_part_of_it_closing(request, &order) => {
            let detail = "Part of this order is being closed: send this again once that is done.";
            return Err(ApiError::conflict("close_under_way", detail));
        }
        Requested::Stored(order) => order,
        Requested::WrongStatus(order) => return Err(wrong_status(request, &order)),
        Requested::NotFound => return Err(order_not_found()),
    };
    let mut pause = FIRST_LOOK;
    while order.state().request().is_some() && Instant::now() < deadline {
        // Where another node works the order its hint may be late, or not have found us yet.
        let look_at = deadline.min(Instant::now() + pause);
        if timeout_at(look_at, news_of(&order, &mut hints)).await.is_err() {
            pause = LONGEST_LOOK.min(2 * pause);
        }
        order = reread(state, caller.user_id, &order).await?;
    }
    if order.state().request().is_some() {
        return Ok((StatusCode::ACCEPTED, Json(OrderView::from(&order))));
    }
    let (before, done) = match request {
        Request::Cancel => (Status::Pending, Status::Canceled),
        Request::Close => (Status::Executed, Status::Closed),
    };
    match order.status() {
        status if status == done => Ok((StatusCode::OK, Json(OrderView::from(&order)))),
        // Neither done nor asked for any more: the broker would not.
        status if status == before => Err(broker_refused(request)),
        _ => Err(wrong_status(request, &order)),
    }
}

/// Whether the request that waits for the broker closes only part of the order. It would leave the rest open.
fn is_part_of_it_closing(request: Request, order: &Order) -> bool {
    request == Request::Close && matches!(order.state(), OrderState::Reducing { .. })
}

/// Waits for a hint that something may have happened to an order; the others of its user are not asked about.
async fn news_of(order: &Order, hints: &mut Subscription) {
    let id = order.id.to_string();
    while let Hint::Message(shown) = hints.next().await {
        if shown.message.contains(&id) {
            return;
        }
    }
}

fn broker_refused(request: Request) -> ApiError {
    match request {
        Request::Cancel => ApiError::conflict("cancel_refused", "The broker would not cancel the order."),
        Request::Close => ApiError::conflict("close_refused", "The broker would not close the position."),
    }
}

async fn reread(state: &AppState, user_id: UserId, order: &Order) -> Result<Order, ApiError> {
    state.store.order(user_id, order.id).await?.ok_or_else(order_not_found)
}

/// The refusal of a request that the order's status does not allow; it names the request that would be allowed, if any.
fn wrong_status(request: Request, order: &Order) -> ApiError {
    let (id, status) = (order.id, order.status());
    let instead = match (request, order.state()) {
        (_, OrderState::Canceling { .. }) => ", and its cancellation is under way".to_owned(),
        (_, OrderState::Closing { .. }) => ", and its close is under way".to_owned(),
        (_, OrderState::Reducing { .. }) => ", and the close of a part of it is under way".to_owned(),
        (Request::Cancel, _) if status == Status::Executed => {
            format!(": close it with POST /orders/{id}/close/")
        }
        (Request::Close, _) if status == Status::Pending => {
            format!(": cancel it with POST /orders/{id}/cancel/")
        }
        (Request::Cancel | Request::Close, _) => String::new(),
    };
    match request {
        Request::Cancel => ApiError::conflict(
            "order_not_pending",
            format!("Only a pending order can be canceled; this one is {status}{instead}."),
        ),
        Request::Close => ApiError::conflict(
            "order_not_executed",
            format!("Only an executed order can be closed; this one is {status}{instead}."),
        ),
    }
}
