//! Logs and metrics.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

mod log;

pub use log::{FilterError, read_filter, start_log};

/// What became of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignalOutcome {
    /// It became an order.
    Accepted,
    /// It had become an order before.
    Duplicate,
    /// The language or the account's policy refused it.
    Refused,
    /// It could not be stored in time.
    Unstored,
}

impl SignalOutcome {
    /// The word of the label.
    fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Refused => "refused",
            Self::Unstored => "unstored",
        }
    }
}

/// Labels of the signal counter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct SignalLabels {
    /// What became of it.
    pub outcome: &'static str,
    /// Why it was refused; empty if it was not.
    pub code: &'static str,
}

/// What became of a hint between nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HintFate {
    /// It was handed to NATS.
    Sent,
    /// It was not: NATS is away or too slow.
    Dropped,
    /// It came from NATS.
    Received,
    /// What came was no hint.
    Malformed,
}

impl HintFate {
    /// The word of the label.
    fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Dropped => "dropped",
            Self::Received => "received",
            Self::Malformed => "malformed",
        }
    }
}

/// Labels of the hint counter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct HintLabels {
    /// What became of it.
    pub fate: &'static str,
}

/// Labels of the request counter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    /// The route's pattern, never the path: ids and tokens stay out.
    pub route: String,
    /// The answer's status.
    pub status: u16,
}

/// Labels of the broker call counter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct BrokerLabels {
    /// `submit`, `query`, `cancel`, `close`.
    pub call: &'static str,
    /// The answer's kind.
    pub answer: &'static str,
}

/// Labels of the order event counter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct EventLabels {
    /// The event's name.
    pub event: &'static str,
}

/// Labels of the closed stream counter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct StreamLabels {
    /// Why the stream ended.
    pub reason: &'static str,
}

/// Everything that is counted. Handles are held by whoever counts; nothing is looked up by name.
pub struct Metrics {
    registry: Registry,
    /// Signals, by what became of them.
    pub signals: Family<SignalLabels, Counter>,
    /// Requests, by route and status.
    pub requests: Family<RequestLabels, Counter>,
    /// From a signal's arrival to its answer.
    pub accept_seconds: Histogram,
    /// One group commit.
    pub commit_seconds: Histogram,
    /// Writes of one group.
    pub commit_writes: Histogram,
    /// What happened to orders.
    pub order_events: Family<EventLabels, Counter>,
    /// Calls to the broker.
    pub broker_calls: Family<BrokerLabels, Counter>,
    /// From when an order was due to when it was taken up.
    pub engine_lag_seconds: Histogram,
    /// Orders being worked now.
    pub engine_in_flight: Gauge,
    /// Open streams.
    pub streams: Gauge,
    /// Streams that ended, by reason.
    pub streams_ended: Family<StreamLabels, Counter>,
    /// Messages sent on streams.
    pub stream_messages: Counter,
    /// Whether NATS is there.
    pub nats_connected: Gauge,
    /// Hints between nodes, by what became of them.
    pub nats_hints: Family<HintLabels, Counter>,
    /// Open connections.
    pub connections: Gauge,
    /// Resident memory, read when asked for.
    resident: Gauge<f64, AtomicU64>,
}

/// Half a millisecond to ten seconds: an fsync is a tenth of the first, the longest wait the last.
const SECONDS: [f64; 14] =
    [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("hookfill");
        let seconds = || Histogram::new(SECONDS);
        let metrics = Self {
            signals: Family::default(),
            requests: Family::default(),
            accept_seconds: seconds(),
            commit_seconds: seconds(),
            commit_writes: Histogram::new([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0]),
            order_events: Family::default(),
            broker_calls: Family::default(),
            engine_lag_seconds: seconds(),
            engine_in_flight: Gauge::default(),
            streams: Gauge::default(),
            streams_ended: Family::default(),
            stream_messages: Counter::default(),
            nats_connected: Gauge::default(),
            nats_hints: Family::default(),
            connections: Gauge::default(),
            resident: Gauge::default(),
            registry: Registry::default(),
        };
        let m = &metrics;
        registry.register(
            "build",
            "Which build is running",
            Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]),
        );
        registry.register("signals", "Signals, by what became of them", m.signals.clone());
        registry.register("http_requests", "Answered requests, by route and status", m.requests.clone());
        let unit = Unit::Seconds;
        registry.register_with_unit(
            "accept",
            "Arrival of a signal to its answer",
            unit.clone(),
            m.accept_seconds.clone(),
        );
        registry.register_with_unit("commit", "One group commit", unit.clone(), m.commit_seconds.clone());
        registry.register("commit_writes", "Writes of one group commit", m.commit_writes.clone());
        registry.register("order_events", "What happened to orders", m.order_events.clone());
        registry.register("broker_calls", "Calls to the broker, by answer", m.broker_calls.clone());
        registry.register_with_unit("engine_lag", "Due to taken up", unit, m.engine_lag_seconds.clone());
        registry.register("engine_in_flight", "Orders being worked now", m.engine_in_flight.clone());
        registry.register("streams", "Open streams", m.streams.clone());
        registry.register("streams_ended", "Streams that ended, by reason", m.streams_ended.clone());
        registry.register("stream_messages", "Messages sent on streams", m.stream_messages.clone());
        registry.register("nats_connected", "Whether NATS is there", m.nats_connected.clone());
        registry.register("nats_hints", "Hints between nodes, by fate", m.nats_hints.clone());
        registry.register("connections", "Open connections", m.connections.clone());
        registry.register_with_unit("resident_memory", "Resident memory", Unit::Bytes, m.resident.clone());
        Self { registry, ..metrics }
    }
}

impl Metrics {
    /// The text that Prometheus reads.
    #[must_use]
    pub fn render(&self) -> String {
        self.resident.set(resident_bytes());
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    /// Counts hints between nodes.
    pub fn count_hints(&self, fate: HintFate, hints: u64) {
        self.nats_hints.get_or_create(&HintLabels { fate: fate.as_str() }).inc_by(hints);
    }

    /// Counts a signal.
    pub fn count_signal(&self, outcome: SignalOutcome, code: &'static str, took: Duration) {
        self.signals.get_or_create(&SignalLabels { outcome: outcome.as_str(), code }).inc();
        self.accept_seconds.observe(took.as_secs_f64());
    }
}

/// Resident memory as the kernel tells it; 0 where it does not.
fn resident_bytes() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    resident(&statm, rustix::param::page_size())
}

/// The second number of `/proc/self/statm` is the resident size in pages (proc(5)). The page size depends on the kernel.
fn resident(statm: &str, page_size: usize) -> f64 {
    let pages = statm.split_ascii_whitespace().nth(1).and_then(|pages| pages.parse::<u32>().ok());
    f64::from(pages.unwrap_or(0)) * u32::try_from(page_size).map_or(0.0, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("5123 1001 800 200 0 900 0\n", 4096, 4_100_096.0)]
    #[case("5123 1001 800 200 0 900 0\n", 16_384, 16_400_384.0)]
    #[case("5123 1001 800 200 0 900 0\n", 65_536, 65_601_536.0)]
    #[case("", 4096, 0.0)]
    #[case("5123 many 800", 4096, 0.0)]
    fn resident_memory_is_the_number_of_pages_times_the_page_size(
        #[case] statm: &str,
        #[case] page_size: usize,
        #[case] bytes: f64,
    ) {
        assert!((resident(statm, page_size) - bytes).abs() < 0.5);
    }

    #[test]
    fn resident_memory_agrees_with_vmrss() {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        let kilobytes: f64 = line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap();
        let ratio = resident_bytes() / (kilobytes * 1024.0);
        assert!((0.5..2.0).contains(&ratio), "{ratio}");
    }
}
