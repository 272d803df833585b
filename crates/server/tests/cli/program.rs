//! Runs the program.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::Arc;

use hookfill::clock::{Clock, SystemClock, new_uuid};
use hookfill::secrets::{Keyring, Owner};
use hookfill_domain::ids::{BrokerAccountId, KeyId};
use hookfill_store::sqlite::SqliteStore;
use hookfill_store::{Accounts, NewAccount, NewKey, NoListener, Registration, Role};
use rustix::process::{Pid, Signal, kill_process};
use secrecy::SecretString;

/// A working directory in which nothing is set.
pub(crate) struct Directory(tempfile::TempDir);

/// What a finished program left.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Both outputs.
    pub(crate) fn output(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Directory {
    pub(crate) fn empty() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("a file is written");
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hookfill"));
        command.args(arguments).env_clear().current_dir(&self.0).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(&[], arguments)
    }

    pub(crate) fn run_with(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Ended {
        let mut command = self.command(arguments);
        command.envs(environment.iter().copied());
        command.output().expect("the program starts").into()
    }

    pub(crate) fn run_on(&self, input: &[u8], arguments: &[&str]) -> Ended {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        let input = input.to_vec();
        // The program may end before it has read everything.
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().expect("the program ends");
        writer.join().expect("the writer ends");
        output.into()
    }

    /// Starts the service on a port of its choice and waits for its ready line.
    pub(crate) fn serve(&self, environment: &[(&str, &str)]) -> Running {
        let mut command = self.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.envs(environment.iter().copied());
        Running::start(command)
    }

    /// Puts a user with one broker account into the database `hookfill.db`, which a server has made.
    pub(crate) fn register(&self, username: &str, keyring: &Keyring) {
        let account_id = BrokerAccountId(new_uuid());
        let secret = keyring.seal(Owner { account_id, username }, &SecretString::from("broker secret"));
        let account =
            NewAccount { id: account_id, broker_name: "mock".into(), account_id: "1".into(), secret };
        let key = NewKey { id: KeyId(new_uuid()), hash: [7; 32], label: "first".into() };
        let registration = Registration { username: username.into(), key, account, at: SystemClock.now() };
        let made = runtime().block_on(self.store().register(registration));
        made.expect("the user is stored");
    }

    pub(crate) fn store(&self) -> SqliteStore {
        let path = self.path("hookfill.db");
        SqliteStore::open(path.to_str().expect("UTF-8"), Role::Tool, Arc::new(NoListener))
            .expect("a database")
    }
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// A program that runs until it is told to stop.
pub(crate) struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    /// The first line on standard output.
    pub(crate) first_line: String,
}

impl Running {
    /// Starts a program and waits for its first line.
    pub(crate) fn start(mut command: Command) -> Self {
        command.stderr(Stdio::piped());
        Self::start_quietly(command)
    }

    /// The same, with standard error going where the command says.
    pub(crate) fn start_quietly(mut command: Command) -> Self {
        command.stdout(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut running = Self { child, stdout, first_line: String::new() };
        running.first_line = running.line();
        running
    }

    /// The next line on standard output; empty at its end.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("the signal is sent");
    }

    /// Waits for the end of a program whose errors went elsewhere, and gives its exit code.
    pub(crate) fn ended_quietly(mut self) -> Option<i32> {
        self.child.wait().expect("the program ends").code()
    }

    /// Waits for the end of the program.
    pub(crate) fn ended(mut self) -> Ended {
        let mut stdout = format!("{}\n", self.first_line);
        self.stdout.read_to_string(&mut stdout).expect("the rest of the output");
        let mut stderr = String::new();
        let pipe = self.child.stderr.as_mut().expect("a pipe");
        pipe.read_to_string(&mut stderr).expect("the rest of the errors");
        let code = self.child.wait().expect("the program ends").code();
        Ended { code, stdout, stderr }
    }

    pub(crate) fn stopped(self) -> Ended {
        self.signal(Signal::TERM);
        self.ended()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Ended already, unless a test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
