//! The proxy that fails on command. Needs nothing: each test is client and server itself.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use hookfill_rig::{Port, Proxy};

const LIMIT: Duration = Duration::from_secs(30);

/// A server without manners of its own, and a proxy before it.
struct Stage {
    listener: TcpListener,
    proxy: Proxy,
}

impl Stage {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Proxy::to(&listener.local_addr().unwrap().to_string());
        Self { listener, proxy }
    }

    fn client(&self) -> TcpStream {
        ready(TcpStream::connect(self.proxy.address()).unwrap())
    }

    fn server(&self) -> TcpStream {
        ready(self.listener.accept().unwrap().0)
    }

    /// Both ends of a connection through the proxy.
    fn pair(&self) -> (TcpStream, TcpStream) {
        let client = self.client();
        (client, self.server())
    }

    /// Returns when the proxy has done everything that it had to do before, seen on a connection of its own.
    fn settle(&self) {
        let (mut client, mut server) = self.pair();
        for _ in 0..2 {
            client.write_all(b".").unwrap();
            expect(&mut server, b".");
        }
    }
}

/// A side of a connection on which a test that waits for nothing fails.
fn ready(side: TcpStream) -> TcpStream {
    side.set_read_timeout(Some(LIMIT)).unwrap();
    side.set_nodelay(true).unwrap();
    side
}

fn expect(side: &mut TcpStream, bytes: &[u8]) {
    let mut got = vec![0; bytes.len()];
    side.read_exact(&mut got).unwrap();
    assert_eq!(got.escape_ascii().to_string(), bytes.escape_ascii().to_string());
}

/// Nothing has come, and the connection is open.
fn expect_silence(side: &mut TcpStream) {
    side.set_nonblocking(true).unwrap();
    assert_eq!(side.read(&mut [0; 100]).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
    side.set_nonblocking(false).unwrap();
}

/// Nothing more comes: the connection was closed.
fn expect_closed(side: &mut TcpStream) {
    let mut rest = Vec::new();
    if let Err(error) = side.read_to_end(&mut rest) {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
    assert_eq!(rest.escape_ascii().to_string(), "");
}

/// Bytes of which no stretch is like another.
fn many_bytes() -> Vec<u8> {
    (0..1_500_000_u32).flat_map(u32::to_le_bytes).collect()
}

#[test]
fn bytes_go_both_ways_and_each_side_ends_for_itself() {
    let stage = Stage::new();
    let (mut client, mut server) = stage.pair();
    client.write_all(b"question").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    expect(&mut server, b"question");
    expect_closed(&mut server);
    server.write_all(b"answer").unwrap();
    drop(server);
    expect(&mut client, b"answer");
    expect_closed(&mut client);
}

#[test]
fn much_goes_both_ways_at_once_unchanged_though_patterns_are_looked_for() {
    let stage = Stage::new();
    let trigger = stage.proxy.freeze_before(b"\0\0\0\0\0\0\0\0\0", 1);
    let (client, server) = stage.pair();
    let sides = [client, server].map(|side| {
        let mut writing = side.try_clone().unwrap();
        let mut reading = side;
        let writer = thread::spawn(move || {
            writing.write_all(&many_bytes()).unwrap();
            writing.shutdown(Shutdown::Write).unwrap();
        });
        let reader = thread::spawn(move || {
            let mut got = Vec::new();
            reading.read_to_end(&mut got).unwrap();
            got
        });
        (writer, reader)
    });
    for (writer, reader) in sides {
        writer.join().unwrap();
        assert!(reader.join().unwrap() == many_bytes(), "what came is not what was sent");
    }
    assert_eq!(trigger.fired(), 0);
}

#[test]
fn a_client_cannot_send_without_end_what_nobody_reads() {
    let stage = Stage::new();
    let (mut client, mut server) = stage.pair();
    client.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let chunk = vec![7; 1 << 20];
    let mut sent = 0;
    let stopped = loop {
        match client.write(&chunk) {
            Ok(written) => sent += written,
            Err(error) => break error.kind(),
        }
        assert!(sent < 100 << 20, "more than all buffers of the system hold");
    };
    assert!(matches!(stopped, ErrorKind::WouldBlock | ErrorKind::TimedOut), "{stopped}");
    drop(client);
    let mut got = Vec::new();
    server.read_to_end(&mut got).unwrap();
    assert_eq!(got.len(), sent);
}

#[test]
fn a_server_that_does_not_run_closes_the_connection() {
    let port = Port::reserve();
    let proxy = Proxy::to(&port.address().to_string());
    let mut client = ready(TcpStream::connect(proxy.address()).unwrap());
    expect_closed(&mut client);
}

#[test]
fn a_cut_closes_all_connections_and_new_ones_are_made() {
    let stage = Stage::new();
    let (mut client, mut server) = stage.pair();
    // Nobody has noticed this one yet: it is connected as far as the client knows.
    stage.proxy.freeze();
    let mut unnoticed = stage.client();
    stage.proxy.cut();
    for side in [&mut client, &mut server, &mut unnoticed] {
        expect_closed(side);
    }
    stage.proxy.thaw();
    let (mut client, mut server) = stage.pair();
    client.write_all(b"again").unwrap();
    expect(&mut server, b"again");
}

#[test]
fn refused_clients_are_let_in_when_the_proxy_accepts_again() {
    let stage = Stage::new();
    let (mut client, mut server) = stage.pair();
    stage.proxy.refuse();
    expect_closed(&mut client);
    expect_closed(&mut server);
    let refused = TcpStream::connect(stage.proxy.address()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    stage.proxy.accept();
    let (mut client, mut server) = stage.pair();
    client.write_all(b"again").unwrap();
    expect(&mut server, b"again");
}

#[test]
fn frozen_connections_stay_open_and_lose_nothing() {
    let stage = Stage::new();
    let (mut client, mut server) = stage.pair();
    client.write_all(b"before ").unwrap();
    expect(&mut server, b"before ");
    stage.proxy.freeze();
    client.write_all(b"and after").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    server.write_all(b"answer").unwrap();
    let mut late = stage.client();
    late.write_all(b"late").unwrap();
    // A command is done when its method returns: the proxy has had a turn.
    stage.proxy.delay(Duration::ZERO);
    expect_silence(&mut server);
    expect_silence(&mut client);
    stage.proxy.thaw();
    expect(&mut server, b"and after");
    expect_closed(&mut server);
    expect(&mut client, b"answer");
    expect(&mut stage.server(), b"late");
}

#[test]
fn a_delay_holds_each_chunk_for_so_long_in_both_directions() {
    let stage = Stage::new();
    let (mut client, mut server) = stage.pair();
    let delay = Duration::from_millis(50);
    stage.proxy.delay(delay);
    let began = Instant::now();
    for _ in 0..2 {
        client.write_all(b"ping").unwrap();
        expect(&mut server, b"ping");
        server.write_all(b"pong").unwrap();
        expect(&mut client, b"pong");
    }
    assert!(began.elapsed() >= 4 * delay);
    stage.proxy.delay(Duration::ZERO);
    client.write_all(b"ping").unwrap();
    expect(&mut server, b"ping");
}

#[test]
fn a_cut_after_a_pattern_loses_the_answer_though_the_server_has_the_bytes() {
    let stage = Stage::new();
    let trigger = stage.proxy.cut_after("COMMIT", 1);
    let (mut client, mut server) = stage.pair();
    client.write_all(b"INSERT").unwrap();
    expect(&mut server, b"INSERT");
    server.write_all(b"inserted").unwrap();
    expect(&mut client, b"inserted");
    client.write_all(b"COMMIT;").unwrap();
    expect(&mut server, b"COMMIT;");
    assert_eq!(trigger.fired(), 0, "the server has not answered");
    server.write_all(b"committed").unwrap();
    trigger.wait_until_fired(1, LIMIT);
    assert_eq!((trigger.fired(), trigger.answers_lost()), (1, 1));
    expect_closed(&mut client);
    expect_closed(&mut server);

    let (mut client, mut server) = stage.pair();
    client.write_all(b"COMMIT;").unwrap();
    expect(&mut server, b"COMMIT;");
    server.write_all(b"committed").unwrap();
    expect(&mut client, b"committed");
    assert_eq!(trigger.fired(), 1, "it was armed for once");
}

#[test]
fn a_pattern_that_comes_in_pieces_is_cut_after() {
    let stage = Stage::new();
    let trigger = stage.proxy.cut_after("COMMIT", 1);
    let (mut client, mut server) = stage.pair();
    for piece in [&b"x COM"[..], b"XIT"] {
        client.write_all(piece).unwrap();
        expect(&mut server, piece);
    }
    assert_eq!(trigger.fired(), 0);
    client.write_all(b"; COM").unwrap();
    expect(&mut server, b"; COM");
    client.write_all(b"MIT").unwrap();
    expect(&mut server, b"MIT");
    server.write_all(b"committed").unwrap();
    trigger.wait_until_fired(1, LIMIT);
    expect_closed(&mut client);
}

#[test]
fn a_cut_waits_for_the_answer_that_it_is_told() {
    let stage = Stage::new();
    let trigger = stage.proxy.cut_after_answer("COMMIT", "committed", 1);
    let (mut client, mut server) = stage.pair();
    client.write_all(b"INSERT;COMMIT;").unwrap();
    expect(&mut server, b"INSERT;COMMIT;");
    server.write_all(b"inserted com").unwrap();
    stage.settle();
    assert_eq!(trigger.fired(), 0);
    server.write_all(b"mitted").unwrap();
    trigger.wait_until_fired(1, LIMIT);
    assert_eq!(trigger.answers_lost(), 1);
    expect_closed(&mut client);
}

#[test]
fn a_cut_that_is_not_answered_happens_all_the_same_and_says_so() {
    let stage = Stage::new();
    let trigger = stage.proxy.cut_after("COMMIT", 2);
    let (mut client, mut server) = stage.pair();
    client.write_all(b"COMMIT").unwrap();
    trigger.wait_until_fired(1, LIMIT);
    expect(&mut server, b"COMMIT");
    expect_closed(&mut client);
    assert_eq!((trigger.fired(), trigger.answers_lost()), (1, 0));

    let (mut client, mut server) = stage.pair();
    client.write_all(b"COMMIT").unwrap();
    expect(&mut server, b"COMMIT");
    drop(server);
    trigger.wait_until_fired(2, LIMIT);
    expect_closed(&mut client);
    assert_eq!((trigger.fired(), trigger.answers_lost()), (2, 0));
}

#[test]
fn what_was_answered_before_a_pattern_reaches_the_client() {
    let stage = Stage::new();
    let trigger = stage.proxy.cut_after("COMMIT", 1);
    let (mut client, mut server) = stage.pair();
    server.write_all(b"earlier").unwrap();
    client.write_all(b"COMMIT").unwrap();
    expect(&mut server, b"COMMIT");
    server.write_all(b"committed").unwrap();
    trigger.wait_until_fired(1, LIMIT);
    expect(&mut client, b"earlier");
    expect_closed(&mut client);
}

#[test]
fn a_freeze_before_a_pattern_holds_it_and_nothing_else() {
    let stage = Stage::new();
    let trigger = stage.proxy.freeze_before("COMMIT", 1);
    let (mut client, mut server) = stage.pair();
    client.write_all(b"INSERT;COMMIT;").unwrap();
    trigger.wait_until_fired(1, LIMIT);
    client.write_all(b"SELECT;COMMIT;").unwrap();
    expect(&mut server, b"INSERT;");
    server.write_all(b"inserted").unwrap();
    expect(&mut client, b"inserted");
    // Another connection goes on.
    stage.settle();
    expect_silence(&mut server);
    stage.proxy.thaw();
    expect(&mut server, b"COMMIT;SELECT;COMMIT;");
    assert_eq!(trigger.fired(), 1);
}

#[test]
fn a_freeze_that_is_armed_twice_holds_the_second_time_too() {
    let stage = Stage::new();
    let trigger = stage.proxy.freeze_before("COMMIT", 2);
    let (mut client, mut server) = stage.pair();
    client.write_all(b"1 COMMIT 2 COMMIT 3 COMMIT").unwrap();
    trigger.wait_until_fired(1, LIMIT);
    expect(&mut server, b"1 ");
    expect_silence(&mut server);
    stage.proxy.thaw();
    trigger.wait_until_fired(2, LIMIT);
    expect(&mut server, b"COMMIT 2 ");
    stage.settle();
    expect_silence(&mut server);
    stage.proxy.thaw();
    expect(&mut server, b"COMMIT 3 COMMIT");
}

#[test]
fn a_pattern_that_comes_in_pieces_is_frozen_before() {
    let stage = Stage::new();
    let trigger = stage.proxy.freeze_before("COMMIT", 2);
    let (mut client, mut server) = stage.pair();
    client.write_all(b"x COM").unwrap();
    expect(&mut server, b"x ");
    client.write_all(b"MIT;").unwrap();
    trigger.wait_until_fired(1, LIMIT);
    stage.settle();
    expect_silence(&mut server);
    stage.proxy.thaw();
    expect(&mut server, b"COMMIT;");

    // The beginning may be all that comes, so it is not held for ever; the rest is.
    client.write_all(b"y COM").unwrap();
    expect(&mut server, b"y COM");
    client.write_all(b"MIT;").unwrap();
    trigger.wait_until_fired(2, LIMIT);
    stage.settle();
    expect_silence(&mut server);
    stage.proxy.thaw();
    expect(&mut server, b"MIT;");
}

#[test]
fn a_disarmed_trigger_does_nothing() {
    let stage = Stage::new();
    let (cut, freeze) = (stage.proxy.cut_after("COMMIT", 1), stage.proxy.freeze_before("COMMIT", 1));
    stage.proxy.disarm();
    let (mut client, mut server) = stage.pair();
    client.write_all(b"COMMIT").unwrap();
    expect(&mut server, b"COMMIT");
    server.write_all(b"committed").unwrap();
    expect(&mut client, b"committed");
    assert_eq!((cut.fired(), freeze.fired()), (0, 0));
}

#[test]
#[should_panic(expected = "COMMIT\\x00 was seen 0 times, not 1")]
fn waiting_for_what_does_not_happen_fails() {
    let stage = Stage::new();
    stage.proxy.cut_after(b"COMMIT\0", 1).wait_until_fired(1, Duration::from_millis(10));
}

#[test]
fn a_dropped_proxy_closes_everything() {
    let Stage { listener, proxy } = Stage::new();
    let address = proxy.address();
    let mut client = ready(TcpStream::connect(&address).unwrap());
    let mut server = ready(listener.accept().unwrap().0);
    drop(proxy);
    expect_closed(&mut client);
    expect_closed(&mut server);
    assert!(TcpStream::connect(address).is_err());
}
