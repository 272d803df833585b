//! A user can link the same broker account only once.

use http::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Service, Trader};

async fn link(trader: &Trader<'_>, broker_name: &str, account_id: &str) -> Answer {
    let body = json!({ "broker_name": broker_name, "account_id": account_id, "api_key": "canary-broker" });
    trader.call(Method::POST, "/accounts/", Some(body)).await
}

async fn count(trader: &Trader<'_>, path: &str) -> usize {
    trader.get(path).await.as_array().unwrap().len()
}

#[tokio::test]
async fn linking_an_account_again_is_refused_with_the_id_of_the_first() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let before = alice.get("/audit/").await;
    for (broker, account) in [("Mock", "1"), (" Mock ", "1"), ("Mock", "\t1\n"), ("\u{a0}Mock", "1")] {
        let answer = link(&alice, broker, account).await;
        assert_eq!(answer.refusal(409), "account_exists", "{broker:?} {account:?}");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(&alice.account_id), "{detail}");
        assert!(!answer.body.contains("canary"), "{}", answer.body);
    }
    assert_eq!(count(&alice, "/accounts/").await, 1);
    assert_eq!(alice.get("/audit/").await, before, "nothing was changed");
}

#[tokio::test]
async fn names_are_compared_exactly_and_only_among_a_users_own_accounts() {
    let service = Service::start().await;
    let (alice, bob) = (service.register("alice").await, service.register("bob").await);
    let others = [("mock", "1"), ("MOCK", "1"), ("Mock", "01"), ("Mo ck", "1"), ("1", "Mock"), ("Moc", "k1")];
    for (broker, account) in others {
        assert_eq!(link(&alice, broker, account).await.status, 201, "{broker:?} {account:?}");
        assert_eq!(
            link(&alice, broker, account).await.refusal(409),
            "account_exists",
            "{broker:?} {account:?}"
        );
        assert_eq!(link(&bob, broker, account).await.status, 201, "{broker:?} {account:?}");
    }
    assert_eq!((count(&alice, "/accounts/").await, count(&bob, "/accounts/").await), (7, 7));
}

#[tokio::test]
async fn an_account_that_was_deleted_can_be_linked_again() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let mut last = alice.account_id.clone();
    for round in 2..5 {
        alice.delete_account(&last).await;
        last = alice.link("1").await;
        let again = link(&alice, "Mock", "1").await;
        assert_eq!(again.refusal(409), "account_exists");
        assert!(again.body.contains(&last), "the active account is named: {}", again.body);
        assert_eq!(count(&alice, "/accounts/").await, round);
    }
}

#[tokio::test]
async fn of_many_attempts_to_link_the_same_account_at_once_one_succeeds() {
    let service = Service::start().await;
    let (alice, bob) = (service.register("alice").await, service.register("bob").await);
    for trader in [&alice, &bob] {
        let answers = futures_util::future::join_all((0..24).map(|_| link(trader, "Second", "2"))).await;
        let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
        assert_eq!(made.len(), 1);
        let id = made[0].json()["broker_account"]["id"].clone();
        for answer in refused {
            assert_eq!(answer.refusal(409), "account_exists");
            assert!(answer.body.contains(id.as_str().unwrap()), "{}", answer.body);
        }
        assert_eq!(count(trader, "/accounts/").await, 2);
        let audit = trader.get("/audit/").await;
        let linked = |entry: &&Value| entry["action"] == "broker_account_linked";
        assert_eq!(audit.as_array().unwrap().iter().filter(linked).count(), 1);
    }
}

#[tokio::test]
async fn account_exists_is_documented() {
    let document = serde_json::to_value(hookfill::http::openapi()).unwrap();
    assert!(document["paths"]["/accounts/"]["post"]["responses"]["409"].is_object());
    let table = include_str!("../../../../docs/API.md");
    assert!(table.contains("`account_exists`"));
}
