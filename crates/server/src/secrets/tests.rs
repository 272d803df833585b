use std::os::unix::fs::PermissionsExt;

use uuid::Uuid;

use super::*;

/// The key and the token of the specification's `generate.json` and `verify.json`.
const SPEC_KEY: &str = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";
const SPEC_TOKEN: &str =
    "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";
/// The tokens of its `invalid.json` that are wrong at any time, and what is wrong.
const SPEC_INVALID: [(&str, &str); 6] = [
    (
        "incorrect mac",
        "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykQUFBQUFBQUFBQQ==",
    ),
    ("too short", "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPA=="),
    (
        "invalid base64",
        "%%%%%%%%%%%%%AECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==",
    ),
    (
        "no multiple of the block size",
        "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPOm73QeoCk9uGib28Xe5vz6oxq5nmxbx_v7mrfyudzUm",
    ),
    (
        "payload padding error",
        "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0ODz4LEpdELGQAad7aNEHbf-JkLPIpuiYRLQ3RtXatOYREu2FWke6CnJNYIbkuKNqOhw==",
    ),
    (
        "incorrect IV",
        "gAAAAAAdwJ6xBQECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAkLhFLHpGtDBRLRTZeUfWgHSv49TF2AUEZ1TIvcZjK1zQ==",
    ),
];

fn account(number: u128) -> BrokerAccountId {
    BrokerAccountId(Uuid::from_u128(number))
}

fn ring(count: usize) -> (Keyring, Vec<String>) {
    let texts: Vec<_> = (0..count).map(|_| new_key().unwrap().expose_secret().to_owned()).collect();
    (Keyring::parse(&texts.join(",")).unwrap(), texts)
}

fn sample(keyring: &Keyring) -> StoredSecret {
    let owner = Owner { account_id: account(1), username: "bob" };
    let secret = keyring.seal(owner, &SecretString::from("broker"));
    StoredSecret { account_id: account(1), username: "bob".to_owned(), secret }
}

#[test]
fn the_vectors_of_the_specification_hold() {
    let fernet = Fernet::new(SPEC_KEY).unwrap();
    assert_eq!(fernet.decrypt_at_time(SPEC_TOKEN, None, END_OF_TIME).unwrap(), b"hello");
    for (wrong, token) in SPEC_INVALID {
        assert!(fernet.decrypt_at_time(token, None, END_OF_TIME).is_err(), "{wrong}");
    }
}

#[test]
fn a_secret_opens_for_its_owner_alone() {
    let (keyring, _) = ring(1);
    let owner = Owner { account_id: account(1), username: "bob" };
    let secret = "s3cret \" \\ \u{1f511} \u{0}";
    let sealed = keyring.seal(owner, &SecretString::from(secret));
    assert_eq!(keyring.open(owner, &sealed).unwrap().expose_secret(), secret);
    let account_swap = Owner { account_id: account(2), ..owner };
    assert_eq!(keyring.open(account_swap, &sealed).unwrap_err(), SecretsError::Altered(account(2)));
    let name_swap = Owner { username: "eve", ..owner };
    assert_eq!(keyring.open(name_swap, &sealed).unwrap_err(), SecretsError::Altered(account(1)));
}

#[test]
fn the_first_key_encrypts_and_all_decrypt() {
    let (old, texts) = ring(1);
    let stored = sample(&old);
    let both = Keyring::parse(&format!("{}, {}", new_key().unwrap().expose_secret(), texts[0])).unwrap();
    assert_eq!(both.check(std::slice::from_ref(&stored)), Ok(()));
    assert_ne!(sample(&both).secret.key_id, stored.secret.key_id);
    assert!(matches!(old.check(&[sample(&both)]), Err(SecretsError::UnknownKey(_))));
}

#[test]
fn an_altered_token_does_not_open() {
    let (keyring, _) = ring(1);
    let mut stored = sample(&keyring);
    let swapped = if stored.secret.token.ends_with("A==") { "B==" } else { "A==" };
    let kept = stored.secret.token.trim_end_matches('=').len() - 1;
    stored.secret.token.replace_range(kept.., swapped.trim_end_matches('='));
    assert_eq!(keyring.check(&[stored]), Err(SecretsError::Altered(account(1))));
}

#[test]
fn the_fingerprint_is_the_start_of_the_hash_of_the_key() {
    let keyring = Keyring::parse(SPEC_KEY).unwrap();
    let bytes = BASE64.decode(SPEC_KEY).unwrap();
    assert_eq!(keyring.first.id[..], Sha256::digest(bytes)[..8]);
}

#[test]
fn a_key_is_read_in_either_alphabet_and_without_padding() {
    let standard = SPEC_KEY.replace('-', "+").replace('_', "/");
    for text in [
        SPEC_KEY,
        &standard,
        SPEC_KEY.trim_end_matches('='),
        " ,cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=, ",
    ] {
        let keyring = Keyring::parse(text).unwrap();
        assert_eq!(keyring.first.id, Keyring::parse(SPEC_KEY).unwrap().first.id, "{text}");
    }
}

#[test]
fn what_is_no_key_is_named_by_its_place_and_never_shown() {
    assert_eq!(Keyring::parse(" , ").unwrap_err(), SecretsError::NoKey);
    let canary = format!("{SPEC_KEY},canary");
    let error = Keyring::parse(&canary).unwrap_err();
    assert_eq!(error, SecretsError::BadKey(2));
    assert!(!error.to_string().contains("canary") && !format!("{error:?}").contains("canary"));
}

#[test]
fn a_key_file_is_made_once_private_and_used_again() {
    let directory = tempfile::tempdir().unwrap();
    let file = KeyFile::of(directory.path().join("h.db").to_str().unwrap());
    let made = file.obtain(None, &[]).unwrap();
    assert_eq!(made.made.as_deref(), Some(file.path()));
    assert_eq!(std::fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o600);
    let again = file.obtain(None, &[sample(&made.keyring)]).unwrap();
    assert_eq!((again.made, again.warning), (None, None));
    let names: Vec<_> =
        std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["h.db.key"]);
}

#[test]
fn secrets_without_their_key_are_refused_and_no_key_is_made_over_them() {
    let directory = tempfile::tempdir().unwrap();
    let file = KeyFile::of(directory.path().join("h.db").to_str().unwrap());
    let stored = [sample(&ring(1).0)];
    assert!(matches!(file.obtain(None, &stored), Err(SecretsError::KeyMissing(_))));
    assert!(!file.path().exists());
    let other = ring(1).0;
    assert!(matches!(file.obtain(Some(other), &stored), Err(SecretsError::UnknownKey(_))));
}

#[test]
fn a_key_file_that_others_can_read_is_warned_of_and_a_broken_one_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = KeyFile::of(directory.path().join("h.db").to_str().unwrap());
    file.obtain(None, &[]).unwrap();
    std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o640)).unwrap();
    let warning = file.obtain(None, &[]).unwrap().warning.unwrap();
    assert!(warning.contains("chmod 600"), "{warning}");
    for broken in ["", "canary\n"] {
        std::fs::write(file.path(), broken).unwrap();
        let sentence = file.obtain(None, &[]).unwrap_err().to_string();
        assert!(sentence.contains("h.db.key") && !sentence.contains("canary"), "{sentence}");
    }
}
