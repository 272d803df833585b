//! The rig's PostgreSQL. Needs PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

use std::fs::Permissions;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use hookfill_rig::{Database, Postgres, Process, Proxy, wait_until};

const LIMIT: Duration = Duration::from_secs(30);

/// Whether a process runs. One that has ended and was not waited for by its parent does not.
fn runs(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains('Z'))
}

/// All processes whose parent is this one.
fn children(parent: u32) -> Vec<u32> {
    let listed = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"));
    listed.unwrap().split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

/// A client that stays connected, to be disconnected.
fn connected_client(database: &Database) -> Process {
    let mut command = Process::command(Postgres::program("psql"));
    command.args([
        "-X",
        "-A",
        "-t",
        "-d",
        database.url(),
        "-c",
        "SELECT 'connected'",
        "-c",
        "SELECT pg_sleep(600)",
    ]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let client = Process::start(command);
    let mut line = String::new();
    BufReader::new(client.take_stdout().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "connected\n");
    client
}

#[test]
fn a_killed_server_comes_back_on_its_port_with_what_it_committed() {
    let postgres = Postgres::start();
    let database = postgres.database();
    database.psql("CREATE TABLE kept (n int); INSERT INTO kept VALUES (41), (42)");
    let (port, first) = (postgres.port(), postgres.pid());
    let client = connected_client(&database);

    postgres.kill_immediate();
    assert!(!runs(first));
    assert!(TcpStream::connect(postgres.address()).is_err(), "nobody listens");
    assert!(!client.wait(LIMIT).success(), "its client was disconnected");

    postgres.restart();
    assert_eq!((postgres.port(), postgres.pid() == first), (port, false));
    assert_eq!(database.psql("SELECT sum(n) FROM kept"), "83");
}

#[test]
fn a_running_server_is_restarted_though_clients_are_connected() {
    let postgres = Postgres::start();
    let client = connected_client(&postgres.database());
    let first = postgres.pid();
    postgres.restart();
    assert!(!runs(first) && runs(postgres.pid()));
    assert!(!client.wait(LIMIT).success());
}

#[test]
fn a_killed_backend_disconnects_everybody_and_the_server_recovers() {
    let postgres = Postgres::start();
    let database = postgres.database();
    let (one, two) = (connected_client(&database), connected_client(&database));
    postgres.kill_a_backend();
    assert!(!one.wait(LIMIT).success() && !two.wait(LIMIT).success());
    wait_until("the server has recovered", LIMIT, || database.try_psql("SELECT 1").is_ok());
}

/// The program that serves a whole run of tests, and the URL that it prints.
fn server_of_a_run(folder: &Path) -> (Process, String) {
    let mut command = Process::command(env!("CARGO_BIN_EXE_serve-postgres"));
    command.env("TMPDIR", folder).stdin(Stdio::piped()).stdout(Stdio::piped());
    let owner = Process::start(command);
    let mut url = String::new();
    BufReader::new(owner.take_stdout().unwrap()).read_line(&mut url).unwrap();
    (owner, url.trim_end().to_owned())
}

/// A client that commits one row through a proxy.
fn committing_client(database: &Database, proxy: &Proxy) -> Process {
    let mut command = Process::command(Postgres::program("psql"));
    command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &database.url_through(&proxy.address())]);
    command.args(["-c", "BEGIN", "-c", "INSERT INTO kept VALUES (1)", "-c", "COMMIT"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Process::start(command)
}

#[test]
fn a_commit_whose_answer_is_lost_is_kept_though_its_client_fails() {
    let database = Postgres::shared().database();
    database.psql("CREATE TABLE kept (n int)");
    let proxy = Proxy::to(&database.address());
    let cut = proxy.cut_after_answer("COMMIT", "COMMIT", 1);
    assert!(!committing_client(&database, &proxy).wait(LIMIT).success());
    assert_eq!((cut.fired(), cut.answers_lost()), (1, 1));
    assert_eq!(database.psql("SELECT count(*) FROM kept"), "1");
    assert!(committing_client(&database, &proxy).wait(LIMIT).success());
    assert_eq!(database.psql("SELECT count(*) FROM kept"), "2");
}

#[test]
fn a_commit_that_is_held_is_not_committed_until_it_goes_on() {
    let database = Postgres::shared().database();
    database.psql("CREATE TABLE kept (n int)");
    let proxy = Proxy::to(&database.address());
    let held = proxy.freeze_before("COMMIT", 1);
    let client = committing_client(&database, &proxy);
    held.wait_until_fired(1, LIMIT);
    assert_eq!(database.psql("SELECT count(*) FROM kept"), "0");
    proxy.thaw();
    assert!(client.wait(LIMIT).success());
    assert_eq!(database.psql("SELECT count(*) FROM kept"), "1");
}

#[test]
fn it_syncs_and_a_setting_that_is_given_wins() {
    let careful = Postgres::start();
    let settings = "SELECT string_agg(setting, ',' ORDER BY name) FROM pg_settings \
                    WHERE name IN ('fsync', 'max_connections', 'server_encoding', 'synchronous_commit')";
    assert_eq!(careful.database().psql(settings), "on,200,UTF8,on");
    let careless = Postgres::start_with(&[("fsync", "off"), ("max_connections", "30")]);
    assert_eq!(careless.database().psql(settings), "off,30,UTF8,on");
}

#[test]
fn over_tls_its_certificate_is_proven_and_nothing_is_plain() {
    let postgres = Postgres::start_with_tls();
    let database = postgres.database();
    let connect = |options: &str| database_with(&database, options).map(|rows| rows == "t");
    let verified = format!("sslmode=verify-full&sslrootcert={}", postgres.ca_path().display());
    assert_eq!(connect(&verified), Ok(true));
    let plain = connect("sslmode=disable").unwrap_err();
    assert!(plain.contains("no encryption"), "{plain}");
    let other = Postgres::start_with_tls();
    let wrong = format!("sslmode=verify-full&sslrootcert={}", other.ca_path().display());
    let unproven = connect(&wrong).unwrap_err();
    assert!(unproven.contains("SSL error"), "{unproven}");
}

/// Whether a client's connection with these options is encrypted.
fn database_with(database: &Database, options: &str) -> Result<String, String> {
    let mut command = Command::new(Postgres::program("psql"));
    let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    command.args(["-X", "-A", "-t", "-d", &format!("{}?{options}", database.url()), "-c", sql]);
    let output = command.output().unwrap();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap().trim_end().to_owned())
    } else {
        Err(String::from_utf8(output.stderr).unwrap())
    }
}

#[test]
fn databases_are_separate_and_dropped_whoever_is_connected() {
    let server = Postgres::shared();
    let (one, two) = (server.database(), server.database());
    assert_ne!(one.name(), two.name());
    one.psql("CREATE TABLE mine (n int)");
    assert!(two.try_psql("SELECT * FROM mine").unwrap_err().contains("does not exist"));

    let exists = format!("SELECT count(*) FROM pg_database WHERE datname = '{}'", one.name());
    assert_eq!(two.psql(&exists), "1");
    let client = connected_client(&one);
    drop(one);
    assert_eq!(two.psql(&exists), "0");
    assert!(!client.wait(LIMIT).success());
}

#[test]
fn a_database_keeps_the_server_that_was_started_for_it() {
    let database = Postgres::start().database();
    assert_eq!(database.psql("SELECT current_database()"), database.name());
}

#[test]
fn tests_share_a_server_of_their_own_where_the_run_has_none() {
    let mut test = Command::new(std::env::current_exe().unwrap());
    test.args(["--exact", "databases_are_separate_and_dropped_whoever_is_connected"]);
    let output = test.env_remove("TEST_POSTGRES_URL").output().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    assert!(output.contains("1 passed"), "{output}");
}

#[test]
fn its_programs_can_be_run() {
    let database = Postgres::shared().database();
    database.psql("CREATE TABLE dumped (n int)");
    let output = Command::new(Postgres::program("pg_dump")).args(["-d", database.url()]).output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("CREATE TABLE public.dumped"));
}

#[test]
fn nothing_of_a_dropped_server_is_left() {
    let postgres = Postgres::start();
    let database = postgres.database();
    let folder = database.psql("SHOW data_directory");
    let pid = postgres.pid();
    let workers = children(pid);
    assert!(runs(pid) && workers.len() > 3 && Path::new(&folder).exists());
    drop(postgres);
    assert!(runs(pid), "a database still needs it");
    drop(database);
    assert!(!runs(pid) && !workers.into_iter().any(runs));
    assert!(!Path::new(&folder).exists());
}

#[test]
fn a_server_ends_with_the_process_that_started_it_however_that_ends() {
    // What a killed process leaves on the disk goes with this directory, which PostgreSQL's user may pass through.
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(&folder, Permissions::from_mode(0o711)).unwrap();
    let (owner, _) = server_of_a_run(folder.path());
    let postmaster = all_children(owner.pid());
    let [postmaster] = postmaster.as_slice() else { panic!("one child: {postmaster:?}") };
    let workers = children(*postmaster);
    owner.kill();
    wait_until("the server is gone", LIMIT, || !runs(*postmaster) && !workers.iter().any(|pid| runs(*pid)));
}

/// The children of all threads of a process.
fn all_children(parent: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{parent}/task")).unwrap();
    let lists =
        threads.map(|thread| std::fs::read_to_string(thread.unwrap().path().join("children")).unwrap());
    lists
        .flat_map(|list| list.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<_>>())
        .collect()
}

#[test]
fn a_server_outlives_the_thread_that_started_it() {
    let postgres = std::thread::spawn(Postgres::start).join().unwrap();
    // A signal at the thread's end would have come before it was joined.
    assert_eq!(postgres.database().psql("SELECT 1"), "1");
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let refused = std::panic::catch_unwind(|| Postgres::start_with(&[("no_such_setting", "1")]));
    let reason = refused.unwrap_err().downcast::<String>().unwrap();
    assert!(reason.contains("no_such_setting"), "{reason}");
}

#[test]
fn the_server_of_a_run_ends_with_its_input() {
    let mut owner = Command::new(env!("CARGO_BIN_EXE_serve-postgres"));
    let mut owner = owner.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut url = String::new();
    BufReader::new(owner.stdout.as_mut().unwrap()).read_line(&mut url).unwrap();
    let answer = Command::new(Postgres::program("psql"));
    let answer =
        { answer }.args(["-X", "-A", "-t", "-d", url.trim_end(), "-c", "SELECT 1"]).output().unwrap();
    assert_eq!(answer.stdout, b"1\n");
    drop(owner.stdin.take());
    assert!(owner.wait().unwrap().success());
    let address = url.trim_end().strip_prefix("postgres://postgres@").unwrap();
    assert!(TcpStream::connect(address.trim_end_matches("/postgres")).is_err());
}
