//! `/orders/`, `/orders/{id}/`, `/orders/{id}/events/`

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, BUY, NEVER, Service, Setup, Trader};
use crate::routes::NOBODY;

/// The next page's address, if there is one.
pub fn next_page(answer: &Answer) -> Option<String> {
    let link = answer.header("link")?;
    let path = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")).expect("a link");
    assert!(path.starts_with('/'), "{link}");
    Some(path.to_owned())
}

async fn page(alice: &Trader<'_>, path: &str) -> (Vec<Value>, Option<String>) {
    let answer = alice.call(Method::GET, path, None).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    let Value::Array(items) = answer.json() else { panic!("{path}: {}", answer.body) };
    (items, next_page(&answer))
}

async fn ids(alice: &Trader<'_>, path: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut next = Some(path.to_owned());
    while let Some(path) = next {
        let (items, more) = page(alice, &path).await;
        found.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        next = more;
    }
    found
}

#[tokio::test]
async fn pages_are_followed_to_the_end_while_new_orders_arrive() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let mut made = Vec::new();
    for _ in 0..23 {
        made.push(alice.order(BUY).await);
    }
    made.reverse();
    for limit in [1, 7, 22, 23, 24, 1000] {
        let mut found: Vec<String> = Vec::new();
        let mut next = Some(format!("/orders?limit={limit}"));
        let mut pages = 0;
        while let Some(path) = next {
            let (items, more) = page(&alice, &path).await;
            assert!(items.len() <= limit && (more.is_none() || items.len() == limit), "{path}");
            found.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
            next = more;
            pages += 1;
            if pages == 2 {
                alice.order(BUY).await;
            }
        }
        let expected: Vec<String> = found.iter().filter(|id| made.contains(id)).cloned().collect();
        assert_eq!(expected, made, "{limit}");
        let unique: BTreeSet<&String> = found.iter().collect();
        assert_eq!(unique.len(), found.len(), "{limit}");
        assert_eq!(pages, found.len().div_ceil(limit), "{limit}");
        made = ids(&alice, "/orders/").await;
    }
}

#[tokio::test]
async fn a_page_has_a_hundred_orders_unless_told_otherwise() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    futures_util::future::join_all((0..101).map(|_| alice.order(BUY))).await;
    let (items, next) = page(&alice, "/orders/").await;
    assert_eq!(items.len(), 100);
    let (items, next) = page(&alice, &next.expect("a next page")).await;
    assert_eq!((items.len(), next), (1, None));
    let times: Vec<String> = ids(&alice, "/orders/?limit=1000").await;
    assert_eq!(times.len(), 101);
}

#[tokio::test]
async fn filters_combine_and_are_kept_in_the_link() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let mut canceled = Vec::new();
    for number in 0..12 {
        let symbol = if number % 2 == 0 { "EURUSD" } else { "XAUUSD" };
        let id = alice.order(&format!("BUY {symbol} SL 1 TP 2")).await;
        if number % 3 == 0 {
            let answer = alice.call(Method::POST, &format!("/orders/{id}/cancel/"), None).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            canceled.push(id);
        }
    }
    for (query, count) in [
        ("", 12),
        ("instrument=EURUSD", 6),
        ("instrument=eurusd", 6),
        ("status=canceled", 4),
        ("status=pending", 8),
        ("status=executed", 0),
        ("status=canceled&instrument=XAUUSD", 2),
        ("instrument=EURUSD&status=pending", 4),
        ("instrument=BTCUSD", 0),
        ("unknown=1", 12),
    ] {
        for limit in ["", "&limit=1", "&limit=3"] {
            let found = ids(&alice, &format!("/orders/?{query}{limit}")).await;
            assert_eq!(found.len(), count, "{query}{limit}");
        }
    }
    canceled.reverse();
    assert_eq!(ids(&alice, "/orders/?status=canceled&limit=1").await, canceled);
    let (_, next) = page(&alice, "/orders/?status=pending&limit=2&instrument=EURUSD").await;
    let next = next.expect("a next page");
    for kept in ["status=pending", "limit=2", "instrument=EURUSD"] {
        assert!(next.contains(kept), "{next}");
    }
}

#[tokio::test]
async fn a_query_that_is_wrong_is_400() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let limits =
        ["0", "-1", "1001", "ten", "", "1.5", "%2B5", "0x10", "99999999999999999999", "5&limit=6", "%00"];
    for path in ["/orders/", "/audit/", "/events/"] {
        for limit in limits {
            alice.call(Method::GET, &format!("{path}?limit={limit}"), None).await.refusal(400);
        }
        for limit in ["1", "1000", "007"] {
            let answer = alice.call(Method::GET, &format!("{path}?limit={limit}"), None).await;
            assert_eq!(answer.status, 200, "{path} {limit}: {}", answer.body);
        }
    }
    for cursor in ["", "0", "x", "o", "o-1", "o1.2", "o99999999999999999999", "a1.2.3", "o%00", "o1o2", "o+1"]
    {
        let answer = alice.call(Method::GET, &format!("/orders/?cursor={cursor}"), None).await;
        assert_eq!(answer.refusal(400), "invalid_cursor", "{cursor}");
    }
    for cursor in [
        "",
        "o5",
        "a",
        "a1",
        "a1.2",
        "a1.2.2",
        "a1.9223372036854775807.1",
        "a1.2.3.4",
        "a-1.0.0",
        "a..",
        "a1.2.x",
    ] {
        let answer = alice.call(Method::GET, &format!("/audit/?cursor={cursor}"), None).await;
        assert_eq!(answer.refusal(400), "invalid_cursor", "{cursor}");
    }
    for after in ["", "x", "-1", "1.5", "99999999999999999999", "%2B1", "1&after=2"] {
        alice.call(Method::GET, &format!("/events/?after={after}"), None).await.refusal(400);
    }
    for status in ["", "open", "PENDING", "pending,closed", "%00"] {
        let answer = alice.call(Method::GET, &format!("/orders/?status={status}"), None).await;
        assert_eq!(answer.refusal(400), "unknown_status", "{status}");
    }
    for instrument in ["", "%00", "EUR%20USD", "5", &"X".repeat(33)] {
        let answer = alice.call(Method::GET, &format!("/orders/?instrument={instrument}"), None).await;
        assert_eq!(answer.refusal(400), "unknown_instrument", "{instrument}");
    }
}

#[tokio::test]
async fn an_order_has_every_field_through_its_whole_life() {
    let service = Setup::default().delays("0ms", "0ms").start().await;
    let alice = service.register("alice").await;
    let mut stream = alice.stream("").await;
    let id = alice.order("SELL BTCUSD SL 70000 TP 60000").await;
    let pending = stream.next().await;
    stream.take(2).await;
    let order = alice.get(&format!("/orders/{id}/")).await;
    let fields: BTreeSet<&str> = order.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = "id user_id broker_account_id action instrument order_type entry_price entry_range entries stop_loss \
                    take_profit take_profits quantity risk leverage status reason fake_order_id broker_order_id source_id \
                    created_at updated_at executed_at closed_at remaining";
    assert_eq!(fields, expected.split_whitespace().collect::<BTreeSet<_>>());
    for (field, value) in [
        ("action", json!("SELL")),
        ("order_type", json!("market")),
        ("entry_price", Value::Null),
        ("take_profits", json!(["60000"])),
        ("quantity", Value::Null),
        ("status", json!("closed")),
        ("reason", Value::Null),
        ("source_id", Value::Null),
        ("user_id", json!(alice.user_id)),
    ] {
        assert_eq!(order[field], value, "{field}");
    }
    assert_eq!(pending["status"], "pending");
    assert!(order["fake_order_id"].as_str().is_some_and(|id| id.starts_with("ORD-")), "{order}");
    assert_eq!(order["fake_order_id"], order["broker_order_id"]);
    assert!(order["created_at"].as_str() <= order["executed_at"].as_str(), "{order}");
    assert!(order["executed_at"].as_str() <= order["closed_at"].as_str(), "{order}");
    assert_eq!(alice.get("/orders/").await, json!([order]));
    assert_eq!(
        alice.call(Method::GET, &format!("/orders/{NOBODY}/"), None).await.refusal(404),
        "order_not_found"
    );
}

#[tokio::test]
async fn its_history_has_every_step_oldest_first() {
    let service = Setup::default().delays("0ms", "0ms").start().await;
    let alice = service.register("alice").await;
    let mut stream = alice.stream("").await;
    let id = alice.order(BUY).await;
    stream.take(3).await;
    let history = alice.get(&format!("/orders/{id}/events/")).await;
    let steps: Vec<(&str, Option<i64>)> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|step| (step["action"].as_str().unwrap(), step["seq"].as_i64()))
        .collect();
    let shown: Vec<_> = steps.iter().filter(|(_, seq)| seq.is_some()).copied().collect();
    assert_eq!(shown, [("order_created", Some(1)), ("order_executed", Some(2)), ("order_closed", Some(3))]);
    assert!(steps.contains(&("order_submitted", None)), "{steps:?}");
    let times: Vec<&str> =
        history.as_array().unwrap().iter().map(|step| step["at"].as_str().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
}

#[tokio::test]
async fn a_long_history_is_complete_in_pages_while_it_grows() {
    let service = Setup::default().delays(NEVER, NEVER).start().await;
    let alice = service.register("alice").await;
    let id = alice.order(BUY).await;
    let other = alice.order("BUY GBPUSD SL 1.20 TP 1.40").await;
    let moved = async |to: usize| {
        let answer = alice.signal(&format!("MOVE EURUSD SL TO 1.08{to:03}")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    for to in 0..240 {
        moved(to).await;
    }
    let path = format!("/orders/{id}/events/");
    let (first, next) = page(&alice, &path).await;
    assert_eq!((first.len(), first[0]["action"].as_str()), (100, Some("order_created")));
    let mut whole = first;
    let mut next = next;
    let mut to = 240;
    while let Some(link) = next {
        assert!(link.starts_with(&path), "{link}");
        moved(to).await;
        to += 1;
        let (more, after) = page(&alice, &link).await;
        whole.extend(more);
        next = after;
    }
    let numbers: Vec<i64> = whole.iter().filter_map(|step| step["seq"].as_i64()).collect();
    assert!(numbers.len() >= 241 && numbers.is_sorted_by(|one, other| one < other), "{numbers:?}");
    let all = alice.get(&format!("{path}?limit=1000")).await;
    assert_eq!(all.as_array().unwrap()[..whole.len()], whole);
    let (few, next) = page(&alice, &format!("{path}?limit=7")).await;
    assert_eq!(few, whole[..7]);
    assert!(next.is_some_and(|link| link.contains("limit=7")));
    assert_eq!(page(&alice, &format!("/orders/{other}/events/?limit=1000")).await.1, None);
    for (query, code) in [
        ("limit=0", "invalid_limit"),
        ("limit=1001", "invalid_limit"),
        ("cursor=", "invalid_cursor"),
        ("cursor=o5", "invalid_cursor"),
        ("cursor=a1.2.0", "invalid_cursor"),
        ("cursor=h1", "invalid_cursor"),
        ("cursor=h1.-2", "invalid_cursor"),
    ] {
        let answer = alice.call(Method::GET, &format!("{path}?{query}"), None).await;
        assert_eq!(answer.refusal(400), code, "{query}");
    }
    let past = format!("{path}?cursor=h{0}.{0}", i64::MAX);
    assert_eq!(page(&alice, &past).await, (Vec::new(), None));
}
