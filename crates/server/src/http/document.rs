//! The OpenAPI document. Its paths come from the handlers themselves.

use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder};

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
