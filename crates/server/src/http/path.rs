//! Paths: with and without the trailing slash, and the ids in them.

use std::borrow::Cow;

use axum::extract::{FromRequestParts, Path};
use http::Uri;
use http::request::Parts;
use http::uri::PathAndQuery;

use super::error::ApiError;

/// Paths that are documented without a trailing slash; all others have one.
const WITHOUT_SLASH: [&str; 5] = ["/livez", "/readyz", "/metrics", "/openapi.json", "/ws/orders"];

/// A path as its route is written.
fn canonical(path: &str) -> Cow<'_, str> {
    if path.starts_with("/docs/") {
        return Cow::Borrowed(path);
    }
    let stripped = path.strip_suffix('/').unwrap_or(path);
    let without_slash = WITHOUT_SLASH.contains(&stripped) || stripped.starts_with("/ws/orders/");
    match (without_slash, path.ends_with('/')) {
        (true, _) => Cow::Borrowed(stripped),
        (false, true) => Cow::Borrowed(path),
        (false, false) => Cow::Owned(format!("{path}/")),
    }
}

/// The same address, its path as its route is written. No redirect: clients lose their body on one.
#[must_use]
pub fn normalized(uri: Uri) -> Uri {
    let Cow::Owned(path) = canonical(uri.path()) else {
        let kept = canonical(uri.path()).len();
        if kept == uri.path().len() {
            return uri;
        }
        let path = uri.path()[..kept].to_owned();
        return with_path(uri, &path);
    };
    with_path(uri, &path)
}

fn with_path(uri: Uri, path: &str) -> Uri {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let Ok(path_and_query) = PathAndQuery::try_from(format!("{path}{query}")) else { return uri };
    let mut parts = uri.into_parts();
    let before = parts.path_and_query.replace(path_and_query);
    Uri::from_parts(parts).unwrap_or_else(|_| before.map(Uri::from).unwrap_or_default())
}

/// The one variable part of a path, as text; what it names is the handler's business.
pub struct Id(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let unreadable = |_| ApiError::not_found("not_found", "There is nothing at this path.");
        Path::<String>::from_request_parts(parts, state).await.map(|Path(id)| Self(id)).map_err(unreadable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("/orders", "/orders/")]
    #[case("/orders/", "/orders/")]
    #[case("/orders?limit=5", "/orders/?limit=5")]
    #[case("/livez/", "/livez")]
    #[case("/livez", "/livez")]
    #[case("/ws/orders/7/", "/ws/orders/7")]
    #[case("/ws/orders/?after=5", "/ws/orders?after=5")]
    #[case("/docs", "/docs/")]
    #[case("/docs/swagger-ui.css", "/docs/swagger-ui.css")]
    #[case("/", "/")]
    fn a_path_is_taken_with_and_without_its_slash(#[case] sent: &str, #[case] routed: &str) {
        assert_eq!(normalized(sent.parse().unwrap()).to_string(), routed);
    }
}
