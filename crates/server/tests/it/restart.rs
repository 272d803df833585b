//! Stopped in each state of an order, or torn down, and started again: the order is carried on, exactly once.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use hookfill::broker::{Answer, Broker, MockBroker};
use hookfill::clock::Clock;
use hookfill_domain::order::Order;
use hookfill_domain::time::Timestamp;
use http::Method;
use rstest::rstest;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Notify;

use crate::harness::{BUY, Service, Setup, TestClock, Trader};

const EXECUTE_AFTER: Duration = Duration::from_secs(60);
const CLOSE_AFTER: Duration = Duration::from_secs(120);

/// How a service ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Stopped,
    TornDown,
}

/// What the broker does with the answers to some calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Good,
    /// The broker does what it is told, but its answers do not get through.
    Lost,
    /// Calls are not answered at all.
    Dead,
    /// As lost, but only what asks for a cancel or a close.
    RequestsDead,
}

/// The mock broker at the end of a line that a test cuts; counts what reaches it.
struct Remote {
    mock: MockBroker,
    line: Mutex<Line>,
    ledger: Arc<Ledger>,
}

/// What the broker was asked, over all restarts.
#[derive(Default)]
struct Ledger {
    calls: Mutex<Vec<&'static str>>,
    called: Notify,
}

impl Ledger {
    fn count(&self, kind: &str) -> usize {
        self.calls.lock().unwrap().iter().filter(|call| **call == kind).count()
    }

    /// Waits until so many calls of a kind were made.
    async fn reached(&self, kind: &str, count: usize) {
        let waiting = async {
            while self.count(kind) < count {
                self.called.notified().await;
            }
        };
        tokio::time::timeout(crate::harness::PATIENCE, waiting).await.expect("a call in time");
    }
}

impl Remote {
    async fn through(&self, kind: &'static str, answer: Answer) -> Answer {
        self.ledger.calls.lock().unwrap().push(kind);
        self.ledger.called.notify_one();
        let line = *self.line.lock().unwrap();
        match line {
            Line::Good => answer,
            Line::RequestsDead if matches!(kind, "submit" | "query") => answer,
            Line::Lost => Answer::Unknown { why: "connection reset".to_owned() },
            Line::Dead | Line::RequestsDead => std::future::pending().await,
        }
    }
}

#[async_trait]
impl Broker for Remote {
    fn fix(&self) -> String {
        self.mock.fix()
    }
    async fn submit(&self, order: &Order, now: Timestamp) -> Answer {
        self.through("submit", self.mock.submit(order, now).await).await
    }
    async fn query(&self, order: &Order, now: Timestamp) -> Answer {
        self.through("query", self.mock.query(order, now).await).await
    }
    async fn cancel(&self, order: &Order, now: Timestamp) -> Answer {
        self.through("cancel", self.mock.cancel(order, now).await).await
    }
    async fn close(&self, order: &Order, now: Timestamp) -> Answer {
        self.through("close", self.mock.close(order, now).await).await
    }
}

/// One order through several lives of a service, all on one clock.
struct Story {
    clock: Arc<TestClock>,
    ledger: Arc<Ledger>,
    began: Timestamp,
    folder: Option<TempDir>,
    user: Option<(String, i64, String)>,
    id: String,
}

impl Story {
    fn begin() -> Self {
        let clock = TestClock::now();
        let began = clock.now();
        Self { clock, ledger: Arc::default(), began, folder: None, user: None, id: String::new() }
    }

    /// Starts the service; later lives have other delays configured.
    async fn start(&mut self, line: Line) -> Service {
        let again = self.folder.is_some();
        let other = Duration::from_secs(7);
        let delays = if again { (other, other) } else { (EXECUTE_AFTER, CLOSE_AFTER) };
        let mock = MockBroker::new(delays.0, delays.1);
        let broker = Remote { mock, line: Mutex::new(line), ledger: Arc::clone(&self.ledger) };
        let setup = Setup::default().clock(self.clock.clone()).broker(Arc::new(broker)).apart();
        match self.folder.take() {
            Some(folder) => setup.start_in(folder).await,
            None => setup.start().await,
        }
    }

    fn trader<'a>(&self, service: &'a Service) -> Trader<'a> {
        let (key, user_id, account_id) = self.user.clone().unwrap();
        Trader { service, key, user_id, account_id }
    }

    /// The first life: an order is taken.
    async fn take_order(&mut self, line: Line) -> Service {
        let service = self.start(line).await;
        let alice = service.register("alice").await;
        self.user = Some((alice.key.clone(), alice.user_id, alice.account_id.clone()));
        self.id = alice.order(BUY).await;
        service
    }

    async fn end(&mut self, service: Service, ending: Ending) {
        self.folder = Some(match ending {
            Ending::Stopped => service.stop().await,
            Ending::TornDown => service.crash().await,
        });
    }

    /// Waits until the order's history ends with an action.
    async fn reached(&self, trader: &Trader<'_>, action: &str) {
        let waiting = async {
            loop {
                let events = trader.get(&format!("/orders/{}/events/", self.id)).await;
                if events.as_array().unwrap().last().unwrap()["action"] == action {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(crate::harness::PATIENCE, waiting).await.expect("it comes to that in time");
    }

    /// The rest of its life, after `away`: exactly these messages in all, and each broker call to open it once.
    async fn carry_on(&mut self, away: Duration, expected: &[&str]) -> Value {
        self.clock.advance(away);
        let service = self.start(Line::Good).await;
        let alice = self.trader(&service);
        let mut stream = alice.stream("?after=0").await;
        let mut texts = Vec::new();
        for (kind, seq) in expected.iter().zip(1..) {
            let text = stream.text().await;
            let message: Value = serde_json::from_str(&text).unwrap();
            assert_eq!((&message["type"], &message["seq"]), (&json!(kind), &json!(seq)));
            assert_eq!(message["order_id"], self.id);
            texts.push(text);
        }
        // Nothing follows, not even once it is looked at again.
        let events = alice.call(Method::GET, "/events/", None).await;
        assert_eq!(events.body, format!("[{}]", texts.join(",")));
        assert!(self.ledger.count("submit") <= 1, "{:?}", self.ledger.calls.lock().unwrap());
        let order = alice.get(&format!("/orders/{}/", self.id)).await;
        drop(stream);
        self.end(service, Ending::Stopped).await;
        order
    }

    fn after(&self, since_began: Duration) -> Value {
        json!(self.began.plus(since_began))
    }
}

const WHOLE_LIFE: [&str; 3] = ["order.pending", "order.executed", "order.closed"];
const A_DAY: Duration = Duration::from_secs(86_400);

#[rstest]
#[tokio::test]
async fn stopped_while_pending_an_order_is_carried_on(
    #[values(Ending::Stopped, Ending::TornDown)] ending: Ending,
) {
    let mut story = Story::begin();
    let service = story.take_order(Line::Good).await;
    story.reached(&story.trader(&service), "order_submitted").await;
    story.end(service, ending).await;
    let order = story.carry_on(A_DAY, &WHOLE_LIFE).await;
    assert_eq!(order["executed_at"], story.after(EXECUTE_AFTER));
    assert_eq!(order["closed_at"], story.after(EXECUTE_AFTER + CLOSE_AFTER));
    assert_eq!(story.ledger.count("submit"), 1);
}

#[tokio::test]
async fn started_again_before_its_time_a_pending_order_stays_pending() {
    let mut story = Story::begin();
    let service = story.take_order(Line::Good).await;
    story.reached(&story.trader(&service), "order_submitted").await;
    story.end(service, Ending::Stopped).await;
    // The delays that are configured now would have filled it.
    let order = story.carry_on(EXECUTE_AFTER - Duration::from_secs(1), &WHOLE_LIFE[..1]).await;
    assert_eq!(order["status"], "pending");
    let order = story.carry_on(Duration::from_secs(1), &WHOLE_LIFE[..2]).await;
    assert_eq!(order["executed_at"], story.after(EXECUTE_AFTER));
    let order = story.carry_on(CLOSE_AFTER, &WHOLE_LIFE).await;
    assert_eq!(order["closed_at"], story.after(EXECUTE_AFTER + CLOSE_AFTER));
}

#[rstest]
#[tokio::test]
async fn stopped_while_the_broker_has_not_answered_an_order_is_asked_about_and_carried_on(
    #[values(Ending::Stopped, Ending::TornDown)] ending: Ending,
) {
    let mut story = Story::begin();
    let service = story.take_order(Line::Dead).await;
    story.ledger.reached("submit", 1).await;
    story.end(service, ending).await;
    let order = story.carry_on(A_DAY, &WHOLE_LIFE).await;
    assert_eq!(order["executed_at"], story.after(EXECUTE_AFTER));
    assert_eq!(order["closed_at"], story.after(EXECUTE_AFTER + CLOSE_AFTER));
    assert_eq!((story.ledger.count("submit"), story.ledger.count("query")), (1, 1));
}

#[rstest]
#[tokio::test]
async fn stopped_while_in_doubt_an_order_is_asked_about_and_carried_on(
    #[values(Ending::Stopped, Ending::TornDown)] ending: Ending,
) {
    let mut story = Story::begin();
    let service = story.take_order(Line::Lost).await;
    story.reached(&story.trader(&service), "order_in_doubt").await;
    story.end(service, ending).await;
    let order = story.carry_on(A_DAY, &WHOLE_LIFE).await;
    assert_eq!(order["executed_at"], story.after(EXECUTE_AFTER));
    assert_eq!(story.ledger.count("submit"), 1);
}

#[rstest]
#[tokio::test]
async fn stopped_while_executed_a_position_is_closed_when_it_was_to_be(
    #[values(Ending::Stopped, Ending::TornDown)] ending: Ending,
) {
    let mut story = Story::begin();
    let service = story.take_order(Line::Good).await;
    story.reached(&story.trader(&service), "order_submitted").await;
    story.end(service, ending).await;
    let order = story.carry_on(EXECUTE_AFTER, &WHOLE_LIFE[..2]).await;
    assert_eq!((&order["status"], &order["closed_at"]), (&json!("executed"), &Value::Null));
    let order = story.carry_on(A_DAY, &WHOLE_LIFE).await;
    assert_eq!(order["executed_at"], story.after(EXECUTE_AFTER));
    assert_eq!(order["closed_at"], story.after(EXECUTE_AFTER + CLOSE_AFTER));
}

/// Asks for something that the broker does not confirm before the service ends.
async fn ask_and_end(story: &mut Story, service: Service, what: &str, ending: Ending) {
    let alice = story.trader(&service);
    let path = format!("/orders/{}/{what}/", story.id);
    {
        let asked = alice.call(Method::POST, &path, None);
        let (answer, ()) = tokio::join!(asked, story.ledger.reached(what, 1));
        assert_eq!(answer.status, 202, "{}", answer.body);
    }
    story.end(service, ending).await;
}

#[rstest]
#[tokio::test]
async fn stopped_while_canceling_an_order_is_canceled(
    #[values(Ending::Stopped, Ending::TornDown)] ending: Ending,
) {
    let mut story = Story::begin();
    let service = story.take_order(Line::RequestsDead).await;
    story.reached(&story.trader(&service), "order_submitted").await;
    ask_and_end(&mut story, service, "cancel", ending).await;
    let order = story.carry_on(A_DAY, &["order.pending", "order.canceled"]).await;
    assert_eq!((&order["status"], &order["executed_at"]), (&json!("canceled"), &Value::Null));
}

#[rstest]
#[tokio::test]
async fn stopped_while_closing_a_position_is_closed_when_it_was_asked_for(
    #[values(Ending::Stopped, Ending::TornDown)] ending: Ending,
) {
    let mut story = Story::begin();
    let service = story.take_order(Line::Good).await;
    story.reached(&story.trader(&service), "order_submitted").await;
    story.end(service, Ending::Stopped).await;
    story.clock.advance(EXECUTE_AFTER);
    let service = story.start(Line::RequestsDead).await;
    story.reached(&story.trader(&service), "order_executed").await;
    ask_and_end(&mut story, service, "close", ending).await;
    let order = story.carry_on(A_DAY, &WHOLE_LIFE).await;
    assert_eq!(order["executed_at"], story.after(EXECUTE_AFTER));
    assert_eq!(order["closed_at"], story.after(EXECUTE_AFTER));
}

#[tokio::test]
async fn closed_stays_closed_over_every_restart() {
    let mut story = Story::begin();
    let service = story.take_order(Line::Good).await;
    story.reached(&story.trader(&service), "order_submitted").await;
    story.end(service, Ending::TornDown).await;
    let first = story.carry_on(A_DAY, &WHOLE_LIFE).await;
    let calls = story.ledger.calls.lock().unwrap().len();
    for _ in 0..3 {
        assert_eq!(story.carry_on(A_DAY, &WHOLE_LIFE).await, first);
    }
    assert_eq!(story.ledger.calls.lock().unwrap().len(), calls, "nobody asks about it");
}
