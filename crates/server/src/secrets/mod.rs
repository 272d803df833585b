//! Brokers' secrets at rest: a ring of Fernet keys.
//!
//! Fernet (<https://github.com/fernet/spec>) authenticates a token and nothing beside it. So whose secret it is stands
//! inside the plaintext, and is compared when it is opened: a row of the database that is copied over another
//! account's does not hand out its secret.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use fernet::Fernet;
use hookfill_domain::ids::BrokerAccountId;
use hookfill_store::{SealedSecret, StoredSecret};
use rand::TryRngCore;
use rand::rngs::OsRng;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::clock::{Clock, SystemClock};

mod key_file;

pub use key_file::{KeyFile, Loaded, Obtained};

/// Which layout the plaintext has.
const VERSION: u8 = 1;
/// Tokens carry the time at which they were made, and readers may refuse those from the future. Ours are kept for years, and a
/// clock that was set back must not lock their owners out: this moment is later than any. (60 s less than the last, because
/// the library adds its tolerance to it.)
const END_OF_TIME: u64 = u64::MAX - 60;
/// Reads keys as Python's `urlsafe_b64decode` does, in either alphabet, and also without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a secret or a key cannot be used. Sentences for the operator, without anything secret.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SecretsError {
    /// No key where there must be one.
    #[error("holds no key")]
    NoKey,
    /// A key that is none, counted from 1.
    #[error("holds as its key number {0} something that is no Fernet key (32 bytes in base64)")]
    BadKey(usize),
    /// A secret that none of the keys made.
    #[error(
        "the database holds secrets under the key {0}, which was not given; put that key into ENCRYPTION_KEY"
    )]
    UnknownKey(String),
    /// A secret that its key does not open, or that belongs to another account.
    #[error("the secret of broker account {0} does not open: its row was altered")]
    Altered(BrokerAccountId),
    /// The operating system gives no random bytes.
    #[error("the operating system gives no random bytes")]
    NoRandomness,
    /// The key file cannot be read or written.
    #[error("the key file {path} {problem}")]
    File {
        /// Its path.
        path: String,
        /// The rest of the sentence.
        problem: String,
    },
    /// Secrets, and nothing to open them with.
    #[error(
        "the database holds secrets and there is no key for them: put back the key file {0}, or set ENCRYPTION_KEY"
    )]
    KeyMissing(String),
}

/// Whose secret it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner<'a> {
    /// The account.
    pub account_id: BrokerAccountId,
    /// The owner's name.
    pub username: &'a str,
}

/// What is encrypted.
#[derive(Serialize, Deserialize)]
struct Plaintext<'a> {
    v: u8,
    account: BrokerAccountId,
    #[serde(borrow)]
    username: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    secret: std::borrow::Cow<'a, str>,
}

struct Key {
    fernet: Fernet,
    id: [u8; 8],
}

impl Key {
    fn parse(text: &str) -> Option<Self> {
        let url_safe: Zeroizing<String> = Zeroizing::new(
            text.chars()
                .map(|letter| {
                    if letter == '+' {
                        '-'
                    } else if letter == '/' {
                        '_'
                    } else {
                        letter
                    }
                })
                .collect(),
        );
        let bytes = Zeroizing::new(BASE64.decode(url_safe.as_bytes()).ok()?);
        let canonical = Zeroizing::new(BASE64.encode(&*bytes));
        let fernet = Fernet::new(&canonical)?;
        let digest = Sha256::digest(&*bytes);
        let id = *digest.first_chunk()?;
        Some(Self { fernet, id })
    }
}

/// Fernet keys: the first encrypts, all decrypt. Shows nothing of them.
#[derive(Clone)]
pub struct Keyring {
    first: Arc<Key>,
    others: Arc<[Key]>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring(…)")
    }
}

impl Keyring {
    /// Reads comma-separated keys.
    ///
    /// # Errors
    /// [`SecretsError::NoKey`] and [`SecretsError::BadKey`].
    pub fn parse(text: &str) -> Result<Self, SecretsError> {
        let keys = text.split(',').map(str::trim).filter(|key| !key.is_empty()).enumerate();
        let keys: Result<Vec<Key>, SecretsError> =
            keys.map(|(index, key)| Key::parse(key).ok_or(SecretsError::BadKey(index + 1))).collect();
        let mut keys = keys?.into_iter();
        let first = keys.next().ok_or(SecretsError::NoKey)?;
        Ok(Self { first: Arc::new(first), others: keys.collect() })
    }

    /// Encrypts a secret under the first key, for its owner alone.
    #[must_use]
    pub fn seal(&self, owner: Owner<'_>, secret: &SecretString) -> SealedSecret {
        let plaintext = Plaintext {
            v: VERSION,
            account: owner.account_id,
            username: owner.username.into(),
            secret: secret.expose_secret().into(),
        };
        // Unwrap safety: strings, a number and a UUID always become JSON.
        #[expect(clippy::unwrap_used, reason = "the line above says why it cannot fail")]
        let plaintext = Zeroizing::new(serde_json::to_vec(&plaintext).unwrap());
        let now = u64::try_from(SystemClock.now().as_micros() / 1_000_000).unwrap_or(0);
        SealedSecret { token: self.first.fernet.encrypt_at_time(&plaintext, now), key_id: self.first.id }
    }

    /// Decrypts a secret that was sealed for this owner.
    ///
    /// # Errors
    /// [`SecretsError::UnknownKey`]; [`SecretsError::Altered`] also where another owner's secret stands in the row.
    pub fn open(&self, owner: Owner<'_>, sealed: &SealedSecret) -> Result<SecretString, SecretsError> {
        let mut keys = std::iter::once(&*self.first).chain(self.others.iter());
        let Some(key) = keys.find(|key| key.id == sealed.key_id) else {
            return Err(SecretsError::UnknownKey(fingerprint(sealed.key_id)));
        };
        let altered = || SecretsError::Altered(owner.account_id);
        let plaintext = key.fernet.decrypt_at_time(&sealed.token, None, END_OF_TIME);
        let plaintext = Zeroizing::new(plaintext.map_err(|_| altered())?);
        let plaintext: Plaintext<'_> = serde_json::from_slice(&plaintext).map_err(|_| altered())?;
        let Plaintext { v, account, username, secret } = plaintext;
        if v != VERSION || account != owner.account_id || username != owner.username {
            return Err(altered());
        }
        Ok(SecretString::from(secret.into_owned()))
    }

    /// Makes sure that the keys at hand open what is stored.
    ///
    /// # Errors
    /// As [`Keyring::open`], for the first sample that does not open.
    pub fn check(&self, samples: &[StoredSecret]) -> Result<(), SecretsError> {
        for sample in samples {
            let owner = Owner { account_id: sample.account_id, username: &sample.username };
            self.open(owner, &sample.secret)?;
        }
        Ok(())
    }
}

/// A new Fernet key.
///
/// # Errors
/// [`SecretsError::NoRandomness`].
pub fn new_key() -> Result<SecretString, SecretsError> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    OsRng.try_fill_bytes(&mut *bytes).map_err(|_| SecretsError::NoRandomness)?;
    Ok(SecretString::from(BASE64.encode(bytes.as_slice())))
}

/// How a key is called where it must be told from others: half of a half of its hash, in hexadecimal.
fn fingerprint(id: [u8; 8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
