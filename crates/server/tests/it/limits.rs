//! Limits of a request: its head, its body, its time. Said over a bare connection.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use crate::harness::{BUY, Service};
use crate::raw::Raw;

const HEALTH: &str = "GET /health/ HTTP/1.1\r\nhost: localhost\r\n\r\n";

fn post(path: &str, headers: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n")
}

#[tokio::test]
async fn a_hundred_headers_are_taken_and_one_more_is_431() {
    let service = Service::start().await;
    for (count, status) in [(100, 200), (101, 431), (1000, 431)] {
        let headers: String = (1..count).map(|number| format!("x-{number}: 1\r\n")).collect();
        let request = format!("GET /health/ HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n");
        let mut raw = Raw::connect(&service).await;
        assert_eq!(raw.ask(&request).await.status, status, "{count}");
    }
    assert_eq!(Raw::connect(&service).await.ask(HEALTH).await.status, 200);
}

#[tokio::test]
async fn a_head_over_64_kib_is_431_and_a_long_header_below_is_taken() {
    let service = Service::start().await;
    for (length, status) in [(60_000, 200), (200_000, 431), (1_000_000, 431)] {
        let request =
            format!("GET /health/ HTTP/1.1\r\nhost: localhost\r\nx-long: {}\r\n\r\n", "x".repeat(length));
        let mut raw = Raw::connect(&service).await;
        assert_eq!(raw.ask(&request).await.status, status, "{length}");
    }
}

#[tokio::test]
async fn an_address_over_8_kib_is_414() {
    let service = Service::start().await;
    let longest = format!("/health/?{}", "x".repeat(8192 - "/health/?".len()));
    let request = |target: &str| format!("GET {target} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let mut raw = Raw::connect(&service).await;
    assert_eq!(raw.ask(&request(&longest)).await.status, 200);
    let answer = raw.ask(&request(&format!("{longest}x"))).await;
    assert_eq!(answer.refusal(414), "url_too_long");
    let answer = raw.ask(&request(&format!("/{}", "a/".repeat(5000)))).await;
    assert_eq!(answer.refusal(414), "url_too_long");
    let mut raw = Raw::connect(&service).await;
    assert_eq!(raw.ask(&request(&format!("/{}", "x".repeat(65_600)))).await.status.as_u16() / 100, 4);
}

#[tokio::test]
async fn a_body_over_64_kib_is_413_declared_or_in_pieces() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let key = format!("x-api-key: {}\r\n", alice.key);
    for path in ["/accounts/", "/webhook/receive-signal/", "/signals/explain/"] {
        for length in ["65537", "1000000", "18446744073709551613"] {
            let mut raw = Raw::connect(&service).await;
            let answer = raw.ask(&post(path, &format!("{key}content-length: {length}\r\n"))).await;
            assert_eq!(answer.refusal(413), "body_too_large", "{path} {length}");
            assert_eq!(answer.header("connection"), Some("close"));
            raw.closed().await;
        }
        let mut raw = Raw::connect(&service).await;
        raw.write(post(path, &format!("{key}transfer-encoding: chunked\r\n"))).await;
        for _ in 0..5 {
            raw.write(format!("4000\r\n{}\r\n", " ".repeat(0x4000))).await;
        }
        assert_eq!(raw.answer().await.refusal(413), "body_too_large", "{path}");
        raw.closed().await;
    }
    let padded = |length: usize| {
        let body = format!("{{\"signal\":\"{BUY}\"}}");
        format!("{body}{}", " ".repeat(length - body.len()))
    };
    let mut raw = Raw::connect(&service).await;
    let largest =
        post("/webhook/receive-signal/", &format!("{key}content-length: 65536\r\n")) + &padded(65_536);
    assert_eq!(raw.ask(&largest).await.status, 200);
    let mut raw = Raw::connect(&service).await;
    let body = padded(65_537);
    raw.write(post("/webhook/receive-signal/", &format!("{key}content-length: 65537\r\n")) + &body).await;
    assert_eq!(raw.answer().await.refusal(413), "body_too_large");
    assert_eq!(alice.get("/orders/").await.as_array().unwrap().len(), 1);
}

/// Heads that are not complete, and what came before them on the connection.
async fn head_that_dawdles(service: &Service, before: &str, begun: &str) {
    let mut raw = Raw::connect(service).await;
    if !before.is_empty() {
        assert_eq!(raw.ask(before).await.status, 200);
    }
    let began = Instant::now();
    raw.write(begun).await;
    assert_eq!(raw.closed().await, "", "{begun}");
    let took = began.elapsed();
    assert!((Duration::from_millis(4900)..Duration::from_secs(9)).contains(&took), "{begun}: {took:?}");
}

async fn body_that_dawdles(service: &Service, path: &str, headers: String, begun: &str) {
    let mut raw = Raw::connect(service).await;
    let began = Instant::now();
    let answer = raw.ask(&(post(path, &headers) + begun)).await;
    assert_eq!(answer.refusal(408), "body_timeout", "{path}");
    assert_eq!(answer.header("connection"), Some("close"), "{path}");
    let took = began.elapsed();
    assert!((Duration::from_millis(4900)..Duration::from_secs(9)).contains(&took), "{path}: {took:?}");
    assert_eq!(raw.closed().await, "");
}

/// Sends a byte now and then for longer than a head may take.
async fn head_that_trickles(service: &Service) {
    let mut raw = Raw::connect(service).await;
    let began = Instant::now();
    let mut every = tokio::time::interval(Duration::from_millis(500));
    raw.write("GET /health/ HTTP/1.1\r\nx: ").await;
    let dripping = async {
        loop {
            every.tick().await;
            if began.elapsed() > Duration::from_secs(6) {
                break;
            }
            raw.write("x").await;
        }
        raw.closed().await
    };
    assert_eq!(dripping.await, "");
}

#[tokio::test]
async fn what_is_not_complete_in_five_seconds_is_ended_and_idleness_is_not() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let key = format!("x-api-key: {}\r\n", alice.key);
    let mut idle = Raw::connect(&service).await;
    let mut fresh = Raw::connect(&service).await;
    assert_eq!(idle.ask(HEALTH).await.status, 200);
    let heads = ["G", "GET /health/ HTTP/1.1\r\n", "GET /health/ HTTP/1.1\r\nhost: localhost\r\n"]
        .map(|begun| head_that_dawdles(&service, "", begun));
    let later = head_that_dawdles(&service, HEALTH, "GET /health/ HTTP/1.1\r\nhost: ");
    let bodies = [
        ("/webhook/receive-signal/", format!("{key}content-length: 50\r\n"), "{\"signal\":"),
        ("/webhook/receive-signal/", format!("{key}content-length: 50\r\n"), ""),
        ("/signals/explain/", format!("{key}transfer-encoding: chunked\r\n"), "5\r\n{\"sig\r\n"),
        ("/accounts/", "content-length: 50\r\n".to_owned(), "{"),
    ];
    let bodies = bodies.map(|(path, headers, begun)| body_that_dawdles(&service, path, headers, begun));
    tokio::join!(join_all(heads), later, join_all(bodies), head_that_trickles(&service));
    assert_eq!(idle.ask(HEALTH).await.status, 200);
    assert_eq!(fresh.ask(HEALTH).await.status, 200);
    assert_eq!(alice.get("/orders/").await, serde_json::json!([]));
}

#[tokio::test]
async fn a_connection_is_kept_and_requests_may_be_sent_ahead() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let mut raw = Raw::connect(&service).await;
    for _ in 0..3 {
        assert_eq!(raw.ask(HEALTH).await.status, 200);
    }
    let key = format!("x-api-key: {}\r\n", alice.key);
    let body = format!("{{\"signal\":\"{BUY}\"}}");
    let signal =
        post("/webhook/receive-signal/", &format!("{key}content-length: {}\r\n", body.len())) + &body;
    let missing = "GET /nothing/ HTTP/1.1\r\nhost: localhost\r\n\r\n";
    raw.write(format!("{HEALTH}{signal}{missing}{signal}")).await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(raw.answer().await.status.as_u16());
    }
    assert_eq!(statuses, [200, 200, 404, 200]);
    assert_eq!(alice.get("/orders/").await.as_array().unwrap().len(), 2);
    let answer = raw.ask("GET /health/ HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
    assert_eq!(answer.status, 200);
    assert_eq!(raw.closed().await, "");
}

#[tokio::test]
async fn http_1_0_and_head_and_expect_are_understood() {
    let service = Service::start().await;
    let mut raw = Raw::connect(&service).await;
    assert_eq!(raw.ask("GET /health/ HTTP/1.0\r\n\r\n").await.json()["status"], "ok");
    assert_eq!(raw.closed().await, "");

    let mut raw = Raw::connect(&service).await;
    raw.write("HEAD /health/ HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert_eq!(raw.head().await.status, 200);
    assert_eq!(raw.ask(HEALTH).await.status, 200);

    let body = r#"{"username":"bob","broker_name":"M","account_id":"1","api_key":"s"}"#;
    let headers = format!("expect: 100-continue\r\ncontent-length: {}\r\n", body.len());
    let mut raw = Raw::connect(&service).await;
    raw.write(post("/accounts/", &headers)).await;
    assert_eq!(raw.head().await.status, 100);
    assert_eq!(raw.ask(body).await.status, 201);

    let mut raw = Raw::connect(&service).await;
    raw.write(post("/accounts/", "expect: 100-continue\r\ncontent-length: 70000\r\n")).await;
    assert_eq!(raw.answer().await.refusal(413), "body_too_large");
}

#[tokio::test]
async fn what_is_no_http_is_refused_and_hung_up_on() {
    let service = Service::start().await;
    for request in [
        "hello\r\n\r\n",
        "GET /health/\r\n\r\n",
        "GET /health/ HTTP/1.1\r\nno colon\r\n\r\n",
        "GET /health/ HTTP/1.1\r\nbad name: 1\r\n\r\n",
        "GET /heal th/ HTTP/1.1\r\nhost: localhost\r\n\r\n",
        "GET /health/ HTTP/1.1\r\nx: a\0b\r\n\r\n",
        "POST /accounts/ HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        "POST /accounts/ HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
        "POST /accounts/ HTTP/1.1\r\ncontent-length: 99999999999999999999\r\n\r\n",
        "POST /accounts/ HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\u{7c}\x03\x03\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut raw = Raw::connect(&service).await;
        raw.write(request).await;
        let said = raw.closed().await;
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 4"), "{request:?}: {said}");
    }
    let mut raw = Raw::connect(&service).await;
    raw.write(post("/accounts/", "transfer-encoding: chunked\r\n") + "zz\r\n").await;
    let answer = raw.answer().await;
    assert_eq!(answer.refusal(400), "body_incomplete");
    let mut raw = Raw::connect(&service).await;
    raw.write(post("/accounts/", "content-length: 50\r\n") + "{").await;
    raw.finish().await;
    let said = raw.closed().await;
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 400"), "{said}");
    assert_eq!(Raw::connect(&service).await.ask(HEALTH).await.status, 200);
}

#[tokio::test]
async fn a_body_that_nobody_reads_holds_nothing_up() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let order = alice.order(BUY).await;
    let key = format!("x-api-key: {}\r\n", alice.key);
    for (request, status) in [
        ("GET /health/ HTTP/1.1\r\nhost: localhost\r\ncontent-length: 50\r\n\r\n".to_owned(), 200),
        (post(&format!("/orders/{order}/cancel/"), &format!("{key}content-length: 50\r\n")), 200),
        (post("/orders/", &format!("{key}content-length: 50\r\n")), 405),
        (post("/nothing/", "content-length: 1000000\r\n"), 404),
        (post("/webhook/receive-signal/", "content-length: 50\r\n"), 401),
    ] {
        let began = Instant::now();
        let mut raw = Raw::connect(&service).await;
        assert_eq!(raw.ask(&request).await.status, status, "{request}");
        // What comes on the connection after that is never taken for a request.
        raw.write("GET /orders/ HTTP/1.1\r\n").await;
        let said = raw.closed().await;
        assert_eq!(said, "", "{request}");
        assert!(began.elapsed() < Duration::from_secs(7), "{request}: {:?}", began.elapsed());
    }
}
