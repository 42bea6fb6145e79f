//! graphile-worker beside it, where it is installed: the same jobs through its own tables on the same database.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::report::Report;

const SCRIPT: &str = include_str!("graphile.mjs");

pub struct Peer {
    /// The folder with `node_modules` in it.
    at: PathBuf,
    script: tempfile::NamedTempFile,
}

impl Peer {
    /// In the given folder, or in one above the one where this is run. Says so when there is none.
    pub fn find(given: Option<&str>, report: &mut Report) -> Option<Peer> {
        let here = std::env::current_dir().unwrap();
        let places = given.map(PathBuf::from).into_iter().chain(here.ancestors().map(Path::to_path_buf));
        let Some(at) = places.into_iter().find(|place| place.join("node_modules/graphile-worker/package.json").is_file()) else {
            report.line("graphile-worker", "absent", "no node_modules with it here or above; name a folder with --peer DIR");
            return None;
        };
        if Command::new("node").arg("--version").output().is_err() {
            report.line("graphile-worker", "absent", "there is no program `node`");
            return None;
        }
        let at = at.canonicalize().unwrap();
        // Modules are looked for beside the script.
        let script = tempfile::Builder::new().prefix("bench-").suffix(".mjs").tempfile_in(&at);
        let script = match script.and_then(|file| std::fs::write(file.path(), SCRIPT).map(|()| file)) {
            Ok(script) => script,
            Err(error) => {
                report.line("graphile-worker", "absent", format!("its folder {} cannot be written to: {error}", at.display()));
                return None;
            }
        };
        let package = std::fs::read_to_string(at.join("node_modules/graphile-worker/package.json")).unwrap();
        let package: serde_json::Value = serde_json::from_str(&package).unwrap();
        report.line("graphile-worker", package["version"].as_str().unwrap_or("?"), "beside it, on the same database");
        Some(Peer { at, script })
    }

    /// Jobs a second, all of them waiting at the beginning.
    pub fn rate(&self, url: &str, jobs: usize) -> f64 {
        self.run("rate", url, jobs)[0]
    }

    /// How long each of these jobs waited.
    pub fn millis(&self, url: &str, jobs: usize) -> Vec<f64> {
        self.run("wait", url, jobs)
    }

    fn run(&self, how: &str, url: &str, jobs: usize) -> Vec<f64> {
        // What our driver says about encryption its driver reads differently.
        let url = url.split('?').next().unwrap_or(url);
        let mut command = Command::new("node");
        command.arg(self.script.path()).args([how, url, &jobs.to_string()]).current_dir(&self.at).env("NO_LOG_SUCCESS", "1");
        let output = command.output().unwrap();
        assert!(output.status.success(), "graphile-worker failed: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        serde_json::from_str(text.lines().last().unwrap()).unwrap()
    }
}
