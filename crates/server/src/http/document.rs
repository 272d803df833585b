//! The OpenAPI document, whose paths come from the handlers themselves, and the page to try it on.

use axum::Router;
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_SECURITY_POLICY;
use http::{HeaderValue, StatusCode};
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, PathItem, RefOr};
use utoipa_swagger_ui::{Config, SwaggerUi};

/// The page's scripts and styles are its own; the images in its styles are part of them.
const ONLY_FROM_HERE: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
);

/// What the document says beside its paths.
pub(super) fn base() -> OpenApi {
    let about = "Turns trading webhooks into order fills. Prices and quantities are decimal numbers as text, the very \
                 digits that were sent; times are RFC 3339, UTC, to the microsecond. Every refusal is an RFC 9457 \
                 problem with a stable `code`. The live stream, `/ws/orders`, is described in docs/API.md.";
    let info = InfoBuilder::new()
        .title("hookfill")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(about))
        .license(Some(
            LicenseBuilder::new().name("Apache-2.0 OR MIT").identifier(Some("Apache-2.0 OR MIT")).build(),
        ));
    let mut components = Components::new();
    components.add_security_scheme(
        "api_key",
        SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-Key"))),
    );
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    OpenApiBuilder::new().info(info.build()).components(Some(components)).build()
}

/// The whole document.
#[must_use]
pub fn openapi() -> OpenApi {
    super::documented().into_openapi()
}

/// Says of every refusal that it is `application/problem+json`.
pub(super) fn name_problems(document: &mut OpenApi) {
    for response in document.paths.paths.values_mut().flat_map(operations).flat_map(|operation| {
        operation
            .responses
            .responses
            .iter_mut()
            .filter(|(status, _)| is_refusal(status))
            .map(|(_, response)| response)
    }) {
        if let RefOr::T(response) = response
            && let Some(problem) = response.content.shift_remove("application/json")
        {
            response.content.insert("application/problem+json".to_owned(), problem);
        }
    }
}

/// Describes every answer that has no words of its own: OpenAPI asks for a description of each.
pub(super) fn describe_answers(document: &mut OpenApi) {
    let operations = document.paths.paths.values_mut().flat_map(operations);
    for (status, response) in operations.flat_map(|operation| operation.responses.responses.iter_mut()) {
        if let RefOr::T(response) = response
            && response.description.is_empty()
        {
            let known = status.parse().ok().and_then(|code| StatusCode::from_u16(code).ok());
            response.description =
                known.and_then(|code| code.canonical_reason()).unwrap_or("Answer").to_owned();
        }
    }
}

fn is_refusal(status: &str) -> bool {
    status.starts_with(['4', '5'])
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, post, put, patch, delete, .. } = item;
    [get, post, put, patch, delete].into_iter().flatten()
}

/// `/openapi.json`, and a page to try the service on. It loads nothing from elsewhere: the badge that it would have
/// drawn by a validator on the internet is off.
pub(super) fn page<S: Clone + Send + Sync + 'static>(document: OpenApi) -> Router<S> {
    let page = SwaggerUi::new("/docs").url("/openapi.json", document);
    Router::from(page.config(Config::default().validator_url("none"))).layer(map_response(guard))
}

async fn guard(mut response: Response) -> Response {
    if response.status() == StatusCode::NOT_FOUND {
        return super::unknown_path().await.into_response();
    }
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, ONLY_FROM_HERE);
    response
}
