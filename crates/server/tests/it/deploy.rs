//! The files under `deploy/` name settings that there are, give them values that are taken, and agree with each other.
//!
//! Their syntax is held by the suite `deploy` of `scripts/test`; this is what no linter knows.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use hookfill::config::{Config, DatabaseUrl, Environment, Flags, Network, SETTINGS};

/// What Compose is told in `.env` beside settings.
const COMPOSE_ONLY: &[&str] = &["IMAGE", "POSTGRES_PASSWORD", "PROXY_HTTP", "PROXY_HTTPS", "SITE_ADDRESS"];
/// How long the service may take to stop, in seconds.
const STOP: u32 = 5;

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").canonicalize().unwrap()
}

fn read(name: &str) -> String {
    let path = deploy().join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names of all files of `deploy/`, such as `compose/Caddyfile`.
fn names() -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![deploy()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            // An operator's own secrets are none of ours to read.
            } else if path.file_name().is_some_and(|name| name != ".env") {
                found.push(path.strip_prefix(deploy()).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// What stands between `before` and the end of the line, wherever `before` stands in a line.
fn after<'a>(text: &'a str, before: &str) -> Vec<&'a str> {
    text.lines().filter_map(|line| line.split_once(before)).map(|(_, rest)| rest.trim()).collect()
}

/// As [`after`], where there must be exactly one.
fn the<'a>(text: &'a str, before: &str) -> &'a str {
    let found = after(text, before);
    assert_eq!(found.len(), 1, "`{before}` stands there {} times", found.len());
    found[0]
}

/// The number that a text begins with.
fn number(text: &str) -> u32 {
    let digits = text.trim_start_matches(|letter: char| !letter.is_ascii_digit());
    digits.split(|letter: char| !letter.is_ascii_digit()).next().unwrap().parse().unwrap()
}

/// `NAME=value` and `NAME: value` of a file, in whatever way it is written, also where it is commented out as an example.
fn assignments(text: &str) -> Vec<(&str, &str)> {
    let assignment = |line| {
        let mut line: &str = line;
        for prefix in ["#", "ENV ", "Environment="] {
            line = line.trim().strip_prefix(prefix).unwrap_or(line);
        }
        let line = line.trim().trim_end_matches('\\').trim_end();
        let end = line.find(|letter: char| !letter.is_ascii_uppercase() && letter != '_')?;
        let (name, rest) = line.split_at(end);
        let value = rest.strip_prefix('=').or_else(|| rest.strip_prefix(": "))?;
        (name.len() > 1).then_some((name, value.trim_matches('"')))
    };
    text.lines().filter_map(assignment).collect()
}

/// The value that Compose makes of one; none where it asks for all of it.
fn substituted(value: &str) -> Option<String> {
    let Some((before, rest)) = value.split_once("${") else { return Some(value.to_owned()) };
    let (inside, after) = rest.split_once('}').unwrap();
    match inside.split_once(":-") {
        Some((_, default)) => Some(format!("{before}{default}{after}")),
        None if before.is_empty() => None,
        None => Some(format!("{before}asked-for{after}")),
    }
}

fn is_setting(name: &str) -> bool {
    SETTINGS.iter().any(|setting| setting.env == name)
}

/// Whether the service takes a value for a setting, or why not.
fn taken(name: &str, value: &str) -> Result<(), String> {
    // By themselves: what a build can serve is another matter than how it is written.
    match name {
        "DATABASE_URL" => value.parse::<DatabaseUrl>().map(drop),
        "NATS_URL" => value.strip_prefix("nats://").map(drop).ok_or_else(|| "is no NATS URL".to_owned()),
        _ => {
            let environment = Environment::of([(OsString::from(name), OsString::from(value))]);
            Config::load(&Flags::default(), &environment).map(drop).map_err(|error| error.to_string())
        }
    }
}

#[test]
fn every_name_that_begins_as_ours_do_is_a_setting() {
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for file in names() {
        let text = read(&file);
        for word in text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_') {
            if word.starts_with("HOOKFILL_") {
                seen.insert(word.to_owned());
                if !is_setting(word) {
                    wrong.push(format!("{file}: {word}"));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(seen.len() > 5, "{seen:?}");
}

#[test]
fn what_is_set_is_a_setting_and_has_a_value_that_is_taken() {
    let mut wrong = Vec::new();
    let mut tried = 0;
    for file in names().iter().filter(|file| !file.ends_with(".md")) {
        let text = read(file);
        for (name, value) in assignments(&text) {
            let sets_ours =
                file.contains("env.example") || file.contains("configmap") || file.contains("secret");
            if !is_setting(name) {
                if sets_ours && !(file.starts_with("compose/") && COMPOSE_ONLY.contains(&name)) {
                    wrong.push(format!("{file}: {name} is no setting"));
                }
            } else if file.contains("secret") {
                // Somebody will apply it as it stands: then nothing may start with it.
                if taken(name, value).is_ok() {
                    wrong.push(format!("{file}: {name} is taken as it stands"));
                }
            } else if let Some(value) = substituted(value).filter(|value| !value.is_empty()) {
                tried += 1;
                if let Err(error) = taken(name, &value) {
                    wrong.push(format!("{file}: {error}"));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(tried > 20, "{tried} values were tried");
}

#[test]
fn secrets_are_asked_for_and_never_given() {
    let compose = read("compose/compose.yaml");
    for secret in ["ENCRYPTION_KEY", "HOOKFILL_ADMIN_TOKEN", "POSTGRES_PASSWORD"] {
        assert!(compose.contains(&format!("${{{secret}:?")), "{secret} is not asked for");
        assert!(!compose.contains(&format!("${{{secret}:-")), "{secret} has a default");
        for file in names().iter().filter(|file| file.ends_with("env.example")) {
            let text = read(file);
            let given =
                assignments(&text).into_iter().any(|(name, value)| name == secret && !value.is_empty());
            assert!(!given, "{file}: {secret}");
        }
    }
}

#[test]
fn the_files_agree_on_the_port() {
    let image = read("docker/Dockerfile");
    let port = the(&image, "EXPOSE ");
    let compose = read("compose/compose.yaml");
    let listen = format!("0.0.0.0:{port}");
    assert_eq!(assignments(&image).iter().find(|(name, _)| *name == "HOOKFILL_LISTEN").unwrap().1, listen);
    assert_eq!(the(&compose, "HOOKFILL_LISTEN: "), listen);
    let config = read("kubernetes/configmap.yaml");
    assert_eq!(the(&config, "HOOKFILL_LISTEN: "), listen);
    let deployment = read("kubernetes/deployment.yaml");
    assert_eq!(number(the(&deployment, "{name: http, containerPort: ")).to_string(), port);
    assert!(deployment.matches("port: http}").count() == 3, "the probes ask at the port by its name");
    assert_eq!(the(&read("kubernetes/service.yaml"), "targetPort: "), "http, protocol: TCP}");
    assert!(read("kubernetes/networkpolicy.yaml").contains(&format!("port: {port}}}")));

    // Every node is behind the proxy, and nothing else is.
    let caddy = read("compose/Caddyfile");
    let upstreams: Vec<_> = the(&caddy, "reverse_proxy ").trim_end_matches(" {").split(' ').collect();
    let before_each = compose.split("    <<: *hookfill").collect::<Vec<_>>();
    let services =
        before_each[..before_each.len() - 1].iter().map(|text| text.trim_end().lines().last().unwrap());
    let nodes: Vec<_> = services.map(|name| format!("{}{port}", name.trim())).collect();
    assert_eq!(upstreams, nodes);
    assert!(nodes.len() > 1);
}

#[test]
fn the_database_is_where_the_directory_is_that_the_service_may_write_to() {
    let image = read("docker/Dockerfile");
    let database = assignments(&image).iter().find(|(name, _)| *name == "DATABASE_URL").unwrap().1;
    let folder = Path::new(database.strip_prefix("sqlite:").unwrap()).parent().unwrap().to_str().unwrap();
    assert_eq!(the(&image, "VOLUME "), format!("[\"{folder}\"]"));
    assert_eq!(after(&image, "WORKDIR ").last(), Some(&folder));
    assert!(image.contains(&format!("--chown=65532:65532 --chmod=0700 /image/empty/ {folder}/\n")));
    assert!(image.contains("\nUSER 65532:65532\n"));

    let unit = read("systemd/hookfill.service");
    assert_eq!(the(&unit, "Environment=DATABASE_URL="), database);
    assert_eq!(format!("/var/lib/{}", the(&unit, "StateDirectory=")), folder);
    assert_eq!(the(&unit, "WorkingDirectory="), folder);
}

#[test]
fn nobody_but_the_proxy_is_believed() {
    let compose = read("compose/compose.yaml");
    let trusted: Network = the(&compose, "HOOKFILL_TRUSTED_PROXIES: ").parse().unwrap();
    let proxy = the(&compose, "edge: {ipv4_address: ").trim_end_matches('}');
    assert!(trusted.contains(proxy.parse().unwrap()));
    let pool = the(&compose, "config: [{subnet: ").trim_end_matches("}]");
    let (subnet, others) = pool.split_once(", ip_range: ").unwrap();
    assert!(subnet.parse::<Network>().unwrap().contains(proxy.parse().unwrap()));
    // Else a node that starts first could be given the proxy's address.
    assert!(!others.parse::<Network>().unwrap().contains(proxy.parse().unwrap()));
    assert!(!trusted.contains(others.split('/').next().unwrap().parse().unwrap()));
}

#[test]
fn the_service_is_given_the_time_that_it_takes_to_stop() {
    let compose = read("compose/compose.yaml");
    let graces = after(&compose, "stop_grace_period: ");
    assert!(
        graces.len() >= 4 && graces.iter().all(|grace| number(grace) > STOP && grace.ends_with('s')),
        "{graces:?}"
    );
    assert!(number(the(&read("systemd/hookfill.service"), "TimeoutStopSec=")) > STOP);
    let deployment = read("kubernetes/deployment.yaml");
    let pause = number(the(&deployment, "sleep: {seconds: "));
    assert!(number(the(&deployment, "terminationGracePeriodSeconds: ")) > pause + STOP);
    assert!(read("README.md").contains("--stop-timeout 10 "));
}

#[test]
fn every_container_has_no_more_rights_than_it_needs() {
    let compose = read("compose/compose.yaml");
    for right in ["read_only: true", "cap_drop: [ALL]", "no-new-privileges:true", "restart: "] {
        the(&compose, right);
    }
    let services = compose.split("\nservices:\n").nth(1).unwrap().split("\nnetworks:\n").next().unwrap();
    let is_service = |line: &&str| line.starts_with("  ") && line.ends_with(':') && !line.starts_with("   ");
    let count = services.lines().filter(is_service).count();
    assert_eq!(count, services.matches("<<: *hardened").count() + services.matches("<<: *hookfill").count());
    assert_eq!(count, 5);
    for file in ["kubernetes/deployment.yaml", "kubernetes/nats.yaml"] {
        let manifest = read(file);
        for right in [
            "automountServiceAccountToken: false",
            "enableServiceLinks: false",
            "runAsNonRoot: true",
            "seccompProfile: {type: RuntimeDefault}",
            "allowPrivilegeEscalation: false",
            "readOnlyRootFilesystem: true",
            "capabilities: {drop: [ALL]}",
        ] {
            assert_eq!(manifest.matches(right).count(), 1, "{file}: {right}");
        }
    }
}

#[test]
fn the_kustomization_lists_the_manifests_that_there_are() {
    let kustomization = read("kubernetes/kustomization.yaml");
    let listed: BTreeSet<_> = after(&kustomization, "- ")
        .into_iter()
        .filter(|name| name.ends_with(".yaml"))
        .map(str::to_owned)
        .collect();
    let manifests =
        names().into_iter().filter_map(|name| name.strip_prefix("kubernetes/").map(str::to_owned));
    let manifests: BTreeSet<_> = manifests
        .filter(|name| !["kustomization.yaml", "secret.example.yaml"].contains(&name.as_str()))
        .collect();
    assert_eq!(listed, manifests);
    assert!(kustomization.contains("\n  # - ingress.yaml\n"), "the Ingress is optional");
    // A Secret that is applied with the rest would overwrite the real one.
    assert!(!kustomization.contains("- secret"));
}

#[test]
fn versions_are_the_same_everywhere() {
    let version = env!("CARGO_PKG_VERSION");
    let mut images = 0;
    for file in names() {
        for rest in read(&file).split("hookfill:").skip(1) {
            let tag: String =
                rest.chars().take_while(|letter| letter.is_ascii_digit() || *letter == '.').collect();
            if !tag.is_empty() {
                images += 1;
                assert_eq!(tag.trim_end_matches('.'), version, "{file}");
            }
        }
    }
    assert!(images >= 5, "{images}");
    assert_eq!(the(&read("kubernetes/kustomization.yaml"), "newTag: "), version);
    let image = read("docker/Dockerfile");
    assert_eq!(the(&image, "ARG VERSION="), version);
    let rust = format!("FROM rust:{}-bookworm AS builder", env!("CARGO_PKG_RUST_VERSION"));
    assert!(image.contains(&rust), "{rust}");
    let nats = |file| the(&read(file), "image: nats:").to_owned();
    assert_eq!(nats("compose/compose.yaml"), nats("kubernetes/nats.yaml"));
}
