//! Paths and methods: what there is, and how what is not there is refused.

use http::Method;
use serde_json::json;

use crate::harness::{BUY, Service};
use crate::routes::{all, filled, paths};

#[tokio::test]
async fn a_path_answers_with_and_without_its_slash_and_never_redirects() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    for (method, path) in all() {
        let with = filled(path);
        let with = format!("{}/", with.trim_end_matches('/'));
        let without = with.trim_end_matches('/');
        let mut statuses = Vec::new();
        for path in [with.as_str(), without, &format!("{without}?x=1"), &format!("{with}?x=1")] {
            let answer = alice.call(method.clone(), path, Some(json!({}))).await;
            assert!(!answer.status.is_redirection(), "{method} {path}: {}", answer.status);
            assert_ne!(answer.status, 405, "{method} {path}");
            assert!(!answer.body.contains("nothing at this path"), "{method} {path}: {}", answer.body);
            statuses.push(answer.status);
        }
        statuses.dedup();
        assert_eq!(statuses.len(), 1, "{method} {path}: {statuses:?}");
    }
}

#[tokio::test]
async fn a_method_that_a_path_does_not_take_is_405_with_those_that_it_does() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let methods = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
    for path in paths() {
        let taken: Vec<Method> =
            all().into_iter().filter(|(_, other)| *other == path).map(|(method, _)| method).collect();
        for method in methods.iter().filter(|method| !taken.contains(method)) {
            let answer = alice.call(method.clone(), &filled(path), None).await;
            assert_eq!(answer.refusal(405), "method_not_allowed", "{method} {path}");
            let allow = answer.header("allow").unwrap_or_else(|| panic!("{method} {path} has no Allow"));
            let allowed: Vec<&str> = allow.split(',').map(str::trim).collect();
            for method in &taken {
                assert!(allowed.contains(&method.as_str()), "{method} {path}: {allow}");
            }
            assert!(!allowed.contains(&method.as_str()), "{method} {path}: {allow}");
        }
    }
}

#[tokio::test]
async fn a_path_that_is_none_is_404() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    for path in [
        "/",
        "/order/",
        "/orders/1/2/3/",
        "//orders/",
        "/ORDERS/",
        "/%6frders/",
        "/orders/../accounts/",
        "/webhook/",
        "/webhook/nobodys-token/",
        "/docs/nothing.js",
        "/docs/../openapi.json",
        "/.env",
        "/ws/",
    ] {
        assert_eq!(alice.call(Method::GET, path, None).await.refusal(404), "not_found", "{path}");
    }
    for id in ["1", "%FF", "%00", "%2e%2e", "null", "{id}", "0189-7000", "🤖"] {
        for tail in ["", "events/"] {
            let path = format!("/orders/{id}/{tail}").replace('{', "%7B").replace('}', "%7D");
            let path = path.replace('🤖', "%F0%9F%A4%96");
            let code = alice.call(Method::GET, &path, None).await.refusal(404);
            assert!(code == "order_not_found" || code == "not_found", "{path}: {code}");
        }
    }
}

#[tokio::test]
async fn every_get_has_its_head_without_a_body() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let order = alice.order(BUY).await;
    for (method, path) in all() {
        if method != Method::GET {
            continue;
        }
        let path = path.replace("{id}", &order);
        let answer = alice.call(Method::HEAD, &path, None).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, ""), "{path}");
        assert!(answer.header("content-type").is_some(), "{path}");
    }
}

#[tokio::test]
async fn nothing_is_sniffed_or_cached() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    for (method, path) in all() {
        let answer = alice.call(method.clone(), &filled(path), Some(json!({}))).await;
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{method} {path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{method} {path}");
    }
}
