//! `hookfill doctor`.

use hookfill::secrets::Keyring;

use super::program::{Directory, Ended};

fn line<'a>(ended: &'a Ended, subject: &str) -> &'a str {
    let found = ended.stdout.lines().find(|line| line[5..].starts_with(&format!("{subject}: ")));
    found.unwrap_or_else(|| panic!("no {subject} in {ended:?}"))
}

#[test]
fn an_installation_that_has_never_run_is_fine_and_stays_untouched() {
    let directory = Directory::empty();
    let ended = directory.run(&["doctor"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(line(&ended, "database"), "ok   database: hookfill.db will be created");
    for subject in ["settings", "encryption key", "clock", "open files"] {
        assert!(!line(&ended, subject).starts_with("FAIL"));
    }
    assert_eq!(std::fs::read_dir(directory.path(".")).unwrap().count(), 0);
}

#[test]
fn a_running_server_is_said_and_fine() {
    let directory = Directory::empty();
    let server = directory.serve(&[]);
    let ended = directory.run(&["doctor"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(line(&ended, "server"), "ok   server: the database is being served by a running process");
    assert_eq!(server.stopped().code, Some(0));
    assert_eq!(line(&directory.run(&["doctor"]), "server"), "ok   server: none is running on this database");
}

#[test]
fn a_key_that_does_not_open_what_is_stored_fails() {
    let directory = Directory::empty();
    directory.serve(&[]).stopped();
    let kept = std::fs::read_to_string(directory.path("hookfill.db.key")).unwrap();
    directory.register("bob", &Keyring::parse(kept.trim()).unwrap());
    let good = directory.run(&["doctor"]);
    assert_eq!(line(&good, "encryption key"), "ok   encryption key: it opens what is stored");

    let other = directory.run(&["keys", "new"]).stdout;
    let ended = directory.run_with(&[("ENCRYPTION_KEY", other.trim())], &["doctor"]);
    assert_eq!(ended.code, Some(1));
    assert!(line(&ended, "encryption key").starts_with("FAIL"), "{ended:?}");
}

#[test]
fn a_database_that_cannot_be_opened_or_made_fails() {
    let directory = Directory::empty();
    directory.write("notes.txt", "this is no database, whatever its name may be; it goes on for a while");
    for (url, word) in [("sqlite:notes.txt", "notes.txt"), ("sqlite:missing/h.db", "missing")] {
        let ended = directory.run(&["doctor", "--database-url", url]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let line = line(&ended, "database");
        assert!(line.starts_with("FAIL") && line.contains(word), "{line}");
    }
}
