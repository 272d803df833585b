//! `/ws/orders`: clients that do not read, do not answer or say too much, and the end of the service.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use hookfill::stream::Pace;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async};

use crate::harness::{BUY, PATIENCE, Service, Setup, Stream, Trader};

/// A name as long as names may be, so that fewer messages fill what the system buffers.
fn long_name(first: char) -> String {
    std::iter::once(first).chain(std::iter::repeat_n('\u{1F600}', 149)).collect()
}

/// Connects with a receive buffer as small as the system allows.
async fn connect_narrow(service: &Service) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(2048).unwrap();
    socket.connect(service.address).await.unwrap()
}

/// Opens a stream that takes in little.
async fn open_narrow(trader: &Trader<'_>) -> WebSocketStream<MaybeTlsStream<TcpStream>> {
    let address = format!("ws://{}/ws/orders?after=0", trader.service.address);
    let mut request = address.into_client_request().unwrap();
    request.headers_mut().insert("x-api-key", trader.key.parse().unwrap());
    let stream = MaybeTlsStream::Plain(connect_narrow(trader.service).await);
    client_async(request, stream).await.unwrap().0
}

/// Sends so many orders, several at a time.
async fn load(trader: &Trader<'_>, orders: usize) {
    let lanes = 8;
    let lane = || async {
        for _ in 0..orders / lanes {
            trader.order(BUY).await;
        }
    };
    futures_util::future::join_all((0..lanes).map(|_| lane())).await;
}

/// Reads a stream until the server ends it; the numbers seen, and the close code if there was one.
async fn read_out(mut socket: WebSocketStream<MaybeTlsStream<TcpStream>>) -> (Vec<i64>, Option<u16>) {
    let mut seen = Vec::new();
    loop {
        match timeout(PATIENCE, socket.next()).await.expect("the server ends it") {
            Some(Ok(Message::Text(text))) => {
                let message: Value = serde_json::from_str(&text).unwrap();
                if message["type"] != "connection_established" {
                    seen.push(message["seq"].as_i64().unwrap());
                }
            }
            Some(Ok(Message::Close(frame))) => return (seen, frame.map(|frame| frame.code.into())),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return (seen, None),
        }
    }
}

fn last_without_gap(seen: &[i64]) -> i64 {
    let expected: Vec<i64> = (1..).take(seen.len()).collect();
    assert_eq!(seen, expected);
    *seen.last().unwrap()
}

/// Orders that make more messages than the system buffers for a client that does not read.
const MANY: usize = 1600;

/// How far a client's stream came that read nothing during the load, and the code that it then read.
async fn stop_reading(pace: Pace) -> (i64, Option<u16>) {
    let service = Setup::default().delays("0ms", "0ms").pace(pace).start().await;
    let alice = service.register(&long_name('a')).await;
    let slow = open_narrow(&alice).await;
    let mut healthy = alice.stream("").await;
    let follow = async {
        for seq in 1..=i64::try_from(3 * MANY).unwrap() {
            assert_eq!(healthy.next().await["seq"], seq);
        }
    };
    tokio::join!(load(&alice, MANY), follow);
    let (seen, code) = read_out(slow).await;
    let last = last_without_gap(&seen);
    let mut resumed = alice.stream(&format!("?after={last}")).await;
    for seq in last + 1..=i64::try_from(3 * MANY).unwrap() {
        assert_eq!(resumed.next().await["seq"], seq);
    }
    (last, code)
}

#[tokio::test]
async fn a_client_that_stops_reading_is_closed_with_4408_and_costs_another_nothing() {
    let pace = Pace { write_limit: Duration::from_millis(50), close_limit: PATIENCE, ..Pace::default() };
    let (last, code) = stop_reading(pace).await;
    assert_eq!(code, Some(4408), "after {last}");
    assert!(last < i64::try_from(3 * MANY).unwrap());
}

#[tokio::test]
async fn a_client_that_does_not_even_read_the_close_frame_is_dropped() {
    let pace = Pace {
        write_limit: Duration::from_millis(50),
        close_limit: Duration::from_millis(50),
        ..Pace::default()
    };
    let (last, code) = stop_reading(pace).await;
    assert_eq!(code, None, "after {last}");
    assert!(last < i64::try_from(3 * MANY).unwrap());
}

#[tokio::test]
async fn a_client_that_answers_pings_stays() {
    let pace = Pace {
        ping_every: Duration::from_millis(20),
        dead_after: Duration::from_millis(500),
        ..Pace::default()
    };
    let service = Setup::default().delays("1h", "1h").pace(pace).start().await;
    let alice = service.register("alice").await;
    let mut stream = alice.stream("").await;
    let began = Instant::now();
    let mut pings = 0;
    while began.elapsed() < 2 * pace.dead_after {
        match timeout(PATIENCE, stream.socket.next()).await.expect("a ping in time") {
            Some(Ok(Message::Ping(_))) => pings += 1,
            other => panic!("a ping was expected, not {other:?}"),
        }
    }
    assert!(pings >= 5, "{pings} pings");
    alice.order(BUY).await;
    assert_eq!(stream.take(1).await, [("order.pending".to_owned(), 1)]);
}

#[tokio::test]
async fn a_client_that_answers_nothing_is_pinged_and_dropped() {
    let pace = Pace {
        ping_every: Duration::from_millis(20),
        dead_after: Duration::from_millis(300),
        ..Pace::default()
    };
    let service = Setup::default().delays("1h", "1h").pace(pace).start().await;
    let alice = service.register("alice").await;
    let mut peer = TcpStream::connect(service.address).await.unwrap();
    let request = format!(
        "GET /ws/orders HTTP/1.1\r\nHost: {}\r\nX-API-Key: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        service.address, alice.key
    );
    let began = Instant::now();
    peer.write_all(request.as_bytes()).await.unwrap();
    let mut heard = Vec::new();
    timeout(PATIENCE, peer.read_to_end(&mut heard)).await.expect("it is dropped").unwrap();
    assert!(began.elapsed() >= pace.dead_after, "dropped after {:?}", began.elapsed());
    assert!(heard.starts_with(b"HTTP/1.1 101 "));
    let pings = heard.windows(2).filter(|frame| frame == &[0x89, 0]).count();
    assert!(pings >= 3, "{pings} pings");
}

#[tokio::test]
async fn a_message_that_is_too_long_ends_its_stream_and_nothing_else() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let mut other = alice.stream("").await;
    let mut authenticated = alice.stream("").await;
    let mut stranger = service.open("/ws/orders", &[]).await.unwrap();
    for stream in [&mut authenticated, &mut stranger] {
        // The server may have hung up before all of it is written.
        let _ = futures_util::SinkExt::send(&mut stream.socket, Message::text("x".repeat(1 << 20))).await;
        loop {
            match timeout(PATIENCE, stream.socket.next()).await.expect("the server ends it") {
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => {}
            }
        }
    }
    alice.order(BUY).await;
    assert_eq!(other.take(1).await, [("order.pending".to_owned(), 1)]);
}

#[tokio::test]
async fn when_the_service_stops_every_stream_is_closed_with_1001() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let mut streams = [alice.stream("").await, alice.stream("?after=0").await];
    let mut stranger = service.open("/ws/orders", &[]).await.unwrap();
    let closed = futures_util::future::join_all(streams.iter_mut().map(Stream::closed));
    let (_folder, codes, code) = tokio::join!(service.stop(), closed, stranger.closed());
    assert_eq!((codes, code), (vec![1001, 1001], 1001));
}

#[tokio::test]
async fn a_client_that_does_not_read_keeps_no_service_from_stopping() {
    let service = Setup::default().delays("0ms", "0ms").start().await;
    let alice = service.register(&long_name('a')).await;
    let mut healthy = alice.stream("").await;
    load(&alice, MANY / 2).await;
    healthy.take(3 * MANY / 2).await;
    let slow = open_narrow(&alice).await;
    let began = Instant::now();
    let (_folder, code) = tokio::join!(service.stop(), healthy.closed());
    assert_eq!(code, 1001);
    assert!(began.elapsed() < Duration::from_secs(5), "it took {:?}", began.elapsed());
    drop(slow);
}
