//! One direction of a connection: what was read on one side and is not yet written on the other.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Result, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Instant;

/// Most bytes that wait in one direction. More stay with the sender, as they would on a slow network.
const FULL: usize = 256 * 1024;

#[derive(Debug, Default)]
pub(super) struct Pipe {
    chunks: VecDeque<Chunk>,
    waiting: usize,
    /// The reading side has said its last.
    pub(super) ended: bool,
    /// And the writing side was told so.
    closed: bool,
    /// The writing side takes no more at the moment.
    blocked: bool,
}

#[derive(Debug)]
struct Chunk {
    bytes: Vec<u8>,
    written: usize,
    due: Instant,
}

impl Pipe {
    /// Takes bytes that are to be written when they are due.
    pub(super) fn push(&mut self, bytes: Vec<u8>, due: Instant) {
        if !bytes.is_empty() {
            self.waiting += bytes.len();
            self.chunks.push_back(Chunk { bytes, written: 0, due });
        }
    }

    /// Writes what is due.
    pub(super) fn flush(&mut self, mut side: &TcpStream, now: Instant) -> Result<()> {
        self.blocked = false;
        while let Some(chunk) = self.chunks.front_mut().filter(|chunk| chunk.due <= now) {
            match side.write(&chunk.bytes[chunk.written..]) {
                Ok(written) => {
                    chunk.written += written;
                    self.waiting -= written;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.blocked = true;
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if chunk.written == chunk.bytes.len() {
                self.chunks.pop_front();
            }
        }
        if self.ended && !self.closed && self.is_empty() {
            side.shutdown(Shutdown::Write)?;
            self.closed = true;
        }
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(super) fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// Whether there is room for more, and may be more.
    pub(super) fn is_open(&self) -> bool {
        !self.ended && self.waiting < FULL
    }

    /// When there is something to write, if the writing side takes it.
    pub(super) fn due(&self) -> Option<Instant> {
        self.chunks.front().filter(|_| !self.blocked).map(|chunk| chunk.due)
    }
}

/// What a look at a socket found.
#[derive(Debug)]
pub(super) enum Found {
    Bytes(Vec<u8>),
    Nothing,
    End,
}

/// Reads what there is, without waiting.
pub(super) fn read(mut side: &TcpStream, buffer: &mut [u8]) -> Result<Found> {
    match side.read(buffer) {
        Ok(0) => Ok(Found::End),
        Ok(length) => Ok(Found::Bytes(buffer[..length].to_vec())),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
            Ok(Found::Nothing)
        }
        Err(error) => Err(error),
    }
}
