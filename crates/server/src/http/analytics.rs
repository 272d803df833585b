//! Counts over all of a user's orders.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use hookfill_domain::wire::Status;
use hookfill_store::Scope;
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::{Caller, require};
use super::error::{ApiError, Problem};
use super::state::AppState;

/// Orders of one instrument.
#[derive(Debug, Serialize, ToSchema)]
pub struct InstrumentCount {
    /// The instrument.
    #[schema(example = "EURUSD")]
    instrument: String,
    /// How many orders.
    count: i64,
}

/// The counts.
#[derive(Debug, Serialize, ToSchema)]
pub struct Analytics {
    /// All orders, whatever became of them.
    total_trades: i64,
    /// Orders of each instrument, most first, the thousand most traded at most.
    by_instrument: Vec<InstrumentCount>,
    /// Orders of each status.
    by_status: BTreeMap<&'static str, i64>,
}

/// Counts over all of the user's orders.
#[utoipa::path(get, path = "/analytics/", tag = "orders", operation_id = "analytics",
    security(("api_key" = []), ("bearer" = [])),
    responses((status = 200, body = Analytics), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 429, body = Problem), (status = 503, body = Problem)))]
pub async fn read(State(state): State<Arc<AppState>>, caller: Caller) -> Result<Json<Analytics>, ApiError> {
    require(&caller, Scope::Read)?;
    let tally = state.store.tally(caller.user_id).await?;
    Ok(Json(Analytics {
        total_trades: tally.by_status.iter().sum(),
        by_instrument: tally
            .by_instrument
            .into_iter()
            .map(|(instrument, count)| InstrumentCount { instrument, count })
            .collect(),
        by_status: Status::ALL.iter().map(|status| status.as_str()).zip(tally.by_status).collect(),
    }))
}
