//! Migrations, as every backend sees them: a backend reads its history and applies; what may be applied is decided here.

use refinery::Runner;

/// A migration of this version of hookfill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// Its number; they are applied in this order.
    pub version: i32,
    /// What it is about.
    pub name: String,
    /// What it does.
    pub sql: String,
    /// Refinery's checksum over all of the above, as the history keeps it.
    pub checksum: String,
}

/// A migration that a database has had: a row of its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Its number.
    pub version: i32,
    /// What it was about.
    pub name: String,
    /// When, in RFC 3339, as it was written down.
    pub at: String,
    /// Its checksum.
    pub checksum: String,
}

/// How a database stands to a migration of this version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The migration.
    pub migration: Migration,
    /// When the database has had it, as it was written down; `None` where it is to come.
    pub applied_at: Option<String>,
}

/// The migrations that are to come, in their order.
#[must_use]
pub fn pending(standing: Vec<Standing>) -> Vec<Migration> {
    let to_come = standing.into_iter().filter(|standing| standing.applied_at.is_none());
    to_come.map(|standing| standing.migration).collect()
}

/// The migrations that a backend has embedded, in their order.
pub(crate) fn embedded(runner: &Runner) -> Vec<Migration> {
    let of = |migration: &refinery::Migration| Migration {
        version: migration.version(),
        name: migration.name().to_owned(),
        sql: migration.sql().unwrap_or_default().to_owned(),
        checksum: migration.checksum().to_string(),
    };
    let mut known: Vec<_> = runner.get_migrations().iter().map(of).collect();
    known.sort_by_key(|migration| migration.version);
    known
}

/// Holds a history against the migrations of this version.
///
/// # Errors
/// Why the database does not fit this version: its history is newer, altered, or has a gap.
pub(crate) fn compare(known: &[Migration], history: &[Applied]) -> Result<Vec<Standing>, String> {
    let newest = known.iter().map(|migration| migration.version).max().unwrap_or_default();
    let latest = history.iter().map(|applied| applied.version).max();
    if let Some(newer) = latest.filter(|version| *version > newest) {
        return Err(format!(
            "it has migration V{newer} and this version knows V{newest} at most; upgrade hookfill"
        ));
    }
    for Applied { version, name, checksum, .. } in history {
        let found = known.iter().find(|migration| migration.version == *version);
        if found.is_none_or(|migration| migration.name != *name || migration.checksum != *checksum) {
            return Err(format!(
                "its migration V{version} {name} is not the one of this version; run the hookfill that it belongs to, \
                 or restore it from a backup"
            ));
        }
    }
    let stand = |migration: &Migration| {
        let applied = history.iter().find(|applied| applied.version == migration.version);
        if applied.is_none() && latest.is_some_and(|latest| latest > migration.version) {
            let Migration { version, name, .. } = migration;
            return Err(format!(
                "it lacks migration V{version} {name} and has had a later one; restore it from a backup"
            ));
        }
        Ok(Standing { migration: migration.clone(), applied_at: applied.map(|applied| applied.at.clone()) })
    };
    known.iter().map(stand).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(version: i32) -> Migration {
        let text = |what: &str| format!("{what} {version}");
        Migration { version, name: text("name"), sql: text("SELECT"), checksum: text("checksum") }
    }

    fn applied(version: i32) -> Applied {
        let Migration { version, name, checksum, .. } = known(version);
        Applied { version, name, at: "2030-01-01T00:00:00Z".to_owned(), checksum }
    }

    fn refusal(history: &[Applied]) -> String {
        compare(&[known(1), known(2)], history).expect_err("it was taken")
    }

    #[test]
    fn what_was_applied_says_when_and_the_rest_is_to_come() {
        let standing = compare(&[known(1), known(2)], &[applied(1)]).unwrap();
        let at: Vec<_> = standing.iter().map(|standing| standing.applied_at.as_deref()).collect();
        assert_eq!(at, [Some("2030-01-01T00:00:00Z"), None]);
        assert_eq!(pending(standing), [known(2)]);
        assert_eq!(pending(compare(&[known(1), known(2)], &[]).unwrap()), [known(1), known(2)]);
        assert_eq!(pending(compare(&[known(1)], &[applied(1)]).unwrap()), []);
    }

    #[test]
    fn a_history_that_is_newer_altered_or_has_a_gap_is_refused() {
        assert!(refusal(&[applied(1), applied(2), applied(3)]).contains("upgrade hookfill"));
        assert!(refusal(&[applied(2)]).contains("lacks migration V1"));
        assert!(refusal(&[applied(0), applied(1)]).contains("V0 name 0 is not the one"));
        for altered in [
            Applied { name: "another".to_owned(), ..applied(1) },
            Applied { checksum: "another".to_owned(), ..applied(1) },
        ] {
            assert!(refusal(&[altered]).contains("is not the one of this version"));
        }
    }
}
