//! Starting and stopping.

use std::net::{SocketAddr, TcpListener, TcpStream};

use rustix::process::Signal;

use super::crash;
use super::program::{Directory, Running};

fn address(ready_line: &str) -> SocketAddr {
    let prefix = concat!("hookfill ", env!("CARGO_PKG_VERSION"), " is ready at http://");
    ready_line.strip_prefix(prefix).expect(ready_line).parse().expect("an address")
}

#[test]
fn one_line_says_the_real_address_once_it_is_served() {
    let directory = Directory::empty();
    let running = directory.serve(&[]);
    let at = address(&running.first_line);
    assert_ne!(at.port(), 0);
    drop(TcpStream::connect(at).unwrap());
    let ended = running.stopped();
    assert_eq!(ended.stdout.lines().count(), 1, "{ended:?}");
}

#[test]
fn sigterm_and_sigint_end_it_well() {
    for signal in [Signal::TERM, Signal::INT] {
        let running = Directory::empty().serve(&[]);
        running.signal(signal);
        assert_eq!(running.ended().code, Some(0), "{signal:?}");
    }
}

#[test]
fn an_address_in_use_is_a_sentence_and_makes_no_database() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let directory = Directory::empty();
    let ended = directory.run(&["--listen", &taken.local_addr().unwrap().to_string()]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("is in use") && ended.stderr.contains("--listen"), "{ended:?}");
    assert!(!directory.path("hookfill.db").exists());
}

#[test]
fn a_second_server_on_the_same_database_is_refused() {
    let directory = Directory::empty();
    let first = directory.serve(&[]);
    let ended = directory.run(&["--listen", "127.0.0.1:0"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("already served"), "{ended:?}");
    assert_eq!(first.stopped().code, Some(0));
}

#[test]
fn a_flag_of_the_service_before_another_command_is_wrong_usage() {
    assert_eq!(Directory::empty().run(&["--listen", "127.0.0.1:0", "keys", "new"]).code, Some(2));
    assert_eq!(Directory::empty().run(&["no-such-command"]).code, Some(2));
}

#[test]
fn the_openapi_document_is_printed() {
    let ended = Directory::empty().run(&["openapi"]);
    let document: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(ended.code, Some(0));
}

/// What answered a signal 200 may have lost its database since, but never takes an empty one for it.
#[test]
fn a_database_that_has_gone_is_not_replaced_by_an_empty_one() {
    for gone in ["removed", "emptied"] {
        let directory = Directory::empty();
        let service = directory.serve(&[]);
        service.signal(Signal::KILL);
        drop(service);
        let database = directory.path("hookfill.db");
        match gone {
            "removed" => std::fs::remove_file(&database).unwrap(),
            _ => std::fs::write(&database, "").unwrap(),
        }
        let refused = directory.run(&["serve", "--listen", "127.0.0.1:0"]);
        assert_eq!(refused.code, Some(1), "{}", refused.output());
        assert!(refused.stderr.contains("missing or empty"), "{gone}: {}", refused.stderr);
        std::fs::remove_file(directory.path("hookfill.db.key")).unwrap();
        let log = directory.path("hookfill.db-wal");
        std::fs::write(&log, "acknowledged orders").unwrap();
        let _ = std::fs::remove_file(&database);
        let refused = directory.run(&["serve", "--listen", "127.0.0.1:0"]);
        assert!(refused.stderr.contains("hookfill.db-wal shows"), "{gone}: {}", refused.stderr);
        std::fs::remove_file(log).unwrap();
        drop(directory.serve(&[]));
    }
}

/// Nobody reads the log any more, and the disk that it went to may be full: orders are worked all the same.
#[test]
fn a_log_that_cannot_be_written_stops_nothing() {
    let directory = Directory::empty();
    let mut command = directory.command(&["serve", "--listen", "127.0.0.1:0"]);
    command
        .envs([
            ("HOOKFILL_LOG", "trace"),
            ("HOOKFILL_MOCK_EXECUTE_AFTER", "20ms"),
            ("HOOKFILL_MOCK_CLOSE_AFTER", "20ms"),
        ])
        .stderr(std::fs::File::options().write(true).open("/dev/full").unwrap());
    let service = Running::start_quietly(command);
    let address = service.first_line.rsplit("http://").next().unwrap().to_owned();
    assert_eq!(crash::worked_to_the_end(&directory, &address), ["pending", "executed", "closed"]);
    service.signal(Signal::TERM);
    assert_eq!(service.ended_quietly(), Some(0));
}
