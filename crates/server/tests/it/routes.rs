//! Every route, for tests that go over all of them.

use http::Method;

/// A method and a path, with `{id}` where an id belongs.
pub type Route = (Method, &'static str);

/// What needs no key.
pub const PUBLIC: [Route; 6] = [
    (Method::GET, "/health/"),
    (Method::GET, "/livez"),
    (Method::GET, "/readyz"),
    (Method::GET, "/metrics"),
    (Method::GET, "/openapi.json"),
    (Method::GET, "/docs/"),
];

/// What can be had with a key and without.
pub const REGISTER: Route = (Method::POST, "/accounts/");

/// What needs a key.
pub const GUARDED: [Route; 13] = [
    (Method::GET, "/accounts/"),
    (Method::PATCH, "/accounts/{id}/"),
    (Method::DELETE, "/accounts/{id}/"),
    (Method::POST, "/webhook/receive-signal/"),
    (Method::POST, "/signals/explain/"),
    (Method::GET, "/orders/"),
    (Method::GET, "/orders/{id}/"),
    (Method::GET, "/orders/{id}/events/"),
    (Method::POST, "/orders/{id}/cancel/"),
    (Method::POST, "/orders/{id}/close/"),
    (Method::GET, "/events/"),
    (Method::GET, "/analytics/"),
    (Method::GET, "/audit/"),
];

/// An id that names nothing.
pub const NOBODY: &str = "01890000-0000-7000-8000-000000000000";

/// Every route.
pub fn all() -> Vec<Route> {
    PUBLIC.into_iter().chain([REGISTER]).chain(GUARDED).collect()
}

/// Every path, once.
pub fn paths() -> Vec<&'static str> {
    let mut paths: Vec<_> = all().into_iter().map(|(_, path)| path).collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

/// A path with an id that names nothing.
pub fn filled(path: &str) -> String {
    path.replace("{id}", NOBODY)
}
