//! `hookfill keys`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use hookfill::api_key;
use hookfill::secrets::Keyring;
use hookfill_store::Accounts;

use super::program::{Directory, runtime};

#[test]
fn a_new_key_is_one_line_of_32_bytes_and_never_the_same() {
    let directory = Directory::empty();
    let (one, other) = (directory.run(&["keys", "new"]), directory.run(&["keys", "new"]));
    assert_eq!(URL_SAFE.decode(one.stdout.trim_end()).unwrap().len(), 32);
    assert_eq!((one.code, one.stdout.lines().count()), (Some(0), 1));
    assert_ne!(one.stdout, other.stdout);
}

#[test]
fn a_user_gets_a_key_while_the_server_runs() {
    let directory = Directory::empty();
    let server = directory.serve(&[]);
    let key = std::fs::read_to_string(directory.path("hookfill.db.key")).unwrap();
    directory.register("bob", &Keyring::parse(key.trim()).unwrap());

    let ended = directory.run(&["keys", "issue", "bob"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let issued = ended.stdout.trim_end();
    assert!(api_key::API_KEY.plausible(issued) && issued.starts_with("hfk_"), "{issued}");
    let owner = runtime().block_on(directory.store().principal(api_key::hash(issued))).unwrap();
    assert_eq!(&*owner.expect("the key is known").username, "bob");
    assert_eq!(server.stopped().code, Some(0));
}

#[test]
fn nobody_and_no_database_are_sentences() {
    let directory = Directory::empty();
    let ended = directory.run(&["keys", "issue", "bob"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.contains("there is no database hookfill.db"), "{ended:?}");
    assert!(!directory.path("hookfill.db").exists());

    directory.serve(&[]).stopped();
    let ended = directory.run(&["keys", "issue", "bob", "--database-url", "sqlite:hookfill.db"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.contains("nobody is called `bob`"), "{ended:?}");
}
