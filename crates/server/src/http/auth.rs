//! Who is asking: the key of a request, the user it belongs to, and what it may do.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use hookfill_store::{Principal, Scope};
use http::request::Parts;
use http::{HeaderMap, header};

use super::caller::{self, Peer};
use super::error::ApiError;
use super::limits::Counted;
use super::state::AppState;

/// A request's caller, known by an API key and within its rate.
pub struct Caller(pub Arc<Principal>);

impl Deref for Caller {
    type Target = Principal;
    fn deref(&self) -> &Principal {
        &self.0
    }
}

impl FromRequestParts<Arc<AppState>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<AppState>) -> Result<Self, ApiError> {
        let Some(key) = presented_key(&parts.headers)? else {
            let detail = "Send your API key in the header X-API-Key, or as Authorization: Bearer.";
            return Err(ApiError::unauthorized("missing_api_key", detail));
        };
        authenticate(state, key, peer(parts), &parts.headers).await.map(Caller)
    }
}

/// Finds the owner of a key and counts the request.
///
/// # Errors
/// 401 for a key that is nobody's, 429 over the rate, 503 while the store cannot be asked.
pub async fn authenticate(
    state: &AppState,
    key: &str,
    peer: Option<Peer>,
    headers: &HeaderMap,
) -> Result<Arc<Principal>, ApiError> {
    if let Some(principal) = state.credentials.principal(key).await? {
        state.count(Counted::Key(principal.key_id), peer, headers)?;
        return Ok(principal);
    }
    if let Some(peer) = peer {
        let client = caller::client_address(peer, headers, |address| state.settings.trusts(address));
        state.count(Counted::Address(client), Some(peer), headers)?;
    }
    Err(ApiError::unauthorized("invalid_api_key", "The API key is not valid."))
}

/// The other end of the connection.
#[must_use]
pub fn peer(parts: &Parts) -> Option<Peer> {
    parts.extensions.get::<Peer>().copied()
}

/// The key that a request carries; `None` without one.
///
/// # Errors
/// 401 for a header that is no text, or two keys that differ.
pub fn presented_key(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let unreadable = || ApiError::unauthorized("invalid_api_key", "The API key is not valid.");
    let mut found = None;
    for value in headers.get_all("x-api-key") {
        let key = value.to_str().map_err(|_| unreadable())?.trim();
        if found.replace(key).is_some_and(|other| other != key) {
            return Err(unreadable());
        }
    }
    for value in headers.get_all(header::AUTHORIZATION) {
        let text = value.to_str().map_err(|_| unreadable())?;
        let (scheme, key) = text.split_once(' ').unwrap_or((text, ""));
        if !scheme.eq_ignore_ascii_case("bearer") {
            // A password for the proxy in front, say: no key of ours.
            continue;
        }
        let key = key.trim();
        if found.replace(key).is_some_and(|other| other != key) {
            return Err(unreadable());
        }
    }
    Ok(found)
}

/// Checks that a key may do something.
///
/// # Errors
/// 403 naming the scope that is missing.
pub fn require(principal: &Principal, scope: Scope) -> Result<(), ApiError> {
    if principal.scopes.contains(&scope) {
        return Ok(());
    }
    let detail = format!("This API key does not have the scope `{}`.", scope.as_str());
    Err(ApiError::forbidden("insufficient_scope", detail))
}
