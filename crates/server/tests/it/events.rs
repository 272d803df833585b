//! `/events/`

use http::Method;
use serde_json::json;

use crate::harness::{BUY, Service, Setup};

#[tokio::test]
async fn its_messages_are_the_streams_byte_for_byte() {
    let service = Setup::default().delays("0ms", "0ms").start().await;
    let alice = service.register("alice").await;
    let mut stream = alice.stream("").await;
    for _ in 0..4 {
        alice.order(BUY).await;
    }
    let mut sent = Vec::new();
    for _ in 0..12 {
        sent.push(stream.text().await);
    }
    for (query, range) in [
        ("", 0..12),
        ("?after=0", 0..12),
        ("?after=5", 5..12),
        ("?after=5&limit=3", 5..8),
        ("?limit=1", 0..1),
        ("?after=11&limit=1000", 11..12),
        ("?after=12", 12..12),
        ("?after=13", 12..12),
        ("?after=9223372036854775806", 12..12),
        ("?after=9223372036854775807", 12..12),
    ] {
        let answer = alice.call(Method::GET, &format!("/events/{query}"), None).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.body);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.body, format!("[{}]", sent[range].join(",")), "{query}");
    }
    let mut replay = alice.stream("?after=0").await;
    for text in &sent {
        assert_eq!(replay.text().await, *text);
    }
}

#[tokio::test]
async fn a_page_has_a_hundred_messages_unless_told_otherwise() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    assert_eq!(alice.get("/events/").await, json!([]));
    futures_util::future::join_all((0..102).map(|_| alice.order(BUY))).await;
    let seqs = |page: serde_json::Value| -> Vec<i64> {
        page.as_array().unwrap().iter().map(|message| message["seq"].as_i64().unwrap()).collect()
    };
    assert_eq!(seqs(alice.get("/events/").await), (1..=100).collect::<Vec<_>>());
    assert_eq!(seqs(alice.get("/events/?after=100").await), [101, 102]);
    assert_eq!(seqs(alice.get("/events/?limit=1000").await).len(), 102);
}
