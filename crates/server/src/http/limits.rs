//! Limits of the outside, all in one place, and the rate limiter.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use hookfill_domain::ids::KeyId;
use http::header::RETRY_AFTER;
use http::{HeaderName, HeaderValue, StatusCode};

use super::error::ApiError;

/// Most bytes of a request body.
pub const BODY: usize = 64 * 1024;
/// Most bytes of a request's path and query.
pub const URL: usize = 8 * 1024;
/// Most headers of a request.
pub const HEADERS: usize = 100;
/// Most bytes of a request's line and headers together.
pub const HEAD: usize = 64 * 1024;
/// From a request's first byte to the end of its headers.
pub const HEAD_WAIT: Duration = Duration::from_secs(5);
/// From the end of its headers to the end of its body.
pub const BODY_WAIT: Duration = Duration::from_secs(5);
/// How long an answer waits for the rest of a body that no handler has read. Head and body often arrive in two packets,
/// the second a round trip later.
pub const UNREAD_WAIT: Duration = Duration::from_millis(500);
/// How long a closing connection discards what its client still sends, so that the client can read the answer.
pub const LINGER: Duration = Duration::from_secs(5);
/// The most bytes that a closing connection discards.
pub const LINGER_BYTES: usize = 4 * 1024 * 1024;
/// Between two requests on one connection.
pub const IDLE: Duration = Duration::from_secs(75);
/// From a signal's arrival to the start of its write: a write that is still waiting then is withdrawn.
pub const SIGNAL_WRITE: Duration = Duration::from_millis(2000);
/// From a signal's arrival to its answer. TradingView hangs up after 3 s.
pub const SIGNAL_ANSWER: Duration = Duration::from_millis(2350);
/// How long a cancel or close waits for the broker before it is answered 202.
pub const BROKER_ANSWER: Duration = Duration::from_secs(2);
/// Open files that are not connections: the database, its log, the runtime.
pub const SPARE_FILES: u64 = 64;
/// Most connections at once, however many files may be open.
pub const CONNECTIONS: u64 = 16_384;
/// How long open connections may finish when the server stops.
pub const DRAIN: Duration = Duration::from_secs(3);
/// Keys and addresses that the rate limiter remembers before it forgets those that have been quiet.
const COUNTED: usize = 100_000;

/// Whom a request is counted against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Counted {
    /// An API key.
    Key(KeyId),
    /// An address that has shown no key.
    Address(IpAddr),
}

/// Counts requests.
pub struct RateLimit {
    limiter: DefaultKeyedRateLimiter<Counted>,
    clock: DefaultClock,
    count: NonZeroU32,
    window: Duration,
}

impl RateLimit {
    /// So many requests in each window, and as many at once.
    #[must_use]
    pub fn new(count: NonZeroU32, window: Duration) -> Self {
        let replenish = (window / count.get()).max(Duration::from_nanos(1));
        // Unwrap safety: `with_period` refuses zero alone.
        let quota =
            Quota::with_period(replenish).unwrap_or_else(|| Quota::per_second(count)).allow_burst(count);
        Self { limiter: RateLimiter::keyed(quota), clock: DefaultClock::default(), count, window }
    }

    /// Counts one request.
    ///
    /// # Errors
    /// 429 with `Retry-After` and the `RateLimit` headers (draft-ietf-httpapi-ratelimit-headers).
    pub fn count(&self, whom: Counted) -> Result<(), ApiError> {
        if self.limiter.len() > COUNTED {
            self.limiter.retain_recent();
        }
        let Err(until) = self.limiter.check_key(&whom) else { return Ok(()) };
        let wait = until.wait_time_from(self.clock.now());
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let detail =
            format!("More than {} requests in {} s: wait {seconds} s.", self.count, self.window.as_secs());
        let policy = format!("\"default\";q={};w={}", self.count, self.window.as_secs());
        let state = format!("\"default\";r=0;t={seconds}");
        let mut error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail)
            .with_header(RETRY_AFTER, HeaderValue::from(seconds));
        for (name, value) in [("ratelimit-policy", policy), ("ratelimit", state)] {
            if let Ok(value) = HeaderValue::try_from(value) {
                error = error.with_header(HeaderName::from_static(name), value);
            }
        }
        Err(error)
    }
}
