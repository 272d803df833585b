//! A broker whose every answer is given by the test.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hookfill::broker::{Answer, Broker};
use hookfill_domain::order::Order;
use hookfill_domain::time::Timestamp;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::timeout;

use crate::harness::PATIENCE;

/// What is done with a call.
enum Reply {
    Say(Answer),
    Panic,
}

/// A call that waits for its answer; dropped, it is never answered.
pub struct Call {
    /// `submit`, `query`, `cancel` or `close`.
    pub kind: &'static str,
    /// The order, as the broker is told of it.
    pub order: Order,
    /// The time at which it was called.
    pub now: Timestamp,
    reply: oneshot::Sender<Reply>,
}

impl Call {
    /// Answers it.
    pub fn say(self, answer: Answer) {
        let _ = self.reply.send(Reply::Say(answer));
    }

    /// Panics in the adapter.
    pub fn panic(self) {
        let _ = self.reply.send(Reply::Panic);
    }

    /// The broker has the order and should be asked again in an hour.
    pub fn work(self) {
        let check_again_at = self.in_an_hour();
        self.say(Answer::Working { broker_order_id: "B-1".to_owned(), check_again_at });
    }

    /// The broker has filled the order and should be asked again in an hour.
    pub fn fill(self) {
        let (executed_at, check_again_at) = (self.now, self.in_an_hour());
        self.say(Answer::Filled { broker_order_id: "B-1".to_owned(), executed_at, check_again_at });
    }

    /// The position is closed.
    pub fn close(self) {
        let closed_at = self.now;
        let executed_at = self.order.progress.executed_at.unwrap_or(closed_at);
        let broker_order_id = "B-1".to_owned();
        self.say(Answer::Closed { broker_order_id, executed_at, closed_at, reason: None });
    }

    /// Nothing is known.
    pub fn lose(self) {
        self.say(Answer::Unknown { why: "connection reset".to_owned() });
    }

    /// An hour from the call.
    pub fn in_an_hour(&self) -> Timestamp {
        self.now.plus(Duration::from_secs(3600))
    }
}

/// Passes each call on to the test.
pub struct Scripted {
    calls: mpsc::UnboundedSender<Call>,
    made: Mutex<mpsc::UnboundedReceiver<Call>>,
}

impl Scripted {
    /// A broker that waits for the test.
    pub fn broker() -> Arc<Self> {
        let (calls, made) = mpsc::unbounded_channel();
        Arc::new(Self { calls, made: Mutex::new(made) })
    }

    /// The next call.
    pub async fn any(&self) -> Call {
        let made = async { self.made.lock().await.recv().await };
        timeout(PATIENCE, made).await.expect("a call in time").unwrap()
    }

    /// The next call, which must be of this kind.
    pub async fn next(&self, kind: &str) -> Call {
        let call = self.any().await;
        assert_eq!(call.kind, kind, "about {:?}", call.order.progress);
        call
    }

    /// Checks that no call waits.
    pub fn is_not_called(&self) {
        if let Ok(call) = self.made.try_lock().unwrap().try_recv() {
            panic!("{} was called for {:?}", call.kind, call.order.progress);
        }
    }

    async fn called(&self, kind: &'static str, order: &Order, now: Timestamp) -> Answer {
        let (reply, answer) = oneshot::channel();
        self.calls.send(Call { kind, order: order.clone(), now, reply }).ok().unwrap();
        match answer.await {
            Ok(Reply::Say(answer)) => answer,
            Ok(Reply::Panic) => panic!("a bad adapter"),
            Err(_) => std::future::pending().await,
        }
    }
}

#[async_trait]
impl Broker for Scripted {
    fn fix(&self) -> String {
        "{}".to_owned()
    }
    async fn submit(&self, order: &Order, now: Timestamp) -> Answer {
        self.called("submit", order, now).await
    }
    async fn query(&self, order: &Order, now: Timestamp) -> Answer {
        self.called("query", order, now).await
    }
    async fn cancel(&self, order: &Order, now: Timestamp) -> Answer {
        self.called("cancel", order, now).await
    }
    async fn close(&self, order: &Order, now: Timestamp) -> Answer {
        self.called("close", order, now).await
    }
}
