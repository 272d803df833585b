//! Thousands of made-up requests: none is answered 5xx, none ends the server.

use http::{HeaderName, HeaderValue, Method, Request};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use crate::harness::{BUY, Service, Setup, Trader};
use crate::raw::Raw;
use crate::routes::all;

const SEED: u64 = 0x686f_6f6b_6669_6c6c;

const NASTY: [&str; 36] = [
    "",
    " ",
    "\0",
    "\u{1}",
    "\n",
    "\u{7f}",
    "\u{85}",
    "\u{202e}",
    "\u{feff}",
    "\u{fffd}",
    "\u{10ffff}",
    "é",
    "🤖",
    "'",
    "\"",
    "\\",
    "';--",
    "<script>",
    "../..",
    "%s%n",
    "{{ticker}}",
    "${x}",
    "NaN",
    "Infinity",
    "-0",
    "1e999",
    "1.2.3",
    "0x1F",
    "999999999999.999999999999",
    "0.000000000001",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551616",
    "null",
    "BUY",
    "EURUSD",
];

const WORDS: [&str; 24] = [
    "BUY", "SELL", "buy", "EURUSD", "XAUUSD", "GOLD", "BTC/USDT", "@", "@1.0860", "SL", "SL:", "TP", "TP1",
    "1.0850", "1.0890", "limit", "stop", "market", "0.5", "lots", "%", "-", "\n", "close",
];

struct Mischief {
    random: StdRng,
}

impl Mischief {
    fn pick<'a>(&mut self, items: &'a [&'a str]) -> &'a str {
        items.choose(&mut self.random).unwrap()
    }

    fn odds(&mut self, one_in: u32) -> bool {
        self.random.random_ratio(1, one_in)
    }

    fn text(&mut self) -> String {
        match self.random.random_range(0..5) {
            0 => self.pick(&NASTY).to_owned(),
            1 => (0..self.random.random_range(0..40)).map(|_| self.random.random::<char>()).collect(),
            2 => self.pick(&NASTY).repeat(self.random.random_range(0..2000)),
            _ => {
                let count = self.random.random_range(1..14);
                let words: Vec<&str> = (0..count)
                    .map(|_| if self.odds(6) { self.pick(&NASTY) } else { self.pick(&WORDS) })
                    .collect();
                words.join(" ")
            }
        }
    }

    fn value(&mut self, depth: u32) -> Value {
        match self.random.random_range(0..if depth == 0 { 5 } else { 8 }) {
            0 => Value::Null,
            1 => json!(self.random.random::<bool>()),
            2 => json!(self.random.random::<i64>()),
            3 => json!(self.random.random::<f64>() * 1e300),
            4 | 5 => json!(self.text()),
            6 => (0..self.random.random_range(0..5)).map(|_| self.value(depth - 1)).collect(),
            _ => (0..self.random.random_range(0..5)).map(|_| (self.text(), self.value(depth - 1))).collect(),
        }
    }

    fn body(&mut self) -> Vec<u8> {
        let fields = [
            "signal",
            "format",
            "broker_account_id",
            "idempotency_key",
            "id",
            "username",
            "broker_name",
            "account_id",
            "api_key",
            "policy",
            "aliases",
            "require_stop_loss",
        ];
        let mut object = json!({ "signal": self.text() });
        for _ in 0..self.random.random_range(0..5) {
            object[self.pick(&fields)] = self.value(3);
        }
        let mut bytes = if self.odds(8) { self.value(4) } else { object }.to_string().into_bytes();
        for _ in 0..self.random.random_range(0..4) {
            if self.odds(3) && !bytes.is_empty() {
                let at = self.random.random_range(0..bytes.len());
                match self.random.random_range(0..3) {
                    0 => bytes[at] = self.random.random(),
                    1 => bytes.truncate(at),
                    _ => bytes.insert(at, self.random.random()),
                }
            }
        }
        bytes
    }

    fn encoded(&mut self) -> String {
        self.text().bytes().take(300).map(|byte| format!("%{byte:02X}")).collect()
    }

    fn path(&mut self, ids: &[&str]) -> String {
        let routes = all();
        let (_, path) = routes.choose(&mut self.random).unwrap();
        let id = if self.odds(3) { self.encoded() } else { self.pick(ids).to_owned() };
        let mut path = path.replace("{id}", &id);
        if self.odds(12) {
            path = format!("/{}", self.encoded());
        }
        if self.odds(3) {
            let keys = ["limit", "cursor", "after", "status", "instrument", "x"];
            let values =
                ["1", "1000", "o5", "a1.0.1", "a9223372036854775807.9223372036854775806.1", "pending", "o0"];
            let pairs: Vec<String> = (0..self.random.random_range(1..4))
                .map(|_| {
                    let value = if self.odds(2) { self.encoded() } else { self.pick(&values).to_owned() };
                    format!("{}={value}", self.pick(&keys))
                })
                .collect();
            path = format!("{path}?{}", pairs.join("&"));
        }
        path
    }

    fn request(&mut self, alice: &Trader<'_>, ids: &[&str]) -> Option<Request<axum::body::Body>> {
        let methods = ["GET", "POST", "POST", "PATCH", "DELETE", "PUT", "OPTIONS", "HEAD", "BREW"];
        let method: Method = self.pick(&methods).parse().unwrap();
        let path = self.path(ids);
        // The account that takes the signals stays.
        if method == Method::DELETE && path.contains(&alice.account_id) {
            return None;
        }
        let mut request = Request::builder().method(method).uri(path);
        if !self.odds(10) {
            request = request.header("x-api-key", &alice.key);
        }
        let names = [
            "idempotency-key",
            "content-type",
            "authorization",
            "x-api-key",
            "host",
            "x-forwarded-for",
            "forwarded",
            "x-admin-token",
            "accept",
            "expect",
            "origin",
            "upgrade",
            "cookie",
            "range",
            "if-none-match",
        ];
        for _ in 0..self.random.random_range(0..3) {
            let name: HeaderName = self.pick(&names).parse().unwrap();
            if let Ok(value) = HeaderValue::from_bytes(self.text().as_bytes()) {
                request = request.header(name, value);
            }
        }
        request.body(self.body().into()).ok()
    }
}

#[tokio::test]
async fn no_request_is_answered_5xx() {
    let service = Setup::default().delays("0ms", "0ms").set("HOOKFILL_RATE_LIMIT", "off").start().await;
    let alice = service.register("alice").await;
    let order = alice.order(BUY).await;
    let mut mischief = Mischief { random: StdRng::seed_from_u64(SEED) };
    let ids = [order.as_str(), alice.account_id.as_str(), "0", "01890000-0000-7000-8000-000000000000"];
    let mut statuses = std::collections::BTreeMap::new();
    for _ in 0..3000 {
        let Some(request) = mischief.request(&alice, &ids) else { continue };
        let shown = format!("{request:?}");
        let answer = service.send(request).await;
        assert!(!answer.status.is_server_error(), "{shown}: {} {}", answer.status, answer.body);
        let kind = answer.header("content-type").unwrap_or_default();
        if answer.status.is_client_error() && !answer.body.is_empty() {
            assert_eq!(kind, "application/problem+json", "{shown}: {}", answer.body);
        }
        *statuses.entry(answer.status.as_u16()).or_insert(0) += 1;
    }
    for expected in [200, 400, 401, 404, 405, 415, 422] {
        assert!(statuses.contains_key(&expected), "{statuses:?}");
    }
    alice.order(BUY).await;
    assert_eq!(service.call(Method::GET, "/readyz", None).await.status, 200);
}

#[tokio::test]
async fn no_bytes_end_the_server() {
    let service = Service::start().await;
    let mut random = StdRng::seed_from_u64(SEED);
    let good = b"POST /webhook/receive-signal/ HTTP/1.1\r\nhost: x\r\ncontent-length: 20\r\n\r\n{\"signal\":\"x\"}      ";
    for _ in 0..400 {
        let mut bytes = good.to_vec();
        for _ in 0..random.random_range(1..6) {
            let at = random.random_range(0..bytes.len());
            bytes[at] = random.random();
        }
        let mut raw = Raw::connect(&service).await;
        raw.write(&bytes).await;
        raw.finish().await;
        let said = raw.closed().await;
        assert!(
            said.is_empty() || said.starts_with("HTTP/1.1 4"),
            "{:?}: {said}",
            String::from_utf8_lossy(&bytes)
        );
    }
    assert_eq!(service.call(Method::GET, "/readyz", None).await.status, 200);
}
