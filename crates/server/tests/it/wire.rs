//! How numbers, times and ids look, wherever they are shown.

use serde_json::Value;

use crate::harness::{BUY, Service, Setup};

/// RFC 3339, UTC, exactly six digits after the second.
pub fn is_time(value: &Value) -> bool {
    let pattern = "dddd-dd-ddTdd:dd:dd.ddddddZ";
    let fits =
        |(found, wanted): (char, char)| if wanted == 'd' { found.is_ascii_digit() } else { found == wanted };
    value
        .as_str()
        .is_some_and(|text| text.len() == pattern.len() && text.chars().zip(pattern.chars()).all(fits))
}

/// A UUID in lower case with hyphens.
pub fn is_id(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|text| uuid::Uuid::try_parse(text).is_ok_and(|id| id.hyphenated().to_string() == text))
}

fn check(key: &str, value: &Value) {
    let text = value.is_string();
    match key {
        "at" | "timestamp" | "created_at" | "updated_at" => assert!(is_time(value), "{key}: {value}"),
        "executed_at" | "closed_at" if !value.is_null() => assert!(is_time(value), "{key}: {value}"),
        "order_id" | "source_id" if !value.is_null() => assert!(is_id(value), "{key}: {value}"),
        "broker_account_id" => assert!(is_id(value), "{key}: {value}"),
        "entry_price" | "stop_loss" | "take_profit" | "take_profits" | "entries" | "entry_range"
        | "value" => {
            assert!(text || value.is_null() || value.is_array(), "{key}: {value}");
        }
        _ => {}
    }
    match value {
        // Circumstances have a shape of their own.
        _ if key == "details" => {}
        Value::Object(fields) => fields.iter().for_each(|(key, value)| check(key, value)),
        Value::Array(items) => items.iter().for_each(|item| check("", item)),
        Value::Number(number) => assert!(number.is_i64(), "{key} is {number}, and money is text"),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

#[tokio::test]
async fn times_have_six_digits_ids_are_uuids_and_money_is_text() {
    let service = Setup::default().delays("0ms", "0ms").start().await;
    let alice = service.register("alice").await;
    let mut stream = alice.stream("").await;
    let order = alice.order(BUY).await;
    stream.take(3).await;
    assert_eq!(alice.signal("hello").await.status, 422);
    for path in [
        "/health/",
        "/accounts/",
        "/orders/",
        &format!("/orders/{order}/"),
        &format!("/orders/{order}/events/"),
        "/events/",
        "/analytics/",
        "/audit/",
    ] {
        let answer = alice.call(http::Method::GET, path, None).await;
        assert_eq!(answer.header("content-type"), Some("application/json"), "{path}");
        check("", &answer.json());
    }
}

#[tokio::test]
async fn prices_come_back_digit_by_digit() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    for [entry, stop, target] in [
        ["1.0860", "1.0850", "1.0890"],
        ["1950.00", "1900.000", "2000"],
        ["0.000000000002", "0.000000000001", "0.000000000003"],
        ["999999999999.999999999998", "999999999999.999999999997", "999999999999.999999999999"],
        ["1.100000000000", "1.000000000000", "1.200000000000"],
    ] {
        let text = format!("BUY EURUSD @{entry} SL {stop} TP {target}");
        let answer = alice.signal(&text).await;
        assert_eq!(answer.status, 200, "{text}: {}", answer.body);
        let id = answer.json()["order_id"].as_str().unwrap().to_owned();
        let order = alice.get(&format!("/orders/{id}/")).await;
        let events = alice.get("/events/?limit=1000").await;
        let message = events.as_array().unwrap().last().unwrap().clone();
        for shown in [order, message] {
            let got = [&shown["entry_price"], &shown["stop_loss"], &shown["take_profit"]];
            assert_eq!(got, [entry, stop, target], "{shown}");
        }
    }
}
