//! Child processes that never outlive the one that started them.

use std::ffi::OsStr;
use std::io;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use crate::wait::came_true;

/// How long an ended process may take to go.
const END: Duration = Duration::from_secs(30);

/// A child process. It is killed when this is dropped, and when the process that started it ends, however that ends.
#[derive(Debug)]
pub struct Process {
    child: Mutex<Child>,
}

impl Process {
    /// The command that runs a program so that the kernel kills it when this process ends. Arguments, environment and
    /// streams are the caller's to add; then [`Process::start`].
    #[must_use]
    pub fn command(program: impl AsRef<OsStr>) -> Command {
        command_with(program.as_ref(), "KILL", &[])
    }

    /// Starts what [`Process::command`] began.
    #[must_use]
    pub fn start(command: Command) -> Self {
        let program = format!("{command:?}");
        let started = spawn(command);
        let child = started.unwrap_or_else(|error| panic!("{program} does not start: {error}"));
        Self { child: Mutex::new(child) }
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child().id()
    }

    /// Its standard input, if the command pipes it and nobody took it before.
    #[must_use]
    pub fn take_stdin(&self) -> Option<ChildStdin> {
        self.child().stdin.take()
    }

    /// Its standard output, if the command pipes it and nobody took it before.
    #[must_use]
    pub fn take_stdout(&self) -> Option<ChildStdout> {
        self.child().stdout.take()
    }

    /// Its standard error, if the command pipes it and nobody took it before.
    #[must_use]
    pub fn take_stderr(&self) -> Option<ChildStderr> {
        self.child().stderr.take()
    }

    /// Sends it a signal. One that has ended gets none.
    pub fn signal(&self, signal: Signal) {
        let mut child = self.child();
        // A child that has not been waited for keeps its pid, so that this reaches nobody else.
        if child.try_wait().expect("a child can be waited for").is_none() {
            kill_process(Pid::from_child(&child), signal).expect("a child can be sent signals");
        }
    }

    /// Stops it where it stands (SIGSTOP), and waits until all of its threads have: its sockets stay open, and nobody
    /// answers.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
        let pid = Pid::from_child(&self.child());
        // One that has ended is waited for elsewhere, or was already.
        let stopped = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let _ = waitid(WaitId::Pid(pid), stopped);
    }

    /// Lets it go on (SIGCONT).
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Kills it (SIGKILL), and waits until it is gone.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
        let _ = self.wait(END);
    }

    /// How it ended, if it did.
    #[must_use]
    pub fn ended(&self) -> Option<ExitStatus> {
        self.child().try_wait().expect("a child can be waited for")
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If it does not end within `limit`.
    #[must_use]
    pub fn wait(&self, limit: Duration) -> ExitStatus {
        came_true(limit, || self.ended().is_some());
        self.ended().unwrap_or_else(|| panic!("process {} does not end within {limit:?}", self.pid()))
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The same with the signal that is sent when this process ends, and with more options of `setpriv`, which sets it: what
/// `std` can do between fork and exec without `unsafe` does not include it.
pub(crate) fn command_with(program: &OsStr, at_death: &str, options: &[String]) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", at_death]).args(options).arg("--").arg(program);
    command
}

type Order = (Command, Sender<io::Result<Child>>);

/// Starts a child from a thread that never ends: the kernel takes the end of the *thread* for the parent's death.
fn spawn(command: Command) -> io::Result<Child> {
    static PARENT: OnceLock<Sender<Order>> = OnceLock::new();
    let parent = PARENT.get_or_init(|| {
        let (orders, waiting): (Sender<Order>, Receiver<Order>) = channel();
        let spawning = move || {
            for (mut command, answer) in waiting {
                let _ = answer.send(command.spawn());
            }
        };
        thread::Builder::new().name("rig-parent".to_owned()).spawn(spawning).expect("a thread starts");
        orders
    });
    let (answer, started) = channel();
    parent.send((command, answer)).expect("the parent's thread never ends");
    started.recv().expect("the parent's thread never ends")
}
