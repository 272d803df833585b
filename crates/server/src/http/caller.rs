//! Where a request comes from: the peer, the address behind trusted proxies, and whether it is local.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use crate::telemetry::Metrics;
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// The address at the other end of the connection, put beside each request by the accept loop.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// A connection's place among all connections: held by the connection, and by a stream that outlives its requests.
#[derive(Clone)]
pub struct Held(#[expect(dead_code, reason = "held, never looked at")] Arc<Place>);

/// Counts a connection for as long as anybody holds it.
struct Place {
    metrics: Arc<Metrics>,
    _permit: OwnedSemaphorePermit,
}

impl Held {
    pub(super) fn new(metrics: Arc<Metrics>, permit: OwnedSemaphorePermit) -> Self {
        metrics.connections.inc();
        Self(Arc::new(Place { metrics, _permit: permit }))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.metrics.connections.dec();
    }
}

/// Headers that only a proxy or tunnel adds.
const FORWARDED: [HeaderName; 3] = [header::FORWARDED, header::VIA, HeaderName::from_static("x-real-ip")];

/// Whether a request was made on this machine, for this machine.
///
/// A tunnel or proxy that runs here has a loopback peer too; it gives itself away by its headers or by the name
/// that the outside calls it.
#[must_use]
pub fn is_local(peer: Peer, headers: &HeaderMap) -> bool {
    let forwarded = headers.keys().any(|name| {
        FORWARDED.contains(name)
            || name.as_str().starts_with("x-forwarded-")
            || name.as_str().starts_with("cf-")
    });
    is_loopback(peer.0.ip())
        && !forwarded
        && host(headers).is_some_and(is_loopback_host)
        && headers.get_all(header::ORIGIN).iter().all(is_loopback_origin)
}

/// A page from elsewhere in a browser on this machine is not this machine's own request.
fn is_loopback_origin(origin: &HeaderValue) -> bool {
    let authority = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, rest)| rest);
    authority.is_some_and(|authority| is_loopback_host(without_port(authority)))
}

/// The `Host`, without its port; `None` without exactly one readable header.
#[must_use]
pub fn host(headers: &HeaderMap) -> Option<&str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    if hosts.next().is_some() {
        return None;
    }
    Some(without_port(host))
}

fn without_port(authority: &str) -> &str {
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split(']').next().unwrap_or_default();
    }
    authority.rsplit_once(':').map_or(authority, |(name, _)| name)
}

fn is_loopback_host(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(is_loopback)
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// The address to count a request against: the peer or, behind proxies that are trusted, the rightmost address
/// of `X-Forwarded-For` that is not itself such a proxy.
#[must_use]
pub fn client_address(peer: Peer, headers: &HeaderMap, trusted: impl Fn(IpAddr) -> bool) -> IpAddr {
    let peer = peer.0.ip().to_canonical();
    if !trusted(peer) {
        return peer;
    }
    let mut client = peer;
    let listed: Vec<&str> =
        headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
    for hop in listed.iter().rev().flat_map(|list| list.rsplit(',')) {
        let Ok(address) = hop.trim().parse::<IpAddr>() else { break };
        client = address.to_canonical();
        if !trusted(client) {
            break;
        }
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use rstest::rstest;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[rstest]
    #[case("127.0.0.1:9", &[("host", "localhost:8000")], true)]
    #[case("127.0.0.1:9", &[("host", "LOCALHOST")], true)]
    #[case("[::1]:9", &[("host", "[::1]:8000")], true)]
    #[case("[::ffff:127.0.0.1]:9", &[("host", "127.0.0.1")], true)]
    #[case("127.0.0.1:9", &[("host", "hooks.example.com")], false)]
    #[case("127.0.0.1:9", &[("host", "127.0.0.1.example.com")], false)]
    #[case("127.0.0.1:9", &[], false)]
    #[case("192.0.2.1:9", &[("host", "localhost")], false)]
    #[case("127.0.0.1:9", &[("host", "localhost"), ("x-forwarded-for", "203.0.113.9")], false)]
    #[case("127.0.0.1:9", &[("host", "localhost"), ("x-forwarded-proto", "https")], false)]
    #[case("127.0.0.1:9", &[("host", "localhost"), ("forwarded", "for=203.0.113.9")], false)]
    #[case("127.0.0.1:9", &[("host", "localhost"), ("x-real-ip", "203.0.113.9")], false)]
    #[case("127.0.0.1:9", &[("host", "localhost"), ("via", "1.1 proxy")], false)]
    #[case("127.0.0.1:9", &[("host", "localhost"), ("cf-connecting-ip", "203.0.113.9")], false)]
    #[case("127.0.0.1:9", &[("host", "localhost"), ("origin", "http://localhost:3000")], true)]
    #[case("127.0.0.1:9", &[("host", "localhost"), ("origin", "http://[::1]:3000")], true)]
    #[case("127.0.0.1:9", &[("host", "localhost"), ("origin", "https://example.com")], false)]
    #[case("127.0.0.1:9", &[("host", "localhost"), ("origin", "null")], false)]
    fn a_tunnel_does_not_make_the_world_local(
        #[case] peer: &str,
        #[case] pairs: &[(&'static str, &'static str)],
        #[case] local: bool,
    ) {
        assert_eq!(is_local(Peer(peer.parse().unwrap()), &headers(pairs)), local);
    }

    #[rstest]
    #[case("198.51.100.1:9", "203.0.113.9", "198.51.100.1")] // the peer is no proxy of ours: its word counts nothing
    #[case("10.0.0.1:9", "203.0.113.9", "203.0.113.9")]
    #[case("10.0.0.1:9", "1.1.1.1, 203.0.113.9, 10.0.0.2", "203.0.113.9")] // counted from the right
    #[case("10.0.0.1:9", "1.1.1.1, nonsense", "10.0.0.1")]
    fn only_a_trusted_proxy_is_believed(
        #[case] peer: &str,
        #[case] list: &'static str,
        #[case] client: &str,
    ) {
        let trusted = |address: IpAddr| address.to_string().starts_with("10.");
        let found =
            client_address(Peer(peer.parse().unwrap()), &headers(&[("x-forwarded-for", list)]), trusted);
        assert_eq!(found.to_string(), client);
    }
}
