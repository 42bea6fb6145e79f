//! `syndarix init`: writes what one begins with: settings, a team with a comment at every key, a secret for web hooks.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::config::write_schemas;
use super::files;
use super::forges::words;
use crate::app::fresh_secret;
use crate::base::secret::ExposeSecret;
use crate::config::shape::{settings_file, team_files};
use crate::domain::forge::ForgeKind;

/// Arguments of `syndarix init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Where to write; by default here.
    #[arg(value_name = "DIR", default_value = ".")]
    pub(super) directory: PathBuf,
    /// Address of your forge. Left out: https://github.com or https://gitlab.com where the kind is one of them.
    #[arg(long, value_name = "URL")]
    pub(super) forge_url: Option<String>,
    /// Address at which people reach it, where that is another one.
    #[arg(long, value_name = "URL")]
    pub(super) forge_public_url: Option<String>,
    /// What it is.
    #[arg(long, value_name = "KIND", default_value = "gitea", value_parser = ["gitea", "forgejo", "github", "gitlab"])]
    pub(super) forge_kind: String,
    /// Number of the GitHub App that the bot is, in place of an account with a token.
    #[arg(long, value_name = "APP_ID")]
    pub(super) github_app: Option<u64>,
    /// A name for it.
    #[arg(long, value_name = "NAME", default_value = "home")]
    pub(super) forge_id: String,
    /// A repository to serve; may be given several times.
    #[arg(long, value_name = "OWNER/REPO")]
    pub(super) project: Vec<String>,
    /// Address and port to listen on.
    #[arg(long, value_name = "ADDRESS")]
    pub(super) listen: Option<String>,
    /// Address under which the forge reaches this program.
    #[arg(long, value_name = "URL")]
    pub(super) public_url: Option<String>,
    /// Directory for the database, mirrors and work trees; by default DIR/data.
    #[arg(long, value_name = "DIR")]
    pub(super) data_dir: Option<PathBuf>,
}

impl InitArgs {
    fn kind(&self) -> ForgeKind {
        match self.forge_kind.as_str() {
            "forgejo" => ForgeKind::Forgejo,
            "github" => ForgeKind::GitHub,
            "gitlab" => ForgeKind::GitLab,
            _ => ForgeKind::Gitea,
        }
    }

    /// The forge's address: the one given, else that of the one that everybody means.
    fn url(&self) -> Option<&str> {
        self.forge_url.as_deref().or(match self.kind() {
            ForgeKind::GitHub => Some("https://github.com"),
            ForgeKind::GitLab => Some("https://gitlab.com"),
            ForgeKind::Gitea | ForgeKind::Forgejo => None,
        })
    }
}

/// Writes what is missing and says what to do next.
pub fn run(args: &InitArgs) -> Result<u8> {
    if args.github_app.is_some() && args.kind() != ForgeKind::GitHub {
        bail!("--github-app goes with --forge-kind github: only GitHub has Apps");
    }
    let mut answer = Vec::new();
    write(args, &mut answer)?;
    next(args, &home(args)?, &mut answer)?;
    super::print(&answer)?;
    Ok(0)
}

fn home(args: &InitArgs) -> Result<PathBuf> {
    args.directory.canonicalize().with_context(|| format!("{} cannot be found", args.directory.display()))
}

/// Writes what is missing, tells it line by line, and gives the number of files made.
pub(super) fn write(args: &InitArgs, out: &mut dyn Write) -> Result<usize> {
    std::fs::create_dir_all(&args.directory).with_context(|| format!("{} cannot be made", args.directory.display()))?;
    let home = home(args)?;
    let settings = home.join("syndarix-settings.toml");
    let text = format!(
        "#:schema bot-config/.schemas/settings.schema.json\n{}",
        settings_file(&set(args, &home)?, args.url().map(|_| args.kind()))
    );
    // The settings name the secret, so it comes first: who is cut off in between has no settings that cannot be read.
    let secret = format!("{}\n", fresh_secret().expose_secret());
    let mut made = usize::from(put(out, &home.join("hook-secret"), secret.as_bytes(), 0o600)?);
    made += usize::from(put(out, &settings, text.as_bytes(), 0o644)?);
    let team = home.join("bot-config");
    for (name, text) in team_files() {
        made += usize::from(put(out, &team.join(name), text.as_bytes(), 0o644)?);
    }
    write_schemas(&team.join(".schemas"))?;
    Ok(made)
}

/// What differs from the built-in values.
fn set(args: &InitArgs, home: &Path) -> Result<Vec<(&'static str, String)>> {
    let quoted = |text: &str| toml::Value::from(text).to_string();
    let path = |path: &Path| match path.to_str() {
        Some(text) => Ok(quoted(text)),
        None => bail!("{} is not valid UTF-8; choose another directory", path.display()),
    };
    let data = args.data_dir.clone().unwrap_or_else(|| home.join("data"));
    let mut set = vec![("data_dir", path(&std::path::absolute(data)?)?), ("bot_config", path(&home.join("bot-config"))?)];
    if let Some(listen) = &args.listen {
        set.push(("listen", quoted(listen)));
    }
    if let Some(url) = &args.public_url {
        set.push(("public_url", quoted(url)));
    }
    set.push(("projects", toml::Value::from(args.project.clone()).to_string()));
    if let Some(url) = args.url() {
        set.extend([("forges.id", quoted(&args.forge_id)), ("forges.kind", quoted(&args.forge_kind)), ("forges.url", quoted(url))]);
        set.extend(args.forge_public_url.iter().map(|url| ("forges.public_url", quoted(url))));
        match args.github_app {
            Some(app) => {
                set.extend([("forges.app_id", app.to_string()), ("forges.private_key_file", path(&home.join("app.pem"))?)]);
            }
            None => set.push(("forges.token_file", path(&home.join("token"))?)),
        }
        set.push(("forges.hook_secret_file", path(&home.join("hook-secret"))?));
    }
    Ok(set)
}

/// Writes a file that is not there yet. What is there is somebody's, and stays.
fn put(out: &mut dyn Write, path: &Path, bytes: &[u8], mode: u32) -> Result<bool> {
    let made = files::put(path, bytes, mode).with_context(|| format!("{} cannot be written", path.display()))?;
    match made {
        true => writeln!(out, "made    {}", path.display())?,
        false => writeln!(out, "kept    {} (it was there)", path.display())?,
    }
    Ok(made)
}

fn next(args: &InitArgs, home: &Path, out: &mut dyn Write) -> io::Result<()> {
    let (home, id) = (home.display(), &args.forge_id);
    let repo = args.project.first().map_or("OWNER/REPO", String::as_str);
    writeln!(out, "\nNext:")?;
    let words = words(args.kind());
    if args.url().is_none() {
        writeln!(out, "- take the comment signs off the [[forges]] block of {home}/syndarix-settings.toml and fill it in")?;
    }
    match (args.github_app, words.app) {
        (Some(_), Some((_, permissions))) => {
            writeln!(out, "- make the GitHub App, without a web hook of its own, with the permissions {permissions}")?;
            writeln!(
                out,
                "- put the private key that GitHub gives you into {home}/app.pem, for your eyes only: umask 077; cat > {home}/app.pem"
            )?;
            writeln!(out, "- install the App in {repo}")?;
        }
        _ => {
            let scopes = words.scopes.join(", ");
            writeln!(out, "- make an account for the bot on the forge, and a token of it with {scopes}")?;
            writeln!(out, "- put the token into {home}/token, for your eyes only: umask 077; cat > {home}/token")?;
            writeln!(out, "- give the account {} in {repo}", words.admin)?;
        }
    }
    writeln!(out, "- give a key of a model: SYNDARIX_ANTHROPIC_API_KEY or SYNDARIX_OPENAI_API_KEY, or start Ollama")?;
    writeln!(out, "- cd {home}, then: syndarix config check; syndarix onboard {id} {repo}; syndarix serve; syndarix doctor")?;
    writeln!(
        out,
        "A file of bot-config that you do not change can be deleted: the built-in one of the same name is used then, also that of later versions."
    )
}
