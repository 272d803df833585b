//! What every handler works with.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::HeaderMap;
use secrecy::SecretString;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::caller::{self, Peer};
use super::error::ApiError;
use super::limits::{Counted, RateLimit};
use super::webhook::UnknownOutcomes;
use crate::bus::Bus;
use crate::clock::Clock;
use crate::config::{BaseUrl, Network, Origin, Registration};
use crate::credentials::Credentials;
use crate::secrets::Keyring;
use crate::shutdown::Stop;
use crate::telemetry::Metrics;
use hookfill_store::SharedStore;

/// The settings that handlers look at.
pub struct Settings {
    /// The base of links, where it is set; its origin may open streams.
    pub public_url: Option<BaseUrl>,
    /// Further origins that may open streams.
    pub allowed_origins: Vec<Origin>,
    /// Who may register; `None`: open to local requests, else by token.
    pub registration: Option<Registration>,
    /// The token for registering and for metrics.
    pub admin_token: Option<SecretString>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
}

impl Settings {
    /// Whether an address is a proxy of ours.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(address))
    }
}

/// The rate limit in force.
pub enum Rate {
    /// None.
    Off,
    /// For requests from elsewhere; local ones are not counted.
    Foreign(RateLimit),
    /// For every request.
    Everyone(RateLimit),
}

/// What every handler works with.
pub struct AppState {
    /// Where everything is kept.
    pub store: SharedStore,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Who has which key.
    pub credentials: Arc<Credentials>,
    /// What encrypts broker secrets.
    pub keyring: Arc<Keyring>,
    /// Hints of what was committed.
    pub bus: Arc<dyn Bus>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The settings.
    pub settings: Settings,
    /// The rate limit.
    pub rate: Rate,
    /// Whether the store has failed.
    pub failed: Arc<AtomicBool>,
    /// Signals whose senders were told that their outcome is unknown.
    pub unknown_outcomes: UnknownOutcomes,
    /// When the store last proved that it takes writes.
    pub probed: Mutex<Option<Instant>>,
    /// The order to stop.
    pub stopping: Stop,
}

impl AppState {
    /// Counts a request against its key or address.
    ///
    /// # Errors
    /// 429 over the rate.
    pub fn count(&self, whom: Counted, peer: Option<Peer>, headers: &HeaderMap) -> Result<(), ApiError> {
        match &self.rate {
            Rate::Off => Ok(()),
            Rate::Everyone(limit) => limit.count(whom),
            Rate::Foreign(_) if peer.is_some_and(|peer| caller::is_local(peer, headers)) => Ok(()),
            Rate::Foreign(limit) => limit.count(whom),
        }
    }

    /// Whether the store has failed or the server stops.
    #[must_use]
    pub fn is_going_away(&self) -> bool {
        self.failed.load(Ordering::Acquire) || self.stopping.is_ordered()
    }
}
