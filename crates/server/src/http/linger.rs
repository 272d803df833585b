//! Closes a connection whose client may still be sending. An immediate close would reset the connection, and the client
//! might never read the answer (RFC 9112 section 9.6).

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::limits::{LINGER, LINGER_BYTES, UNREAD_WAIT};
use crate::shutdown::Stop;

/// The size of one read, in bytes.
const SPACE: usize = 8 * 1024;

/// Whether a connection lingers when it closes.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted(Arc<AtomicBool>);

impl Wanted {
    /// Makes the connection linger: its client may still be sending when it closes.
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Reads and discards what a client sends after the last answer, for a limited time.
pub(super) struct Linger {
    wanted: Wanted,
    stop: Stop,
    until: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    left: usize,
}

impl Linger {
    pub(super) fn new(wanted: Wanted, stop: Stop) -> Self {
        Self { wanted, stop, until: None, left: LINGER_BYTES }
    }

    /// Whether lingering has begun; then the write side is already shut down.
    pub(super) fn has_begun(&self) -> bool {
        self.until.is_some()
    }

    /// Ready once the client has closed the connection, the time is over, or the most bytes are discarded.
    pub(super) fn poll(&mut self, stream: &mut TcpStream, cx: &mut Context<'_>) -> Poll<()> {
        if !self.wanted.0.load(Ordering::Acquire) {
            return Poll::Ready(());
        }
        let until = self.until.get_or_insert_with(|| Box::pin(time(self.stop.clone())));
        if until.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let mut space = [0; SPACE];
        loop {
            let mut read = ReadBuf::new(&mut space);
            match Pin::new(&mut *stream).poll_read(cx, &mut read) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) if !read.filled().is_empty() => {
                    self.left = self.left.saturating_sub(read.filled().len());
                }
                Poll::Ready(_) => return Poll::Ready(()),
            }
            if self.left == 0 {
                return Poll::Ready(());
            }
        }
    }
}

/// Completes when lingering must end: soon if the server is stopping.
async fn time(mut stop: Stop) {
    let stopping = async {
        stop.ordered().await;
        sleep(UNREAD_WAIT).await;
    };
    tokio::select! {
        () = sleep(LINGER) => {}
        () = stopping => {}
    }
}
