//! A node: the real program, on a port that stays its own while it is stopped.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use hookfill_rig::{Port, Process, wait_until};
use rustix::process::Signal;
use tempfile::TempDir;

use super::PATIENCE;

/// The lease of nodes in these tests.
pub(crate) const LEASE: Duration = Duration::from_secs(2);
/// Both delays of the mock broker.
const DELAY: &str = "250ms";

/// What a program finds in its environment.
#[derive(Clone)]
pub(crate) struct Settings(Vec<(&'static str, String)>);

impl Settings {
    pub(crate) fn new(database_url: &str, encryption_key: &str) -> Self {
        Self(Vec::new())
            .with("DATABASE_URL", database_url)
            .with("ENCRYPTION_KEY", encryption_key)
            .with("HOOKFILL_LEASE", format!("{}ms", LEASE.as_millis()))
            .with("HOOKFILL_MOCK_EXECUTE_AFTER", DELAY)
            .with("HOOKFILL_MOCK_CLOSE_AFTER", DELAY)
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self = self.without(name);
        self.0.push((name, value.into()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.retain(|(known, _)| *known != name);
        self
    }

    /// The program with these and no other settings.
    fn command(&self, folder: &TempDir, arguments: &[&str]) -> Command {
        let mut command = Process::command(env!("CARGO_BIN_EXE_hookfill"));
        command.args(arguments).env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.envs(self.0.iter().map(|(name, value)| (name, value))).current_dir(folder);
        command.stdin(Stdio::null());
        command
    }

    /// Runs a command of the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let mut command = self.command(&folder, arguments);
        command.output().expect("the program starts")
    }
}

/// A node that was started.
pub(crate) struct Node {
    process: Process,
    port: Port,
    settings: Settings,
    starts: u32,
    folder: TempDir,
}

impl Node {
    /// Starts one and waits until it is ready.
    pub(crate) fn start(settings: &Settings) -> Self {
        let node = Self::launch(settings);
        node.await_ready();
        node
    }

    /// Starts one.
    pub(crate) fn launch(settings: &Settings) -> Self {
        let (port, folder) = (Port::reserve(), tempfile::tempdir().expect("a temporary directory"));
        let process = run(settings, &port, &folder, 0);
        Self { process, port, settings: settings.clone(), starts: 1, folder }
    }

    /// Starts it again after its end, on the same port, and waits until it is ready.
    pub(crate) fn start_again(&mut self) {
        assert!(self.process.ended().is_some(), "it still runs");
        self.process = run(&self.settings, &self.port, &self.folder, self.starts);
        self.starts += 1;
        self.await_ready();
    }

    pub(crate) fn await_ready(&self) {
        let ready = || self.process.ended().is_some() || self.log().contains("is ready at http://");
        wait_until("a node is ready or has ended", PATIENCE, ready);
        assert!(self.process.ended().is_none(), "it does not start:\n{}", self.log());
    }

    /// How it ended.
    pub(crate) fn ended(&self, limit: Duration) -> ExitStatus {
        self.process.wait(limit)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// What tells its row among the nodes.
    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    pub(crate) fn kill(&self) {
        self.process.kill();
    }

    pub(crate) fn pause(&self) {
        self.process.pause();
    }

    pub(crate) fn resume(&self) {
        self.process.resume();
    }

    /// Asks it to stop.
    pub(crate) fn terminate(&self) {
        self.process.signal(Signal::TERM);
    }

    /// All that it has written since it was last started.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(log_path(&self.folder, self.starts - 1)).unwrap_or_default()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let last = &lines[lines.len().saturating_sub(15)..];
            eprintln!("what the node at {} wrote last:\n{}", self.address(), last.join("\n"));
        }
    }
}

fn log_path(folder: &TempDir, start: u32) -> PathBuf {
    folder.path().join(format!("log-{start}"))
}

fn run(settings: &Settings, port: &Port, folder: &TempDir, start: u32) -> Process {
    let log = File::create(log_path(folder, start)).expect("a log is made");
    let errors = log.try_clone().expect("a log is made");
    let mut command = settings.command(folder, &["serve", "--listen", &port.address().to_string()]);
    command.stdout(log).stderr(errors);
    Process::start(command)
}
