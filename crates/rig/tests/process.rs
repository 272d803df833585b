//! Child processes and ports. Needs nothing but what every Linux has.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{ChildStdin, Stdio};
use std::time::Duration;

use hookfill_rig::{Port, Process, wait_until};

const LIMIT: Duration = Duration::from_secs(30);

/// A process that says what it is told, and how to tell it.
fn parrot() -> (Process, ChildStdin) {
    let mut command = Process::command("cat");
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let process = Process::start(command);
    let stdin = process.take_stdin().unwrap();
    (process, stdin)
}

/// The state of a process: `S`leeping, s`T`opped, `Z`ombie.
fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

#[test]
fn a_paused_process_stands_still_until_it_goes_on() {
    let (process, mut stdin) = parrot();
    let mut output = BufReader::new(process.take_stdout().unwrap());
    process.pause();
    assert_eq!(state(process.pid()), Some('T'));
    stdin.write_all(b"hello\n").unwrap();
    process.resume();
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "hello\n");
    process.pause();
    assert_eq!(state(process.pid()), Some('T'));
}

#[test]
fn pausing_what_has_ended_returns() {
    let (process, stdin) = parrot();
    drop(stdin);
    wait_until("it ends", LIMIT, || state(process.pid()) == Some('Z'));
    process.pause();
    assert!(process.ended().unwrap().success());
    process.pause();
}

#[test]
fn a_killed_process_is_gone_and_a_dropped_one_too() {
    let (killed, _one) = parrot();
    let (dropped, _two) = parrot();
    let pids = [killed.pid(), dropped.pid()];
    assert_eq!((killed.ended(), dropped.ended()), (None, None));
    dropped.pause();
    killed.kill();
    drop(dropped);
    assert_eq!(pids.map(state), [None, None]);
}

#[test]
fn a_process_that_goes_on_is_not_waited_for_too_long() {
    let (process, _stdin) = parrot();
    let waiting = std::panic::catch_unwind(|| process.wait(Duration::from_millis(20)));
    let reason = waiting.unwrap_err().downcast::<String>().unwrap();
    assert!(reason.contains("does not end within 20ms"), "{reason}");
}

#[test]
fn a_process_outlives_the_thread_that_started_it() {
    let (process, mut stdin) = std::thread::spawn(parrot).join().unwrap();
    stdin.write_all(b"hello\n").unwrap();
    let mut line = String::new();
    BufReader::new(process.take_stdout().unwrap()).read_line(&mut line).unwrap();
    assert_eq!((line.as_str(), process.ended()), ("hello\n", None));
}

#[test]
fn a_program_that_is_not_there_ends_at_once() {
    let mut command = Process::command("/nowhere/to/be/found");
    command.stderr(Stdio::null());
    assert!(!Process::start(command).wait(LIMIT).success());
}

#[test]
fn a_reserved_port_refuses_until_a_server_listens_and_again_afterwards() {
    let port = Port::reserve();
    assert_eq!(port.address().port(), port.number());
    for _ in 0..2 {
        assert!(TcpStream::connect(port.address()).is_err());
        let server = TcpListener::bind(port.address()).unwrap();
        let client = TcpStream::connect(port.address()).unwrap();
        // A connection that was closed here first leaves the port in TIME_WAIT.
        drop(server.accept().unwrap());
        drop((server, client));
    }
}

#[test]
fn a_reserved_port_is_given_to_nobody_else() {
    let reserved: Vec<Port> = (0..200).map(|_| Port::reserve()).collect();
    let asked: Vec<TcpListener> = (0..200).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let mut numbers: Vec<u16> = reserved.iter().map(Port::number).collect();
    numbers.extend(asked.iter().map(|listener| listener.local_addr().unwrap().port()));
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 400);
}
