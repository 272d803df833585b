//! A server as a process of its own: started, waited for, looked at through `/proc`, stopped.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

/// How long a server may take to print its address.
const READY_WITHIN: Duration = Duration::from_secs(20);
/// How long a server may take to stop.
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// How often a server's use of the processor is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Looks in a row without work after which a server counts as quiet.
const QUIET_LOOKS: usize = 3;
/// How long a server may work off what it has accepted.
const QUIET_WITHIN: Duration = Duration::from_secs(600);

/// What to start.
#[derive(Debug, Clone)]
pub struct Program {
    binary: PathBuf,
    arguments: Vec<String>,
    variables: Vec<(&'static str, String)>,
}

impl Program {
    /// The service: the given binary or, without one, the service as linked into this program.
    ///
    /// # Errors
    /// If the binary is not there.
    pub fn service(binary: Option<&Path>) -> Result<Self> {
        let Some(binary) = binary else { return Self::own(&["serve-inside"]) };
        let found = binary.canonicalize();
        let binary =
            found.with_context(|| format!("{} cannot be found; build it first", binary.display()))?;
        let variables = vec![
            ("HOOKFILL_LISTEN", "127.0.0.1:0".to_owned()),
            ("DATABASE_URL", "sqlite:hookfill.db".to_owned()),
        ];
        Ok(Self { binary, arguments: vec!["serve".to_owned()], variables })
    }

    /// This program itself, with other arguments.
    ///
    /// # Errors
    /// If the system does not tell where this program is.
    pub fn own(arguments: &[&str]) -> Result<Self> {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let variables = vec![("HOOKFILL_LISTEN", "127.0.0.1:0".to_owned())];
        Ok(Self { binary: std::env::current_exe()?, arguments, variables })
    }

    /// With a setting, by the name of its environment variable.
    #[must_use]
    pub fn set(mut self, variable: &'static str, value: &str) -> Self {
        self.variables.push((variable, value.to_owned()));
        self
    }

    /// With the mock broker's delays.
    #[must_use]
    pub fn delays(self, execute_after: &str, close_after: &str) -> Self {
        self.set("HOOKFILL_MOCK_EXECUTE_AFTER", execute_after).set("HOOKFILL_MOCK_CLOSE_AFTER", close_after)
    }

    /// Starts it in a folder and waits for the line with its address. Settings of the caller's environment do not count.
    ///
    /// # Errors
    /// If it does not start, or is not ready in time; with what it said.
    pub async fn start(&self, folder: &Path) -> Result<Server> {
        let log = folder.join("stderr.log");
        let mut command = Command::new(&self.binary);
        command.args(&self.arguments).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(File::create(&log)?);
        for (name, _) in std::env::vars_os() {
            let ours = name.to_str().is_some_and(|name| name.starts_with("HOOKFILL_"));
            if ours || name == "DATABASE_URL" || name == "ENCRYPTION_KEY" || name == "NATS_URL" {
                command.env_remove(&name);
            }
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        let began = Instant::now();
        let child = command.spawn().with_context(|| format!("{} does not start", self.binary.display()))?;
        // From here on, whatever goes wrong, the process ends with this value.
        let mut server = Server { child, address: ([127, 0, 0, 1], 0).into(), ready_after: Duration::ZERO };
        let stdout = server.child.stdout.take().context("the server has no standard output")?;
        let (tell, told) = oneshot::channel();
        std::thread::spawn(move || watch(stdout, tell));
        let said = || std::fs::read_to_string(&log).unwrap_or_default();
        let (address, at) = match timeout(READY_WITHIN, told).await {
            Ok(Ok(ready)) => ready,
            Ok(Err(_)) => bail!("the server ended before it was ready: {}", said()),
            Err(_) => bail!("the server was not ready in time: {}", said()),
        };
        server.address = address;
        server.ready_after = at - began;
        Ok(server)
    }
}

/// Reads a server's lines, tells the address in the first that has one, and goes on reading so that it is never blocked.
fn watch(stdout: ChildStdout, tell: oneshot::Sender<(SocketAddr, Instant)>) {
    let mut tell = Some(tell);
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        if let Some(address) = address_in(&line)
            && let Some(tell) = tell.take()
        {
            // Nobody waits any more: then nobody needs it.
            let _ = tell.send((address, Instant::now()));
        }
    }
}

/// The address in a line such as `ready at http://127.0.0.1:8000`.
fn address_in(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("http://")?;
    let end = rest.find(|letter: char| !(letter.is_ascii_alphanumeric() || ".:[]".contains(letter)));
    rest[..end.unwrap_or(rest.len())].trim_end_matches(['.', ':']).parse().ok()
}

/// A running server. It is killed when this value goes.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// From just before the process was made to the arrival of its ready line.
    pub ready_after: Duration,
}

impl Server {
    fn read(&self, file: &str) -> Result<String> {
        let path = format!("/proc/{}/{file}", self.child.id());
        std::fs::read_to_string(&path).with_context(|| format!("{path} cannot be read"))
    }

    /// A field of `/proc/PID/status` that counts memory, in MiB: `VmRSS` now, `VmHWM` the most so far.
    ///
    /// # Errors
    /// If the process has ended.
    pub fn memory(&self, field: &str) -> Result<f64> {
        let status = self.read("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        let kib = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
        Ok(kib.with_context(|| format!("the system does not tell {field}"))? / 1024.0)
    }

    /// Processor time used so far, in clock ticks.
    pub(crate) fn ticks(&self) -> Result<u64> {
        let stat = self.read("stat")?;
        // The second field is the program's name in brackets and may hold anything.
        let fields = stat.rsplit_once(") ").map(|(_, rest)| rest.split(' '));
        let times: Option<Vec<u64>> =
            fields.and_then(|fields| fields.skip(11).take(2).map(|field| field.parse().ok()).collect());
        times.map(|times| times.iter().sum()).ok_or_else(|| anyhow!("the system does not tell the time used"))
    }

    /// Waits until the server works no more, and tells when it stopped working.
    ///
    /// # Errors
    /// If it has ended, or never comes to rest.
    pub async fn quiet(&self) -> Result<Instant> {
        let began = Instant::now();
        let (mut last, mut since, mut looks) = (self.ticks()?, began, 0);
        while looks < QUIET_LOOKS {
            if began.elapsed() > QUIET_WITHIN {
                bail!("the server still works {} s after the last request", QUIET_WITHIN.as_secs());
            }
            sleep(LOOK_EVERY).await;
            let now = self.ticks()?;
            // One tick of a hundred a second is its idle business.
            if now > last + 1 {
                (since, looks) = (Instant::now(), 0);
            } else {
                looks += 1;
            }
            last = now;
        }
        Ok(since)
    }

    /// Asks it to stop and waits until it has.
    ///
    /// # Errors
    /// If it does not stop in time, or not well.
    pub async fn stop(mut self) -> Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.context("the server has no process id")?, Signal::TERM)?;
        let began = Instant::now();
        loop {
            match self.child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => bail!("the server ended with {status}"),
                None if began.elapsed() > STOP_WITHIN => bail!("the server does not stop"),
                None => sleep(Duration::from_millis(5)).await,
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; either way it is collected.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Raises the limit on open files as far as it goes; servers inherit it.
pub fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    // Refused, it stays as it was, and opening too many streams says so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_the_ready_line() {
        for line in [
            "hookfill is ready at http://127.0.0.1:8000",
            "listening on http://127.0.0.1:8000/, docs at http://127.0.0.1:8000/docs/",
            "serving at http://127.0.0.1:8000.",
        ] {
            assert_eq!(address_in(line), Some(([127, 0, 0, 1], 8000).into()), "{line}");
        }
        assert_eq!(address_in("made an encryption key in ./hookfill.key"), None);
    }
}
