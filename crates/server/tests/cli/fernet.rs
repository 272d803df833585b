//! Our tokens and keys are those of Python's `cryptography`, both ways.

use std::io::Write;
use std::process::{Command, Stdio};

use hookfill::secrets::{Keyring, Owner, new_key};
use hookfill_domain::ids::BrokerAccountId;
use hookfill_store::SealedSecret;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use uuid::Uuid;

use super::program::Directory;

const SCRIPT: &str = r#"
import hashlib, base64, json, sys
from cryptography.fernet import Fernet, MultiFernet
asked = json.load(sys.stdin)
first = asked["keys"][0]
print(json.dumps({
    "opened": MultiFernet([Fernet(key) for key in asked["keys"]]).decrypt(asked["token"]).decode(),
    "token": Fernet(first).encrypt(asked["plaintext"].encode()).decode(),
    "key_id": list(hashlib.sha256(base64.urlsafe_b64decode(first)).digest()[:8]),
}))
"#;

/// The interpreter that the test command has prepared, or one that happens to have what is needed.
fn python() -> Option<String> {
    if let Ok(prepared) = std::env::var("TEST_PYTHON") {
        return Some(prepared);
    }
    let found = Command::new("python3").args(["-c", "import cryptography"]).stderr(Stdio::null()).status();
    if found.is_ok_and(|status| status.success()) {
        return Some("python3".to_owned());
    }
    // Past the test harness, which keeps the output of tests that pass to itself.
    let _ = writeln!(std::io::stderr(), "SKIPPED: no python3 that can import cryptography; set TEST_PYTHON");
    None
}

fn ask(python: &str, question: &Value) -> Value {
    let mut command = Command::new(python);
    command.args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("python starts");
    child.stdin.take().expect("a pipe").write_all(question.to_string().as_bytes()).expect("python reads");
    let output = child.wait_with_output().expect("python ends");
    assert!(output.status.success(), "python has failed; its error is above");
    serde_json::from_slice(&output.stdout).expect("an answer")
}

#[test]
fn python_opens_what_we_seal_and_we_open_what_python_seals() {
    let Some(python) = python() else { return };
    // One key of each kind: from the command, and from the library.
    let printed = Directory::empty().run(&["keys", "new"]).stdout;
    let keys = [printed.trim_end().to_owned(), new_key().unwrap().expose_secret().to_owned()];
    let ring = Keyring::parse(&keys.join(",")).unwrap();
    let (account_id, secret) = (BrokerAccountId(Uuid::from_u128(7)), "s3cret \u{1f511} \"\\");
    let owner = Owner { account_id, username: "bob" };
    let plaintext = json!({ "v": 1, "account": account_id, "username": "bob", "secret": secret });

    // Sealed under the second key, which Python has to find.
    let second = Keyring::parse(&keys[1]).unwrap();
    let sealed = second.seal(owner, &SecretString::from(secret));
    let question = json!({ "keys": keys, "token": sealed.token, "plaintext": plaintext.to_string() });
    let answer = ask(&python, &question);

    let opened: Value = serde_json::from_str(answer["opened"].as_str().unwrap()).unwrap();
    assert_eq!(opened, plaintext);
    let theirs = SealedSecret {
        token: answer["token"].as_str().unwrap().to_owned(),
        key_id: serde_json::from_value(answer["key_id"].clone()).unwrap(),
    };
    assert_eq!(ring.open(owner, &theirs).unwrap().expose_secret(), secret);
    let other = Owner { username: "eve", ..owner };
    assert!(ring.open(other, &theirs).is_err());
}
