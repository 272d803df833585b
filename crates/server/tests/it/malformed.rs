//! Bodies of the wrong shape, on every route that reads one.

use http::Method;
use serde_json::json;

use crate::harness::{Answer, BUY, Service, Trader};

const JSON: (&str, &str) = ("content-type", "application/json");

fn readers(alice: &Trader<'_>) -> [(Method, String); 4] {
    [
        (Method::POST, "/webhook/receive-signal/".to_owned()),
        (Method::POST, "/signals/explain/".to_owned()),
        (Method::POST, "/accounts/".to_owned()),
        (Method::PATCH, format!("/accounts/{}/", alice.account_id)),
    ]
}

async fn signal(alice: &Trader<'_>, body: impl Into<axum::body::Body>) -> Answer {
    alice.call_with(Method::POST, "/webhook/receive-signal/", &[JSON], body).await
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_400_everywhere() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let deep_object = format!("{}1{}", r#"{"signal":"#.repeat(5000), "}".repeat(5000));
    for (body, code) in [
        ("", "bad_json"),
        ("   ", "bad_json"),
        ("{", "bad_json"),
        ("{}}", "bad_json"),
        ("{} {}", "bad_json"),
        ("{'signal': 'x'}", "bad_json"),
        ("{\"signal\": \"x\",}", "bad_json"),
        ("{\"signal\": \"line\nbreak\"}", "bad_json"),
        ("{\"signal\": \"nul\0\"}", "bad_json"),
        ("signal=BUY", "bad_json"),
        ("{\"signal\": \"\\ud800\"}", "bad_json"),
        ("{\"signal\": \"\\udc00\\ud800\"}", "bad_json"),
        ("{\"\\ud800\": 1}", "bad_json"),
        ("{\"signal\": 1e999}", "bad_json"),
        ("{\"signal\": NaN}", "bad_json"),
        ("{\"signal\": 01}", "bad_json"),
        ("{\"signal\": \"x\"}\0", "bad_json"),
        ("\u{feff}{}", "bad_json"),
        (&format!("{{\"signal\":{deep}}}"), "bad_json"),
        (&deep_object, "bad_json"),
        (&deep, "bad_json"),
        ("[]", "wrong_shape"),
        ("[{\"signal\": \"x\"}]", "wrong_shape"),
        ("5", "wrong_shape"),
        ("\"BUY\"", "wrong_shape"),
        ("null", "wrong_shape"),
        ("true", "wrong_shape"),
        ("{\"signal\": \"x\", \"signal\": \"y\"}", "wrong_shape"),
        ("{\"signal\": \"x\", \"s\\u0069gnal\": \"x\"}", "wrong_shape"),
        ("{\"policy\": {\"decimal_comma\": true, \"decimal_comma\": false}}", "wrong_shape"),
        ("{\"policy\": [{\"a\": {\"b\": 1, \"b\": 1}}]}", "wrong_shape"),
    ] {
        for (method, path) in readers(&alice) {
            let answer = alice.call_with(method.clone(), &path, &[JSON], body.to_owned()).await;
            let start: String = body.chars().take(60).collect();
            assert_eq!(answer.refusal(400), code, "{method} {path} {start:?}");
        }
    }
    assert_eq!(alice.get("/orders/").await, json!([]));
}

#[tokio::test]
async fn a_body_that_is_not_utf_8_is_400_everywhere() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    for bytes in [
        b"{\"signal\": \"BUY \xff\"}".as_slice(),
        b"{\"signal\": \"\xed\xa0\x80\"}",
        b"{\"signal\": \"\xc0\xaf\"}",
        b"{\"signal\": \"x\", \"\xf5\": 1}",
        b"{\"signal\": \"x\", \"more\": [\"\xe2\x82\"]}",
        b"\xff\xfe{\0}\0",
        b"\x1f\x8b\x08\x00",
    ] {
        for (method, path) in readers(&alice) {
            let answer = alice.call_with(method.clone(), &path, &[JSON], bytes).await;
            assert_eq!(answer.refusal(400), "bad_encoding", "{method} {path} {bytes:?}");
        }
    }
}

#[tokio::test]
async fn a_control_character_where_none_belongs_is_400() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    for character in ["\\u0000", "\\u0001", "\\u0008", "\\u000b", "\\u001b", "\\u007f", "\\u0085", "\\u009f"]
    {
        for path in ["/webhook/receive-signal/", "/signals/explain/"] {
            let body = format!("{{\"signal\": \"{BUY}{character}\"}}");
            let answer = alice.call_with(Method::POST, path, &[JSON], body).await;
            assert_eq!(answer.refusal(400), "invalid_fields", "{path} {character}");
            assert!(answer.json()["errors"]["signal"].is_array());
        }
        for field in ["format", "broker_account_id", "idempotency_key", "id"] {
            let body = format!("{{\"signal\": \"{BUY}\", \"{field}\": \"a{character}b\"}}");
            signal(&alice, body).await.refusal(400);
        }
        for field in ["username", "broker_name", "account_id", "api_key"] {
            let mut body =
                json!({ "username": "bob", "broker_name": "M", "account_id": "1", "api_key": "s" });
            body[field] = json!("a#b");
            let body = body.to_string().replace('#', character);
            let answer = service.ask(Method::POST, "/accounts/", &[JSON], body).await;
            assert_eq!(answer.refusal(400), "invalid_fields", "{field} {character}");
            assert!(answer.json()["errors"][field].is_array());
        }
        let body = format!("{{\"policy\": {{\"aliases\": {{\"GO{character}LD\": \"XAUUSD\"}}}}}}");
        let path = format!("/accounts/{}/", alice.account_id);
        alice.call_with(Method::PATCH, &path, &[JSON], body).await.refusal(400);
    }
    assert_eq!(alice.get("/orders/").await, json!([]));
    // Lines and tabs belong in a signal.
    let answer = alice.signal("BUY\tEURUSD @1.0860\r\n\r\nTP 1.0890\nSL 1.0850\n").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test]
async fn json_under_another_content_type_is_415() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let body = json!({ "signal": BUY }).to_string();
    for wrong in [
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "text/html",
        "application/jsonx",
        "application/json, text/html",
        "json",
        "x/y; application/json",
        "\u{fc}",
    ] {
        for (method, path) in readers(&alice) {
            let answer =
                alice.call_with(method.clone(), &path, &[("content-type", wrong)], body.clone()).await;
            assert_eq!(answer.refusal(415), "unsupported_media_type", "{method} {path} {wrong}");
        }
    }
    for right in [
        "application/json",
        "APPLICATION/JSON",
        "application/json; charset=utf-8",
        "text/plain",
        "text/plain; charset=utf-8",
    ] {
        let headers = [("content-type", right)];
        let answer = alice.call_with(Method::POST, "/webhook/receive-signal/", &headers, body.clone()).await;
        assert_eq!(answer.status, 200, "{right}: {}", answer.body);
    }
    let answer = alice.call_with(Method::POST, "/webhook/receive-signal/", &[], body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test]
async fn a_signal_that_is_absent_blank_or_no_text_is_named() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    for path in ["/webhook/receive-signal/", "/signals/explain/"] {
        for body in [
            json!({}),
            json!({ "Signal": BUY }),
            json!({ "signal": null }),
            json!({ "signal": "" }),
            json!({ "signal": " \n\t\r " }),
            json!({ "signal": "\u{a0}\u{2003}" }),
            json!({ "signal": 5 }),
            json!({ "signal": 123_456_789_012_345_678_901_234_567_890_f64 }),
            json!({ "signal": true }),
            json!({ "signal": [BUY] }),
            json!({ "signal": { "text": BUY } }),
        ] {
            let answer = alice.call(Method::POST, path, Some(body.clone())).await;
            assert_eq!(answer.refusal(400), "invalid_fields", "{path} {body}");
            let problem = answer.json();
            assert_eq!(problem["errors"].as_object().unwrap().keys().collect::<Vec<_>>(), ["signal"]);
            assert!(problem["errors"]["signal"][0].as_str().is_some_and(|sentence| !sentence.is_empty()));
        }
        for format in [json!("nonsense"), json!(5), json!(""), json!([])] {
            let body = json!({ "signal": BUY, "format": format });
            assert_eq!(alice.call(Method::POST, path, Some(body)).await.refusal(400), "unknown_format");
        }
    }
    for account in [json!(5), json!([]), json!(true)] {
        let body = json!({ "signal": BUY, "broker_account_id": account });
        let answer = alice.call(Method::POST, "/webhook/receive-signal/", Some(body)).await;
        assert_eq!(answer.refusal(400), "invalid_fields");
    }
}
