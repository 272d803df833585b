//! A TCP proxy that fails on command.

mod link;
mod pipe;
mod relay;
mod trigger;

use std::net::{SocketAddr, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::event::{EventfdFlags, eventfd};

use crate::port::Port;
use relay::{Command, Order, Relay};
pub use trigger::Trigger;
use trigger::{Action, Armed};

/// Forwards TCP connections to a server, and fails as it is told.
///
/// One thread does everything, so that a command is done when its method returns: after [`Proxy::freeze`] not a byte is
/// forwarded, after [`Proxy::cut`] no connection that was made before is open.
#[derive(Debug)]
pub struct Proxy {
    port: Arc<Port>,
    orders: Sender<Order>,
    /// Interrupts the thread's wait for sockets, so that it sees an order.
    bell: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Listens on a port of its own, and forwards to `host:port`. The server need not run: until it does, a connection
    /// is closed as soon as it is accepted.
    #[must_use]
    pub fn to(server: &str) -> Self {
        let resolved = server.to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
        let server: SocketAddr = resolved.unwrap_or_else(|| panic!("{server} is not host:port"));
        let port = Arc::new(Port::reserve());
        let bell = Arc::new(eventfd(0, EventfdFlags::CLOEXEC).expect("an event is made"));
        let (orders, inbox) = channel();
        let relay = Relay::new(server, Arc::clone(&port), Arc::clone(&bell), inbox);
        let named = thread::Builder::new().name("rig-proxy".to_owned());
        let thread = named.spawn(move || relay.run()).expect("a thread starts");
        Self { port, orders, bell, thread: Some(thread) }
    }

    /// Where it listens, as `host:port`.
    #[must_use]
    pub fn address(&self) -> String {
        self.port.address().to_string()
    }

    /// Closes all connections, whatever was on its way on them; new ones are accepted.
    pub fn cut(&self) {
        self.order(Command::Cut);
    }

    /// Closes all connections, and refuses new ones.
    pub fn refuse(&self) {
        self.order(Command::Refuse);
    }

    /// Accepts connections again.
    pub fn accept(&self) {
        self.order(Command::Accept);
    }

    /// Forwards nothing from now on, neither bytes nor the end of a connection. Connections stay open, and clients can
    /// make new ones, on which nobody answers.
    pub fn freeze(&self) {
        self.order(Command::Freeze);
    }

    /// Forwards again, beginning with all that was held: by [`Proxy::freeze`], or by [`Proxy::freeze_before`].
    pub fn thaw(&self) {
        self.order(Command::Thaw);
    }

    /// Holds back each chunk of bytes, as it is read, for so long before it is forwarded, in both directions.
    pub fn delay(&self, each: Duration) {
        self.order(Command::Delay(each));
    }

    /// The next `times` times that a client sends `pattern`, loses the answer and the connection: forwards everything up
    /// to and including the pattern, waits until the server has answered anything, at most 5 s, throws the answer
    /// away, and closes both sides. Who sees the connection end finds the trigger fired.
    ///
    /// Where an answer to something earlier may still be on its way, [`Proxy::cut_after_answer`] says which to wait for.
    pub fn cut_after(&self, pattern: impl AsRef<[u8]>, times: u32) -> Trigger {
        self.cut_after_answer(pattern, "", times)
    }

    /// The same, waiting for an answer that has the bytes `answer` in it.
    pub fn cut_after_answer(
        &self,
        pattern: impl AsRef<[u8]>,
        answer: impl AsRef<[u8]>,
        times: u32,
    ) -> Trigger {
        self.arm(pattern.as_ref(), Action::Cut { answer: answer.as_ref().to_vec() }, times)
    }

    /// The next `times` times that a client sends `pattern`, holds back on its connection what it sends, from the first
    /// byte of the pattern on, until [`Proxy::thaw`]. What the server sends goes on, as do other connections.
    ///
    /// What may be the beginning of the pattern is held for a second; should the rest come later, it is held from there.
    pub fn freeze_before(&self, pattern: impl AsRef<[u8]>, times: u32) -> Trigger {
        self.arm(pattern.as_ref(), Action::Freeze, times)
    }

    /// Takes back all triggers. What they hold stays held until [`Proxy::thaw`].
    pub fn disarm(&self) {
        self.order(Command::Disarm);
    }

    fn arm(&self, pattern: &[u8], action: Action, times: u32) -> Trigger {
        let trigger = Trigger::new(pattern);
        self.order(Command::Arm(Armed::new(pattern, action, times, trigger.clone())));
        trigger
    }

    /// Has a command done, and waits until it is.
    fn order(&self, command: Command) {
        let (done, doing) = channel();
        self.orders.send((command, done)).expect("the proxy runs");
        self.ring();
        doing.recv().expect("the proxy runs");
    }

    fn ring(&self) {
        rustix::io::write(&self.bell, &1_u64.to_ne_bytes()).expect("an event is counted");
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let (done, _) = channel();
        // If its thread has panicked, that has failed the test already.
        let _ = self.orders.send((Command::End, done));
        self.ring();
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
