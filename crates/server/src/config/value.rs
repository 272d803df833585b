//! How the text of one setting becomes its value. An error is the rest of a sentence that begins with the setting's name.

use std::net::{SocketAddr, ToSocketAddrs};
use std::num::NonZeroU32;
use std::time::Duration;

use secrecy::SecretString;

use super::{LogFormat, RateLimit, Registration};
use crate::telemetry;

/// Longest duration that a setting takes: beyond it a slip of the pen is likelier than a wish.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);
/// A lease that is shorter than a few ways to the database and back would run out before it is known.
const SHORTEST_LEASE: Duration = Duration::from_millis(100);
/// Nobody waits a day for a dead node's orders.
const LONGEST_LEASE: Duration = Duration::from_secs(24 * 60 * 60);

/// A value as an error shows it: short, and without anything that a terminal would obey.
pub(super) fn shown(text: &str) -> String {
    let escaped: String = text.escape_debug().take(60).collect();
    format!("`{escaped}`")
}

/// An address; a name stands for all that it resolves to, in that order.
pub(super) fn listen(text: &str) -> Result<Vec<SocketAddr>, String> {
    let shape = || format!("{} is no address: host:port is needed", shown(text));
    let (host, port) = text.rsplit_once(':').filter(|(host, _)| !host.is_empty()).ok_or_else(shape)?;
    let port: u16 = port.parse().map_err(|_| format!("{} has no port from 0 to 65535", shown(text)))?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let found = (host, port).to_socket_addrs().map(Vec::from_iter).unwrap_or_default();
    if found.is_empty() {
        return Err(format!("names {}, which does not resolve to an address", shown(host)));
    }
    Ok(found)
}

/// An integer and `ms`, `s`, `m` or `h`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{} is no duration: an integer and ms, s, m or h is needed", shown(text));
    let unit = text.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(wrong)?;
    let (count, unit) = text.split_at(unit);
    let milliseconds: u64 = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong()),
    };
    if count.is_empty() {
        return Err(wrong());
    }
    let total = count.parse::<u64>().ok().and_then(|count| count.checked_mul(milliseconds));
    total
        .map(Duration::from_millis)
        .filter(|duration| *duration <= LONGEST)
        .ok_or_else(|| format!("{} is longer than a year", shown(text)))
}

/// The time of a lease: long enough to be renewed in, and short enough for somebody to wait for.
pub(super) fn lease(text: &str) -> Result<Duration, String> {
    let lease = duration(text)?;
    if (SHORTEST_LEASE..=LONGEST_LEASE).contains(&lease) {
        Ok(lease)
    } else {
        Err(format!("{} is not between 100ms and 24h", shown(text)))
    }
}

/// `open`, `token` or `closed`.
pub(super) fn registration(text: &str) -> Result<Registration, String> {
    match text {
        "open" => Ok(Registration::Open),
        "token" => Ok(Registration::Token),
        "closed" => Ok(Registration::Closed),
        _ => Err(format!("{} is none of open, token, closed", shown(text))),
    }
}

/// `off`, or a count and `/s`, `/m` or `/h`.
pub(super) fn rate_limit(text: &str) -> Result<RateLimit, String> {
    if text == "off" {
        return Ok(RateLimit::Off);
    }
    let wrong = || format!("{} is no rate: `off`, or a count and /s, /m or /h is needed", shown(text));
    let (count, unit) = text.split_once('/').ok_or_else(wrong)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(wrong()),
    };
    if count.is_empty() || !count.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let count: NonZeroU32 =
        count.parse().map_err(|_| format!("{} is not between 1 and {}", shown(text), u32::MAX))?;
    Ok(RateLimit::Per { count, window: Duration::from_secs(seconds) })
}

/// A token that can travel in a header.
pub(super) fn token(text: &str) -> Result<SecretString, String> {
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(SecretString::from(text))
    } else {
        Err("holds a character that no header carries: visible ASCII is needed".to_owned())
    }
}

/// A log filter in the syntax of `tracing` that has only levels and targets that exist here.
pub(super) fn log(text: &str) -> Result<String, String> {
    telemetry::read_filter(text).map_err(|error| error.to_string())
}

/// `text` or `json`.
pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(format!("{} is neither text nor json", shown(text))),
    }
}

/// The items of a comma-separated list, each read by `read`; blank ones do not count.
pub(super) fn list<T>(text: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_an_integer_and_a_unit() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
        assert_eq!(duration("90m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("8784h"), Ok(LONGEST));
        for wrong in
            ["", "5", "s", "5 s", "1.5s", "-1s", "+1s", "5S", "5d", "8785h", "99999999999999999999s", "٣s"]
        {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        for wrong in ["0ms", "99ms", "25h"] {
            assert!(lease(wrong).is_err(), "{wrong}");
        }
        assert_eq!(lease("100ms"), Ok(Duration::from_millis(100)));
    }

    #[test]
    fn a_rate_is_off_or_a_count_in_a_window() {
        let per = |count, seconds| {
            Ok(RateLimit::Per {
                count: NonZeroU32::new(count).unwrap(),
                window: Duration::from_secs(seconds),
            })
        };
        assert_eq!(rate_limit("off"), Ok(RateLimit::Off));
        assert_eq!(rate_limit("600/m"), per(600, 60));
        assert_eq!(rate_limit("10/s"), per(10, 1));
        assert_eq!(rate_limit("7/h"), per(7, 3600));
        for wrong in ["", "10", "/s", "0/s", "-1/s", "+1/s", "10/d", "10/ms", "4294967296/s", "Off", "10 /s"]
        {
            assert!(rate_limit(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_address_needs_a_host_and_a_port() {
        assert_eq!(listen("127.0.0.1:0"), Ok(vec![([127, 0, 0, 1], 0).into()]));
        assert_eq!(listen("[::1]:8000"), Ok(vec!["[::1]:8000".parse().unwrap()]));
        assert!(listen("localhost:8000").is_ok_and(|found| found.iter().all(|at| at.ip().is_loopback())));
        for wrong in
            ["", "8000", ":8000", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "http://127.0.0.1:8000/"]
        {
            assert!(listen(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_value_is_shown_short_and_without_control_characters() {
        let long = "\u{1b}[31m".to_owned() + &"x".repeat(500);
        let error = registration(&long).unwrap_err();
        assert!(error.len() < 120 && !error.contains('\u{1b}'), "{error}");
    }
}
