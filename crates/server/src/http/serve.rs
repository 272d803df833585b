//! Connections: accepted up to a limit, watched for clients that dawdle, drained when the server stops.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Request, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tower::ServiceExt;

use super::caller::{Held, Peer};
use super::error::ApiError;
use super::limits::{CONNECTIONS, DRAIN, HEAD, HEAD_WAIT, HEADERS, IDLE, SPARE_FILES, URL};
use super::linger::{Linger, Wanted};
use super::{path, unread};
use crate::shutdown::Stop;
use crate::telemetry::Metrics;

/// How often a quiet connection is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long to wait after the system could not give another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until told to stop, then lets what is in hand finish.
pub async fn serve(listener: TcpListener, router: Router, metrics: Arc<Metrics>, mut stop: Stop) {
    let permits = Arc::new(Semaphore::new(most_connections()));
    let mut connections = JoinSet::new();
    while !stop.is_ordered() {
        let permit = tokio::select! {
            permit = Arc::clone(&permits).acquire_owned() => permit,
            () = stop.ordered() => break,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.ordered() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                // The semaphore is never closed, so there always is a permit.
                let Ok(permit) = permit else { break };
                let connection = Connection {
                    peer: Peer(peer),
                    held: Held::new(Arc::clone(&metrics), permit),
                    router: router.clone(),
                    phase: Arc::new(Phase::begin()),
                    stop: stop.clone(),
                };
                connections.spawn(connection.run(stream));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    let drained =
        tokio::time::timeout(DRAIN, async { while connections.join_next().await.is_some() {} }).await;
    if drained.is_err() {
        tracing::warn!(
            open = connections.len(),
            "connections were still open when the time to finish was over"
        );
    }
}

/// As many connections as the limit on open files leaves room for.
fn most_connections() -> usize {
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(files.saturating_sub(SPARE_FILES).clamp(16, CONNECTIONS)).unwrap_or(16)
}

/// What a connection is doing: waiting for a request, receiving a request's head, or being answered.
///
/// One number: the milliseconds since the connection began, times four, plus the kind of phase.
struct Phase {
    began: Instant,
    state: AtomicU64,
}

const IDLE_PHASE: u64 = 0;
const HEAD_PHASE: u64 = 1;
const BUSY_PHASE: u64 = 2;

impl Phase {
    fn begin() -> Self {
        Self { began: Instant::now(), state: AtomicU64::new(IDLE_PHASE) }
    }

    fn enter(&self, kind: u64) {
        let millis = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX >> 2);
        self.state.store(millis << 2 | kind, Ordering::Release);
    }

    /// The first byte of a request begins its head.
    fn bytes_came(&self) {
        if self.state.load(Ordering::Acquire) & 3 == IDLE_PHASE {
            self.enter(HEAD_PHASE);
        }
    }

    /// When the connection has been in its phase for too long; `None` while it is being answered.
    fn deadline(&self) -> Option<Instant> {
        let state = self.state.load(Ordering::Acquire);
        let since = self.began + Duration::from_millis(state >> 2);
        match state & 3 {
            IDLE_PHASE => Some(since + IDLE),
            HEAD_PHASE => Some(since + HEAD_WAIT),
            _ => None,
        }
    }

    /// Returns once the connection has dawdled. hyper's own time-out for heads would run while it idles, too.
    async fn watch(&self) {
        loop {
            let look = Instant::now() + LOOK_EVERY;
            match self.deadline() {
                Some(deadline) if deadline <= Instant::now() => return,
                Some(deadline) => tokio::time::sleep_until(deadline.min(look)).await,
                None => tokio::time::sleep_until(look).await,
            }
        }
    }
}

struct Connection {
    peer: Peer,
    held: Held,
    router: Router,
    phase: Arc<Phase>,
    stop: Stop,
}

impl Connection {
    async fn run(mut self, stream: TcpStream) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps Nagle's algorithm");
        }
        let lingers = Wanted::default();
        let linger = Linger::new(lingers.clone(), self.stop.clone());
        let io = TokioIo::new(Watched { stream, phase: Arc::clone(&self.phase), linger });
        let (peer, held) = (self.peer, self.held);
        let (router, phase) = (self.router, Arc::clone(&self.phase));
        let service = service_fn(move |request| {
            phase.enter(BUSY_PHASE);
            let (router, phase, held) = (router.clone(), Arc::clone(&phase), held.clone());
            let lingers = lingers.clone();
            async move {
                let response = answer(router, request, peer, held, &lingers).await;
                phase.enter(IDLE_PHASE);
                Ok::<_, std::convert::Infallible>(response)
            }
        });
        let mut http = http1::Builder::new();
        http.max_headers(HEADERS).max_buf_size(HEAD).half_close(false);
        let mut connection = std::pin::pin!(http.serve_connection(io, service).with_upgrades());
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.phase.watch() => return,
            () = self.stop.ordered() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection broke off");
        }
    }
}

/// Answers a request; what comes back is neither sniffed nor cached. Handles unread request bodies, for every path and
/// every answer.
async fn answer(
    router: Router,
    request: Request<Incoming>,
    peer: Peer,
    held: Held,
    lingers: &Wanted,
) -> Response {
    let (parts, body) = request.into_parts();
    let (body, lender) = unread::lend(&parts.headers, body);
    let mut response = route(router, Request::from_parts(parts, body), peer, held).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Some(lender) = lender
        && lender.settle(&mut response).await
    {
        lingers.set();
    }
    response
}

/// Routes a request, its address made regular, its peer put beside it.
async fn route(router: Router, request: Request<Body>, peer: Peer, held: Held) -> Response {
    let (mut parts, body) = request.into_parts();
    let length = parts.uri.path_and_query().map_or(0, |path| path.as_str().len());
    if length > URL {
        let detail = format!("The path and query are longer than {URL} bytes.");
        return ApiError::new(StatusCode::URI_TOO_LONG, "url_too_long", detail).into_response();
    }
    // RFC 9112 section 3.2: an address in the request line goes before `Host`, and one of them there must be.
    if let Some(authority) = parts.uri.authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        parts.headers.insert(header::HOST, host);
    } else if parts.version == http::Version::HTTP_11 && !parts.headers.contains_key(header::HOST) {
        return ApiError::bad_request("missing_host", "An HTTP/1.1 request has a Host header.")
            .into_response();
    }
    parts.uri = path::normalized(parts.uri);
    parts.extensions.insert(peer);
    parts.extensions.insert(held);
    let request = Request::from_parts(parts, body);
    // Unwrap safety: the router's error type has no value.
    router.oneshot(request).await.unwrap_or_else(|never| match never {})
}

/// A stream that notes when bytes come in.
struct Watched {
    stream: TcpStream,
    phase: Arc<Phase>,
    linger: Linger,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.phase.bytes_came();
        }
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, linger, .. } = &mut *self;
        if !linger.has_begun() {
            ready!(Pin::new(&mut *stream).poll_shutdown(cx))?;
        }
        linger.poll(stream, cx).map(Ok)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
