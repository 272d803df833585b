//! Which account a signal is for, and which refusal comes first: the language's, the account's, or the policy's.

use http::Method;
use serde_json::{Value, json};

use crate::harness::{BUY, NEVER, Service, Setup, Trader};

const UNKNOWN: &str = "01890000-0000-7000-8000-000000000000";
/// Understood, but not accepted: it gives prices as distances.
const DISTANCES: &str = r#"{"ticker":"EURUSD","action":"buy","stopLoss":{"type":"stop","percent":5},"takeProfit":{"percent":10}}"#;

/// A signal's text, and its outcome if the account takes orders.
const TEXTS: [(&str, Kind, &str); 11] = [
    (BUY, Kind::Order, "accepted"),
    ("BUY EURUSD TP 1.0890", Kind::Order, "missing_stop_loss"),
    ("BUY EURUSD SL 1.0850", Kind::Order, "missing_take_profit"),
    ("BUY EURUSD", Kind::Order, "missing_stop_loss"),
    (DISTANCES, Kind::Order, "relative_price"),
    ("BUY EURUSD @1.0860 SL 1.0890 TP 1.0850", Kind::NotUnderstood, "wrong_side"),
    ("BUY EURUSD @1.2.3 SL 1.0850 TP 1.0890", Kind::NotUnderstood, "bad_number"),
    ("hello", Kind::NotUnderstood, "no_signal"),
    ("CLOSE GBPUSD", Kind::Command, "nothing_to_close"),
    ("MOVE GBPUSD SL TO 1.2000", Kind::Command, "nothing_to_modify"),
    (r#"{"ticker":"GBPUSD","action":"exit","quantity":2}"#, Kind::Command, "unknown_parameter"),
];

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Order,
    NotUnderstood,
    Command,
}

/// Which account a signal is for.
#[derive(Clone, Copy, Debug)]
enum Account {
    Active,
    Deactivated,
    Missing,
    Unknown,
}

fn expected(account: Account, kind: Kind, code: &'static str) -> &'static str {
    match (kind, account) {
        (Kind::NotUnderstood, _) | (_, Account::Active) => code,
        (_, Account::Unknown) => "unknown_broker_account",
        (Kind::Order, Account::Missing) => "no_broker_account",
        (Kind::Order, Account::Deactivated) => "broker_account_inactive",
        (Kind::Command, Account::Missing | Account::Deactivated) => code,
    }
}

fn status_of(code: &str) -> u16 {
    match code {
        "accepted" => 200,
        "no_broker_account" | "broker_account_inactive" | "nothing_to_close" | "nothing_to_modify" => 409,
        _ => 422,
    }
}

async fn post(trader: &Trader<'_>, path: &str, text: &str, account: Option<&str>) -> crate::harness::Answer {
    let mut body = json!({ "signal": text });
    if let Some(id) = account {
        body["broker_account_id"] = json!(id);
    }
    trader.call(Method::POST, path, Some(body)).await
}

/// Sends every text to the webhook and to the explanation, and checks that both give the same reason.
async fn both_say(trader: &Trader<'_>, named: Option<&str>, account: Account) {
    for (text, kind, code) in TEXTS {
        let what = format!("{text:?} for {account:?} ({named:?})");
        let expected = expected(account, kind, code);
        let explained = post(trader, "/signals/explain/", text, named).await;
        assert_eq!(explained.status, 200, "{what}: {}", explained.body);
        let explained = explained.json();
        let answer = post(trader, "/webhook/receive-signal/", text, named).await;
        assert_eq!(answer.status, status_of(expected), "{what}: {}", answer.body);
        if expected == "accepted" {
            assert_eq!(
                (&explained["would"], &explained["refusal"]),
                (&json!("accept"), &Value::Null),
                "{what}"
            );
            continue;
        }
        assert_eq!(answer.refusal(status_of(expected)), expected, "{what}: {}", answer.body);
        let understood = kind != Kind::NotUnderstood;
        assert_eq!(explained["ok"], json!(understood), "{what}: {explained}");
        let why = if understood { &explained["refusal"] } else { &explained["error"] };
        assert_eq!((&why["code"], &why["detail"]), (&json!(expected), &answer.json()["detail"]), "{what}");
    }
}

#[tokio::test]
async fn webhook_and_explanation_give_the_same_reason_for_every_account_and_text() {
    let service = Service::start().await;
    let (alice, bob) = (service.register("alice").await, service.register("bob").await);
    let second = alice.link("2").await;
    let unknown = [UNKNOWN, "not an id", "", &bob.account_id];
    both_say(&alice, None, Account::Active).await;
    both_say(&alice, Some(&second), Account::Active).await;
    alice.delete_account(&second).await;
    both_say(&alice, None, Account::Active).await;
    both_say(&alice, Some(&alice.account_id), Account::Active).await;
    both_say(&alice, Some(&second), Account::Deactivated).await;
    for id in unknown {
        both_say(&alice, Some(id), Account::Unknown).await;
    }
    alice.delete_account(&alice.account_id).await;
    both_say(&alice, None, Account::Missing).await;
    both_say(&alice, Some(&second), Account::Deactivated).await;
    both_say(&alice, Some(&alice.account_id), Account::Deactivated).await;
    for id in unknown {
        both_say(&alice, Some(id), Account::Unknown).await;
    }
}

#[tokio::test]
async fn the_policy_of_a_deactivated_account_is_not_applied() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let path = format!("/accounts/{}/", alice.account_id);
    let policy = json!({ "policy": { "require_stop_loss": false, "require_take_profit": false } });
    assert_eq!(alice.call(Method::PATCH, &path, Some(policy)).await.status, 200);
    alice.order("BUY EURUSD").await;
    alice.delete_account(&alice.account_id).await;
    assert_eq!(alice.signal("BUY EURUSD").await.refusal(409), "no_broker_account");
    let named = post(&alice, "/webhook/receive-signal/", "BUY EURUSD", Some(&alice.account_id)).await;
    assert_eq!(named.refusal(409), "broker_account_inactive");
}

#[tokio::test]
async fn commands_reach_the_open_orders_of_a_deactivated_account() {
    for named in [false, true] {
        let service = Setup::default().delays("0ms", NEVER).start().await;
        let alice = service.register("alice").await;
        let mut stream = alice.stream("").await;
        let id = alice.order(BUY).await;
        stream.take(2).await;
        let account = named.then_some(alice.account_id.as_str());
        alice.delete_account(&alice.account_id).await;
        for text in ["MOVE EURUSD SL TO 1.0855", "CLOSE EURUSD"] {
            let explained = post(&alice, "/signals/explain/", text, account).await.json();
            assert_eq!(explained["would"], "accept", "{text}: {explained}");
            let answer = post(&alice, "/webhook/receive-signal/", text, account).await;
            assert_eq!(answer.status, 200, "{text}: {}", answer.body);
            assert_eq!(answer.json()["orders"], json!([{ "order_id": id }]));
            stream.next().await;
        }
    }
}

#[tokio::test]
async fn a_command_for_one_account_is_explained_for_that_account() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let second = alice.link("2").await;
    alice.order(BUY).await;
    for (account, would) in
        [(None, "accept"), (Some(&*alice.account_id), "accept"), (Some(&*second), "refuse")]
    {
        let explained = post(&alice, "/signals/explain/", "CANCEL EURUSD", account).await.json();
        assert_eq!(explained["would"], would, "{account:?}: {explained}");
    }
    for account in [json!(5), json!(["x"]), json!("a\u{7}b")] {
        let body = json!({ "signal": BUY, "broker_account_id": account });
        let answer = alice.call(Method::POST, "/signals/explain/", Some(body.clone())).await;
        let webhook = alice.call(Method::POST, "/webhook/receive-signal/", Some(body)).await;
        assert_eq!((answer.status, &answer.body), (webhook.status, &webhook.body));
    }
}
