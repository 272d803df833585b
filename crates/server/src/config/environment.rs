//! What the process was given beside its arguments: environment variables and the `.env` file.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use super::dotenv::{self, BadLine};
use super::{ConfigError, Setting, names};

/// The environment, and behind it `.env`. Has no `Debug`: secrets are in it.
pub struct Environment {
    process: BTreeMap<String, OsString>,
    file: BTreeMap<String, String>,
}

impl Environment {
    /// Takes the process's environment and the `.env` of the working directory, if there is one.
    ///
    /// # Errors
    /// [`ConfigError::DotenvLine`] and [`ConfigError::DotenvUnreadable`].
    pub fn read() -> Result<Self, ConfigError> {
        Self::with(std::env::vars_os(), Path::new(".env"))
    }

    /// Takes variables instead of the process's, and no `.env`.
    pub fn of(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let process = variables.into_iter().map(|(name, value)| (name.to_string_lossy().into_owned(), value));
        Self { process: process.collect(), file: BTreeMap::new() }
    }

    pub(super) fn with(
        process: impl IntoIterator<Item = (OsString, OsString)>,
        file: &Path,
    ) -> Result<Self, ConfigError> {
        // A name that is no UTF-8 is none of ours, however it is shown.
        let named = |(name, value): (OsString, OsString)| (name.to_string_lossy().into_owned(), value);
        Ok(Self { process: process.into_iter().map(named).collect(), file: read_file(file)? })
    }

    /// A setting's text without the blanks around it; an empty one counts as unset.
    pub(super) fn lookup(&self, setting: &Setting) -> Result<Option<&str>, ConfigError> {
        Ok(self.in_process(setting)?.or_else(|| self.in_file(setting)))
    }

    /// The text from the process's environment.
    pub(super) fn in_process(&self, setting: &Setting) -> Result<Option<&str>, ConfigError> {
        let Some(value) = self.process.get(setting.env) else { return Ok(None) };
        let text = value.to_str().ok_or_else(|| ConfigError::bad(setting, "is not UTF-8"))?.trim();
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    /// The text from the `.env` file, which somebody else may have written.
    pub(super) fn in_file(&self, setting: &Setting) -> Option<&str> {
        self.file.get(setting.env).map(|text| text.trim()).filter(|text| !text.is_empty())
    }

    /// Refuses names that claim to be ours and are not: a slip of the pen must not pass for a default.
    ///
    /// # Errors
    /// [`ConfigError::UnknownName`].
    pub fn refuse_unknown_names(&self) -> Result<(), ConfigError> {
        let mut all = self.process.keys().chain(self.file.keys());
        match all.find_map(|name| names::unknown(name).map(|meant| (name, meant))) {
            Some((name, meant)) => Err(ConfigError::UnknownName {
                name: name.escape_debug().to_string(),
                hint: meant.map(|env| format!("; did you mean {env}?")).unwrap_or_default(),
            }),
            None => Ok(()),
        }
    }
}

fn read_file(path: &Path) -> Result<BTreeMap<String, String>, ConfigError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(dotenv::MAX_SIZE + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) if bytes.len() as u64 > dotenv::MAX_SIZE => {
            Err(ConfigError::DotenvUnreadable(format!("it has more than {} bytes", dotenv::MAX_SIZE)))
        }
        Ok(_) => dotenv::parse(&bytes).map_err(|BadLine(line)| ConfigError::DotenvLine(line)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(ConfigError::DotenvUnreadable(error.to_string())),
    }
}
