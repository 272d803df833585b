//! HTTP: the routes and what every request passes through, on one screen. One endpoint, one file.

pub mod accounts;
pub mod analytics;
pub mod audit;
pub mod auth;
pub mod body;
pub mod caller;
pub mod document;
pub mod dto;
pub mod error;
pub mod events;
pub mod explain;
pub mod health;
pub mod limits;
mod linger;
pub mod metrics;
pub mod orders;
pub mod paging;
pub mod path;
pub mod reading;
pub mod requests;
pub mod serve;
pub mod state;
mod unread;
pub mod webhook;

use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::telemetry::RequestLabels;
use error::ApiError;
use state::AppState;

pub use document::openapi;
pub use events::read_after;
pub use path::Id;

/// Every documented route.
fn documented() -> OpenApiRouter<Arc<AppState>> {
    let mut routes = OpenApiRouter::with_openapi(document::base())
        .routes(routes!(health::health))
        .routes(routes!(health::livez))
        .routes(routes!(health::readyz))
        .routes(routes!(metrics::read))
        .routes(routes!(accounts::create, accounts::list))
        .routes(routes!(accounts::change, accounts::deactivate))
        .routes(routes!(webhook::receive))
        .routes(routes!(explain::explain))
        .routes(routes!(orders::list))
        .routes(routes!(orders::read))
        .routes(routes!(orders::events))
        .routes(routes!(requests::cancel))
        .routes(routes!(requests::close))
        .routes(routes!(events::list))
        .routes(routes!(analytics::read))
        .routes(routes!(audit::list));
    document::name_problems(routes.get_openapi_mut());
    document::describe_answers(routes.get_openapi_mut());
    routes
}

/// The router, with `more` routes beside the documented ones.
pub fn router(state: Arc<AppState>, more: Router<Arc<AppState>>) -> Router {
    let (routes, document) = documented().split_for_parts();
    routes
        .merge(more)
        .merge(document::page(document))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&state), count))
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .with_state(state)
}

async fn unknown_path() -> ApiError {
    ApiError::not_found("not_found", "There is nothing at this path.")
}

async fn unknown_method() -> ApiError {
    // The router itself adds `Allow`.
    ApiError::method_not_allowed()
}

/// Counts an answered request by its route's pattern.
async fn count(State(state): State<Arc<AppState>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let response = next.run(request).await;
    let labels = RequestLabels { route: route.unwrap_or_default(), status: response.status().as_u16() };
    state.metrics.requests.get_or_create(&labels).inc();
    response.into_response()
}
