//! `/docs/`: a page to try the service on, all of it from the service itself.

use http::Method;

use crate::harness::{Answer, Service};

async fn load(service: &Service, path: &str) -> Answer {
    let answer = service.call(Method::GET, path, None).await;
    assert_eq!(answer.status, 200, "{path}");
    answer
}

/// What a page loads by itself: the values of `src` and `href`.
fn loaded(page: &str) -> Vec<&str> {
    ["src=\"", "href=\""]
        .iter()
        .flat_map(|attribute| page.split(attribute).skip(1).map(|rest| rest.split('"').next().unwrap()))
        .collect()
}

#[tokio::test]
async fn the_page_and_all_that_it_loads_come_from_the_program_itself() {
    let service = Service::start().await;
    let page = load(&service, "/docs/").await;
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    assert!(page.body.contains("swagger-ui"), "{}", page.body);
    let names = loaded(&page.body);
    assert!(names.len() >= 3, "{names:?}");
    for name in names {
        assert!(!name.contains("//"), "{name} is elsewhere");
        let path = format!("/docs/{}", name.trim_start_matches("./"));
        if !name.ends_with(".png") {
            load(&service, &path).await;
        }
    }
    let start = load(&service, "/docs/swagger-initializer.js").await;
    assert!(start.body.contains("/openapi.json"), "{}", start.body);
    assert!(!start.body.contains("http://") && !start.body.contains("https://"), "{}", start.body);
}

#[tokio::test]
async fn a_browser_is_told_to_load_nothing_from_elsewhere() {
    let service = Service::start().await;
    for path in ["/docs/", "/docs", "/docs/index.html"] {
        let page = load(&service, path).await;
        let policy = page.header("content-security-policy").expect("a policy");
        assert!(policy.contains("default-src 'self'"), "{policy}");
        for word in policy.split([' ', ';']).filter(|word| !word.is_empty()) {
            assert!(!word.contains('*') && !word.contains("http"), "{policy}");
        }
        // The page would otherwise have a badge drawn by a service on the internet.
        let start = load(&service, "/docs/swagger-initializer.js").await;
        assert!(start.body.contains("\"validatorUrl\": \"none\""), "{}", start.body);
    }
}
