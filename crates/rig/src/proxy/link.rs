//! One connection of a client, and its twin to the server.

use std::io::Result;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use super::pipe::{Found, Pipe, read};
use super::trigger::{Action, Armed, LONGEST, Trigger, first_match, position, undecided};

/// How long a cut waits for the answer that it is to throw away: longer than a commit takes on a busy disk.
const ANSWER: Duration = Duration::from_secs(5);
/// Most bytes that are read at once.
const CHUNK: usize = 16 * 1024;
/// How long what may be the beginning of a pattern is held.
const DECISION: Duration = Duration::from_secs(1);

/// What holds for all connections.
#[derive(Debug)]
pub(super) struct Orders {
    pub(super) delay: Duration,
    pub(super) armed: Vec<Armed>,
}

#[derive(Debug)]
pub(super) struct Link {
    /// Before the sockets, because fields are dropped in this order: a client that sees its connection end finds the cut
    /// counted.
    cutting: Option<Cutting>,
    pub(super) client: TcpStream,
    pub(super) server: TcpStream,
    to_server: Pipe,
    to_client: Pipe,
    /// The last of what went on to the server: a pattern may have begun there.
    past: Vec<u8>,
    /// What the client sent that has not gone on.
    held: Vec<u8>,
    hold: Hold,
    buffer: Vec<u8>,
}

/// Whether what the client sends goes on.
#[derive(Debug)]
enum Hold {
    No,
    /// `held` may be the beginning of a pattern; if nothing comes until then, it goes on.
    Undecided(Instant),
    /// `held` begins with (the rest of) a pattern of so many bytes, and waits for a thaw.
    Frozen(usize),
}

/// The pattern has gone to the server; its answer is thrown away.
#[derive(Debug)]
struct Cutting {
    expected: Vec<u8>,
    answer: Vec<u8>,
    /// Set as soon as the server was sent everything.
    deadline: Option<Instant>,
    trigger: Trigger,
}

impl Link {
    pub(super) fn new(client: TcpStream, server: TcpStream) -> Self {
        Self {
            cutting: None,
            client,
            server,
            to_server: Pipe::default(),
            to_client: Pipe::default(),
            past: Vec::new(),
            held: Vec::new(),
            hold: Hold::No,
            buffer: vec![0; CHUNK],
        }
    }

    /// What to wait for on the client's side.
    pub(super) fn client_interest(&self) -> PollFlags {
        let listens =
            self.to_server.is_open() && self.cutting.is_none() && !matches!(self.hold, Hold::Frozen(_));
        interest(listens, self.to_client.is_blocked())
    }

    /// What to wait for on the server's side.
    pub(super) fn server_interest(&self) -> PollFlags {
        interest(self.to_client.is_open(), self.to_server.is_blocked())
    }

    /// When it is to be looked at though no socket has anything to say.
    pub(super) fn due(&self) -> Option<Instant> {
        let undecided = if let Hold::Undecided(until) = self.hold { Some(until) } else { None };
        let answer = self.cutting.as_ref().and_then(|cutting| cutting.deadline);
        [self.to_server.due(), self.to_client.due(), undecided, answer].into_iter().flatten().min()
    }

    /// Moves what there is to move. False: this connection is over.
    pub(super) fn turn(&mut self, orders: &mut Orders) -> bool {
        // A side that cannot be read or written is lost, and the other with it.
        self.step(orders).unwrap_or(false)
    }

    /// Lets what a trigger has held go on.
    pub(super) fn thaw(&mut self, orders: &Orders) {
        if let Hold::Frozen(pattern) = self.hold {
            self.hold = Hold::No;
            // The pattern itself; what follows it is looked at in the next turn.
            self.hand_on(pattern, Instant::now() + orders.delay);
        }
    }

    fn step(&mut self, orders: &mut Orders) -> Result<bool> {
        let now = Instant::now();
        // The server first: what it says to this point answers nothing that the client has sent since.
        self.listen_to_server(now + orders.delay)?;
        if self.client_interest().contains(PollFlags::IN) {
            match read(&self.client, &mut self.buffer)? {
                Found::Bytes(bytes) => {
                    self.held.extend(bytes);
                    self.hold = Hold::No;
                }
                Found::Nothing => {}
                Found::End => self.to_server.ended = true,
            }
        }
        self.scan(orders, now);
        self.to_server.flush(&self.server, now)?;
        self.to_client.flush(&self.client, now)?;
        if self.to_server.is_empty()
            && let Some(cutting) = &mut self.cutting
        {
            let deadline = *cutting.deadline.get_or_insert(now + ANSWER);
            return Ok(now < deadline && !cutting.is_answered() && !self.to_client.ended);
        }
        Ok(!(self.to_server.is_closed() && self.to_client.is_closed()))
    }

    /// Takes what the server says, for the client or to be thrown away.
    fn listen_to_server(&mut self, due: Instant) -> Result<()> {
        if !self.to_client.is_open() {
            return Ok(());
        }
        match (read(&self.server, &mut self.buffer)?, &mut self.cutting) {
            (Found::Bytes(bytes), Some(cutting)) if cutting.deadline.is_some() => {
                cutting.answer.extend(bytes);
            }
            (Found::Bytes(bytes), _) => self.to_client.push(bytes, due),
            (Found::Nothing, _) => {}
            (Found::End, _) => self.to_client.ended = true,
        }
        Ok(())
    }

    /// Looks for patterns in what the client has sent, and lets it go on as far as it may.
    fn scan(&mut self, orders: &mut Orders, now: Instant) {
        if self.held.is_empty() || self.cutting.is_some() || matches!(self.hold, Hold::Frozen(_)) {
            return;
        }
        let due = now + orders.delay;
        let before = self.past.len();
        let seen = [self.past.as_slice(), &self.held].concat();
        let Some(found) = first_match(&orders.armed, &seen, before) else {
            return self.hand_on_decided(undecided(&orders.armed, &seen), orders, now);
        };
        let armed = &mut orders.armed[found.armed];
        armed.use_up();
        match &armed.action {
            Action::Cut { answer } => {
                let (expected, trigger) = (answer.clone(), armed.trigger.clone());
                self.cutting = Some(Cutting { expected, answer: Vec::new(), deadline: None, trigger });
                self.hand_on(self.held.len(), due);
            }
            Action::Freeze => {
                let start = found.start.saturating_sub(before);
                self.hold = Hold::Frozen(found.end - before - start);
                armed.trigger.count(false);
                self.hand_on(start, due);
            }
        }
    }

    /// Hands on all but the last bytes, which may be the beginning of a pattern: those, once they have waited.
    fn hand_on_decided(&mut self, undecided: usize, orders: &Orders, now: Instant) {
        let waits = undecided > 0 && !self.to_server.ended;
        let until = if let Hold::Undecided(until) = self.hold { until } else { now + DECISION };
        let kept = if waits && now < until { undecided.min(self.held.len()) } else { 0 };
        self.hold = if kept > 0 { Hold::Undecided(until) } else { Hold::No };
        self.hand_on(self.held.len() - kept, now + orders.delay);
    }

    /// Sends the first of the held bytes on to the server.
    fn hand_on(&mut self, length: usize, due: Instant) {
        let rest = self.held.split_off(length);
        let bytes = std::mem::replace(&mut self.held, rest);
        self.past.extend(&bytes);
        let old = self.past.len().saturating_sub(LONGEST);
        self.past.drain(..old);
        self.to_server.push(bytes, due);
    }
}

impl Drop for Cutting {
    /// A cut has happened when its connection is over, whatever ended it.
    fn drop(&mut self) {
        self.trigger.count(self.is_answered());
    }
}

impl Cutting {
    fn is_answered(&self) -> bool {
        if self.expected.is_empty() {
            !self.answer.is_empty()
        } else {
            position(&self.answer, &self.expected).is_some()
        }
    }
}

fn interest(reads: bool, writes: bool) -> PollFlags {
    let mut flags = PollFlags::empty();
    flags.set(PollFlags::IN, reads);
    flags.set(PollFlags::OUT, writes);
    flags
}
