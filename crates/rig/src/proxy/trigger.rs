//! What is to happen when a client sends certain bytes, and whether it did.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Longest pattern: so many bytes of a connection's past are kept.
pub(super) const LONGEST: usize = 4096;

/// Counts how often something armed on a [`Proxy`](crate::Proxy) has happened.
#[derive(Clone, Debug)]
pub struct Trigger {
    pattern: Arc<str>,
    counted: Arc<(Mutex<Counts>, Condvar)>,
}

#[derive(Debug, Default)]
struct Counts {
    fired: u32,
    answers_lost: u32,
}

impl Trigger {
    pub(super) fn new(pattern: &[u8]) -> Self {
        Self { pattern: pattern.escape_ascii().to_string().into(), counted: Arc::default() }
    }

    /// How often it has fired.
    #[must_use]
    pub fn fired(&self) -> u32 {
        self.counts().fired
    }

    /// How often a cut has thrown away the answer that it waited for. Where this is less than [`Trigger::fired`], a server
    /// said nothing in time, and may not have done what it was asked.
    #[must_use]
    pub fn answers_lost(&self) -> u32 {
        self.counts().answers_lost
    }

    /// Waits until it has fired so often.
    ///
    /// # Panics
    /// If it has not within `limit`.
    pub fn wait_until_fired(&self, times: u32, limit: Duration) {
        let waiting = self.counted.1.wait_timeout_while(self.counts(), limit, |counts| counts.fired < times);
        let fired = waiting.unwrap_or_else(PoisonError::into_inner).0.fired;
        assert!(fired >= times, "{} was seen {fired} times, not {times}, within {limit:?}", self.pattern);
    }

    pub(super) fn count(&self, answer_lost: bool) {
        let mut counts = self.counts();
        counts.fired += 1;
        counts.answers_lost += u32::from(answer_lost);
        self.counted.1.notify_all();
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counted.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is done about a pattern.
#[derive(Clone, Debug)]
pub(super) enum Action {
    /// Lose the answer that has these bytes in it, and the connection.
    Cut {
        /// Empty for any answer.
        answer: Vec<u8>,
    },
    /// Hold what the client sends.
    Freeze,
}

/// A trigger that may still fire.
#[derive(Debug)]
pub(super) struct Armed {
    pattern: Vec<u8>,
    pub(super) action: Action,
    left: u32,
    pub(super) trigger: Trigger,
}

/// Where in the bytes that were looked at a pattern stands.
#[derive(Debug, PartialEq)]
pub(super) struct Match {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Which of the armed triggers it belongs to.
    pub(super) armed: usize,
}

impl Armed {
    pub(super) fn new(pattern: &[u8], action: Action, times: u32, trigger: Trigger) -> Self {
        assert!((1..=LONGEST).contains(&pattern.len()), "a pattern has 1 to {LONGEST} bytes");
        Self { pattern: pattern.to_vec(), action, left: times, trigger }
    }

    /// Uses up one of its times.
    pub(super) fn use_up(&mut self) {
        self.left -= 1;
    }
}

/// The first pattern in `bytes` to end behind `from`: one that ends before was seen then.
pub(super) fn first_match(armed: &[Armed], bytes: &[u8], from: usize) -> Option<Match> {
    let matches = armed.iter().enumerate().filter(|(_, one)| one.left > 0).filter_map(|(index, one)| {
        let length = one.pattern.len();
        let earliest = (from + 1).saturating_sub(length);
        let start = earliest + position(&bytes[earliest..], &one.pattern)?;
        Some(Match { start, end: start + length, armed: index })
    });
    matches.min_by_key(|found| found.end)
}

/// How many bytes at the end may be the beginning of a pattern to freeze before.
pub(super) fn undecided(armed: &[Armed], bytes: &[u8]) -> usize {
    let freezing = armed.iter().filter(|one| one.left > 0 && matches!(one.action, Action::Freeze));
    let longest =
        |pattern: &[u8]| (1..pattern.len()).rev().find(|&length| bytes.ends_with(&pattern[..length]));
    freezing.filter_map(|one| longest(&one.pattern)).max().unwrap_or(0)
}

/// Where `pattern`, which is not empty, stands in `bytes`.
pub(super) fn position(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    bytes.windows(pattern.len()).position(|window| window == pattern)
}
