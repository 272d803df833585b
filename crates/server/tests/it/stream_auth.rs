//! `/ws/orders`: who may open a stream, and how they show it.

use std::time::Duration;

use axum::body::Body;
use hookfill::stream::Pace;
use http::{Method, Request};
use serde_json::json;

use crate::harness::{Answer, BUY, Service, Setup, Stream, Trader};

/// Knocks as a WebSocket client does and gives the refusal.
async fn knock(service: &Service, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder()
        .uri(path)
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    service.send(request.body(Body::empty()).unwrap()).await
}

fn authentication(key: &str) -> String {
    json!({ "type": "authenticate", "api_key": key }).to_string()
}

/// A well-formed key that is nobody's: another service's.
async fn strange_key() -> String {
    let elsewhere = Service::start().await;
    elsewhere.register("alice").await.key.clone()
}

/// Opens a stream without a key and says this first.
async fn open_saying(service: &Service, path: &str, first: &str) -> Stream {
    let mut stream = service.open(path, &[]).await.unwrap();
    stream.say(first).await;
    stream
}

async fn follows(stream: &mut Stream, trader: &Trader<'_>) {
    let hello = stream.next().await;
    assert_eq!(hello["type"], "connection_established", "{hello}");
    assert_eq!(hello["user_id"], trader.user_id);
    let id = trader.order(BUY).await;
    assert_eq!(stream.next().await["order_id"], id);
}

#[tokio::test]
async fn a_key_in_the_handshake_opens_the_stream() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let bearer = format!("Bearer {}", alice.key);
    let (own, named) = ("/ws/orders".to_owned(), format!("/ws/orders/{}", alice.user_id));
    for path in [own.clone(), format!("{own}/"), named.clone(), format!("{named}/")] {
        for header in [("x-api-key", alice.key.as_str()), ("authorization", bearer.as_str())] {
            follows(&mut service.open(&path, &[header]).await.unwrap(), &alice).await;
        }
    }
}

#[tokio::test]
async fn a_wrong_key_in_the_handshake_is_401_before_the_upgrade() {
    let service = Service::start().await;
    service.register("alice").await;
    let strange = strange_key().await;
    for key in [strange.as_str(), "nonsense", ""] {
        for header in [("x-api-key", key.to_owned()), ("authorization", format!("Bearer {key}"))] {
            let answer = knock(&service, "/ws/orders", &[(header.0, &header.1)]).await;
            assert_eq!(answer.refusal(401), "invalid_api_key", "{header:?}");
            assert!(answer.header("www-authenticate").is_some());
        }
    }
}

#[tokio::test]
async fn another_users_id_is_403_before_the_upgrade() {
    let service = Service::start().await;
    let (alice, bob) = (service.register("alice").await, service.register("bob").await);
    for path in [format!("/ws/orders/{}", bob.user_id), format!("/ws/orders/{}/", bob.user_id)] {
        let answer = knock(&service, &path, &[("x-api-key", &alice.key)]).await;
        assert_eq!(answer.refusal(403), "not_your_stream");
    }
    // One that nobody has is answered alike.
    let answer = knock(&service, "/ws/orders/4711", &[("x-api-key", &alice.key)]).await;
    assert_eq!(answer.refusal(403), "not_your_stream");
}

#[tokio::test]
async fn a_key_in_the_first_message_opens_the_stream() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    for path in ["/ws/orders".to_owned(), format!("/ws/orders/{}", alice.user_id)] {
        follows(&mut open_saying(&service, &path, &authentication(&alice.key)).await, &alice).await;
    }
}

#[tokio::test]
async fn a_key_in_the_first_message_can_resume() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    alice.order(BUY).await;
    let mut stream = open_saying(&service, "/ws/orders?after=0", &authentication(&alice.key)).await;
    assert_eq!(stream.next().await["seq"], 1);
    assert_eq!(stream.take(1).await, [("order.pending".to_owned(), 1)]);
}

#[tokio::test]
async fn a_wrong_key_or_no_key_in_the_first_message_closes_with_4401() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let strange = authentication(&strange_key().await);
    let other_type = json!({ "type": "hello", "api_key": alice.key }).to_string();
    let number = json!({ "type": "authenticate", "api_key": 7 }).to_string();
    for first in [&strange, &authentication("nonsense"), &other_type, &number, "garbage", "", "[]", "{}"] {
        let mut stream = open_saying(&service, "/ws/orders", first).await;
        assert_eq!(stream.closed().await, 4401, "{first}");
    }
}

#[tokio::test]
async fn another_users_id_and_a_key_in_the_first_message_close_with_4403() {
    let service = Service::start().await;
    let (alice, bob) = (service.register("alice").await, service.register("bob").await);
    let path = format!("/ws/orders/{}", bob.user_id);
    let mut stream = open_saying(&service, &path, &authentication(&alice.key)).await;
    assert_eq!(stream.closed().await, 4403);
}

#[tokio::test]
async fn silence_instead_of_a_key_closes_with_4401() {
    let pace = Pace { authenticate_within: Duration::from_millis(50), ..Pace::default() };
    let service = Setup::default().pace(pace).start().await;
    let mut stream = service.open("/ws/orders", &[]).await.unwrap();
    assert_eq!(stream.closed().await, 4401);
}

#[test]
fn a_stream_is_as_patient_as_the_contract_says() {
    let Pace { authenticate_within, write_limit, close_limit, ping_every, dead_after } = Pace::default();
    let seconds =
        [authenticate_within, write_limit, close_limit, ping_every, dead_after].map(|d| d.as_secs());
    assert_eq!(seconds, [5, 10, 2, 20, 60]);
}

#[tokio::test]
async fn pages_of_the_servers_own_origin_and_of_allowed_ones_may_open_a_stream() {
    let service = Setup::default()
        .set("HOOKFILL_PUBLIC_URL", "https://trade.example.com/hooks")
        .set("HOOKFILL_ALLOWED_ORIGINS", "https://desk.example.com,http://localhost:3000")
        .start()
        .await;
    let alice = service.register("alice").await;
    let own = format!("http://{}", service.address);
    let open = [&own, "https://trade.example.com", "https://desk.example.com", "http://localhost:3000"];
    for origin in open {
        let headers = [("x-api-key", alice.key.as_str()), ("origin", origin)];
        follows(&mut service.open("/ws/orders", &headers).await.unwrap(), &alice).await;
        let mut browser = service.open("/ws/orders", &[("origin", origin)]).await.unwrap();
        browser.say(&authentication(&alice.key)).await;
        follows(&mut browser, &alice).await;
    }
}

#[tokio::test]
async fn pages_of_other_origins_are_403_whatever_key_they_have() {
    let service = Setup::default().set("HOOKFILL_ALLOWED_ORIGINS", "https://desk.example.com").start().await;
    let alice = service.register("alice").await;
    let port = service.address.port();
    let other_port = format!("http://127.0.0.1:{}", port ^ 1);
    let prefixed = format!("http://127.0.0.1:{port}.evil.example");
    let refused = [
        "null",
        "https://evil.example",
        "https://desk.example.com.evil.example",
        "https://desk.example.com:444",
        "http://desk.example.com",
        &other_port,
        &prefixed,
        "",
    ];
    for origin in refused {
        for headers in [&[("origin", origin)][..], &[("origin", origin), ("x-api-key", &alice.key)]] {
            let answer = knock(&service, "/ws/orders", headers).await;
            assert_eq!(answer.refusal(403), "origin_not_allowed", "{origin}");
        }
    }
    let both = [("origin", "https://desk.example.com"), ("origin", "https://evil.example")];
    assert_eq!(knock(&service, "/ws/orders", &both).await.refusal(403), "origin_not_allowed");
}

#[tokio::test]
async fn what_is_no_number_to_follow_after_is_400() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    for after in ["abc", "-1", "", "1.5", "+1", "9223372036854775808", "%31%00"] {
        let path = format!("/ws/orders?after={after}");
        for headers in [&[("x-api-key", alice.key.as_str())][..], &[]] {
            assert_eq!(knock(&service, &path, headers).await.status, 400, "{after}");
        }
        assert_eq!(alice.call(Method::GET, &format!("/events/?after={after}"), None).await.status, 400);
    }
    let answer = knock(&service, "/ws/orders?after=abc", &[("x-api-key", &alice.key)]).await;
    assert_eq!(answer.refusal(400), "invalid_after");
}

#[tokio::test]
async fn a_plain_request_for_a_stream_is_426() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    for path in ["/ws/orders".to_owned(), "/ws/orders/".to_owned(), format!("/ws/orders/{}", alice.user_id)] {
        let answer = alice.call(Method::GET, &path, None).await;
        assert_eq!(answer.refusal(426), "websocket_required");
        assert_eq!(answer.header("upgrade"), Some("websocket"));
        assert_eq!(service.call(Method::GET, &path, None).await.refusal(426), "websocket_required");
    }
}

#[tokio::test]
async fn a_path_with_what_is_no_user_id_leads_nowhere() {
    let service = Service::start().await;
    for id in ["alice", "1.5", "9223372036854775808"] {
        assert_eq!(knock(&service, &format!("/ws/orders/{id}"), &[]).await.refusal(404), "not_found");
    }
}

#[tokio::test]
async fn a_key_that_was_revoked_ends_its_streams_within_a_second_and_no_others() {
    let service = Service::start().await;
    let (alice, bob) = (service.register("alice").await, service.register("bob").await);
    let (mut hers, mut his) = (alice.stream("").await, bob.stream("").await);
    let revoked = std::time::Instant::now();
    let sql = "UPDATE api_keys SET revoked_at = 1 WHERE user_id = ?1";
    change_keys(&service, sql, alice.user_id);
    assert_eq!(hers.closed().await, 4401);
    assert!(revoked.elapsed() < Duration::from_secs(1), "{:?}", revoked.elapsed());
    assert_eq!(knock(&service, "/ws/orders", &[("x-api-key", &alice.key)]).await.status, 401);
    bob.order(BUY).await;
    assert_eq!(his.take(1).await, [("order.pending".to_owned(), 1)]);
}

#[tokio::test]
async fn a_key_that_expires_ends_its_streams() {
    let clock = crate::harness::TestClock::now();
    let service = Setup::default().delays("1h", "1h").clock(clock.clone()).start().await;
    let alice = service.register("alice").await;
    use hookfill::clock::Clock;
    let expires_at = clock.now().plus(Duration::from_secs(60)).as_micros();
    change_keys(
        &service,
        &format!("UPDATE api_keys SET expires_at = {expires_at} WHERE user_id = ?1"),
        alice.user_id,
    );
    let mut stream = alice.stream("").await;
    clock.advance(Duration::from_secs(59));
    alice.order(BUY).await;
    assert_eq!(stream.take(1).await, [("order.pending".to_owned(), 1)]);
    clock.advance(Duration::from_secs(1));
    let expired = std::time::Instant::now();
    assert_eq!(stream.closed().await, 4401);
    assert!(expired.elapsed() < Duration::from_secs(1), "{:?}", expired.elapsed());
}

/// Changes keys as another process would.
fn change_keys(service: &Service, sql: &str, user_id: i64) {
    let database = service.database();
    assert_eq!(database.execute(sql, [user_id]).unwrap(), 1);
    assert_eq!(database.execute("UPDATE revision SET credentials = credentials + 1", []).unwrap(), 1);
}
