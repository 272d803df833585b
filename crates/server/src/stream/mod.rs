//! The live stream: a user's order events over WebSocket, in order, without gaps.

mod end;
mod progress;
mod session;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{FromRequestParts, Request, State};
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};
use hookfill_domain::ids::{Seq, UserId};
use hookfill_store::Scope;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use secrecy::SecretString;
use serde::Deserialize;

use crate::http::auth::{self, authenticate, presented_key};
use crate::http::caller::Held;
use crate::http::error::ApiError;
use crate::http::state::AppState;
use crate::http::{Id, read_after};
use crate::shutdown::Present;
use session::{Known, Session};

/// Most bytes of a message from a client: it only ever sends its key.
const MESSAGE: usize = 4 * 1024;
/// Bytes read at once from a client.
const READ_BUFFER: usize = 4 * 1024;
/// Bytes that wait to be written to a client; one that does not read is closed, not buffered for.
const WRITE_BUFFER: usize = 64 * 1024;

/// How patient the stream is with a client.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How long a client without a key in its handshake has to send one.
    pub authenticate_within: Duration,
    /// How long a write may be blocked before the client is closed as too slow.
    pub write_limit: Duration,
    /// How long the close frame is tried.
    pub close_limit: Duration,
    /// How often a client is pinged; also how often the store is asked, whatever hints were lost.
    pub ping_every: Duration,
    /// How long a client may be silent.
    pub dead_after: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            authenticate_within: Duration::from_secs(5),
            write_limit: Duration::from_secs(10),
            close_limit: Duration::from_secs(2),
            ping_every: Duration::from_secs(20),
            dead_after: Duration::from_secs(60),
        }
    }
}

/// All streams of a service.
#[derive(Debug, Clone, Default)]
pub struct Streams {
    /// How patient they are.
    pub pace: Pace,
    /// Those that are open, to be waited for when the service stops.
    pub open: Present,
}

/// The routes of the stream.
pub fn routes(streams: Streams) -> Router<Arc<AppState>> {
    Router::new()
        .route("/ws/orders", get(own))
        .route("/ws/orders/{user_id}", get(named))
        .layer(Extension(streams))
}

/// What the client asked for in its address.
#[derive(Debug, Deserialize)]
struct StreamQuery {
    after: Option<String>,
}

/// The stream of the key's owner.
async fn own(
    State(state): State<Arc<AppState>>,
    Extension(streams): Extension<Streams>,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, _) = request.into_parts();
    open(state, streams, parts, None).await
}

/// The stream of a named user, who must be the key's owner.
async fn named(
    State(state): State<Arc<AppState>>,
    Extension(streams): Extension<Streams>,
    Id(user_id): Id,
    request: Request,
) -> Result<Response, ApiError> {
    let unknown = |_| ApiError::not_found("not_found", "There is nothing at this path.");
    let user_id = user_id.parse().map(UserId).map_err(unknown)?;
    let (parts, _) = request.into_parts();
    open(state, streams, parts, Some(user_id)).await
}

async fn open(
    state: Arc<AppState>,
    streams: Streams,
    mut parts: Parts,
    wanted: Option<UserId>,
) -> Result<Response, ApiError> {
    check_origin(&state, &parts.headers)?;
    let after = asked_after(&parts.uri)?;
    let peer = auth::peer(&parts);
    let known = match presented_key(&parts.headers)? {
        None => None,
        Some(key) => {
            let principal = authenticate(&state, key, peer, &parts.headers).await?;
            auth::require(&principal, Scope::Read)?;
            if wanted.is_some_and(|user_id| user_id != principal.user_id) {
                return Err(ApiError::forbidden("not_your_stream", "This is another user's stream."));
            }
            // Asked before the upgrade, so that an outage is a 503 and not a socket that closes.
            state.store.head(principal.user_id).await?;
            Some(Known { principal, key: SecretString::from(key) })
        }
    };
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &state).await.map_err(no_upgrade)?;
    let session = Session {
        state,
        pace: streams.pace,
        presence: streams.open.enter(),
        held: parts.extensions.get::<Held>().cloned(),
        wanted,
        after,
        peer,
        headers: without_key(parts.headers),
    };
    let response = upgrade
        .max_message_size(MESSAGE)
        .max_frame_size(MESSAGE)
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(READ_BUFFER)
        .max_write_buffer_size(WRITE_BUFFER)
        .on_upgrade(move |socket| session.run(socket, known));
    Ok(response)
}

/// What a stream needs of its handshake for as long as it lives: not the key.
fn without_key(mut headers: HeaderMap) -> HeaderMap {
    headers.remove("x-api-key");
    headers.remove(header::AUTHORIZATION);
    headers
}

fn asked_after(uri: &Uri) -> Result<Option<Seq>, ApiError> {
    let query: Result<axum::extract::Query<StreamQuery>, _> = axum::extract::Query::try_from_uri(uri);
    let unreadable = |_| ApiError::bad_request("invalid_query", "The query cannot be read.");
    read_after(query.map_err(unreadable)?.after.as_deref())
}

fn no_upgrade(rejection: WebSocketUpgradeRejection) -> ApiError {
    let detail = format!("This path speaks WebSocket: {}", rejection.body_text());
    ApiError::new(StatusCode::UPGRADE_REQUIRED, "websocket_required", detail)
        .with_header(header::UPGRADE, HeaderValue::from_static("websocket"))
}

/// A page of another site may not open a stream with the user's browser. Programs send no `Origin`.
fn check_origin(state: &AppState, headers: &HeaderMap) -> Result<(), ApiError> {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else { return Ok(()) };
    let refused =
        || ApiError::forbidden("origin_not_allowed", "Pages of this origin may not open the stream.");
    let origin = origin.to_str().map_err(|_| refused())?;
    let own = headers.get(header::HOST).and_then(|host| host.to_str().ok()).is_some_and(|host| {
        let named = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        named.is_some_and(|named| named.eq_ignore_ascii_case(host))
    });
    let settings = &state.settings;
    let public = settings.public_url.as_ref().is_some_and(|url| url.origin().as_str() == origin);
    let listed = settings.allowed_origins.iter().any(|allowed| allowed.as_str() == origin);
    if origins.next().is_none() && (own || public || listed) { Ok(()) } else { Err(refused()) }
}
