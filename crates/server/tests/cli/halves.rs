//! Main file and log of the database, as a killed server and the tools leave them.

use std::fs;

use hookfill::secrets::Keyring;
use rustix::process::Signal;

use super::crash;
use super::program::{Directory, Ended};

const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];

/// A server was killed here, with an order in its log.
fn killed() -> Directory {
    let directory = Directory::empty();
    let service = directory.serve(&[]);
    let key = fs::read_to_string(directory.path("hookfill.db.key")).unwrap();
    directory.register("bob", &Keyring::parse(key.trim()).unwrap());
    service.signal(Signal::KILL);
    service.ended();
    directory
}

fn copied(from: &Directory, names: &[&str]) -> Directory {
    let to = Directory::empty();
    for name in names {
        fs::copy(from.path(name), to.path(name)).unwrap();
    }
    to
}

fn is_refused(ended: &Ended) {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.output().contains("is not complete") && ended.output().contains("hookfill.db-wal"),
        "{ended:?}"
    );
}

#[test]
fn a_copy_without_the_log_is_refused_by_every_command_and_stays_refused() {
    let half = copied(&killed(), &["hookfill.db", "hookfill.db.key"]);
    for arguments in [&SERVE[..], &["doctor"], &["keys", "issue", "bob"], &SERVE] {
        is_refused(&half.run(arguments));
        assert!(!half.path("hookfill.db-wal").exists(), "{arguments:?}");
    }
}

#[test]
fn a_killed_server_starts_again_whatever_tools_ran_in_between() {
    let directory = killed();
    assert_eq!(directory.run(&["doctor"]).code, Some(0));
    let issued = directory.run(&["keys", "issue", "bob"]);
    assert_eq!(issued.code, Some(0), "{issued:?}");
    let service = directory.serve(&[]);
    let address = service.first_line.rsplit("http://").next().unwrap();
    let header = format!("X-API-Key: {}\r\n", issued.stdout.trim_end());
    let (status, answer) = crash::call(address, "GET", "/accounts/", &header, "").unwrap();
    assert_eq!(status, 200, "{answer}");
    // Nothing was written since it started: the log is empty, and there.
    service.signal(Signal::KILL);
    service.ended();
    assert_eq!(directory.serve(&[]).stopped().code, Some(0));
    assert!(!directory.path("hookfill.db-wal").exists());
    let alone = copied(&directory, &["hookfill.db", "hookfill.db.key"]);
    assert_eq!(alone.serve(&[]).stopped().code, Some(0));
}

/// Killed at its very start, over and over, it always starts again.
#[test]
fn a_start_that_is_killed_leaves_what_can_be_started() {
    let directory = Directory::empty();
    for spins in 0..12_u32 {
        let mut child = directory.command(&SERVE).stdout(std::process::Stdio::null()).spawn().unwrap();
        // Each time a little later, counted in looks at the files that it makes.
        for _ in 0..(1_u32 << spins) {
            let _ = fs::metadata(directory.path("hookfill.db-wal"));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert_eq!(directory.serve(&[]).stopped().code, Some(0));
}
