//! Requests that were answered before their body was read. The rest of the body is drained, or the answer announces
//! `Connection: close`. Otherwise the client's next request would fail on a connection that looked usable.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::header::{CONNECTION, EXPECT};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use tokio::sync::oneshot;

use super::limits::{BODY, UNREAD_WAIT};

/// A body that was not read to its end.
struct Unread {
    body: Incoming,
    was_asked_for: bool,
}

/// The body that a handler gets. If the handler drops it early, it is handed back.
struct Lent {
    body: Option<Incoming>,
    was_asked_for: bool,
    back: Option<oneshot::Sender<Unread>>,
}

/// Receives a body that a handler has dropped early.
pub(super) struct Lender {
    back: oneshot::Receiver<Unread>,
    /// The client sends its body only after `100 Continue`, which the first read sends (RFC 9110 section 10.1.1).
    waits_to_be_asked: bool,
}

/// Lends a request's body.
pub(super) fn lend(headers: &HeaderMap, body: Incoming) -> (Body, Option<Lender>) {
    if body.is_end_stream() {
        return (Body::empty(), None);
    }
    let (sender, back) = oneshot::channel();
    let lent = Lent { body: Some(body), was_asked_for: false, back: Some(sender) };
    (Body::new(lent), Some(Lender { back, waits_to_be_asked: headers.contains_key(EXPECT) }))
}

impl Lender {
    /// Drains the rest of the body if it is small and arrives soon. Otherwise makes the answer announce the close. Returns
    /// whether the client may still be sending when the connection closes.
    pub(super) async fn settle<B>(mut self, answer: &mut Response<B>) -> bool {
        let is_closing = answer.headers().get_all(CONNECTION).iter().any(|value| value == "close");
        let Ok(Unread { body, was_asked_for }) = self.back.try_recv() else { return is_closing };
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            return false;
        }
        let may_look = was_asked_for || !self.waits_to_be_asked;
        let is_small = body.size_hint().lower() <= BODY as u64;
        if !is_closing && may_look && is_small && drain(body, UNREAD_WAIT).await {
            return false;
        }
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        true
    }
}

/// Reads and discards the rest of a body. Returns whether it ended in time, within the limit of bytes.
async fn drain(body: Incoming, within: Duration) -> bool {
    let mut body = Limited::new(body, BODY);
    let end = async {
        while let Some(frame) = body.frame().await {
            if frame.is_err() {
                return false;
            }
        }
        true
    };
    tokio::time::timeout(within, end).await.unwrap_or(false)
}

impl hyper::body::Body for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.was_asked_for = true;
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Incoming::size_hint)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let unread = self.body.take().filter(|body| !body.is_end_stream());
        if let (Some(body), Some(back)) = (unread, self.back.take()) {
            // The receiver is gone if the connection is.
            drop(back.send(Unread { body, was_asked_for: self.was_asked_for }));
        }
    }
}
