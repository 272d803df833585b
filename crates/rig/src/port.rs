//! A port that stays ours, whether a server listens on it or not.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, getsockname, socket_with, sockopt};

/// A port on 127.0.0.1 that nobody else is given for as long as this lives.
///
/// A socket is bound to it that never listens. Linux lets another socket bind it as well, and listen, if both have
/// `SO_REUSEADDR` (every server sets it), but gives the port to nobody who asks for any port, and to no outgoing
/// connection. So a server can be killed and started again on it, and until then connections to it are refused.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _held: OwnedFd,
}

impl Port {
    /// Reserves a free port.
    #[must_use]
    pub fn reserve() -> Self {
        let held = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)
            .expect("a socket is made");
        sockopt::set_socket_reuseaddr(&held, true).expect("SO_REUSEADDR is set");
        bind(&held, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let bound = getsockname(&held).expect("a bound socket has an address");
        let number = SocketAddr::try_from(bound).expect("an internet address").port();
        Self { number, _held: held }
    }

    /// Its number.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.number
    }

    /// Where a server on it is reached.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.number))
    }
}
