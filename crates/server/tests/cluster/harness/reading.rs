//! Reads over HTTP what a node says of a user.

use std::net::SocketAddr;

use http::Method;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::checker::{Account, Listed};
use super::client::{Connection, Trader};

/// The most that one page has.
const PAGE: usize = 1000;

#[derive(Deserialize)]
struct Order {
    id: String,
    status: String,
}

#[derive(Deserialize)]
struct Step {
    action: String,
}

/// A user's view of a node.
pub(crate) struct Reader<'a> {
    connection: Connection,
    trader: &'a Trader,
}

impl<'a> Reader<'a> {
    pub(crate) fn at(node: SocketAddr, trader: &'a Trader) -> Self {
        Self { connection: Connection::to(node), trader }
    }

    async fn get(&mut self, path: &str) -> (String, Option<String>) {
        let answer = self.connection.ask(&self.trader.api_key, Method::GET, path, "").await;
        let answer = answer.unwrap_or_else(|failure| panic!("{path}: {failure:?}"));
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        (answer.body, answer.link)
    }

    /// How many orders have an end before them.
    pub(crate) async fn open_orders(&mut self) -> u64 {
        let (body, _) = self.get("/analytics/").await;
        let tally: serde_json::Value = serde_json::from_str(&body).expect("a tally");
        let count = |status: &str| tally["by_status"][status].as_u64().unwrap_or(0);
        count("pending") + count("executed")
    }

    /// Every order, newest first.
    pub(crate) async fn orders(&mut self) -> Vec<Listed> {
        let mut orders = Vec::new();
        let mut path = Some(format!("/orders/?limit={PAGE}"));
        while let Some(next) = path {
            let (body, link) = self.get(&next).await;
            let page: Vec<Order> = serde_json::from_str(&body).expect("a list of orders");
            orders.extend(page.into_iter().map(|Order { id, status }| Listed { id, status }));
            path =
                link.map(|link| link.trim_start_matches('<').split('>').next().expect("a link").to_owned());
        }
        orders
    }

    /// Every message of the event log, byte for byte.
    pub(crate) async fn events(&mut self) -> Vec<String> {
        let mut events: Vec<String> = Vec::new();
        loop {
            let (body, _) = self.get(&format!("/events/?after={}&limit={PAGE}", events.len())).await;
            let page: Vec<&RawValue> = serde_json::from_str(&body).expect("a list of messages");
            events.extend(page.iter().map(|message| message.get().to_owned()));
            if page.len() < PAGE {
                return events;
            }
        }
    }

    /// The actions of an order's history.
    async fn steps(&mut self, id: &str) -> Vec<String> {
        let (body, _) = self.get(&format!("/orders/{id}/events/")).await;
        let steps: Vec<Step> = serde_json::from_str(&body).expect("a history");
        steps.into_iter().map(|step| step.action).collect()
    }

    /// All of it.
    pub(crate) async fn account(&mut self) -> Account {
        let mut account =
            Account { orders: self.orders().await, events: self.events().await, ..Account::default() };
        for Listed { id, .. } in &account.orders {
            account.steps.insert(id.clone(), self.steps(id).await);
        }
        account
    }
}
