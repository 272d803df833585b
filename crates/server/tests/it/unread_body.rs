//! An answer that is given before the body was read leaves a usable connection, or announces its end.

use futures_util::future::join_all;

use crate::harness::{NEVER, Service, Setup};
use crate::raw::Raw;

const HEALTH: &str = "GET /health/ HTTP/1.1\r\nhost: localhost\r\n\r\n";
const ADMIN: &str = "an-admin-token-of-32-characters--";

/// A request that is answered without reading its body: its request line, its headers, and the answer's status.
type Case = (String, String, u16);

/// One request for every way to be answered before the body is read.
fn cases(key: &str, order: &str) -> Vec<Case> {
    let by_key = format!("x-api-key: {key}\r\n");
    let json = "content-type: application/json\r\n";
    let form = "content-type: application/x-www-form-urlencoded\r\n";
    let wrong = "x-api-key: hfk_wrong\r\n".to_owned();
    let foreign = "x-forwarded-for: 192.0.2.1\r\n".to_owned();
    let closed = format!("{foreign}x-admin-token: wrong\r\n");
    let long = "x".repeat(9000);
    let all = [
        ("POST /webhook/receive-signal/", String::new(), 401),
        ("POST /webhook/receive-signal/", wrong.clone(), 401),
        ("POST /webhook/receive-signal/", format!("{wrong}{json}"), 401),
        ("POST /signals/explain/", wrong.clone(), 401),
        ("POST /accounts/", wrong.clone(), 401),
        ("POST /accounts/", closed, 401),
        ("PATCH /accounts/01890000-0000-7000-8000-000000000000/", wrong, 401),
        ("PATCH /accounts/nobody/", by_key.clone(), 404),
        ("POST /webhook/receive-signal/", format!("{by_key}{form}"), 415),
        ("POST /signals/explain/", format!("{by_key}{form}"), 415),
        ("POST /nothing/", String::new(), 404),
        ("PUT /nothing/", by_key.clone(), 404),
        ("POST /orders/", by_key.clone(), 405),
        ("DELETE /health/", String::new(), 405),
        ("POST /orders/nobody/cancel/", by_key.clone(), 404),
        ("POST /orders/nobody/close/", by_key.clone(), 404),
        (&format!("POST /orders/{order}/close/"), by_key.clone(), 409),
        ("GET /orders/?limit=0", by_key.clone(), 400),
        ("GET /orders/", by_key.clone(), 200),
        ("GET /health/", String::new(), 200),
        ("GET /ws/orders", String::new(), 426),
        ("GET /ws/orders", "origin: https://example.com\r\n".to_owned(), 403),
        (&format!("POST /{long}/"), by_key, 414),
    ];
    all.into_iter().map(|(line, headers, status)| (line.to_owned(), headers, status)).collect()
}

/// Bodies, each with the header that announces it, and its bytes.
fn bodies() -> [(String, Vec<u8>); 5] {
    let small = br#"{"signal":"BUY EURUSD SL 1.0850 TP 1.0890"}"#.to_vec();
    let whole = vec![b' '; 64 * 1024];
    let large = vec![b' '; 1024 * 1024];
    let pieces = |bytes: &[u8]| {
        let mut chunked = Vec::new();
        for piece in bytes.chunks(16 * 1024) {
            chunked.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
            chunked.extend_from_slice(piece);
            chunked.extend_from_slice(b"\r\n");
        }
        chunked.extend_from_slice(b"0\r\n\r\n");
        chunked
    };
    let sized = |bytes: &[u8]| format!("content-length: {}\r\n", bytes.len());
    let chunked = || "transfer-encoding: chunked\r\n".to_owned();
    [
        (sized(&small), small.clone()),
        (chunked(), pieces(&small)),
        (sized(&whole), whole),
        (sized(&large), large.clone()),
        (chunked(), pieces(&large)),
    ]
}

/// Sends the head, lets the server see it, sends the body, and reads the answer and that to a second request.
async fn exchange(service: &Service, (line, headers, status): &Case, (header, body): &(String, Vec<u8>)) {
    let shown = format!("{} with {} bytes, {header}", &line[..line.len().min(60)], body.len());
    let mut raw = Raw::connect(service).await;
    raw.write(format!("{line} HTTP/1.1\r\nhost: localhost\r\n{headers}{header}\r\n")).await;
    // While another connection is answered, the server sees the head, long before the body comes.
    assert_eq!(Raw::connect(service).await.ask(HEALTH).await.status, 200);
    raw.write(body).await;
    let answer = raw.answer().await;
    assert_eq!(answer.status, *status, "{shown}: {}", answer.body);
    if answer.header("connection") == Some("close") {
        assert_eq!(raw.closed_well().await, "", "{shown}");
        return;
    }
    let next = raw.ask(HEALTH).await;
    assert_eq!(next.json()["status"], "ok", "{shown}");
}

#[tokio::test]
async fn after_an_unread_body_the_next_request_works_or_the_answer_announced_the_close() {
    let setup = Setup::default().delays(NEVER, NEVER).set("HOOKFILL_ADMIN_TOKEN", ADMIN);
    let service = setup.set("HOOKFILL_REGISTRATION", "token").start().await;
    let key = {
        let body = r#"{"username":"alice","broker_name":"M","account_id":"1","api_key":"s"}"#;
        let headers = [("x-admin-token", ADMIN), ("content-type", "application/json")];
        let made = service.ask(http::Method::POST, "/accounts/", &headers, body).await;
        made.json()["api_key"].as_str().unwrap().to_owned()
    };
    let headers = [("x-api-key", key.as_str())];
    let body = format!(r#"{{"signal":"{}"}}"#, crate::harness::BUY);
    let made = service.ask(http::Method::POST, "/webhook/receive-signal/", &headers, body).await;
    let order = made.json()["order_id"].as_str().unwrap().to_owned();
    let (cases, bodies) = (cases(&key, &order), bodies());
    for body in &bodies {
        join_all(cases.iter().map(|case| exchange(&service, case, body))).await;
    }
}

#[tokio::test]
async fn rate_limited_and_forbidden_requests_leave_a_usable_connection_too() {
    let setup = Setup::default().set("HOOKFILL_RATE_LIMIT", "3/h").set("HOOKFILL_REGISTRATION", "closed");
    let service = setup.start().await;
    let wrong = "x-api-key: hfk_wrong\r\n".to_owned();
    for status in [401, 401, 401, 429, 429] {
        let case = ("POST /webhook/receive-signal/".to_owned(), wrong.clone(), status);
        exchange(&service, &case, &bodies()[0]).await;
    }
    let service = Setup::default().set("HOOKFILL_REGISTRATION", "closed").start().await;
    for body in &bodies() {
        exchange(&service, &("POST /accounts/".to_owned(), String::new(), 403), body).await;
    }
}

#[tokio::test]
async fn a_small_unread_body_that_comes_soon_leaves_the_connection_open() {
    let service = Service::start().await;
    let mut raw = Raw::connect(&service).await;
    for _ in 0..20 {
        raw.write("POST /webhook/receive-signal/ HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n")
            .await;
        tokio::task::yield_now().await;
        raw.write("{\"a\": 12}").await;
        let answer = raw.answer().await;
        assert_eq!((answer.refusal(401).as_str(), answer.header("connection")), ("missing_api_key", None));
    }
}

#[tokio::test]
async fn a_refused_client_that_expects_100_continue_is_not_asked_for_its_body() {
    let service = Service::start().await;
    for (line, status) in [
        ("POST /webhook/receive-signal/", 401),
        ("POST /accounts/nobody/", 405),
        ("POST /nothing/", 404),
        ("POST /signals/explain/", 401),
    ] {
        let mut raw = Raw::connect(&service).await;
        let head = format!(
            "{line} HTTP/1.1\r\nhost: localhost\r\nx-api-key: hfk_wrong\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n"
        );
        let answer = raw.ask(&head).await;
        assert_eq!(answer.status, status, "{line}");
        assert_eq!(answer.header("connection"), Some("close"), "{line}");
        assert_eq!(raw.closed_well().await, "", "{line}");
    }
}
