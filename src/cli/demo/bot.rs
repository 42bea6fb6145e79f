//! The bot's half of the demo: a process of its own that serves the sandbox forge.

use std::net::TcpStream;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use crate::app::fresh_secret;
use crate::base::secret::ExposeSecret;
use crate::config::Env;
use crate::sandbox::Sandbox;

use super::DemoArgs;
use super::people::People;
use super::story::Story;

/// The serving process. It ends when this one does, however that happens: its standard input closes.
pub struct Bot {
    child: Child,
    stdin: Option<ChildStdin>,
    model: String,
}

impl Bot {
    /// Writes its settings, starts it, and points the forge's web hook at it.
    pub async fn start(dir: &Path, args: &DemoArgs, story: &Story, sandbox: &Sandbox, people: &People) -> Result<Bot> {
        let secret = hook_secret(dir)?;
        let settings = dir.join("settings.toml");
        write_private(&settings, &settings_text(dir, story, &sandbox.url(), people.bot_token(), &secret))?;
        let program = std::env::current_exe().context("this program's own file cannot be found")?;
        let mut command = Command::new(program);
        command.arg("serve").arg("--with-parent").arg("--config").arg(&settings);
        let model = match &args.model {
            Some(model) => {
                command.args(["--model", model, "--max-usd", &args.max_usd.to_string()]);
                model.clone()
            }
            None => {
                let script = dir.join("script.json");
                write_private(&script, &serde_json::to_string(people.script())?)?;
                command.arg("--script").arg(script);
                "scripted".to_owned()
            }
        };
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("the bot's process could not be started")?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().context("the bot's process has no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let ready = tokio::time::timeout(Duration::from_secs(30), lines.next_line()).await;
        let Ok(Ok(Some(line))) = ready else {
            let _ = child.kill().await;
            bail!("the bot did not become ready; its messages are above");
        };
        let url = line.strip_prefix("listening on ").context("the bot said something unexpected at its start")?.to_owned();
        sandbox
            .ensure_hook(Some(&story.repo), &format!("{url}/hooks/sandbox"), &secret)
            .map_err(|problem| anyhow::anyhow!("the web hook could not be set: {problem}"))?;
        Ok(Bot { child, stdin, model })
    }

    /// How the model is called in reports.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Lets it end in order.
    pub async fn stop(mut self) -> Result<()> {
        drop(self.stdin.take());
        if tokio::time::timeout(Duration::from_secs(35), self.child.wait()).await.is_err() {
            self.child.kill().await?;
        }
        Ok(())
    }
}

fn settings_text(dir: &Path, story: &Story, forge: &str, token: &str, secret: &str) -> String {
    let data = dir.join("bot");
    format!(
        "data_dir = {data:?}\nlisten = \"127.0.0.1:0\"\nprojects = [{repo:?}]\nlog = \"warn\"\n\n\
         [[forges]]\nid = \"sandbox\"\nkind = \"gitea\"\nurl = {forge:?}\ntoken = {token:?}\nhook_secret = {secret:?}\n\n\
         [timings]\nstatus_spacing_seconds = 0\naudit_spacing_seconds = 0\npoll_seconds = 5\n",
        repo = story.repo,
    )
}

/// The secret between forge and bot: made once, kept as long as the demo's data.
fn hook_secret(dir: &Path) -> Result<String> {
    let file = dir.join("hook.secret");
    if let Ok(secret) = std::fs::read_to_string(&file)
        && !secret.is_empty()
    {
        return Ok(secret);
    }
    let secret = fresh_secret().expose_secret().to_owned();
    write_private(&file, &secret)?;
    Ok(secret)
}

/// Whole or not at all, and readable by nobody else.
fn write_private(path: &Path, text: &str) -> Result<()> {
    let temporary = path.with_extension("new");
    let write = || {
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        std::io::Write::write_all(&mut file, text.as_bytes())?;
        std::fs::rename(&temporary, path)
    };
    write().with_context(|| format!("{} cannot be written", path.display()))
}

/// Models that could be used at once, each with the flag that does it.
pub fn model_hints(env: &Env) -> Vec<String> {
    let mut hints = Vec::new();
    let names = [
        ("SYNDARIX_ANTHROPIC_API_KEY", "a key for Anthropic is set: --model anthropic/claude-sonnet-5-5 --max-usd 0.50"),
        ("SYNDARIX_OPENAI_API_KEY", "a key for OpenAI is set: --model openai/gpt-6.1-terra --max-usd 0.50"),
    ];
    for (name, hint) in names {
        if env.get(name).is_some() || env.get(&format!("{name}_FILE")).is_some() {
            hints.push(hint.to_owned());
        }
    }
    let ollama = ([127, 0, 0, 1], 11434).into();
    if TcpStream::connect_timeout(&ollama, Duration::from_millis(100)).is_ok() {
        hints.push("an Ollama runs on this machine: --model ollama/qwen3-coder:30b".to_owned());
    }
    hints
}
