//! A NATS server, and what it says of itself.

use std::time::Duration;

use futures_util::StreamExt;
use hookfill_rig::{Nats, Port};
use serde_json::Value;

/// How long a test waits for something that must come.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// A server that can be asked what is subscribed.
pub(super) struct Server {
    pub(super) nats: Nats,
    monitor: Port,
}

impl Server {
    pub(super) fn start() -> Self {
        Self::start_with(&[])
    }

    pub(super) fn start_with(arguments: &[&str]) -> Self {
        let monitor = Port::reserve();
        let port = monitor.number().to_string();
        let nats = Nats::start_with(&[&["--http_port", &port], arguments].concat());
        Self { nats, monitor }
    }

    /// The subjects that end like this and that somebody subscribes, once a subscription.
    pub(super) fn subscribed(&self, end: &str) -> usize {
        let url = format!("http://{}/subsz?subs=1&limit=4096", self.monitor.address());
        let text = ureq::get(&url).call().unwrap().body_mut().read_to_string().unwrap();
        let subscriptions: Value = serde_json::from_str(&text).unwrap();
        let all = subscriptions["subscriptions_list"].as_array().into_iter().flatten();
        all.filter(|one| one["subject"].as_str().unwrap().ends_with(end)).count()
    }

    /// Somebody who has nothing to do with us.
    pub(super) async fn stranger(&self) -> async_nats::Client {
        async_nats::connect(self.nats.url()).await.unwrap()
    }

    /// Listens to everything; what is sent once this returns is heard.
    pub(super) async fn listen(&self) -> async_nats::Subscriber {
        let client = self.stranger().await;
        let mut all = client.subscribe("hookfill.>").await.unwrap();
        // The server takes one thing after the other: once it returns this, it has the subscription.
        client.publish("hookfill.ready", "".into()).await.unwrap();
        assert_eq!(next(&mut all).await.0, "hookfill.ready");
        all
    }
}

/// The subject and the payload of what comes next.
pub(super) async fn next(messages: &mut async_nats::Subscriber) -> (String, String) {
    let message = tokio::time::timeout(PATIENCE, messages.next()).await.expect("a message").unwrap();
    (message.subject.to_string(), String::from_utf8(message.payload.to_vec()).unwrap())
}

/// Waits until something has come true.
pub(super) async fn until(what: &str, holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, wait).await.is_ok(), "not in time: {what}");
}
