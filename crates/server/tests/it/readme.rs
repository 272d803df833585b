//! The README's own commands, run as they stand there, so that they cannot rot.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const HOOKFILL: &str = env!("CARGO_BIN_EXE_hookfill");

/// A process that does not outlive its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    /// Reads its output, line by line, until `done` says so; gives what was read.
    fn read_until(&mut self, mut done: impl FnMut(&str) -> bool) -> String {
        let mut read = String::new();
        for line in BufReader::new(self.0.stdout.as_mut().unwrap()).lines() {
            let line = line.unwrap();
            let last = done(&line);
            read.push_str(&line);
            read.push('\n');
            if last {
                return read;
            }
        }
        panic!("it ended after: {read}");
    }
}

/// The commands of the README, a block each.
fn blocks() -> Vec<String> {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md")).unwrap();
    readme.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn the_commands_of_the_readme_do_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let mut blocks = blocks();
    assert_eq!(blocks.remove(0).trim(), "cargo run --release", "the first command starts the service");
    assert_eq!(blocks.remove(0).trim(), "scripts/test", "the second one tests it");
    let watch = blocks.iter().position(|block| block.contains(" watch ")).expect("the README shows `watch`");
    let watch = blocks.remove(watch);

    let serve = Command::new(HOOKFILL)
        .env_clear()
        .args(["--listen", "127.0.0.1:0", "--mock-execute-after", "20ms", "--mock-close-after", "20ms"])
        .current_dir(&folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut serve = Running(serve);
    let ready = serve.read_until(|line| line.contains("ready at"));
    let url = ready.trim().rsplit(' ').next().unwrap();

    let here = |command: &str| {
        command.replace("target/release/hookfill", HOOKFILL).replace("http://127.0.0.1:8000", url)
    };
    let script =
        format!("set -eo pipefail\n{}\necho\necho \"KEY $HOOKFILL_API_KEY\"\n", here(&blocks.join("\n")));
    let run = Command::new("bash")
        .args(["-c", &script])
        .current_dir(&folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOOKFILL_URL", url)
        .env("no_proxy", "*")
        .output()
        .unwrap();
    let (said, complained) = (String::from_utf8(run.stdout).unwrap(), String::from_utf8(run.stderr).unwrap());
    assert!(run.status.success(), "{script}\n{said}\n{complained}");
    assert!(said.contains("\"status\":\"pending\""), "{said}");
    assert!(said.contains("\"instrument\":\"BTCUSD\""), "the second order is listed: {said}");
    assert!(said.contains("\"action\":\"signal_received\""), "{said}");
    assert!(complained.contains("bad_number") && complained.contains("^^^^^"), "{complained}");

    let key = said.lines().find_map(|line| line.strip_prefix("KEY ")).unwrap();
    assert!(key.starts_with("hfk_"), "{said}");
    let follow = Command::new("bash")
        .args(["-c", &format!("exec {}", here(watch.trim()))])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOOKFILL_URL", url)
        .env("HOOKFILL_API_KEY", key)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut closed = 0;
    let seen = Running(follow).read_until(|line| {
        closed += usize::from(line.contains(" closed "));
        closed == 2
    });
    for change in ["pending", "executed", "closed"] {
        assert_eq!(seen.lines().filter(|line| line.contains(&format!(" {change} "))).count(), 2, "{seen}");
    }

    let mut rest = String::new();
    drop(serve.0.kill());
    serve.0.stdout.as_mut().unwrap().read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "the ready line is all that the service prints");
}
