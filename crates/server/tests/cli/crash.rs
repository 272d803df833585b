//! Killed under load, again and again: what was answered 200 is there exactly once, and is worked to its end.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use hookfill_store::{ChainState, Journal};
use rustix::process::Signal;
use serde_json::Value;

use super::program::{Directory, Running, runtime};

/// How often the service is killed.
const KILLS: usize = 6;
/// Who sends at the same time.
const SENDERS: usize = 8;
const DELAYS: [(&str, &str); 2] =
    [("HOOKFILL_MOCK_EXECUTE_AFTER", "30ms"), ("HOOKFILL_MOCK_CLOSE_AFTER", "30ms")];

/// Sends a request on a connection of its own; `None` if the service is gone before it has answered.
pub(crate) fn call(
    address: &str,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\n{headers}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// What the senders know: each key that was used, with the order if it was answered 200.
#[derive(Default)]
struct Ledger(Mutex<BTreeMap<String, Option<String>>>);

impl Ledger {
    fn note(&self, key: &str, order_id: Option<String>) {
        let mut keys = self.0.lock().unwrap();
        let known = keys.entry(key.to_owned()).or_default();
        if let (Some(known), Some(now)) = (known.as_ref(), order_id.as_ref()) {
            assert_eq!(known, now, "the same key gave two orders");
        }
        *known = order_id.or(known.take());
    }

    fn unanswered(&self) -> Vec<String> {
        let keys = self.0.lock().unwrap();
        keys.iter().filter(|(_, order)| order.is_none()).map(|(key, _)| key.clone()).collect()
    }

    /// What is wrong with the service's list of orders.
    fn differences(&self, listed: &[String]) -> Vec<String> {
        let keys = self.0.lock().unwrap();
        let acknowledged: BTreeSet<&String> = keys.values().flatten().collect();
        let there: BTreeSet<&String> = listed.iter().collect();
        let lost = acknowledged.difference(&there).map(|id| format!("lost {id}"));
        let doubled = there.difference(&acknowledged).map(|id| format!("nobody was told of {id}"));
        lost.chain(doubled).chain((there.len() != listed.len()).then(|| "listed twice".to_owned())).collect()
    }
}

fn send(address: &str, api_key: &str, key: &str, ledger: &Ledger) -> bool {
    ledger.note(key, None);
    let headers = format!("X-API-Key: {api_key}\r\nIdempotency-Key: {key}\r\n");
    let body = r#"{"signal":"BUY EURUSD @1.0860 SL 1.0850 TP 1.0890"}"#;
    let Some((status, answer)) = call(address, "POST", "/webhook/receive-signal/", &headers, body) else {
        return false;
    };
    assert_eq!(status, 200, "{answer}");
    let answer: Value = serde_json::from_str(&answer).unwrap();
    ledger.note(key, Some(answer["order_id"].as_str().unwrap().to_owned()));
    true
}

fn address(service: &Running) -> String {
    service.first_line.rsplit("http://").next().unwrap().to_owned()
}

/// Sends from many sides until so many signals are answered, and kills the service in the middle of the next ones.
fn load_and_kill(service: Running, api_key: &str, round: usize, ledger: &Ledger) {
    let address = address(&service);
    let answered = AtomicUsize::new(0);
    let enough = 15 + round * 23;
    std::thread::scope(|scope| {
        for sender in 0..SENDERS {
            let (address, answered) = (&address, &answered);
            scope.spawn(move || {
                let mut turn = 0;
                while send(address, api_key, &format!("{round}-{sender}-{turn}"), ledger) {
                    answered.fetch_add(1, Ordering::Relaxed);
                    turn += 1;
                }
            });
        }
        while answered.load(Ordering::Relaxed) < enough {
            std::thread::yield_now();
        }
        service.signal(Signal::KILL);
    });
    drop(service);
}

/// Follows the stream from its beginning until so many orders are closed; gives the numbers that were seen.
fn numbers_until_closed(directory: &Directory, address: &str, api_key: &str, orders: usize) -> Vec<i64> {
    let mut command = directory.command(&["watch", "--json", "--after", "0"]);
    command.env("HOOKFILL_URL", format!("http://{address}")).env("HOOKFILL_API_KEY", api_key);
    let mut watch = Running::start(command);
    let (mut numbers, mut closed) = (Vec::new(), 0);
    let mut line = watch.first_line.clone();
    loop {
        let message: Value = serde_json::from_str(&line).unwrap();
        if let Some(seq) = message["seq"].as_i64()
            && message["type"].as_str().is_some_and(|kind| kind.starts_with("order."))
        {
            numbers.push(seq);
            closed += usize::from(message["type"] == "order.closed");
        }
        if closed == orders {
            return numbers;
        }
        line = watch.line();
    }
}

fn listed(address: &str, api_key: &str) -> Vec<String> {
    let headers = format!("X-API-Key: {api_key}\r\n");
    let (status, body) = call(address, "GET", "/orders/?limit=1000", &headers, "").unwrap();
    assert_eq!(status, 200, "{body}");
    let page: Vec<Value> = serde_json::from_str(&body).unwrap();
    assert!(page.len() < 1000, "more orders than one page shows");
    page.iter().map(|order| order["id"].as_str().unwrap().to_owned()).collect()
}

/// Registers, sends one order, and follows it; what its statuses were.
pub(crate) fn worked_to_the_end(directory: &Directory, address: &str) -> Vec<String> {
    let body = r#"{"username":"alice","broker_name":"Mock","account_id":"1","api_key":"secret"}"#;
    let (_, made) = call(address, "POST", "/accounts/", "", body).unwrap();
    let made: Value = serde_json::from_str(&made).unwrap();
    let api_key = made["api_key"].as_str().unwrap();
    assert!(send(address, api_key, "one", &Ledger::default()));
    let mut command = directory.command(&["watch", "--json", "--after", "0"]);
    command.env("HOOKFILL_URL", format!("http://{address}")).env("HOOKFILL_API_KEY", api_key);
    let mut watch = Running::start(command);
    let (mut line, mut statuses) = (watch.first_line.clone(), Vec::new());
    loop {
        let message: Value = serde_json::from_str(&line).unwrap();
        if let Some(status) = message["status"].as_str() {
            statuses.push(status.to_owned());
            if status == "closed" {
                return statuses;
            }
        }
        line = watch.line();
    }
}

#[test]
fn an_acknowledged_signal_survives_kill_9_exactly_once() {
    let directory = Directory::empty();
    let ledger = Ledger::default();
    let service = directory.serve(&DELAYS);
    let body = r#"{"username":"alice","broker_name":"Mock","account_id":"1","api_key":"secret"}"#;
    let (status, made) = call(&address(&service), "POST", "/accounts/", "", body).unwrap();
    assert_eq!(status, 201, "{made}");
    let made: Value = serde_json::from_str(&made).unwrap();
    let api_key = made["api_key"].as_str().unwrap();

    let mut service = service;
    for round in 0..KILLS {
        load_and_kill(service, api_key, round, &ledger);
        service = directory.serve(&DELAYS);
        // Whoever was not answered sends again, with the same key.
        for key in ledger.unanswered() {
            assert!(send(&address(&service), api_key, &key, &ledger), "the service is there");
        }
    }
    let address = address(&service);
    assert_eq!(ledger.differences(&listed(&address, api_key)), Vec::<String>::new());
    let orders = ledger.0.lock().unwrap().len();
    let numbers = numbers_until_closed(&directory, &address, api_key, orders);
    assert_eq!(
        numbers,
        (1..=3 * i64::try_from(orders).unwrap()).collect::<Vec<_>>(),
        "pending, executed, closed"
    );
    assert_eq!(ledger.differences(&listed(&address, api_key)), Vec::<String>::new());
    drop(service);
    let chain = runtime().block_on(directory.store().verify()).unwrap();
    assert!(matches!(chain, ChainState::Intact { .. }), "{chain:?}");
}

/// The check itself notices what it is there for.
#[test]
fn a_lost_and_a_doubled_order_would_be_noticed() {
    let ledger = Ledger::default();
    ledger.note("a", Some("1".to_owned()));
    ledger.note("b", Some("2".to_owned()));
    let listed = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    assert!(ledger.differences(&listed(&["1", "2"])).is_empty());
    assert_eq!(ledger.differences(&listed(&["1"])), ["lost 2"]);
    assert_eq!(ledger.differences(&listed(&["1", "2", "3"])), ["nobody was told of 3"]);
    assert_eq!(ledger.differences(&listed(&["1", "2", "2"])), ["listed twice"]);
}
