//! `/health/`, `/livez`, `/readyz`

use std::io::ErrorKind;
use std::net::TcpListener;

use http::Method;
use serde_json::Value;

use crate::harness::{BUY, Service, Setup};
use crate::wire::is_time;

#[tokio::test]
async fn health_says_ok_and_the_time_without_a_key() {
    let service = Service::start().await;
    let answer = service.call(Method::GET, "/health/", None).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let health = answer.json();
    let Value::Object(fields) = &health else { panic!("{health}") };
    assert_eq!(fields.keys().collect::<Vec<_>>(), ["status", "timestamp"]);
    assert_eq!(health["status"], "ok");
    assert!(is_time(&health["timestamp"]), "{health}");
}

#[tokio::test]
async fn a_running_service_is_alive_and_ready() {
    let service = Service::start().await;
    for path in ["/livez", "/readyz"] {
        assert_eq!(service.call(Method::GET, path, None).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_wrong_key_does_not_make_it_unwell() {
    let service = Service::start().await;
    for path in ["/health/", "/livez", "/readyz"] {
        let answer = service.ask(Method::GET, path, &[("x-api-key", "wrong")], "").await;
        assert_eq!(answer.status, 200, "{path}");
    }
}

#[tokio::test]
async fn where_nobody_else_has_the_store_nats_is_not_looked_for() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let url = format!("nats://{}", elsewhere.local_addr().unwrap());
    let service = Setup::default().delays("0ms", "0ms").set("NATS_URL", url).start().await;
    let alice = service.register("alice").await;
    let mut stream = alice.stream("").await;
    alice.order(BUY).await;
    assert_eq!(stream.take(3).await.len(), 3);
    service.stop().await;
    assert_eq!(elsewhere.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "nobody has come");
}
