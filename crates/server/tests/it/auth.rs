//! Keys: who is let in, who is not, and what the refusal says.

use std::sync::Arc;

use hookfill::api_key;
use hookfill::clock::{Clock, SystemClock};
use hookfill_domain::ids::KeyId;
use hookfill_store::sqlite::SqliteStore;
use hookfill_store::{Accounts, NewKey, NoListener, Role};
use http::{HeaderValue, Method, Request};
use serde_json::json;

use crate::harness::{BUY, Service, Trader};
use crate::routes::{GUARDED, NOBODY, filled};

#[tokio::test]
async fn no_key_and_a_wrong_key_are_401_with_a_challenge_on_every_route() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let slip = format!("{}{}", &alice.key[..52], if alice.key.ends_with('0') { '1' } else { '0' });
    let unknown = "a-key-of-the-replaced-service-that-nobody-has";
    let foreign = "hfk_0000000000000000000000000000000000000000000";
    let bearer = |key: &str| format!("Bearer {key}");
    let presented: [Vec<(&str, String)>; 16] = [
        vec![],
        vec![("x-api-key", String::new())],
        vec![("x-api-key", slip.clone())],
        vec![("x-api-key", unknown.to_owned())],
        vec![("x-api-key", foreign.to_owned())],
        vec![("x-api-key", "clé".to_owned())],
        vec![("x-api-key", "x".repeat(5000))],
        vec![("x-api-key", alice.key.to_lowercase())],
        vec![("authorization", bearer(unknown))],
        vec![("authorization", "Bearer".to_owned())],
        vec![("authorization", "Bearer ".to_owned())],
        vec![("authorization", alice.key.clone())],
        vec![("authorization", format!("Basic {}", alice.key))],
        vec![("x-api-key", alice.key.clone()), ("authorization", bearer(unknown))],
        vec![("x-api-key", unknown.to_owned()), ("authorization", bearer(&alice.key))],
        vec![("x-api-key", alice.key.clone()), ("x-api-key", unknown.to_owned())],
    ];
    for (method, path) in GUARDED {
        let path = filled(path);
        for headers in &presented {
            let pairs: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let answer = service.ask(method.clone(), &path, &pairs, "").await;
            let code = answer.refusal(401);
            let expected = ["missing_api_key", "invalid_api_key"];
            assert!(expected.contains(&code.as_str()), "{method} {path} {pairs:?}: {code}");
            assert!(
                answer.header("www-authenticate").is_some_and(|challenge| challenge.starts_with("Bearer"))
            );
            assert!(!answer.body.contains(&alice.key), "{}", answer.body);
        }
    }
}

#[tokio::test]
async fn a_key_in_either_header_or_the_same_in_both_is_let_in() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let (bearer, lower) = (format!("Bearer {}", alice.key), format!("bearer   {}", alice.key));
    let key = alice.key.as_str();
    for headers in [
        vec![("x-api-key", key)],
        vec![("authorization", bearer.as_str())],
        vec![("authorization", lower.as_str())],
        vec![("x-api-key", key), ("authorization", bearer.as_str())],
        vec![("x-api-key", key), ("x-api-key", key)],
        // A proxy in front may have a password of its own: it is no key, and not our business.
        vec![("x-api-key", key), ("authorization", "Basic dXNlcjpwYXNz")],
    ] {
        let answer = service.ask(Method::GET, "/orders/", &headers, "").await;
        assert_eq!(answer.status, 200, "{headers:?}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_header_that_is_no_text_is_401() {
    let service = Service::start().await;
    for name in ["x-api-key", "authorization"] {
        let mut request = Request::get("/orders/").body("".into()).unwrap();
        request.headers_mut().insert(name, HeaderValue::from_bytes(b"Bearer \xff\xfe").unwrap());
        assert_eq!(service.send(request).await.refusal(401), "invalid_api_key");
    }
}

/// Stores a key's hash, as the replaced service's would be taken over.
async fn issue(service: &Service, username: &str, text: &str) {
    let path = service.folder().join("hookfill.db");
    let store = SqliteStore::open(path.to_str().unwrap(), Role::Tool, Arc::new(NoListener)).unwrap();
    let key =
        NewKey { id: KeyId(NOBODY.parse().unwrap()), hash: api_key::hash(text), label: "taken over".into() };
    store.issue_key(username, key, SystemClock.now()).await.unwrap().expect("the user");
}

#[tokio::test]
async fn a_key_of_the_replaced_service_goes_on_working() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let order = alice.order(BUY).await;
    let old = "pq3Jt0_x-URLsafe.token~of+the/replaced=service";
    assert_eq!(service.ask(Method::GET, "/orders/", &[("x-api-key", old)], "").await.status, 401);
    issue(&service, "alice", old).await;
    let taken_over = Trader { key: old.to_owned(), ..alice.at(&service) };
    assert_eq!(taken_over.get("/orders/").await[0]["id"], order.as_str());
    taken_over.order(BUY).await;
    let restarted = crate::harness::Setup::default().start_in(service.stop().await).await;
    let answer = restarted.ask(Method::GET, "/orders/", &[("x-api-key", old)], "").await;
    assert_eq!(answer.json().as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn another_users_object_is_answered_as_one_that_does_not_exist() {
    let service = Service::start().await;
    let (alice, bob) = (service.register("alice").await, service.register("bob").await);
    let order = alice.order(BUY).await;
    for (method, path, hers) in [
        (Method::GET, "/orders/{id}/", &order),
        (Method::GET, "/orders/{id}/events/", &order),
        (Method::POST, "/orders/{id}/cancel/", &order),
        (Method::POST, "/orders/{id}/close/", &order),
        (Method::PATCH, "/accounts/{id}/", &alice.account_id),
        (Method::DELETE, "/accounts/{id}/", &alice.account_id),
    ] {
        let body = Some(json!({ "policy": {} }));
        let existing = bob.call(method.clone(), &path.replace("{id}", hers), body.clone()).await;
        let missing = bob.call(method.clone(), &filled(path), body.clone()).await;
        existing.refusal(404);
        assert_eq!(existing.body, missing.body, "{method} {path}");
        assert_eq!(existing.headers.keys().count(), missing.headers.keys().count(), "{method} {path}");
        let no_id = bob.call(method.clone(), &path.replace("{id}", "nonsense"), body).await;
        assert_eq!(no_id.body, missing.body, "{method} {path}");
    }
    assert_eq!(bob.get("/orders/").await, json!([]));
    assert_eq!(bob.get("/events/").await, json!([]));
    assert_eq!(bob.get("/analytics/").await["total_trades"], 0);
    assert!(!bob.get("/audit/").await.to_string().contains(&order));
    assert_eq!(alice.get(&format!("/orders/{order}/")).await["status"], "pending");
}
