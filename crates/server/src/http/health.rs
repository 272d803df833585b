//! Whether the service is up, alive, ready.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::error::{ApiError, Problem};
use super::state::AppState;

/// How long a good answer of the store counts.
const PROBE_AGE: Duration = Duration::from_secs(1);
/// How long the readiness check waits for the store.
const PROBE_WAIT: Duration = Duration::from_secs(1);

/// The service is up.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// Always `ok`.
    #[schema(example = "ok")]
    status: &'static str,
    /// The service's time.
    timestamp: String,
}

fn ok(state: &AppState) -> Json<Health> {
    Json(Health { status: "ok", timestamp: state.clock.now().to_string() })
}

/// Whether the service is up.
#[utoipa::path(get, path = "/health/", tag = "operation", operation_id = "health",
    responses((status = 200, body = Health)))]
pub async fn health(State(state): State<Arc<AppState>>) -> Json<Health> {
    ok(&state)
}

/// Whether the process is alive.
#[utoipa::path(get, path = "/livez", tag = "operation", operation_id = "livez",
    responses((status = 200, body = Health)))]
pub async fn livez(State(state): State<Arc<AppState>>) -> Json<Health> {
    ok(&state)
}

/// Whether the store takes writes and the engine runs.
#[utoipa::path(get, path = "/readyz", tag = "operation", operation_id = "readyz",
    responses((status = 200, body = Health), (status = 503, body = Problem)))]
pub async fn readyz(State(state): State<Arc<AppState>>) -> Result<Json<Health>, ApiError> {
    if state.is_going_away() {
        return Err(ApiError::unavailable("The service is stopping."));
    }
    // One write a second at most, however often and by whomever this is asked.
    let mut last = state.probed.lock().await;
    if last.is_some_and(|at| at.elapsed() < PROBE_AGE) {
        return Ok(ok(&state));
    }
    match tokio::time::timeout(PROBE_WAIT, state.store.probe()).await {
        Ok(Ok(())) => {
            *last = Some(Instant::now());
            Ok(ok(&state))
        }
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(ApiError::unavailable("The store does not answer in time.")),
    }
}
