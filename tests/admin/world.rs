//! A sandbox forge with one repository, and a directory with settings for it.

use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use std::io::{BufRead, BufReader};

use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustix::process::{Pid, Signal, kill_process};
use syndarix::sandbox::{AppWish, Permission, Sandbox, SandboxConfig, Skin};

use crate::program::{Answer, answer, client, command};

pub const REPO: &str = "acme/shop";
/// Made for tests; no App of anybody has it.
const APP_KEY: &str = include_str!("../wire/app-key.pem");
pub const SECRET: &str = "hook-secret-canary";

pub struct World {
    pub dir: tempfile::TempDir,
    pub sandbox: Sandbox,
    pub token: String,
    /// The protocol that the program speaks with the forge.
    pub skin: Skin,
}

/// A serving process. It is killed when dropped.
pub struct Serving {
    pub url: String,
    child: Child,
}

impl World {
    pub async fn open() -> World {
        World::open_as(Skin::Gitea).await
    }

    /// The same forge, spoken to as this kind.
    pub async fn open_as(skin: Skin) -> World {
        let dir = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::start(SandboxConfig::new(dir.path().join("forge"))).await.unwrap();
        let token = sandbox.ensure_user("syndarix-bot", true, false).unwrap();
        sandbox.ensure_user("acme", false, false).unwrap();
        sandbox.ensure_repo("acme", "shop", None, None).await.unwrap();
        sandbox.set_permission(REPO, "syndarix-bot", Permission::Admin).unwrap();
        let world = World { dir, sandbox, token, skin };
        world.settings(free_port());
        world
    }

    /// A GitHub to which the program signs in as the App `syndarix`, installed in one repository.
    pub async fn open_as_app(admin: bool) -> World {
        let world = World::open_as(Skin::GitHub).await;
        let pair =
            KeyPair::from_der(&STANDARD.decode(APP_KEY.lines().filter(|line| !line.starts_with("-----")).collect::<String>()).unwrap())
                .unwrap();
        let inner = STANDARD.encode(pair.public_key().as_ref());
        let public_key = format!("-----BEGIN RSA PUBLIC KEY-----\n{inner}\n-----END RSA PUBLIC KEY-----\n");
        let wish = AppWish { slug: "syndarix".into(), public_key, repos: vec![REPO.into()], admin, dates_by_machine: false, hook: None };
        let id = world.sandbox.ensure_github_app(&wish).unwrap();
        std::fs::write(world.path("app.pem"), APP_KEY).unwrap();
        world.change(&format!("token = {:?}", world.token), &format!("app_id = {id}\nprivate_key_file = \"app.pem\""));
        world.sandbox.set_permission(REPO, "syndarix-bot", Permission::None).unwrap();
        let token = world.sandbox.ensure_user("acme", false, false).unwrap();
        World { token, ..world }
    }

    /// Writes the settings for a process on this port.
    pub fn settings(&self, port: u16) {
        let text = format!(
            "data_dir = \"data\"\nlisten = \"127.0.0.1:{port}\"\nprojects = [\"{REPO}\"]\nlog = \"debug\"\n\n[[forges]]\nid = \"home\"\nkind = {:?}\nurl = {:?}\n\
             token = {:?}\nhook_secret = {SECRET:?}\n\n[timings]\nstatus_spacing_seconds = 0\naudit_spacing_seconds = 0\n",
            self.skin.name(),
            self.sandbox.url(),
            self.token
        );
        std::fs::write(self.path("syndarix-settings.toml"), text).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Changes the settings' text.
    pub fn change(&self, from: &str, to: &str) {
        let path = self.path("syndarix-settings.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from}: {text}");
        std::fs::write(path, text.replace(from, to)).unwrap();
    }

    /// Runs the program to its end while the forge goes on.
    pub async fn run(&self, args: &[&str]) -> Answer {
        self.run_with(args, &[]).await
    }

    pub async fn run_with(&self, args: &[&str], variables: &[(&str, &str)]) -> Answer {
        let mut command = command(self.dir.path(), args);
        command.envs(variables.iter().copied());
        let output = tokio::process::Command::from(command).kill_on_drop(true).output();
        answer(tokio::time::timeout(Duration::from_secs(120), output).await.expect("it ends").unwrap())
    }

    /// Starts `syndarix serve` and waits until it is ready.
    pub async fn serve(&self, variables: &[(&str, &str)]) -> Serving {
        std::fs::write(self.path("script.json"), "{\"name\": \"none\", \"rules\": []}").unwrap();
        let mut command = command(self.dir.path(), &["serve", "--script", "script.json"]);
        command.envs(variables.iter().copied());
        let log = std::fs::File::options().create(true).append(true).open(self.path("log")).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let line = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            lines.read_line(&mut line).unwrap();
            line
        });
        let line = line.await.unwrap();
        let url = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{line}{}", self.log())).to_owned();
        Serving { url, child }
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }
}

impl Serving {
    /// Status and text of a page.
    pub async fn page(&self, path: &str) -> (u16, String) {
        let answer = client().get(format!("{}{path}", self.url)).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Whether it ended by itself.
    pub async fn is_gone(&self) -> bool {
        client().get(format!("{}/healthz", self.url)).send().await.is_err()
    }

    /// Asks it to stop and gives its exit code.
    pub async fn stop(mut self) -> Option<i32> {
        kill_process(Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap(), Signal::TERM).unwrap();
        for _ in 0..400 {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("it did not stop within forty seconds");
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
