//! The one place where the time is read and ids are drawn.

use hookfill_domain::time::Timestamp;
use uuid::Uuid;

/// Tells the time. Everything that decides by time asks one of these.
pub trait Clock: Send + Sync {
    /// Now, to the microsecond.
    fn now(&self) -> Timestamp;
}

/// The system's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(jiff::Timestamp::now().as_microsecond())
    }
}

/// A new id, in time order within a process.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place that draws ids")]
pub fn new_uuid() -> Uuid {
    Uuid::now_v7()
}
