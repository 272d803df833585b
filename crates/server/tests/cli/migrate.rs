//! `hookfill migrate`.

use std::fs;
use std::process::Stdio;

use hookfill_store::sqlite::migrations;
use rusqlite::Connection;

use super::program::{Directory, Ended};

const SHOWS: [&[&str]; 2] = [&["migrate", "--list"], &["migrate", "--dry-run"]];
const ALL: [&[&str]; 3] = [&["migrate"], SHOWS[0], SHOWS[1]];

fn names(directory: &Directory) -> Vec<String> {
    let entries = fs::read_dir(directory.path(".")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn done(ended: &Ended) -> &str {
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    &ended.stdout
}

/// A database that is not served, and a connection past the program.
fn migrated() -> (Directory, Connection) {
    let directory = Directory::empty();
    done(&directory.run(&["migrate"]));
    let raw = Connection::open(directory.path("hookfill.db")).unwrap();
    (directory, raw)
}

#[test]
fn a_database_is_made_once_and_then_up_to_date() {
    let directory = Directory::empty();
    assert_eq!(done(&directory.run(&["migrate"])), "applied V1 orders_and_journal\n");
    assert_eq!(names(&directory), ["hookfill.db", "hookfill.db.lock"]);
    assert_eq!(done(&directory.run(&["migrate"])), "nothing to apply: the database is up to date\n");
    assert_eq!(directory.serve(&[]).stopped().code, Some(0));
}

#[test]
fn looking_makes_and_changes_nothing() {
    let directory = Directory::empty();
    assert_eq!(done(&directory.run(SHOWS[0])), "V1 orders_and_journal: pending\n");
    let shown = directory.run(SHOWS[1]);
    let sql = include_str!("../../../../migrations/sqlite/V1__orders_and_journal.sql");
    assert_eq!(done(&shown), format!("-- V1 orders_and_journal would be applied:\n{sql}"));
    assert_eq!(names(&directory), Vec::<String>::new());

    let (directory, raw) = migrated();
    drop(raw);
    let before = (names(&directory), fs::read(directory.path("hookfill.db")).unwrap());
    let listed = directory.run(SHOWS[0]);
    let at = done(&listed).strip_prefix("V1 orders_and_journal: applied ").expect("it is applied").trim_end();
    assert!(at.len() == 24 && at.starts_with("20") && at.ends_with('Z'), "{at}");
    assert_eq!(done(&directory.run(SHOWS[1])), "-- nothing to apply: the database is up to date\n");
    assert_eq!((names(&directory), fs::read(directory.path("hookfill.db")).unwrap()), before);
}

#[test]
fn a_served_database_may_be_looked_at() {
    let directory = Directory::empty();
    let service = directory.serve(&[]);
    assert_eq!(done(&directory.run(&["migrate"])), "nothing to apply: the database is up to date\n");
    assert!(done(&directory.run(SHOWS[0])).contains("applied 20"));
    assert_eq!(service.stopped().code, Some(0));
}

#[test]
fn a_database_that_a_server_has_is_not_migrated() {
    let directory = Directory::empty();
    // As a server does, whose database has been taken away from under it.
    let lock = fs::File::create(directory.path("hookfill.db.lock")).unwrap();
    lock.try_lock().unwrap();
    let ended = directory.run(&["migrate"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.contains("already served by another process"), "{ended:?}");
    assert!(!directory.path("hookfill.db").exists());
}

#[test]
fn a_newer_altered_or_half_migrated_database_is_refused_with_a_sentence_and_left_as_it_is() {
    let edits = [
        (
            "INSERT INTO refinery_schema_history VALUES (999, 'later', '2030-01-01T00:00:00Z', '1')",
            "upgrade hookfill",
        ),
        ("UPDATE refinery_schema_history SET checksum = '1'", "is not the one of this version"),
        (
            "INSERT INTO refinery_schema_history VALUES (0, 'first', '2030-01-01T00:00:00Z', '1')",
            "V0 first is not",
        ),
        ("UPDATE refinery_schema_history SET applied_on = NULL", "cannot be read"),
        ("DELETE FROM refinery_schema_history", "no note of the migrations"),
        ("DROP INDEX orders_by_id", "lacks the index orders_by_id"),
    ];
    for (edit, because) in edits {
        let (directory, raw) = migrated();
        raw.execute_batch(edit).unwrap();
        drop(raw);
        let before = fs::read(directory.path("hookfill.db")).unwrap();
        for arguments in ALL {
            let ended = directory.run(arguments);
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{edit}: {ended:?}");
            assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
            assert!(ended.stderr.contains(because), "{edit}: {ended:?}");
            assert!(fs::read(directory.path("hookfill.db")).unwrap() == before, "{edit}: {arguments:?}");
        }
    }
}

#[test]
fn a_database_that_was_lost_is_not_made_anew() {
    let directory = Directory::empty();
    directory.serve(&[]).stopped();
    fs::remove_file(directory.path("hookfill.db")).unwrap();
    for arguments in ALL {
        let ended = directory.run(arguments);
        assert!(ended.code == Some(1) && ended.stderr.contains("hookfill.db.key shows"), "{ended:?}");
    }
    assert!(!directory.path("hookfill.db").exists());
}

#[test]
fn a_server_that_cannot_be_reached_is_named_without_its_password() {
    // Nobody listens at port 1, and a port of letters is none.
    for (url, code, named) in [
        ("postgres://u:canary7Kq@127.0.0.1:1/x", 1, "x at 127.0.0.1:1"),
        ("postgres://u:canary7Kq@127.0.0.1:port/x", 2, "DATABASE_URL"),
    ] {
        for arguments in ALL {
            let ended = Directory::empty().run_with(&[("DATABASE_URL", url)], arguments);
            assert!(ended.code == Some(code) && ended.stderr.contains(named), "{ended:?}");
            assert!(!ended.output().contains("canary7Kq"), "{ended:?}");
        }
    }
    assert_eq!(Directory::empty().run(&["migrate", "--list", "--dry-run"]).code, Some(2));
}

/// Whatever it had done when it was killed: the migrations are applied, all of them, or to come, all of them.
#[test]
fn a_migration_that_is_killed_is_begun_again() {
    for turn in 0..12_u32 {
        let directory = Directory::empty();
        let mut child = directory.command(&["migrate"]).stdout(Stdio::null()).spawn().unwrap();
        // Each time a little later, counted in looks at a file that it makes.
        for _ in 0..(1_u32 << turn) {
            let _ = fs::metadata(directory.path("hookfill.db-wal"));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let standing = migrations(directory.path("hookfill.db").to_str().unwrap()).unwrap();
        let raw = Connection::open(directory.path("hookfill.db")).unwrap();
        let made = raw.prepare("SELECT * FROM orders").is_ok();
        assert_eq!(made, standing[0].applied_at.is_some());
        drop(raw);
        assert_eq!(directory.serve(&[]).stopped().code, Some(0));
    }
}
