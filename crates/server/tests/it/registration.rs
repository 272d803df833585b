//! Who may register without a key.

use http::Method;
use serde_json::json;

use crate::harness::{Answer, NEVER, Service, Setup};

/// What a proxy or a tunnel adds, each alone.
const FOREIGN: [(&str, &str); 7] = [
    ("x-forwarded-for", "203.0.113.9"),
    ("x-forwarded-proto", "https"),
    ("forwarded", "for=203.0.113.9"),
    ("x-real-ip", "203.0.113.9"),
    ("via", "1.1 proxy"),
    ("cf-connecting-ip", "203.0.113.9"),
    ("host", "hooks.example.com"),
];

async fn register(service: &Service, username: &str, headers: &[(&str, &str)]) -> Answer {
    let body = json!({ "username": username, "broker_name": "Mock", "account_id": "1", "api_key": "s" });
    service.ask(Method::POST, "/accounts/", headers, body.to_string()).await
}

fn setup(mode: &str) -> Setup {
    Setup::default().delays(NEVER, NEVER).set("HOOKFILL_REGISTRATION", mode)
}

#[tokio::test]
async fn by_default_it_is_open_here_and_needs_a_token_that_is_set_from_elsewhere() {
    let service = Service::start().await;
    assert_eq!(register(&service, "alice", &[]).await.status, 201);
    for foreign in FOREIGN {
        let answer = register(&service, "bob", &[foreign]).await;
        assert_eq!(answer.refusal(403), "admin_token_unset", "{foreign:?}");
        let answer = register(&service, "bob", &[foreign, ("x-admin-token", "")]).await;
        assert_eq!(answer.refusal(403), "admin_token_unset", "{foreign:?}");
    }
}

#[tokio::test]
async fn from_elsewhere_the_admin_token_opens_it() {
    let service =
        Setup::default().delays(NEVER, NEVER).set("HOOKFILL_ADMIN_TOKEN", "canary-admin").start().await;
    for (foreign, name) in FOREIGN.into_iter().zip('a'..) {
        for wrong in ["", "canary-admi", "canary-admin2", "CANARY-ADMIN"] {
            let answer = register(&service, "bob", &[foreign, ("x-admin-token", wrong)]).await;
            assert_eq!(answer.refusal(401), "invalid_admin_token", "{foreign:?}");
            assert!(answer.header("www-authenticate").is_some());
        }
        let answer = register(&service, "bob", &[foreign]).await;
        assert_eq!(answer.refusal(401), "invalid_admin_token", "{foreign:?}");
        let answer =
            register(&service, &name.to_string(), &[foreign, ("x-admin-token", "canary-admin")]).await;
        assert_eq!(answer.status, 201, "{foreign:?}: {}", answer.body);
    }
    assert_eq!(register(&service, "local", &[]).await.status, 201);
}

#[tokio::test]
async fn a_mode_that_was_set_counts_for_everybody() {
    let service = setup("open").start().await;
    for (foreign, name) in FOREIGN.into_iter().zip('a'..) {
        assert_eq!(register(&service, &name.to_string(), &[foreign]).await.status, 201, "{foreign:?}");
    }
    let service = setup("token").set("HOOKFILL_ADMIN_TOKEN", "canary-admin").start().await;
    assert_eq!(register(&service, "alice", &[]).await.refusal(401), "invalid_admin_token");
    assert_eq!(register(&service, "alice", &[("x-admin-token", "canary-admin")]).await.status, 201);
    let service = setup("closed").set("HOOKFILL_ADMIN_TOKEN", "canary-admin").start().await;
    for headers in [vec![], vec![("x-admin-token", "canary-admin")], vec![FOREIGN[0]]] {
        assert_eq!(register(&service, "alice", &headers).await.refusal(403), "registration_closed");
    }
}

#[tokio::test]
async fn a_key_links_accounts_whatever_the_mode() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let key = alice.key.clone();
    let closed = setup("closed").start_in(service.stop().await).await;
    for foreign in FOREIGN {
        let body = json!({ "broker_name": "Mock", "account_id": foreign.0, "api_key": "s" });
        let headers = [foreign, ("x-api-key", &*key)];
        let answer = closed.ask(Method::POST, "/accounts/", &headers, body.to_string()).await;
        assert_eq!(answer.status, 201, "{foreign:?}: {}", answer.body);
    }
    assert_eq!(register(&closed, "alice", &[("x-api-key", "wrong")]).await.refusal(401), "invalid_api_key");
}
