//! The rig's NATS server. Needs nats-server.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use hookfill_rig::Nats;

const LIMIT: Duration = Duration::from_secs(30);
/// Long enough for a server that is not paused to answer many times.
const SILENCE: Duration = Duration::from_millis(200);

/// A client that knows as much of the protocol as a test needs.
struct Client(BufReader<TcpStream>);

impl Client {
    fn connect(nats: &Nats) -> Self {
        let connection = TcpStream::connect(nats.address()).unwrap();
        connection.set_read_timeout(Some(LIMIT)).unwrap();
        let mut client = Self(BufReader::new(connection));
        assert!(client.line().starts_with("INFO "));
        client.say("CONNECT {\"verbose\":false}");
        client
    }

    fn say(&mut self, line: &str) {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).unwrap();
    }

    /// The next line; empty at the end. The server's own PING, which may come at any time, is none.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        if line == "PING\r\n" { self.line() } else { line.trim_end().to_owned() }
    }

    fn ping(&mut self) {
        self.say("PING");
        assert_eq!(self.line(), "PONG");
    }
}

fn runs(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

#[test]
fn messages_pass_through_it() {
    let nats = Nats::start();
    assert_eq!(nats.url(), format!("nats://{}", nats.address()));
    let (mut reader, mut writer) = (Client::connect(&nats), Client::connect(&nats));
    reader.say("SUB hints 1");
    reader.ping();
    writer.say("PUB hints 5\r\nhello");
    assert_eq!((reader.line(), reader.line()), ("MSG hints 1 5".to_owned(), "hello".to_owned()));
}

#[test]
fn a_paused_server_says_nothing_until_it_goes_on() {
    let nats = Nats::start();
    let mut client = Client::connect(&nats);
    client.ping();
    nats.pause();
    client.say("PING");
    client.0.get_ref().set_read_timeout(Some(SILENCE)).unwrap();
    // Its own PING may have been on its way.
    let mut heard = Vec::new();
    let silence = client.0.read_to_end(&mut heard).unwrap_err().kind();
    assert!(matches!(silence, ErrorKind::WouldBlock | ErrorKind::TimedOut), "{silence}");
    assert!(!heard.starts_with(b"PONG"), "it does not stand still");
    client.0.get_ref().set_read_timeout(Some(LIMIT)).unwrap();
    nats.resume();
    assert_eq!(client.line(), "PONG");
}

#[test]
fn a_killed_server_is_gone_and_comes_back_on_its_port() {
    let nats = Nats::start();
    let (url, first) = (nats.url(), nats.pid());
    let mut client = Client::connect(&nats);
    client.ping();
    nats.kill();
    assert!(!runs(first));
    assert_eq!(client.line(), "", "its client was disconnected");
    assert!(TcpStream::connect(nats.address()).is_err(), "nobody listens");
    nats.restart();
    Client::connect(&nats).ping();
    assert_eq!((nats.url(), nats.pid() == first), (url, false));
}

#[test]
fn a_server_takes_more_arguments() {
    let nats = Nats::start_with(&["--user", "u", "--pass", "p"]);
    let mut client = Client::connect(&nats);
    client.say("PING");
    assert_eq!(client.line(), "-ERR 'Authorization Violation'");
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let refused = std::panic::catch_unwind(|| Nats::start_with(&["--config", "/nowhere/nats.conf"]));
    let reason = refused.unwrap_err().downcast::<String>().unwrap();
    assert!(reason.contains("/nowhere/nats.conf"), "{reason}");
}

#[test]
fn nothing_of_a_dropped_server_is_left_even_if_it_was_paused() {
    let nats = Nats::start();
    let pid = nats.pid();
    nats.pause();
    drop(nats);
    assert!(!runs(pid));
}
