//! Where hints travel. The credentials in the URL are taken out of it: whoever shows the server's address shows no secret.

use std::fmt;
use std::str::FromStr;

use http::uri::Authority;
use percent_encoding::percent_decode_str;
use secrecy::SecretString;

/// A NATS server, and who we are there.
#[derive(Debug, Clone)]
pub struct NatsUrl {
    server: String,
    is_encrypted: bool,
    login: NatsLogin,
}

/// What a NATS server asks of its clients.
#[derive(Debug, Clone)]
pub enum NatsLogin {
    /// Nothing.
    None,
    /// A token.
    Token(SecretString),
    /// A user and a password.
    User {
        /// The user.
        name: String,
        /// The password.
        password: SecretString,
    },
}

impl NatsUrl {
    /// The server's address, without credentials.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Whether nothing may be said before the connection is encrypted, at this server or any other that it names.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// Who we are.
    #[must_use]
    pub fn login(&self) -> &NatsLogin {
        &self.login
    }
}

impl fmt::Display for NatsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.server)
    }
}

impl FromStr for NatsUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (is_encrypted, rest) = match (text.strip_prefix("nats://"), text.strip_prefix("tls://")) {
            (Some(rest), _) => (false, rest),
            (None, Some(rest)) => (true, rest),
            (None, None) => return Err("begins with neither nats:// nor tls://".to_owned()),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#']) {
            return Err("has more than a host and a port after the scheme; in a user, password or token, \
                        `/`, `?`, `#` and `%` are written %2F, %3F, %23 and %25"
                .to_owned());
        }
        let (login, server) = match authority.rsplit_once('@') {
            Some((login, server)) => (self::login(login)?, server),
            None => (NatsLogin::None, authority),
        };
        check(server)?;
        let scheme = if is_encrypted { "tls" } else { "nats" };
        Ok(Self { server: format!("{scheme}://{server}"), is_encrypted, login })
    }
}

/// As NATS has it, a user without a password is a token.
fn login(text: &str) -> Result<NatsLogin, String> {
    let decoded = |text| match percent_decode_str(text).decode_utf8() {
        Ok(text) if !text.is_empty() => Ok(text.into_owned()),
        Ok(_) => Err("has an empty user, password or token".to_owned()),
        Err(_) => Err("has a user, password or token that is not UTF-8".to_owned()),
    };
    Ok(match text.split_once(':') {
        None => NatsLogin::Token(decoded(text)?.into()),
        Some((name, password)) => {
            NatsLogin::User { name: decoded(name)?, password: decoded(password)?.into() }
        }
    })
}

/// Whether it is a host, perhaps with a port.
fn check(server: &str) -> Result<(), String> {
    if server.contains(',') {
        return Err("names several servers: one is enough, it tells of the others".to_owned());
    }
    let authority: Authority = server.parse().map_err(|_| "has no host, or one that is none")?;
    let host = authority.host();
    let is_address = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .is_some_and(|inside| inside.parse::<std::net::Ipv6Addr>().is_ok());
    let is_name = !host.is_empty()
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
    if !is_address && !is_name {
        return Err("has no host, or one that is none".to_owned());
    }
    let port = server[host.len()..].strip_prefix(':');
    match port.map(str::parse::<u16>) {
        None if server.len() == host.len() => Ok(()),
        Some(Ok(1..)) => Ok(()),
        None | Some(_) => Err("has a port that is not between 1 and 65535".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    /// Server, encrypted or not, and who we are there.
    fn read(text: &str) -> Result<(String, bool, String), String> {
        let url: NatsUrl = text.parse()?;
        let login = match url.login() {
            NatsLogin::None => String::new(),
            NatsLogin::Token(token) => format!("token {}", token.expose_secret()),
            NatsLogin::User { name, password } => format!("user {name} {}", password.expose_secret()),
        };
        Ok((url.server().to_owned(), url.is_encrypted(), login))
    }

    #[test]
    fn a_url_is_a_server_and_who_we_are_there() {
        for (text, server, is_encrypted, login) in [
            ("nats://127.0.0.1:4222", "nats://127.0.0.1:4222", false, ""),
            ("nats://nats/", "nats://nats", false, ""),
            ("tls://nats.example.com:4443", "tls://nats.example.com:4443", true, ""),
            ("nats://[::1]:4222", "nats://[::1]:4222", false, ""),
            ("nats://s3cr3t@nats_1", "nats://nats_1", false, "token s3cr3t"),
            ("tls://me:p%40ss%2F%25@h", "tls://h", true, "user me p@ss/%"),
            ("nats://me:p@ss:w@h:1", "nats://h:1", false, "user me p@ss:w"),
        ] {
            let expected = (server.to_owned(), is_encrypted, login.to_owned());
            assert_eq!(read(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_url_of_a_server_is_refused_without_showing_it() {
        for wrong in [
            "",
            "127.0.0.1:4222",
            "http://canary@h",
            "NATS://canary@h",
            "nats://",
            "nats://canary@",
            "nats://canary@:4222",
            "nats://canary@h:0",
            "nats://canary@h:65536",
            "nats://canary@h:",
            "nats://canary@h:4222:1",
            "nats://canary@h o",
            "nats://canary@h/x",
            "nats://canary/@h",
            "nats://canary@h?tls=1",
            "nats://canary@[::1",
            "nats://canary@[h]",
            "nats://canary@a,nats://canary@b",
            "nats://:canary@h",
            "nats://canary:@h",
            "nats://@h",
            "nats://canary%ff@h",
        ] {
            let refusal = read(wrong).expect_err(wrong);
            assert!(!refusal.contains("canary"), "{wrong}: {refusal}");
        }
    }

    #[test]
    fn nothing_secret_is_shown() {
        for text in ["nats://canary@h", "nats://me:canary@h"] {
            let url: NatsUrl = text.parse().unwrap();
            assert!(!format!("{url:?} {url}").contains("canary"), "{text}");
        }
    }
}
