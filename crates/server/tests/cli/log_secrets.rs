//! No secret that reaches the service appears in its log, however verbose the filter.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rstest::rstest;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Message, client};

use super::program::{Directory, Running};
use super::send::read_head;

const BROKER: &str = "Qz7brokersecretcanary";
const ADMIN: &str = "Wx5admintokencanary";
const ONCE: &str = "Jk3idempotencycanary";
/// A well-formed key that belongs to no user.
const STRANGERS: &str = "hfk_Vv1strangerscanary00000000000000000000000000000000000";
const FERNET_KEY: &str = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";

/// Every directive that could put contents back into the log.
const EVERYTHING: &str = "trace,tungstenite=trace,tungstenite::protocol=trace,tokio_tungstenite=trace,hyper=trace,\
                          axum=trace,rustls=trace,tokio_postgres=trace,async_nats=trace,ureq=trace,\
                          ureq_proto=trace,[{message}]=trace";

struct Service {
    directory: Directory,
    running: Running,
    address: String,
}

impl Service {
    fn start(filter: &str) -> Self {
        let directory = Directory::empty();
        let mut command = directory.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.envs([
            ("HOOKFILL_LOG", filter),
            ("HOOKFILL_ADMIN_TOKEN", ADMIN),
            ("ENCRYPTION_KEY", FERNET_KEY),
            ("HOOKFILL_MOCK_EXECUTE_AFTER", "0ms"),
            ("HOOKFILL_MOCK_CLOSE_AFTER", "0ms"),
        ]);
        command.stderr(File::create(directory.path("log")).unwrap());
        let running = Running::start_quietly(command);
        let address = running.first_line.rsplit("http://").next().unwrap().to_owned();
        Self { directory, running, address }
    }

    /// Sends a request and returns the answer's body.
    fn ask(&self, line: &str, headers: &str, body: &Value) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let length = body.len();
        write!(
            stream,
            "{line} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}",
            self.address
        )
        .unwrap();
        let mut reader = BufReader::new(stream);
        read_head(&mut reader);
        let mut answer = String::new();
        reader.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Opens a stream, sends messages on it, and closes it.
    fn stream(&self, header: Option<(&'static str, &str)>, says: &[&str], reason: &str) {
        let mut request = format!("ws://{}/ws/orders", self.address).into_client_request().unwrap();
        if let Some((name, value)) = header {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let Ok((mut socket, _)) = client(request, TcpStream::connect(&self.address).unwrap()) else { return };
        for text in says {
            socket.send(Message::text(*text)).unwrap();
        }
        let frame = CloseFrame { code: 1000.into(), reason: reason.to_owned().into() };
        // The service may have closed it already.
        let _ = socket.close(Some(frame));
        while socket.read().is_ok() {}
    }

    fn live(&self) -> String {
        let registration =
            json!({ "username": "alice", "broker_name": "M", "account_id": "1", "api_key": BROKER });
        let admin = format!("x-admin-token: {ADMIN}\r\n");
        let made: Value = serde_json::from_str(&self.ask("POST /accounts/", &admin, &registration)).unwrap();
        let key = made["api_key"].as_str().unwrap().to_owned();
        let (by_key, bearer) = (format!("x-api-key: {key}\r\n"), format!("authorization: Bearer {key}\r\n"));
        let basic = format!("authorization: Basic {}\r\n", STANDARD.encode(format!("alice:{key}")));
        let once = format!("{by_key}idempotency-key: {ONCE}\r\n");
        let signal = json!({ "signal": "BUY EURUSD SL 1.0850 TP 1.0890", "api_key": key });
        for (line, headers, body) in [
            ("POST /webhook/receive-signal/", &once, &signal),
            ("POST /webhook/receive-signal/", &by_key, &json!({ "signal": "hello" })),
            ("POST /signals/explain/", &bearer, &signal),
            ("POST /accounts/", &by_key, &registration),
            ("POST /accounts/", &String::new(), &registration),
            ("GET /orders/", &bearer, &Value::Null),
            ("GET /orders/", &basic, &Value::Null),
            ("GET /metrics", &format!("x-forwarded-for: 192.0.2.1\r\n{admin}"), &Value::Null),
            ("GET /orders/", &format!("x-api-key: {STRANGERS}\r\n"), &Value::Null),
            (&format!("GET /orders/?api_key={key}"), &String::new(), &Value::Null),
            (&format!("GET /orders/{key}/"), &by_key, &Value::Null),
            (&format!("GET /{key}"), &String::new(), &Value::Null),
        ] {
            self.ask(line, headers, body);
        }
        let authenticate = json!({ "type": "authenticate", "api_key": key }).to_string();
        let wrong = json!({ "type": "authenticate", "api_key": STRANGERS }).to_string();
        self.stream(Some(("x-api-key", &key)), &[], "");
        self.stream(Some(("authorization", &format!("Bearer {key}"))), &[&key], &key);
        self.stream(Some(("x-api-key", STRANGERS)), &[], "");
        self.stream(None, &[&authenticate], &key);
        self.stream(None, &[&wrong], "");
        self.stream(None, &[&format!("{authenticate} {key}")], &key);
        key
    }

    /// Stops the service and returns both of its outputs.
    fn said(self) -> (String, Directory) {
        let Self { directory, running, .. } = self;
        let mut stdout = running.first_line.clone();
        running.signal(rustix::process::Signal::TERM);
        assert_eq!(running.ended_quietly(), Some(0));
        stdout += &read(directory.path("log"));
        (stdout, directory)
    }
}

fn read(path: PathBuf) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// The beginning of a secret, and encodings that would reveal it.
fn forms(secret: &str) -> Vec<String> {
    let bare = secret.strip_prefix("hfk_").unwrap_or(secret);
    let mut forms = vec![bare[..8].to_owned()];
    for text in [secret.to_owned(), bare.to_owned(), format!("alice:{secret}")] {
        forms.push(STANDARD.encode(&text));
        forms.push(URL_SAFE_NO_PAD.encode(&text));
    }
    forms
}

#[rstest]
#[case("trace")]
#[case(EVERYTHING)]
#[case("off,tungstenite::protocol=trace")]
fn no_secret_appears_in_the_log_with_any_filter(#[case] filter: &str) {
    let service = Service::start(filter);
    let key = service.live();
    let (said, _directory) = service.said();
    for secret in [key.as_str(), BROKER, ADMIN, ONCE, STRANGERS, FERNET_KEY] {
        for form in forms(secret) {
            assert!(!said.contains(&form), "{form} of {secret} in {said}");
        }
    }
    assert!(filter.starts_with("off") || said.contains("hookfill"), "{said}");
}

#[rstest]
#[case("trace")]
#[case(EVERYTHING)]
fn no_secret_appears_in_the_clients_output_with_any_filter(#[case] filter: &str) {
    let service = Service::start("off");
    let key = service.live();
    let url = format!("http://{}", service.address);
    for secret in [key.as_str(), STRANGERS] {
        let set = [
            ("HOOKFILL_LOG", filter),
            ("RUST_LOG", "trace"),
            ("HOOKFILL_URL", &url),
            ("HOOKFILL_API_KEY", secret),
        ];
        let sent = service.directory.run_with(&set, &["send", "BUY EURUSD SL 1.0850 TP 1.0890"]);
        assert_eq!(sent.code, Some(if secret == STRANGERS { 1 } else { 0 }), "{sent:?}");
        let mut command = service.directory.command(&["watch", "--after", "0"]);
        command.envs(set);
        let watching = Running::start(command);
        let watched = if secret == STRANGERS { watching.ended() } else { watching.stopped() };
        for said in [sent.output(), watched.output()] {
            for form in forms(secret) {
                assert!(!said.contains(&form), "{form} in {said}");
            }
        }
    }
}
