//! The key file beside the database.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use hookfill::secrets::{Keyring, new_key};
use secrecy::ExposeSecret;

use super::program::Directory;

const KEY_FILE: &str = "hookfill.db.key";

fn kept_key(directory: &Directory) -> String {
    fs::read_to_string(directory.path(KEY_FILE)).unwrap().trim().to_owned()
}

#[test]
fn the_first_start_makes_a_private_key_says_so_and_the_next_uses_it() {
    let directory = Directory::empty();
    let first = directory.serve(&[]).stopped();
    assert_eq!(first.stderr.matches(KEY_FILE).count(), 1, "{first:?}");
    let mode = fs::metadata(directory.path(KEY_FILE)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let key = kept_key(&directory);
    assert!(!first.output().contains(&key));

    directory.register("bob", &Keyring::parse(&key).unwrap());
    let second = directory.serve(&[]).stopped();
    assert_eq!(second.code, Some(0));
    assert!(!second.stderr.contains(KEY_FILE), "{second:?}");
    assert_eq!(kept_key(&directory), key);
}

#[test]
fn a_key_in_the_environment_needs_no_file() {
    let directory = Directory::empty();
    let key = new_key().unwrap();
    assert_eq!(directory.serve(&[("ENCRYPTION_KEY", key.expose_secret())]).stopped().code, Some(0));
    assert!(!directory.path(KEY_FILE).exists());
}

#[test]
fn secrets_whose_key_is_gone_stop_the_start_and_no_key_is_made_over_them() {
    let directory = Directory::empty();
    directory.serve(&[]).stopped();
    directory.register("bob", &Keyring::parse(&kept_key(&directory)).unwrap());
    fs::remove_file(directory.path(KEY_FILE)).unwrap();

    let ended = directory.run(&["--listen", "127.0.0.1:0"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains(KEY_FILE) && ended.stderr.contains("ENCRYPTION_KEY"), "{ended:?}");
    assert!(!directory.path(KEY_FILE).exists());

    let other = new_key().unwrap();
    let mut command = directory.command(&["--listen", "127.0.0.1:0"]);
    let ended = command.env("ENCRYPTION_KEY", other.expose_secret()).output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
}

#[test]
fn a_broken_key_file_is_refused_and_left_alone() {
    let directory = Directory::empty();
    directory.write(KEY_FILE, "canary7Kq");
    let ended = directory.run(&["--listen", "127.0.0.1:0"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains(KEY_FILE) && !ended.output().contains("canary7Kq"), "{ended:?}");
    assert_eq!(kept_key(&directory), "canary7Kq");
}
