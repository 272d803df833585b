//! What must never be seen again: broker secrets, API keys, the admin token.

use std::path::Path;

use http::Method;
use serde_json::json;

use crate::harness::{BUY, Service, Setup};

const BROKER: &str = "canary-broker-secret-8f1c";
const ADMIN: &str = "canary-admin-token-77aa";

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Checks every file of the folder, the key file too.
fn check_files(folder: &Path, secrets: &[&str]) {
    let mut read = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        read += bytes.len();
        for secret in secrets {
            assert!(!holds(&bytes, secret), "{} holds {secret}", path.display());
        }
    }
    assert!(read > 10_000, "{read} bytes are no database");
}

async fn live(service: &Service) -> (Vec<String>, String) {
    let mut seen = Vec::new();
    let body = json!({ "username": "alice", "broker_name": "M", "account_id": "1", "api_key": BROKER });
    let made = service.call(Method::POST, "/accounts/", Some(body.clone())).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let key = made.json()["api_key"].as_str().unwrap().to_owned();
    seen.push(made.body.replacen(&key, "", 1));
    let account = format!("/accounts/{}/", made.json()["broker_account"]["id"].as_str().unwrap());
    let missing = "/orders/01890000-0000-7000-8000-000000000000/";
    for (method, path, body) in [
        (Method::POST, "/accounts/", Some(body.clone())),
        (
            Method::POST,
            "/accounts/",
            Some(json!({ "broker_name": "N", "account_id": "2", "api_key": BROKER })),
        ),
        (
            Method::POST,
            "/accounts/",
            Some(json!({ "broker_name": "", "account_id": "2", "api_key": BROKER })),
        ),
        (Method::PATCH, account.as_str(), Some(json!({ "policy": { "decimal_comma": true } }))),
        (Method::POST, "/webhook/receive-signal/", Some(json!({ "signal": BUY, "api_key": BROKER }))),
        (Method::POST, "/webhook/receive-signal/", Some(json!({ "signal": "hello" }))),
        (Method::POST, "/signals/explain/", Some(json!({ "signal": BUY }))),
        (Method::GET, "/accounts/", None),
        (Method::GET, "/orders/", None),
        (Method::GET, "/events/", None),
        (Method::GET, "/audit/", None),
        (Method::GET, "/metrics", None),
        (Method::GET, missing, None),
        (Method::DELETE, account.as_str(), None),
        (Method::GET, "/audit/", None),
    ] {
        let headers = [("x-api-key", key.as_str()), ("x-admin-token", ADMIN)];
        let text = body.map(|body| body.to_string()).unwrap_or_default();
        let answer = service.ask(method, path, &headers, text).await;
        seen.push(format!("{:?} {}", answer.headers, answer.body));
    }
    // Without a key the name is taken; with half a key it is nobody's.
    seen.push(service.call(Method::POST, "/accounts/", Some(body)).await.body);
    seen.push(service.ask(Method::GET, "/orders/", &[("x-api-key", &key[..50])], "").await.body);
    (seen, key)
}

#[tokio::test]
async fn no_secret_is_in_an_answer_or_in_the_clear_on_disk() {
    let service = Setup::default().delays("0ms", "0ms").set("HOOKFILL_ADMIN_TOKEN", ADMIN).start().await;
    let (seen, key) = live(&service).await;
    let secrets = [BROKER, ADMIN, key.as_str(), &key[4..47]];
    for answer in &seen {
        for secret in secrets {
            assert!(!answer.contains(secret), "{secret} in {answer}");
        }
    }
    // The log of writes is still beside the database while it is served.
    let files: Vec<String> = std::fs::read_dir(service.folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(files.iter().any(|name| name == "hookfill.db-wal"), "{files:?}");
    check_files(service.folder(), &secrets);
    let folder = service.stop().await;
    check_files(folder.path(), &secrets);
}
