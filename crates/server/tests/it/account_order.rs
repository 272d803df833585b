//! The oldest account is the one that was linked first, whatever the clocks say.

use std::time::Duration;

use serde_json::Value;

use crate::harness::{BUY, NEVER, Service, Setup, TestClock, Trader};

/// Returns the account that takes an order with this text.
async fn taken_by(trader: &Trader<'_>, text: &str) -> String {
    let order = trader.order(text).await;
    let order = trader.get(&format!("/orders/{order}/")).await;
    order["broker_account_id"].as_str().unwrap().to_owned()
}

async fn listed(trader: &Trader<'_>) -> Vec<String> {
    let accounts = trader.get("/accounts/").await;
    let id = |account: &Value| account["id"].as_str().unwrap().to_owned();
    accounts.as_array().unwrap().iter().map(id).collect()
}

/// Gives an account the lower id that it would have with a clock that is behind.
fn renamed(service: &Service, from: &str, number: u8) -> String {
    let to = uuid::Uuid::from_u128(u128::from(number));
    let from: uuid::Uuid = from.parse().unwrap();
    let update = "UPDATE broker_accounts SET id = ?2 WHERE id = ?1";
    let changed = service.database().execute(update, [from.as_bytes(), to.as_bytes()]).unwrap();
    assert_eq!(changed, 1);
    to.to_string()
}

#[tokio::test]
async fn orders_go_to_the_first_linked_account_even_if_later_ones_have_earlier_ids_and_times() {
    let clock = TestClock::now();
    let service = Setup::default().delays(NEVER, NEVER).clock(clock.clone()).start().await;
    let alice = service.register("alice").await;
    let first = alice.account_id.clone();
    let mut accounts = vec![first.clone()];
    for number in 2..=5 {
        clock.set_back(Duration::from_secs(30));
        let id = alice.link(&number.to_string()).await;
        accounts.push(renamed(&service, &id, 10 - number));
    }
    // A change, so that the cached accounts are forgotten.
    clock.set_back(Duration::from_secs(30));
    accounts.push(alice.link("last").await);
    assert_eq!(listed(&alice).await, accounts);
    for account in &accounts {
        assert_eq!(taken_by(&alice, BUY).await, *account);
        alice.delete_account(account).await;
    }
    assert_eq!(alice.signal(BUY).await.refusal(409), "no_broker_account");
    assert_eq!(listed(&alice).await, accounts, "deactivated accounts keep their place");
    let again = alice.link("1").await;
    assert_eq!(taken_by(&alice, BUY).await, again);
    accounts.push(again);
    assert_eq!(listed(&alice).await, accounts);
}
