//! A cluster in a temporary directory: made, started, ended.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Signal, geteuid};
use tempfile::TempDir;

use super::psql::quiet_environment;
use super::tls::Identity;
use crate::port::Port;
use crate::process::{Process, command_with};
use crate::programs;
use crate::wait::came_true;

/// How long a server may take to accept connections, its recovery included, on a machine that is busy.
const START: Duration = Duration::from_secs(60);
/// How long a server may take to end.
const END: Duration = Duration::from_secs(30);

/// Enough for many tests at once, in little memory. There is no socket in a folder that others have as well.
const SETTINGS: &[(&str, &str)] = &[
    ("listen_addresses", "127.0.0.1"),
    ("unix_socket_directories", ""),
    ("max_connections", "200"),
    ("shared_buffers", "16MB"),
];

#[derive(Debug)]
pub(super) struct Cluster {
    process: Mutex<Option<Process>>,
    user: Option<User>,
    folder: TempDir,
    pub(super) port: Port,
    /// The certificate of who signed the server's, if it wants TLS.
    pub(super) ca: Option<PathBuf>,
}

/// Who runs PostgreSQL, which refuses to be run by root.
#[derive(Debug)]
struct User {
    uid: u32,
    gid: u32,
}

impl Cluster {
    pub(super) fn start(settings: &[(&str, &str)], tls: bool) -> Self {
        let folder = tempfile::Builder::new().prefix("hookfill-postgres-").tempdir();
        let user = geteuid().is_root().then(User::postgres);
        let mut cluster = Self {
            process: Mutex::default(),
            user,
            folder: folder.expect("a temporary directory"),
            port: Port::reserve(),
            ca: None,
        };
        cluster.give_to_user(cluster.folder.path());
        cluster.initialize();
        if tls {
            cluster.require_tls();
        }
        cluster.configure(settings);
        cluster.run();
        cluster
    }

    pub(super) fn admin_url(&self) -> String {
        format!("postgres://postgres@{}/postgres", self.port.address())
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.slot().as_ref().map(Process::pid)
    }

    pub(super) fn kill_immediate(&self) {
        self.end(Signal::QUIT);
    }

    pub(super) fn restart(&self) {
        self.end(Signal::INT);
        self.run();
    }

    fn end(&self, signal: Signal) {
        if let Some(process) = self.slot().take() {
            process.signal(signal);
            let _ = process.wait(END);
        }
    }

    fn initialize(&self) {
        let mut command = self.command("initdb");
        command.arg("--pgdata").arg(self.path("data"));
        command.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"]);
        command.args(["--no-sync", "--no-instructions"]).stdin(Stdio::null());
        let output = command.output().expect("initdb starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "initdb fails: {errors}");
    }

    fn configure(&self, settings: &[(&str, &str)]) {
        let mut text = format!("\nport = {}\n", self.port.number());
        // Of a setting that stands there twice the last one holds.
        for (name, value) in SETTINGS.iter().chain(settings) {
            writeln!(text, "{name} = '{}'", value.replace('\'', "''")).expect("a string takes all");
        }
        self.append("postgresql.conf", &text);
    }

    fn require_tls(&mut self) {
        let identity = Identity::generate().expect("a certificate is generated");
        let ca = self.path("ca.pem");
        fs::write(&ca, identity.authority).expect("a file is written");
        self.ca = Some(ca);
        for (name, text) in [("server.crt", identity.certificate), ("server.key", identity.key)] {
            let path = self.path("data").join(name);
            fs::write(&path, text).expect("a file is written");
            // PostgreSQL refuses a key that others can read.
            fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("its mode is set");
            self.give_to_user(&path);
        }
        self.append("postgresql.conf", "ssl = on\n");
        let rules = "hostssl all all 127.0.0.1/32 trust\n";
        fs::write(self.path("data/pg_hba.conf"), rules).expect("a file is written");
    }

    /// Runs the server, and waits until it accepts connections.
    fn run(&self) {
        let log = self.path("log");
        let output = OpenOptions::new().create(true).append(true).open(&log).expect("a log is opened");
        let errors: File = output.try_clone().expect("a log is opened");
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.path("data"));
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let process = Process::start(command);
        came_true(START, || process.ended().is_some() || self.is_ready(process.pid()));
        if process.ended().is_some() || !self.is_ready(process.pid()) {
            panic!("PostgreSQL does not start:\n{}", fs::read_to_string(log).unwrap_or_default());
        }
        *self.slot() = Some(process);
    }

    /// Whether the server's own file says that it accepts connections: `pg_ctl --wait` looks at the same two lines. The
    /// pid tells it from a file that a killed server has left.
    fn is_ready(&self, pid: u32) -> bool {
        let text = fs::read_to_string(self.path("data/postmaster.pid")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        lines.first() == Some(&pid.to_string().as_str()) && lines.get(7) == Some(&"ready")
    }

    /// The command that runs one of PostgreSQL's programs. A postmaster that is told to quit ends its children too.
    fn command(&self, program: &str) -> Command {
        let path = programs::postgres_folder().join(program);
        let options = self.user.as_ref().map(User::options).unwrap_or_default();
        let mut command = command_with(path.as_os_str(), "QUIT", &options);
        quiet_environment(&mut command).current_dir("/");
        command
    }

    fn append(&self, file: &str, text: &str) {
        let file = OpenOptions::new().append(true).open(self.path("data").join(file));
        file.expect("initdb has made it").write_all(text.as_bytes()).expect("a file is written");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn give_to_user(&self, path: &Path) {
        if let Some(User { uid, gid }) = self.user {
            chown(path, Some(uid), Some(gid)).expect("root gives files away");
        }
    }

    fn slot(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.kill_immediate();
    }
}

impl User {
    /// The user `postgres`, whom PostgreSQL's package makes.
    fn postgres() -> Self {
        let users = fs::read_to_string("/etc/passwd").expect("/etc/passwd is read");
        let line = users.lines().find_map(|line| line.strip_prefix("postgres:"));
        let mut fields = line.expect("there is a user postgres").split(':').skip(1);
        let mut number = || fields.next().and_then(|field| field.parse().ok()).expect("a numeric id");
        Self { uid: number(), gid: number() }
    }

    /// What makes `setpriv` run a program as this user.
    fn options(&self) -> Vec<String> {
        vec![format!("--reuid={}", self.uid), format!("--regid={}", self.gid), "--clear-groups".to_owned()]
    }
}
