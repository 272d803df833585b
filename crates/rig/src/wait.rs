//! Waiting for a condition, for so long and no longer.

use std::time::{Duration, Instant};

/// How often a condition is looked at.
const STEP: Duration = Duration::from_millis(5);

/// Waits until a condition holds.
///
/// # Panics
/// If it does not hold within `limit`: `what` says what did not come true.
pub fn wait_until(what: &str, limit: Duration, holds: impl FnMut() -> bool) {
    assert!(came_true(limit, holds), "not within {limit:?}: {what}");
}

/// Whether a condition comes true within `limit`.
pub(crate) fn came_true(limit: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    loop {
        if holds() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(STEP);
    }
}
