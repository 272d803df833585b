//! A client that speaks bytes, for what a well-behaved one cannot say.

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::{Answer, PATIENCE, Service};

/// A connection.
pub struct Raw {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Raw {
    /// Opens a connection.
    pub async fn connect(service: &Service) -> Self {
        Self { stream: TcpStream::connect(service.address).await.unwrap(), unread: Vec::new() }
    }

    /// Writes; a server that has hung up meanwhile shows in what is read.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = timeout(PATIENCE, self.stream.write_all(bytes.as_ref())).await.expect("it reads in time");
    }

    /// Writes nothing more.
    pub async fn finish(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Writes a request and reads its answer.
    pub async fn ask(&mut self, request: &str) -> Answer {
        self.write(request).await;
        self.answer().await
    }

    /// Reads the head of an answer.
    pub async fn head(&mut self) -> Answer {
        let end = loop {
            if let Some(at) = self.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(self.more().await, "an answer, not {:?}", String::from_utf8_lossy(&self.unread));
        };
        let head: Vec<u8> = self.unread.drain(..end).collect();
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = HeaderMap::new();
        for line in lines {
            let (name, value) = line.split_once(':').unwrap();
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, HeaderValue::from_str(value.trim()).unwrap());
        }
        Answer { status, headers, body: String::new() }
    }

    /// Reads an answer whose body has a length.
    pub async fn answer(&mut self) -> Answer {
        let mut answer = self.head().await;
        let length: usize = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        while self.unread.len() < length {
            assert!(self.more().await, "the whole body");
        }
        answer.body = String::from_utf8(self.unread.drain(..length).collect()).unwrap();
        answer
    }

    /// Waits until the server hangs up, and gives what it still said.
    pub async fn closed(&mut self) -> String {
        while self.more().await {}
        String::from_utf8_lossy(&std::mem::take(&mut self.unread)).into_owned()
    }

    /// Waits until the server closes the connection without a reset, and returns what it still sent.
    pub async fn closed_well(&mut self) -> String {
        loop {
            let read = timeout(PATIENCE, self.stream.read_buf(&mut self.unread)).await;
            if read.expect("bytes or a close in time").expect("no reset") == 0 {
                return String::from_utf8_lossy(&std::mem::take(&mut self.unread)).into_owned();
            }
        }
    }

    /// Reads some bytes; false if the server has hung up.
    async fn more(&mut self) -> bool {
        let read = timeout(PATIENCE, self.stream.read_buf(&mut self.unread)).await;
        read.expect("bytes or a close in time").is_ok_and(|count| count > 0)
    }
}
