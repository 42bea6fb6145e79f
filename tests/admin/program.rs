//! Running the program and reading what it answers.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What the program answered.
#[derive(Debug)]
pub struct Answer {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Answer {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

/// The program in a directory, without any variable of the tests' own environment.
pub fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_syndarix"));
    command.args(args).current_dir(dir).env_clear().env("PATH", variable("PATH").unwrap_or_default()).env("HOME", dir);
    command
}

/// Runs it to its end.
pub fn run(dir: &Path, args: &[&str]) -> Answer {
    answer(command(dir, args).output().unwrap())
}

pub fn answer(output: Output) -> Answer {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Answer { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

/// The root of this repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Compares with a file of the repository, or writes it when `UPDATE_GOLDEN` is set.
pub fn golden(path: &str, text: &str) {
    let file = root().join(path);
    if variable("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(kept == text, "{path} is out of date; `UPDATE_GOLDEN=1 cargo test --test admin` writes it anew");
}

#[expect(clippy::disallowed_methods, reason = "the suite has no configuration to be told by")]
fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name)
}

/// A client for what the tests look at themselves.
pub fn client() -> reqwest::Client {
    reqwest::Client::builder().build().unwrap()
}
