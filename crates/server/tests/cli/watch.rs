//! `hookfill watch`, against a service that speaks by a script.

use std::net::{TcpListener, TcpStream};

use rustix::process::Signal;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Message, WebSocket, accept_hdr};

use super::program::{Directory, Running};

struct Service(TcpListener);

impl Service {
    fn start() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    fn watch(&self, directory: &Directory, arguments: &[&str]) -> std::process::Command {
        let mut command = directory.command(&["watch"]);
        let url = format!("http://{}", self.0.local_addr().unwrap());
        command.args(arguments).env("HOOKFILL_URL", url).env("HOOKFILL_API_KEY", "hfk_canary7Kq");
        command
    }

    /// Takes the next connection, which must ask for `path` and show its key.
    fn accept(&self, path: &str) -> WebSocket<TcpStream> {
        let (stream, _) = self.0.accept().unwrap();
        #[expect(clippy::result_large_err, reason = "the library's type")]
        let check = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
            assert_eq!(request.uri(), path);
            assert_eq!(request.headers()["x-api-key"], "hfk_canary7Kq");
            Ok(response)
        };
        accept_hdr(stream, check).unwrap()
    }
}

fn greet(socket: &mut WebSocket<TcpStream>, seq: i64) {
    let text =
        format!(r#"{{"type":"connection_established","message":"Connected","user_id":1,"seq":{seq}}}"#);
    socket.send(Message::text(text)).unwrap();
}

fn change(socket: &mut WebSocket<TcpStream>, seq: i64) -> String {
    let text = format!(
        r#"{{"type":"order.executed","seq":{seq},"at":"2026-11-22T14:00:00.000000Z","order_id":"0192-{seq}","instrument":"EURUSD","action":"BUY","status":"executed","entry_price":null,"stop_loss":"1.1","take_profit":null,"user":"bob","reason":null}}"#
    );
    socket.send(Message::text(text.clone())).unwrap();
    text
}

fn close(socket: &mut WebSocket<TcpStream>, code: u16) {
    socket.close(Some(CloseFrame { code: code.into(), reason: "".into() })).unwrap();
    while socket.read().is_ok() {}
}

#[test]
fn it_goes_on_after_a_break_from_its_last_number_and_shows_nothing_twice() {
    let (directory, service) = (Directory::empty(), Service::start());
    let command = service.watch(&directory, &[]);
    let running = std::thread::spawn(move || Running::start(command).ended());

    let mut socket = service.accept("/ws/orders");
    greet(&mut socket, 5);
    change(&mut socket, 6);
    close(&mut socket, 1001);
    let mut socket = service.accept("/ws/orders?after=6");
    greet(&mut socket, 7);
    change(&mut socket, 6);
    change(&mut socket, 7);
    drop(socket);
    let mut socket = service.accept("/ws/orders?after=7");
    greet(&mut socket, 7);
    close(&mut socket, 4409);

    let ended = running.join().unwrap();
    let line =
        |seq| format!("2026-11-22T14:00:00.000000Z executed BUY EURUSD at market SL 1.1 order 0192-{seq}");
    assert_eq!(ended.stdout.lines().collect::<Vec<_>>(), [line(6), line(7)]);
    assert_eq!(ended.code, Some(1));
    let told: Vec<_> = ended.stderr.lines().map(|line| line.split(" http").next().unwrap()).collect();
    assert_eq!(
        told[..5],
        [
            "hookfill: following",
            "hookfill: no connection to",
            "hookfill: connected again to",
            "hookfill: no connection to",
            "hookfill: connected again to",
        ]
    );
    assert!(told[5].contains("begin anew") && !ended.output().contains("canary7Kq"), "{ended:?}");
}

#[test]
fn json_is_what_was_sent_and_sigint_ends_it_well() {
    let (directory, service) = (Directory::empty(), Service::start());
    let command = service.watch(&directory, &["--json", "--after", "0"]);
    let speaker = std::thread::spawn(move || {
        let mut socket = service.accept("/ws/orders?after=0");
        greet(&mut socket, 0);
        socket.send(Message::Ping("there?".into())).unwrap();
        assert_eq!(socket.read().unwrap(), Message::Pong("there?".into()));
        (change(&mut socket, 1), socket)
    });
    let running = Running::start(command);
    let (sent, _socket) = speaker.join().unwrap();
    assert_eq!(running.first_line, sent);
    running.signal(Signal::INT);
    assert_eq!(running.ended().code, Some(0));
}

#[test]
fn a_refusal_ends_it_with_a_sentence() {
    for (code, word) in [(4401, "not known"), (4403, "may not")] {
        let (directory, service) = (Directory::empty(), Service::start());
        let command = service.watch(&directory, &[]);
        let running = std::thread::spawn(move || Running::start(command).ended());
        close(&mut service.accept("/ws/orders"), code);
        let ended = running.join().unwrap();
        assert_eq!(ended.code, Some(1));
        assert!(ended.stderr.contains(word), "{ended:?}");
    }
}

#[test]
fn a_handshake_that_is_refused_ends_it_with_a_sentence() {
    for (status, word) in
        [("401 Unauthorized", "not known"), ("403 Forbidden", "may not"), ("404 Not Found", "404")]
    {
        let (directory, service) = (Directory::empty(), Service::start());
        let command = service.watch(&directory, &[]);
        let running = std::thread::spawn(move || Running::start(command).ended());
        let (mut stream, _) = service.0.accept().unwrap();
        super::send::read_head(std::io::BufReader::new(&stream));
        std::io::Write::write_all(
            &mut stream,
            format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes(),
        )
        .unwrap();
        let ended = running.join().unwrap();
        assert_eq!(ended.code, Some(1));
        assert!(ended.stderr.contains(word), "{ended:?}");
    }
}

#[test]
fn https_begins_with_a_tls_handshake_and_is_tried_again() {
    let (directory, service) = (Directory::empty(), Service::start());
    let url = format!("https://{}", service.0.local_addr().unwrap());
    let mut command = service.watch(&directory, &["--url", &url]);
    let mut child = command.stderr(std::process::Stdio::null()).spawn().unwrap();
    for _ in 0..2 {
        assert_eq!(super::send::first_byte(&service.0), super::send::TLS_HANDSHAKE);
    }
    child.kill().unwrap();
    child.wait().unwrap();
}
