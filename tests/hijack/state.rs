//! Everything a forge holds at one moment, and what lies in its repositories.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use syndarix::base::text::sha256_hex;
use syndarix::sandbox::{Move, Sandbox};

use super::world::REPO;

/// A picture of the forge.
pub struct State {
    /// `table/id` and the row.
    pub rows: BTreeMap<String, Value>,
    /// Branches and tags that have been moved so far.
    pub moves: Vec<Move>,
    /// Hashes of files: all of other projects' repositories, and the settings and hooks of the one at work.
    pub files: BTreeMap<String, String>,
}

impl State {
    pub fn of(sandbox: &Sandbox, others: &[&str]) -> State {
        let mut files = BTreeMap::new();
        for repo in others {
            walk(&sandbox.git_dir(repo).unwrap(), repo, &mut files);
        }
        let own = sandbox.git_dir(REPO).unwrap();
        for part in ["config", "hooks", "info", "HEAD", "packed-refs"] {
            walk(&own.join(part), part, &mut files);
        }
        State { rows: sandbox.rows(), moves: sandbox.moves(), files }
    }

    pub fn row(&self, table: &str, id: &str) -> Option<&Value> {
        self.rows.get(&format!("{table}/{id}"))
    }
}

/// Every file below a place with the hash of its content; nothing where nothing is.
fn walk(at: &Path, name: &str, files: &mut BTreeMap<String, String>) {
    if at.is_dir() {
        for entry in std::fs::read_dir(at).unwrap().map(Result::unwrap) {
            walk(&entry.path(), &format!("{name}/{}", entry.file_name().to_string_lossy()), files);
        }
    } else if at.exists() {
        files.insert(name.to_owned(), sha256_hex(std::fs::read(at).unwrap()));
    }
}

/// What Git says about a repository of the forge.
pub fn ask_git(sandbox: &Sandbox, arguments: &[&str]) -> Result<String, String> {
    let mut git = Command::new("git");
    git.arg("--git-dir").arg(sandbox.git_dir(REPO).unwrap()).args(arguments);
    let output = git.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() { Ok(text) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}
