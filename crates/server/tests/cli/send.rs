//! `hookfill send`, against a service that answers by a script.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::thread::JoinHandle;

use tokio::net::TcpSocket;

use super::program::{Directory, Ended};

/// What a connection is answered; `None` closes it without an answer.
type Answer = Option<(&'static str, &'static str)>;

const ACCEPTED: Answer = Some(("200 OK", r#"{"message":"ok","order_id":"0192-a","status":"pending"}"#));
const UNAVAILABLE: Answer =
    Some(("503 Service Unavailable\r\nRetry-After: 0", r#"{"detail":"Later.","code":"unavailable"}"#));

struct Request {
    head: Vec<String>,
    body: String,
}

/// The type of the record that a TLS connection begins with.
pub(crate) const TLS_HANDSHAKE: u8 = 22;

/// Takes a connection, reads one byte, and breaks off.
pub(crate) fn first_byte(listener: &TcpListener) -> u8 {
    let mut byte = [0];
    listener.accept().unwrap().0.read_exact(&mut byte).unwrap();
    byte[0]
}

/// The request line and the headers.
pub(crate) fn read_head(mut stream: impl BufRead) -> Vec<String> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        match line.trim_end() {
            "" => return head,
            line => head.push(line.to_owned()),
        }
    }
}

impl Request {
    fn read(stream: &TcpStream) -> Self {
        let mut reader = BufReader::new(stream);
        let head = read_head(&mut reader);
        let mut request = Self { head, body: String::new() };
        let length = request.header("content-length").parse().unwrap();
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        request.body = String::from_utf8(body).unwrap();
        request
    }

    fn header(&self, name: &str) -> &str {
        let found = self.head.iter().filter_map(|line| line.split_once(": "));
        found.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next().unwrap_or("")
    }
}

/// Answers one connection after the other, and gives what they asked.
fn service(answers: Vec<Answer>) -> (String, JoinHandle<Vec<Request>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serve = move |answer: Answer| {
        let (mut stream, _) = listener.accept().unwrap();
        let request = Request::read(&stream);
        if let Some((status, body)) = answer {
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            )
            .unwrap();
        }
        request
    };
    (url, std::thread::spawn(move || answers.into_iter().map(serve).collect()))
}

fn send(url: &str, text: &str) -> Ended {
    let set = [("HOOKFILL_URL", url), ("HOOKFILL_API_KEY", "hfk_canary7Kq")];
    let ended = Directory::empty().run_with(&set, &["send", text]);
    assert!(!ended.output().contains("canary7Kq"), "{ended:?}");
    ended
}

#[test]
fn an_accepted_signal_is_named_by_its_order() {
    let (url, service) = service(vec![ACCEPTED]);
    let ended = send(&url, "BUY \"EURUSD\"");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "order 0192-a is pending\n"), "{ended:?}");
    let request = service.join().unwrap().remove(0);
    assert_eq!(request.head[0], "POST /webhook/receive-signal/ HTTP/1.1");
    assert_eq!(request.header("x-api-key"), "hfk_canary7Kq");
    assert_eq!(request.header("content-type"), "application/json");
    assert_eq!(request.body, r#"{"signal":"BUY \"EURUSD\""}"#);
}

#[test]
fn send_lists_the_orders_that_a_command_did_not_touch() {
    let accepted = r#"{"message":"ok","status":"accepted","kind":"close","orders":[{"order_id":"a"}],
        "still_pending":[{"order_id":"b"}],"skipped":[{"order_id":"c","reason":"close_requested"}]}"#;
    let (url, _) = service(vec![Some(("200 OK", accepted))]);
    let ended = send(&url, "CLOSE EURUSD");
    let expected = "close of order a is requested\norder b was not touched: pending\n\
                    order c was not touched: close_requested\n";
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), expected), "{ended:?}");
}

#[test]
fn a_service_that_could_not_take_it_or_broke_off_is_asked_once_more_with_the_same_key() {
    for first in [UNAVAILABLE, None] {
        let (url, service) = service(vec![first, ACCEPTED]);
        assert_eq!(send(&url, "BUY EURUSD").code, Some(0));
        let requests = service.join().unwrap();
        let key = requests[0].header("idempotency-key");
        assert!(key.len() >= 32, "{key}");
        assert_eq!(requests[1].header("idempotency-key"), key);
        assert_eq!(requests[1].body, requests[0].body);
    }
}

#[test]
fn a_service_that_still_cannot_take_it_is_not_asked_a_third_time() {
    let (url, service) = service(vec![UNAVAILABLE, UNAVAILABLE]);
    let ended = send(&url, "BUY EURUSD");
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), "hookfill: refused: Later. [unavailable]\n"));
    assert_eq!(service.join().unwrap().len(), 2);
}

#[test]
fn a_refusal_shows_its_place() {
    let problem = r#"{"detail":"No number.","code":"bad_number","start":7,"end":9}"#;
    let (url, _) = service(vec![Some(("422 Unprocessable Content", problem))]);
    let ended = send(&url, "BUY E @1x");
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.stderr, "hookfill: refused: No number. [bad_number]\n  BUY E @1x\n         ^^\n");
}

#[test]
fn a_redirect_is_not_followed() {
    let (url, service) = service(vec![Some(("307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/", ""))]);
    let ended = send(&url, "BUY EURUSD");
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("307"), "{ended:?}");
    assert_eq!(service.join().unwrap().len(), 1);
}

#[test]
fn without_a_key_or_an_address_it_is_wrong_usage() {
    let directory = Directory::empty();
    let ended = directory.run(&["send", "BUY EURUSD"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("HOOKFILL_API_KEY (--api-key) is not set"), "{ended:?}");
    let ended = directory.run(&["send", "BUY EURUSD", "--api-key", "k", "--url", "nowhere"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("HOOKFILL_URL (--url)"), "{ended:?}");
}

#[test]
fn https_begins_with_a_tls_handshake() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let service = std::thread::spawn(move || {
        for _ in 0..2 {
            assert_eq!(first_byte(&listener), TLS_HANDSHAKE);
        }
    });
    let ended = send(&url, "BUY EURUSD");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("no answer from https://"), "{ended:?}");
    assert!(ended.stderr.contains(NOTHING) && !ended.stderr.contains(UNKNOWN), "{ended:?}");
    service.join().unwrap();
}

#[test]
fn a_proxy_is_not_asked_for_what_is_on_this_machine() {
    let (url, _) = service(vec![ACCEPTED]);
    let set =
        [("HOOKFILL_URL", url.as_str()), ("HOOKFILL_API_KEY", "k"), ("HTTP_PROXY", "http://127.0.0.1:1")];
    assert_eq!(Directory::empty().run_with(&set, &["send", "BUY EURUSD"]).code, Some(0));
}

const NOTHING: &str = "nothing was sent";
const UNKNOWN: &str = "whether the signal was accepted is not known";

/// An address that refuses connections for as long as the socket exists.
fn refusing(runtime: &tokio::runtime::Runtime) -> (TcpSocket, String) {
    let _inside = runtime.enter();
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap().to_string();
    (socket, address)
}

#[test]
fn without_a_connection_send_says_that_nothing_was_sent() {
    let runtime = super::program::runtime();
    let (_socket, address) = refusing(&runtime);
    for url in [&format!("http://{address}"), &format!("https://{address}"), "http://nowhere.invalid"] {
        let ended = send(url, "BUY EURUSD");
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
        assert!(ended.stderr.contains(NOTHING) && !ended.stderr.contains(UNKNOWN), "{ended:?}");
        assert!(ended.stderr.contains(url), "{ended:?}");
    }
}

#[test]
fn if_the_proxy_refuses_the_connection_send_says_that_nothing_was_sent() {
    let runtime = super::program::runtime();
    let (_socket, address) = refusing(&runtime);
    let proxy = format!("http://{address}");
    let set = [
        ("HOOKFILL_URL", "http://hooks.invalid"),
        ("HOOKFILL_API_KEY", "hfk_canary7Kq"),
        ("ALL_PROXY", &proxy),
    ];
    let ended = Directory::empty().run_with(&set, &["send", "BUY EURUSD"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains(NOTHING) && !ended.stderr.contains(UNKNOWN), "{ended:?}");
}

#[test]
fn once_a_request_may_have_been_sent_the_outcome_stays_unknown_whatever_the_retry_meets() {
    let (url, _) = service(vec![None, None]);
    let ended = send(&url, "BUY EURUSD");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains(UNKNOWN) && !ended.stderr.contains(NOTHING), "{ended:?}");

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let first = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        drop(listener);
        Request::read(&stream);
    });
    let ended = send(&url, "BUY EURUSD");
    first.join().unwrap();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains(UNKNOWN) && !ended.stderr.contains(NOTHING), "{ended:?}");
}

#[test]
fn a_server_that_does_not_speak_tls_is_reported_as_such() {
    let directory = Directory::empty();
    let server = directory.serve(&[]);
    let url = server.first_line.rsplit("http://").next().map(|address| format!("https://{address}")).unwrap();
    let ended = send(&url, "BUY EURUSD");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for words in ["does not speak TLS", "http://", NOTHING] {
        assert!(ended.stderr.contains(words), "{words}: {ended:?}");
    }
    assert!(!ended.stderr.contains("corrupt"), "{ended:?}");

    let mut command = directory.command(&["watch", "--url", &url]);
    command.env("HOOKFILL_API_KEY", "hfk_canary7Kq").stderr(Stdio::piped());
    let mut watching = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(watching.stderr.take().unwrap()).read_line(&mut line).unwrap();
    watching.kill().unwrap();
    watching.wait().unwrap();
    assert!(line.contains("does not speak TLS") && !line.contains("corrupt"), "{line}");
}
