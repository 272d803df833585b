//! The house keeps its own rules: who may use whom, how long files and functions are, links that lead somewhere.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Who of `crates/server/src` may use whom of it.
const EDGES: &[(&str, &[&str])] = &[
    ("clock", &[]),
    ("shutdown", &[]),
    ("telemetry", &[]),
    ("api_key", &[]),
    ("secrets", &["clock"]),
    ("config", &["secrets", "telemetry"]),
    ("broker", &[]),
    ("bus", &["clock", "config", "shutdown", "telemetry"]),
    ("credentials", &["api_key", "clock", "shutdown"]),
    ("database", &["clock", "config", "secrets"]),
    ("engine", &["broker", "clock", "shutdown", "telemetry"]),
    ("http", &["api_key", "bus", "clock", "config", "credentials", "secrets", "shutdown", "telemetry"]),
    ("stream", &["bus", "http", "shutdown", "telemetry"]),
    (
        "app",
        &[
            "broker",
            "bus",
            "clock",
            "config",
            "credentials",
            "database",
            "engine",
            "http",
            "secrets",
            "shutdown",
            "stream",
            "telemetry",
        ],
    ),
    ("cli", &["api_key", "app", "clock", "config", "database", "http", "secrets", "telemetry"]),
];

/// Longest product file, without its tests.
const FILE: usize = 400;
/// What half of the product files may have at most.
const MEDIAN: usize = 140;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Every file with an ending below a folder, except what is built.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && name != "target" && !name.starts_with(".git") {
            found.extend(files(&path, ending));
        } else if name.ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The product's sources: no tests, benches, examples, fuzz targets.
fn product() -> Vec<PathBuf> {
    let tests = ["tests", "benches", "examples", "fuzz", "tests.rs", "contract"];
    let is_test = |path: &Path| path.iter().any(|part| tests.contains(&part.to_str().unwrap()));
    files(&root().join("crates"), ".rs").into_iter().filter(|path| !is_test(path)).collect()
}

/// A source without its tests.
fn without_tests(source: &str) -> &str {
    source.split("#[cfg(test)]\nmod tests {").next().unwrap()
}

#[test]
fn modules_use_only_what_stands_above_them() {
    let source = root().join("crates/server/src");
    let mut wrong = Vec::new();
    for path in files(&source, ".rs") {
        let module = path.strip_prefix(&source).unwrap().iter().next().unwrap().to_str().unwrap();
        let module = module.trim_end_matches(".rs");
        let is_test = module == "specimen" || path.iter().any(|part| part == "tests" || part == "tests.rs");
        if module == "lib" || module == "main" || is_test {
            continue;
        }
        let allowed = EDGES.iter().find(|(name, _)| *name == module);
        let allowed = allowed.unwrap_or_else(|| panic!("{module} is not in the table of edges")).1;
        let text = fs::read_to_string(&path).unwrap();
        for used in without_tests(&text).split("crate::").skip(1) {
            let used: String = used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if !used.is_empty() && used != module && !allowed.contains(&used.as_str()) {
                wrong.push(format!("{} uses {used}", path.display()));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn only_the_store_knows_sql_and_only_the_outside_knows_http() {
    let mut wrong = Vec::new();
    for path in product() {
        let text = fs::read_to_string(&path).unwrap();
        let place = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        for (word, home) in
            [("rusqlite::", "crates/store/"), ("refinery::", "crates/store/"), ("axum::", "crates/server/")]
        {
            if without_tests(&text).contains(word)
                && !place.starts_with(home)
                && !place.starts_with("crates/bench/")
            {
                wrong.push(format!("{place} uses {word}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn the_product_needs_nothing_that_measures_or_tests_it() {
    let mut wrong = Vec::new();
    for path in files(&root().join("crates"), "Cargo.toml") {
        let text = fs::read_to_string(&path).unwrap();
        let needed =
            text.split("\n[").find(|section| section.starts_with("dependencies]")).unwrap_or_default();
        // What measures starts servers as tests do.
        let measures = path.ends_with("bench/Cargo.toml");
        if needed.contains("hookfill-bench") || (needed.contains("hookfill-rig") && !measures) {
            wrong.push(path);
        }
    }
    assert_eq!(wrong, Vec::<PathBuf>::new());
}

#[test]
fn files_are_short() {
    let mut lengths: BTreeMap<PathBuf, usize> = BTreeMap::new();
    for path in product() {
        let text = fs::read_to_string(&path).unwrap();
        lengths.insert(path, without_tests(&text).lines().count());
    }
    let long: Vec<_> = lengths.iter().filter(|(_, lines)| **lines > FILE).collect();
    assert!(long.is_empty(), "longer than {FILE} lines: {long:?}");
    let mut sorted: Vec<usize> = lengths.values().copied().collect();
    sorted.sort_unstable();
    let median = sorted[sorted.len() / 2];
    assert!(median <= MEDIAN, "half of the files have more than {median} lines");
    let main = fs::read_to_string(root().join("crates/server/src/main.rs")).unwrap();
    assert!(without_tests(&main).lines().count() <= 40, "main.rs is a table of contents");
}

#[test]
fn documents_lead_nowhere_that_is_not_there() {
    let mut dead = Vec::new();
    for path in files(&root(), ".md") {
        let text = fs::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap();
            let outside = target.contains("://") || target.is_empty();
            if !outside && !path.parent().unwrap().join(target).exists() {
                dead.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert_eq!(dead, Vec::<String>::new());
}

#[test]
fn every_column_and_every_setting_is_explained() {
    let mut unexplained = Vec::new();
    for path in files(&root().join("migrations"), ".sql") {
        let text = fs::read_to_string(&path).unwrap();
        let mut table = "";
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("CREATE TABLE ") {
                table = rest.split_whitespace().next().unwrap();
            }
            // A continued line of another statement is no column.
            let column = line.strip_prefix("    ").filter(|line| line.starts_with(char::is_lowercase));
            let Some(column) = column.and_then(|line| line.split_whitespace().next()) else { continue };
            let stored = text.contains(&format!("COMMENT ON COLUMN {table}.{column} IS '"));
            if !line.contains("-- ") && !stored {
                unexplained.push(format!("{table}.{column} in {}", path.display()));
            }
        }
    }
    let operating = fs::read_to_string(root().join("docs/OPERATING.md")).unwrap();
    for setting in hookfill::config::SETTINGS {
        if !operating.contains(setting.env) {
            unexplained.push(format!("{} is not in docs/OPERATING.md", setting.env));
        }
    }
    assert_eq!(unexplained, Vec::<String>::new());
}
