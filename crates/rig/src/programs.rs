//! Where the servers' programs are.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// The folder of PostgreSQL's programs: `TEST_POSTGRES_BIN`, else where the `initdb` in PATH really is, else the newest
/// of Debian's, which are not in PATH.
pub(crate) fn postgres_folder() -> PathBuf {
    if let Some(folder) = set("TEST_POSTGRES_BIN") {
        assert!(
            folder.join("initdb").exists(),
            "there is no initdb in TEST_POSTGRES_BIN={}",
            folder.display()
        );
        return folder;
    }
    // Debian's `psql` in PATH is a script that chooses a server of its own mind; those beside the real initdb do not.
    let in_path = in_path("initdb").and_then(|found| fs::canonicalize(found).ok());
    in_path
        .and_then(|found| found.parent().map(Path::to_owned))
        .or_else(newest_of_debian)
        .expect("no PostgreSQL: initdb is not in TEST_POSTGRES_BIN, PATH, or /usr/lib/postgresql/*/bin")
}

/// The program of the NATS server: `TEST_NATS_BIN`, else in PATH, else where `scripts/test` installs it.
pub(crate) fn nats_server() -> PathBuf {
    if let Some(program) = set("TEST_NATS_BIN") {
        assert!(program.is_file(), "TEST_NATS_BIN={} is not a program", program.display());
        return program;
    }
    let cache = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    let installed = cache.map(|cache| cache.join("hookfill-test-python/bin/nats-server"));
    in_path("nats-server")
        .or_else(|| installed.filter(|program| program.is_file()))
        .expect("no nats-server: not in TEST_NATS_BIN, PATH, or where scripts/test installs it")
}

fn set(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn in_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}

fn newest_of_debian() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?.filter_map(Result::ok);
    let numbered = versions.filter_map(|entry| {
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        let folder = entry.path().join("bin");
        folder.join("initdb").exists().then_some((version, folder))
    });
    numbered.max().map(|(_, folder)| folder)
}
