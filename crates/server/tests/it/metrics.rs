//! `/metrics`

use http::Method;

use crate::harness::{BUY, NEVER, Service, Setup};

const FROM_ELSEWHERE: (&str, &str) = ("x-forwarded-for", "203.0.113.9");

#[tokio::test]
async fn every_name_is_ours_and_what_happens_is_counted() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let order = alice.order(BUY).await;
    alice.signal("hello").await;
    alice.get(&format!("/orders/{order}/")).await;
    let answer = service.call(Method::GET, "/metrics", None).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let samples: Vec<&str> = answer.body.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(samples.len() > 20, "{}", answer.body);
    for line in &samples {
        assert!(line.starts_with("hookfill_"), "{line}");
        let value = line.rsplit_once(' ').unwrap().1;
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
    let has =
        |start: &str, end: &str| samples.iter().any(|line| line.starts_with(start) && line.ends_with(end));
    assert!(has("hookfill_signals_total{outcome=\"accepted\"", " 1"), "{}", answer.body);
    assert!(has("hookfill_signals_total{outcome=\"refused\",code=\"no_signal\"", " 1"), "{}", answer.body);
    assert!(
        has("hookfill_http_requests_total{route=\"/orders/{id}/\",status=\"200\"}", " 1"),
        "{}",
        answer.body
    );
    assert!(has("hookfill_accept_seconds_count", " 2"), "{}", answer.body);
    for secret in [alice.key.as_str(), order.as_str(), "alice"] {
        assert!(!answer.body.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn from_elsewhere_it_needs_the_admin_token() {
    let service = Service::start().await;
    let answer = service.ask(Method::GET, "/metrics", &[FROM_ELSEWHERE], "").await;
    assert_eq!(answer.refusal(403), "admin_token_unset");
    let alice = service.register("alice").await;
    let headers = [FROM_ELSEWHERE, ("x-api-key", alice.key.as_str())];
    assert_eq!(service.ask(Method::GET, "/metrics", &headers, "").await.status, 403);

    let service =
        Setup::default().delays(NEVER, NEVER).set("HOOKFILL_ADMIN_TOKEN", "canary-admin").start().await;
    for token in ["", "canary", "canary-admin "] {
        let headers = [("host", "hooks.example.com"), ("x-admin-token", token)];
        let answer = service.ask(Method::GET, "/metrics", &headers, "").await;
        if token.trim() == "canary-admin" {
            // A field's value ends before the blanks that follow it.
            assert_eq!(answer.status, 200);
        } else {
            assert_eq!(answer.refusal(401), "invalid_admin_token");
        }
    }
    let headers = [FROM_ELSEWHERE, ("x-admin-token", "canary-admin")];
    let answer = service.ask(Method::GET, "/metrics", &headers, "").await;
    assert_eq!(answer.status, 200);
    assert!(!answer.body.contains("canary"), "{}", answer.body);
    assert_eq!(service.call(Method::GET, "/metrics", None).await.status, 200);
}

#[tokio::test]
async fn a_stream_counts_as_a_connection_for_as_long_as_it_is_open() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(alice.stream("").await);
    }
    let metrics = service.call(Method::GET, "/metrics", None).await.body;
    assert!(metrics.contains("\nhookfill_streams 3\n"), "{metrics}");
    let connections = metrics.lines().find_map(|line| line.strip_prefix("hookfill_connections "));
    assert!(connections.is_some_and(|count| count.parse::<i64>().unwrap() >= 4), "{metrics}");
}
