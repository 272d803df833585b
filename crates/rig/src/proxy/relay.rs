//! The proxy's thread: it alone owns the sockets, waits for them and for orders, and does one thing after the other.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};

use super::link::{Link, Orders};
use super::trigger::Armed;
use crate::port::Port;

/// What the proxy can be told to do.
#[derive(Debug)]
pub(super) enum Command {
    Cut,
    Refuse,
    Accept,
    Freeze,
    Thaw,
    Delay(Duration),
    Arm(Armed),
    Disarm,
    End,
}

/// A command, and who is to be told that it is done.
pub(super) type Order = (Command, Sender<()>);

#[derive(Debug)]
pub(super) struct Relay {
    server: SocketAddr,
    port: Arc<Port>,
    bell: Arc<OwnedFd>,
    inbox: Receiver<Order>,
    /// None while connections are refused.
    listener: Option<TcpListener>,
    links: Vec<Link>,
    orders: Orders,
    frozen: bool,
}

impl Relay {
    pub(super) fn new(
        server: SocketAddr,
        port: Arc<Port>,
        bell: Arc<OwnedFd>,
        inbox: Receiver<Order>,
    ) -> Self {
        let listener = Some(listen(&port));
        let orders = Orders { delay: Duration::ZERO, armed: Vec::new() };
        Self { server, port, bell, inbox, listener, links: Vec::new(), orders, frozen: false }
    }

    pub(super) fn run(mut self) {
        loop {
            self.wait();
            while let Ok((command, done)) = self.inbox.try_recv() {
                if matches!(command, Command::End) {
                    return;
                }
                self.obey(command);
                // Who gave the order may have ended meanwhile.
                let _ = done.send(());
            }
            if !self.frozen {
                self.welcome();
                let Self { links, orders, .. } = &mut self;
                links.retain_mut(|link| link.turn(orders));
            }
        }
    }

    /// Waits until a socket or the bell has something to say, or something is due.
    fn wait(&self) {
        let mut watched = vec![PollFd::new(&self.bell, PollFlags::IN)];
        let mut due = None;
        if !self.frozen {
            watched.extend(self.listener.iter().map(|listener| PollFd::new(listener, PollFlags::IN)));
            for link in &self.links {
                let sides = [(&link.client, link.client_interest()), (&link.server, link.server_interest())];
                // A socket that nobody asks about would report its end again and again.
                let asked = sides.into_iter().filter(|(_, interest)| !interest.is_empty());
                watched
                    .extend(asked.map(|(side, interest)| PollFd::from_borrowed_fd(side.as_fd(), interest)));
            }
            due = self.links.iter().filter_map(Link::due).min();
        }
        let limit = due.map(|due| due.saturating_duration_since(Instant::now()));
        let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
        match poll(&mut watched, limit.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => panic!("the proxy cannot wait: {error}"),
        }
        if watched[0].revents().contains(PollFlags::IN) {
            let _ = rustix::io::read(&self.bell, &mut [0; 8]);
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Cut => {
                self.links.clear();
                // Who waits to be accepted is connected already, as far as the client knows.
                while self.listener.as_ref().is_some_and(|listener| listener.accept().is_ok()) {}
            }
            Command::Refuse => {
                self.listener = None;
                self.links.clear();
            }
            Command::Accept => {
                if self.listener.is_none() {
                    self.listener = Some(listen(&self.port));
                }
            }
            Command::Freeze => self.frozen = true,
            Command::Thaw => {
                self.frozen = false;
                let Self { links, orders, .. } = self;
                links.iter_mut().for_each(|link| link.thaw(orders));
            }
            Command::Delay(each) => self.orders.delay = each,
            Command::Arm(armed) => self.orders.armed.push(armed),
            Command::Disarm => self.orders.armed.clear(),
            Command::End => {}
        }
    }

    /// Accepts who waits, and begins to connect to the server for each.
    fn welcome(&mut self) {
        while let Some((client, _)) = self.listener.as_ref().and_then(|listener| listener.accept().ok()) {
            let prepared = client.set_nonblocking(true).and_then(|()| client.set_nodelay(true));
            // A client that is not let through is closed by being dropped.
            if let (Ok(()), Some(server)) = (prepared, begin_to_connect(self.server)) {
                self.links.push(Link::new(client, server));
            }
        }
    }
}

fn listen(port: &Port) -> TcpListener {
    let listener = TcpListener::bind(port.address()).expect("a reserved port can be bound");
    listener.set_nonblocking(true).expect("a listener can be asked without waiting");
    listener
}

/// A connection that is being made: until it is, nothing can be read or written; if it fails, reading does.
fn begin_to_connect(server: SocketAddr) -> Option<TcpStream> {
    let family = if server.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, None).ok()?;
    match connect(&socket, &server) {
        Ok(()) | Err(Errno::INPROGRESS) => {}
        Err(_) => return None,
    }
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true).ok()?;
    Some(stream)
}
