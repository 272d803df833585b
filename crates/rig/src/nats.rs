//! A NATS server.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::Stdio;
use std::sync::Mutex;
use std::time::Duration;

use tempfile::TempDir;

use crate::port::Port;
use crate::process::Process;
use crate::programs;
use crate::wait::came_true;

/// How long a server may take to greet.
const START: Duration = Duration::from_secs(30);
/// How long one attempt to be greeted may take.
const GREETING: Duration = Duration::from_secs(1);

/// A NATS server of one's own. It is killed when this is dropped, and when the process ends.
#[derive(Debug)]
pub struct Nats {
    process: Mutex<Option<Process>>,
    arguments: Vec<String>,
    folder: TempDir,
    port: Port,
}

impl Nats {
    /// Starts a server and waits until it greets.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with more arguments, such as `["--user", "u", "--pass", "p"]`.
    #[must_use]
    pub fn start_with(arguments: &[&str]) -> Self {
        let nats = Self {
            process: Mutex::default(),
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
            folder: tempfile::tempdir().expect("a temporary directory"),
            port: Port::reserve(),
        };
        nats.run();
        nats
    }

    /// Where clients connect, without user and password.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://{}", self.address())
    }

    /// The same as `host:port`, for [`Proxy::to`](crate::Proxy::to).
    #[must_use]
    pub fn address(&self) -> String {
        self.port.address().to_string()
    }

    /// Its process id.
    ///
    /// # Panics
    /// If it was killed.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.with_process(Process::pid)
    }

    /// Kills it; connections to its port are refused from then on.
    pub fn kill(&self) {
        *self.slot() = None;
    }

    /// Starts it again, on the same port and with nothing remembered; one that still runs is killed first.
    pub fn restart(&self) {
        self.kill();
        self.run();
    }

    /// Stops it where it stands (SIGSTOP): connections stay open, new ones are not answered.
    pub fn pause(&self) {
        self.with_process(Process::pause);
    }

    /// Lets it go on (SIGCONT).
    pub fn resume(&self) {
        self.with_process(Process::resume);
    }

    fn run(&self) {
        let log = self.folder.path().join("log");
        let mut command = Process::command(programs::nats_server());
        command
            .args(["--addr", "127.0.0.1", "--port", &self.port.number().to_string()])
            .args(&self.arguments);
        let output = File::create(&log).expect("a log is made");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(output);
        let process = Process::start(command);
        came_true(START, || process.ended().is_some() || self.greets());
        if process.ended().is_some() || !self.greets() {
            let log = std::fs::read_to_string(log).unwrap_or_default();
            panic!("nats-server does not start:\n{log}");
        }
        *self.slot() = Some(process);
    }

    /// Whether it says INFO to a new connection.
    fn greets(&self) -> bool {
        let Ok(connection) = TcpStream::connect_timeout(&self.port.address(), GREETING) else { return false };
        let mut greeting = String::new();
        connection.set_read_timeout(Some(GREETING)).is_ok()
            && BufReader::new(connection).read_line(&mut greeting).is_ok()
            && greeting.starts_with("INFO ")
    }

    fn with_process<T>(&self, act: impl FnOnce(&Process) -> T) -> T {
        act(self.slot().as_ref().expect("nats-server was killed"))
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
