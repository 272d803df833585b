//! The key file beside a SQLite database, for who sets no `ENCRYPTION_KEY`.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use hookfill_store::StoredSecret;
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::{Keyring, SecretsError, new_key};

/// Read and written by the owner alone.
const MODE: u32 = 0o600;
/// Most bytes that a key file may have.
const MAX_SIZE: u64 = 16 * 1024;

/// Where the key of a SQLite database is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFile(PathBuf);

/// What was found.
#[derive(Debug)]
pub enum Loaded {
    /// Keys that open what is stored.
    Keys {
        /// The keys.
        keyring: Keyring,
        /// Something that the operator should change.
        warning: Option<String>,
    },
    /// No keys, and no secrets to open.
    Nothing,
}

/// Keys that open what is stored, and how they were come by.
#[derive(Debug)]
pub struct Obtained {
    /// The keys.
    pub keyring: Keyring,
    /// The key file, if it was made just now.
    pub made: Option<PathBuf>,
    /// Something that the operator should change.
    pub warning: Option<String>,
}

impl KeyFile {
    /// The key file of a database.
    #[must_use]
    pub fn of(database: &str) -> Self {
        Self(PathBuf::from(format!("{database}.key")))
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Takes the configured keys, else those of the file, and makes sure that they open the samples.
    ///
    /// # Errors
    /// [`SecretsError::KeyMissing`] where secrets are stored and there is no key; else as [`Keyring::check`].
    pub fn load(
        &self,
        configured: Option<Keyring>,
        samples: &[StoredSecret],
    ) -> Result<Loaded, SecretsError> {
        let (keyring, warning) = match configured {
            Some(keyring) => (keyring, None),
            None => match self.read()? {
                Some(found) => found,
                None if samples.is_empty() => return Ok(Loaded::Nothing),
                None => return Err(SecretsError::KeyMissing(self.0.display().to_string())),
            },
        };
        keyring.check(samples)?;
        Ok(Loaded::Keys { keyring, warning })
    }

    /// As [`KeyFile::load`]; where there is nothing yet, makes a key and keeps it in the file.
    ///
    /// # Errors
    /// As [`KeyFile::load`], and [`SecretsError::File`] where the file cannot be written.
    pub fn obtain(
        &self,
        configured: Option<Keyring>,
        samples: &[StoredSecret],
    ) -> Result<Obtained, SecretsError> {
        match self.load(configured, samples)? {
            Loaded::Keys { keyring, warning } => Ok(Obtained { keyring, made: None, warning }),
            Loaded::Nothing => {
                let key = new_key()?;
                self.write(key.expose_secret()).map_err(|error| self.problem(&error))?;
                let keyring = Keyring::parse(key.expose_secret())?;
                Ok(Obtained { keyring, made: Some(self.0.clone()), warning: None })
            }
        }
    }

    fn read(&self) -> Result<Option<(Keyring, Option<String>)>, SecretsError> {
        let file = match File::open(&self.0) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.problem(&error)),
        };
        let mode = file.metadata().map_err(|error| self.problem(&error))?.permissions().mode();
        let mut text = Zeroizing::new(String::new());
        file.take(MAX_SIZE).read_to_string(&mut text).map_err(|error| self.problem(&error))?;
        let keyring = Keyring::parse(&Zeroizing::new(text.replace('\n', ",")));
        let keyring = keyring.map_err(|error| self.sentence(&error.to_string()))?;
        let path = self.0.display();
        let warning = (mode & 0o077 != 0).then(|| {
            format!("the key file {path} is open to other users of this machine; run: chmod 600 {path}")
        });
        Ok(Some((keyring, warning)))
    }

    /// The file appears whole and on disk, or not at all: what is encrypted next can be read after a power cut.
    fn write(&self, key: &str) -> io::Result<()> {
        let unfinished = PathBuf::from(format!("{}.new", self.0.display()));
        let mut file =
            OpenOptions::new().create(true).write(true).truncate(true).mode(MODE).open(&unfinished)?;
        // The mode above counts only for a file that is made here, less the umask.
        file.set_permissions(Permissions::from_mode(MODE))?;
        writeln!(file, "{key}")?;
        file.sync_all()?;
        fs::rename(&unfinished, &self.0)?;
        let directory = self.0.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
    }

    fn problem(&self, error: &io::Error) -> SecretsError {
        self.sentence(&format!("cannot be used: {error}"))
    }

    fn sentence(&self, problem: &str) -> SecretsError {
        SecretsError::File { path: self.0.display().to_string(), problem: problem.to_owned() }
    }
}
