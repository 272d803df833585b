//! How many requests a key or an address may make.

use http::Method;
use serde_json::json;

use crate::harness::{Answer, NEVER, Service, Setup};

const FROM_ELSEWHERE: (&str, &str) = ("x-forwarded-for", "203.0.113.9");

async fn list(service: &Service, key: &str, more: &[(&str, &str)]) -> Answer {
    let headers: Vec<_> = [("x-api-key", key)].into_iter().chain(more.iter().copied()).collect();
    service.ask(Method::GET, "/orders/", &headers, "").await
}

fn check_limited(answer: &Answer, policy: &str) {
    assert_eq!(answer.refusal(429), "rate_limited");
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(answer.header("ratelimit-policy"), Some(policy));
    assert_eq!(answer.header("ratelimit"), Some(format!("\"default\";r=0;t={wait}").as_str()));
}

#[tokio::test]
async fn requests_from_elsewhere_are_600_a_minute_for_each_key_and_local_ones_are_not_counted() {
    let service = Service::start().await;
    let (alice, bob) = (service.register("alice").await, service.register("bob").await);
    let mut raw = crate::raw::Raw::connect(&service).await;
    let mut refused = None;
    // While the burst is used up, a few more are earned: ten a second.
    for number in 1..=1200 {
        let request = format!(
            "GET /analytics/ HTTP/1.1\r\nhost: {}\r\nx-api-key: {}\r\nx-forwarded-for: 203.0.113.9\r\n\r\n",
            service.address, alice.key
        );
        let answer = raw.ask(&request).await;
        if answer.status != 200 {
            refused = Some((number, answer));
            break;
        }
    }
    let (number, answer) = refused.expect("a limit");
    assert!((601..=900).contains(&number), "{number}");
    check_limited(&answer, "\"default\";q=600;w=60");
    assert_eq!(list(&service, &alice.key, &[]).await.status, 200);
    assert_eq!(list(&service, &bob.key, &[FROM_ELSEWHERE]).await.status, 200);
}

#[tokio::test]
async fn a_limit_that_was_set_counts_local_requests_too_each_key_for_itself() {
    let service = Setup::default().delays(NEVER, NEVER).set("HOOKFILL_RATE_LIMIT", "3/h").start().await;
    let (alice, bob) = (service.register("alice").await, service.register("bob").await);
    for _ in 0..3 {
        assert_eq!(list(&service, &alice.key, &[]).await.status, 200);
    }
    let answer = alice.signal(crate::harness::BUY).await;
    assert_eq!(answer.refusal(429), "rate_limited");
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=1200).contains(&wait), "{wait}");
    assert_eq!(answer.header("ratelimit-policy"), Some("\"default\";q=3;w=3600"));
    assert_eq!(list(&service, &bob.key, &[]).await.status, 200);
    assert_eq!(service.call(Method::GET, "/health/", None).await.status, 200);
}

#[tokio::test]
async fn off_is_off_for_everybody() {
    let service = Setup::default().delays(NEVER, NEVER).set("HOOKFILL_RATE_LIMIT", "off").start().await;
    let alice = service.register("alice").await;
    let mut raw = crate::raw::Raw::connect(&service).await;
    for _ in 0..700 {
        let request = format!(
            "GET /analytics/ HTTP/1.1\r\nhost: x\r\nx-api-key: {}\r\nvia: 1.1 proxy\r\n\r\n",
            alice.key
        );
        assert_eq!(raw.ask(&request).await.status, 200);
    }
}

#[tokio::test]
async fn without_a_key_the_address_counts_and_only_a_trusted_proxy_names_another() {
    let limited = || Setup::default().delays(NEVER, NEVER).set("HOOKFILL_RATE_LIMIT", "2/m");
    let one = ("x-forwarded-for", "203.0.113.1");
    let other = ("x-forwarded-for", "203.0.113.2");
    let service = limited().set("HOOKFILL_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8").start().await;
    for _ in 0..2 {
        assert_eq!(list(&service, "guess", &[one]).await.status, 401);
    }
    check_limited(&list(&service, "guess", &[one]).await, "\"default\";q=2;w=60");
    let spoofed = ("x-forwarded-for", "203.0.113.77, 203.0.113.1, 10.1.2.3");
    assert_eq!(list(&service, "guess", &[spoofed]).await.status, 429);
    assert_eq!(list(&service, "guess", &[other]).await.status, 401);

    let service = limited().start().await;
    for header in [one, other] {
        assert_eq!(list(&service, "guess", &[header]).await.status, 401);
    }
    let third = ("x-forwarded-for", "203.0.113.3");
    assert_eq!(list(&service, "guess", &[third]).await.status, 429);
    // Registrations are counted against the same address.
    let body = json!({ "username": "a", "broker_name": "Mock", "account_id": "1", "api_key": "s" });
    assert_eq!(service.call(Method::POST, "/accounts/", Some(body)).await.status, 429);
}
