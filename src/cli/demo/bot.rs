//! The bot's half of the demo: a process of its own that serves the sandbox forge.

use std::fs::File;
use std::net::TcpStream;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use crate::app::fresh_secret;
use crate::base::secret::ExposeSecret;
use crate::config::Env;
use crate::llm::Script;
use crate::sandbox::{Sandbox, Skin};

/// How to start the serving process.
pub struct Launch<'a> {
    /// The program, which is this one's own file.
    pub program: PathBuf,
    /// Where settings, script and the bot's own data are kept.
    pub dir: &'a Path,
    /// What the forge speaks to the bot.
    pub skin: Skin,
    /// `owner/name` on the sandbox forge.
    pub repo: &'a str,
    pub sandbox: &'a Sandbox,
    /// The bot's token.
    pub token: &'a str,
    pub brain: Brain<'a>,
    /// Crash points to arm, as the variable `FAILPOINTS` names them.
    pub failpoints: Option<String>,
    /// Where its messages go instead of this process's standard error.
    pub messages: Option<File>,
}

/// Who answers the bot's model calls.
pub enum Brain<'a> {
    Script(&'a Script),
    Model { name: &'a str, max_usd: f64 },
}

/// Variables that would lead the demo's bot to another installation's data, or mean nothing to it.
const NOT_FOR_IT: [&str; 11] = [
    "SYNDARIX_CONFIG",
    "SYNDARIX_DATA_DIR",
    "SYNDARIX_LISTEN",
    "SYNDARIX_PUBLIC_URL",
    "SYNDARIX_STORE_URL",
    "SYNDARIX_PROJECTS",
    "SYNDARIX_FORGE_SANDBOX_URL",
    "SYNDARIX_FORGE_SANDBOX_TOKEN",
    "SYNDARIX_FORGE_SANDBOX_HOOK_SECRET",
    "SYNDARIX_SWEEP",
    "SYNDARIX_TEST_FORGE",
];

/// The serving process. It ends when this one does, however that happens: its standard input closes.
pub struct Bot {
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Bot {
    /// Writes its settings, starts it, and points the forge's web hook at it. `None`: it was ended by an armed crash point before it was ready.
    pub async fn start(launch: Launch<'_>) -> Result<Option<Bot>> {
        let secret = hook_secret(launch.dir)?;
        let settings = launch.dir.join("settings.toml");
        write_private(&settings, &settings_text(&launch, &secret))?;
        let mut command = command(&launch.program, launch.dir, &launch.brain, &settings)?;
        match &launch.failpoints {
            Some(points) => command.env("FAILPOINTS", points),
            None => command.env_remove("FAILPOINTS"),
        };
        if let Some(messages) = &launch.messages {
            command.stderr(messages.try_clone()?);
        }
        let Some((bot, url)) = run(command).await? else {
            if launch.failpoints.is_some() {
                return Ok(None);
            }
            bail!("the bot did not become ready; its messages are above");
        };
        let wrong = |problem| anyhow::anyhow!("the web hook could not be set: {problem}");
        let hook = format!("{url}/hooks/sandbox");
        if remember_port(launch.dir, &url)? {
            // Deliveries to where it listened before would reach nobody, or a stranger.
            launch.sandbox.remove_hooks().map_err(wrong)?;
        }
        launch.sandbox.ensure_hook_in(launch.skin, Some(launch.repo), &hook, &secret).map_err(wrong)?;
        Ok(Some(bot))
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        Ok(self.child.wait().await?)
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

/// Starts a serving process and waits until it listens: gives the address. `None`: it ended or stayed silent.
pub(super) async fn run(mut command: Command) -> Result<Option<(Bot, String)>> {
    let mut child = command.spawn().context("the bot's process could not be started")?;
    let stdin = child.stdin.take();
    let stdout = child.stdout.take().context("the bot's process has no output")?;
    let mut lines = BufReader::new(stdout).lines();
    let ready = tokio::time::timeout(Duration::from_secs(60), lines.next_line()).await;
    let Ok(Ok(Some(line))) = ready else {
        let _ = child.kill().await;
        return Ok(None);
    };
    let url = line.strip_prefix("listening on ").context("the bot said something unexpected at its start")?.to_owned();
    Ok(Some((Bot { child, stdin }, url)))
}

/// What starts a serving process with these settings.
pub(super) fn command(program: &Path, dir: &Path, brain: &Brain<'_>, settings: &Path) -> Result<Command> {
    let mut command = Command::new(program);
    command.arg("serve").arg("--with-parent").arg("--config").arg(settings);
    match brain {
        Brain::Model { name, max_usd } => {
            command.args(["--model", name, "--max-usd", &max_usd.to_string()]);
        }
        Brain::Script(script) => {
            let file = dir.join("script.json");
            write_private(&file, &serde_json::to_string(script)?)?;
            command.arg("--script").arg(file);
        }
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    for name in NOT_FOR_IT {
        command.env_remove(name);
    }
    Ok(command)
}

fn settings_text(launch: &Launch<'_>, secret: &str) -> String {
    let data = launch.dir.join("bot");
    let port = free_port(launch.dir);
    format!(
        "data_dir = {data:?}\nlisten = \"127.0.0.1:{port}\"\nprojects = [{repo:?}]\nlog = \"warn\"\n\n\
         [[forges]]\nid = \"sandbox\"\nkind = {kind:?}\nurl = {forge:?}\ntoken = {token:?}\nhook_secret = {secret:?}\n\n\
         [timings]\nstatus_spacing_seconds = 0\naudit_spacing_seconds = 1\npoll_seconds = 5\n",
        repo = launch.repo,
        kind = launch.skin.name(),
        forge = launch.sandbox.url(),
        token = launch.token,
    )
}

/// The port it had before stays good for the web hook while it starts; another one when that is taken.
pub(super) fn free_port(dir: &Path) -> u16 {
    known_port(dir).filter(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap_or(0)
}

fn known_port(dir: &Path) -> Option<u16> {
    std::fs::read_to_string(dir.join("bot.port")).ok()?.trim().parse().ok()
}

/// True when it listens somewhere else than before.
pub(super) fn remember_port(dir: &Path, url: &str) -> Result<bool> {
    let port = url.rsplit(':').next().unwrap_or_default();
    let before = known_port(dir).map(|port| port.to_string());
    if before.as_deref() == Some(port) {
        return Ok(false);
    }
    write_private(&dir.join("bot.port"), port)?;
    Ok(true)
}

/// The secret between forge and bot: made once, kept as long as the demo's data.
pub(super) fn hook_secret(dir: &Path) -> Result<String> {
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
pub(super) fn write_private(path: &Path, text: &str) -> Result<()> {
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
