//! A cheap HTTP/1.1 client: one connection, one request at a time, no more of the answer read than is needed.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Most bytes of an answer.
const ANSWER: usize = 4 * 1024 * 1024;

/// An open connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer, in the connection's buffer.
#[derive(Debug)]
pub struct Answer<'a> {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: &'a [u8],
}

impl Answer<'_> {
    /// The body as JSON.
    ///
    /// # Errors
    /// If the status is another, or the body no JSON.
    pub fn json(&self, status: u16) -> Result<serde_json::Value> {
        self.expect(status)?;
        Ok(serde_json::from_slice(self.body)?)
    }

    /// Checks the status.
    ///
    /// # Errors
    /// If it is another, with the body.
    pub fn expect(&self, status: u16) -> Result<()> {
        if self.status != status {
            bail!("{} instead of {status}: {}", self.status, String::from_utf8_lossy(self.body));
        }
        Ok(())
    }
}

/// Where an answer's body begins and ends.
struct Head {
    status: u16,
    body: usize,
    end: usize,
}

/// Reads the head of an answer; `None` if it is not all there.
fn head(bytes: &[u8]) -> Result<Option<Head>> {
    let Some(body) = bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4) else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&bytes[..body])?;
    let status = text.get(9..12).and_then(|digits| digits.parse().ok()).context("no status")?;
    let length = text.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>())
    });
    let length = length.context("an answer without Content-Length")??;
    Ok(Some(Head { status, body, end: body + length }))
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// The system's.
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(2048) })
    }

    /// Sends a request and reads its answer.
    ///
    /// # Errors
    /// If the connection breaks, or the answer is none.
    pub async fn call(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.buffer.clear();
        self.stream.write_all(request).await?;
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server closed the connection");
            }
            if let Some(head) = head(&self.buffer)?
                && self.buffer.len() >= head.end
            {
                let body = &self.buffer[head.body..head.end];
                return Ok(Answer { status: head.status, body });
            }
            if self.buffer.len() > ANSWER {
                bail!("an answer of more than {ANSWER} bytes");
            }
        }
    }
}

/// The bytes of a request. `head` is what stands between the path and the body's length: lines, each with its end.
#[must_use]
pub fn request(line: &str, address: SocketAddr, head: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("{line} HTTP/1.1\r\nhost: {address}\r\n{head}content-length: {length}\r\n\r\n{body}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_once_its_length_is_there() {
        let bytes = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nx: y\r\n\r\n{}";
        let head = head(bytes).unwrap().unwrap();
        assert_eq!((head.status, &bytes[head.body..head.end]), (201, b"{}".as_slice()));
        assert!(super::head(&bytes[..30]).unwrap().is_none());
        assert!(super::head(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
