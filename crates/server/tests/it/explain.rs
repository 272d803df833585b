//! `/signals/explain/`

use http::Method;
use serde_json::{Value, json};

use crate::harness::{BUY, Service, Trader};

async fn explain(alice: &Trader<'_>, text: &str) -> Value {
    let answer = alice.call(Method::POST, "/signals/explain/", Some(json!({ "signal": text }))).await;
    assert_eq!(answer.status, 200, "{text:?}: {}", answer.body);
    answer.json()
}

#[tokio::test]
async fn a_good_signal_is_shown_as_it_was_understood() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let text = "🚀 BUY EURUSD @1.0860 SL 1.0850 TP 1.0890";
    let explained = explain(&alice, text).await;
    assert_eq!((&explained["ok"], &explained["would"]), (&json!(true), &json!("accept")), "{explained}");
    assert_eq!(explained["refusal"], Value::Null);
    let signal = &explained["signal"];
    for (field, value) in [
        ("kind", json!("order")),
        ("action", json!("BUY")),
        ("instrument", json!("EURUSD")),
        ("order_type", json!("limit")),
        ("entry_price", json!("1.0860")),
        ("entry_range", Value::Null),
        ("entries", Value::Null),
        ("stop_loss", json!("1.0850")),
        ("take_profits", json!(["1.0890"])),
        ("quantity", Value::Null),
        ("risk", Value::Null),
        ("leverage", Value::Null),
        ("fraction", Value::Null),
        ("stop_loss_to", Value::Null),
        ("side", Value::Null),
    ] {
        assert_eq!(signal.get(field), Some(&value), "{field}: {signal}");
    }
    assert!(signal["notes"].is_array(), "{signal}");
    // Places are bytes of the text as it was sent, the rocket's four included.
    let spans = explained["spans"].as_object().unwrap();
    let read = |field: &str| {
        let at = |end: &str| usize::try_from(spans[field][end].as_u64().unwrap()).unwrap();
        &text[at("start")..at("end")]
    };
    assert_eq!((read("instrument"), read("stop_loss")), ("EURUSD", "1.0850"), "{explained}");
}

#[tokio::test]
async fn a_text_that_is_no_signal_is_explained_with_its_place() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let explained = explain(&alice, "BUY EURUSD @1.2.3 SL 1.0850 TP 1.0890").await;
    let error = &explained["error"];
    assert_eq!(explained["ok"], false);
    assert_eq!(
        (&error["code"], &error["start"], &error["end"]),
        (&json!("bad_number"), &json!(12), &json!(17))
    );
    for text in ["hello", "🤖", "\u{202e}", "BUY", ".", "{", "<html>", &"BUY EURUSD ".repeat(4000)] {
        let explained = explain(&alice, text).await;
        assert_eq!(explained["ok"], false, "{explained}");
        assert!(explained["error"]["code"].is_string() && explained["error"]["detail"].is_string());
        assert!(explained["error"].get("start").is_some() && explained["error"].get("end").is_some());
    }
}

#[tokio::test]
async fn what_would_become_of_it_is_what_becomes_of_it() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let account = format!("/accounts/{}/", alice.account_id);
    let texts =
        [BUY, "BUY EURUSD TP 1.0890", "BUY EURUSD SL 1.0850", "CLOSE EURUSD", "cancel EURUSD", "hello"];
    let steps: [Option<(Method, Option<Value>)>; 3] = [
        None,
        Some((Method::PATCH, Some(json!({ "policy": { "require_stop_loss": false } })))),
        Some((Method::DELETE, None)),
    ];
    for step in steps {
        if let Some((method, body)) = step {
            assert!(alice.call(method, &account, body).await.status.is_success());
        }
        for text in texts {
            let explained = explain(&alice, text).await;
            let answer = alice.signal(text).await;
            match answer.status.as_u16() {
                200 => assert_eq!(
                    (&explained["ok"], &explained["would"]),
                    (&json!(true), &json!("accept")),
                    "{text}"
                ),
                status => {
                    let code = answer.refusal(status);
                    let why =
                        if explained["ok"] == true { &explained["refusal"] } else { &explained["error"] };
                    assert_ne!(explained["would"], "accept", "{text}: {code}");
                    assert_eq!(why["code"], code.as_str(), "{text}: {explained}");
                    assert_eq!(why["detail"], answer.json()["detail"], "{text}");
                }
            }
        }
    }
}

#[tokio::test]
async fn it_creates_nothing() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let before = alice.get("/audit/").await;
    for text in [BUY, "hello"] {
        explain(&alice, text).await;
    }
    assert_eq!(alice.get("/audit/").await, before);
    assert_eq!(alice.get("/orders/").await, json!([]));
    assert_eq!(alice.get("/events/").await, json!([]));
}
