//! `syndarix init`: writes what one begins with: settings, a team with a comment at every key, a secret for web hooks.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::config::write_schemas;
use crate::app::fresh_secret;
use crate::base::secret::ExposeSecret;
use crate::config::shape::{settings_file, team_files};

/// Arguments of `syndarix init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Where to write; by default here.
    #[arg(value_name = "DIR", default_value = ".")]
    directory: PathBuf,
    /// Address of your Gitea or Forgejo.
    #[arg(long, value_name = "URL")]
    forge_url: Option<String>,
    /// What it is.
    #[arg(long, value_name = "KIND", default_value = "gitea", value_parser = ["gitea", "forgejo"])]
    forge_kind: String,
    /// A name for it.
    #[arg(long, value_name = "NAME", default_value = "home")]
    forge_id: String,
    /// A repository to serve; may be given several times.
    #[arg(long, value_name = "OWNER/REPO")]
    project: Vec<String>,
    /// Address and port to listen on.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Address under which the forge reaches this program.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Directory for the database, mirrors and work trees; by default DIR/data.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// Writes what is missing and says what to do next.
pub fn run(args: &InitArgs) -> Result<u8> {
    let mut answer = Vec::new();
    write(args, &mut answer)?;
    super::print(&answer)?;
    Ok(0)
}

fn write(args: &InitArgs, out: &mut dyn Write) -> Result<()> {
    std::fs::create_dir_all(&args.directory).with_context(|| format!("{} cannot be made", args.directory.display()))?;
    let home = args.directory.canonicalize().with_context(|| format!("{} cannot be found", args.directory.display()))?;
    let settings = home.join("syndarix-settings.toml");
    let text = format!("#:schema bot-config/.schemas/settings.schema.json\n{}", settings_file(&set(args, &home)?));
    put(out, &settings, text.as_bytes(), 0o644)?;
    put(out, &home.join("hook-secret"), format!("{}\n", fresh_secret().expose_secret()).as_bytes(), 0o600)?;
    let team = home.join("bot-config");
    for (name, text) in team_files() {
        put(out, &team.join(name), text.as_bytes(), 0o644)?;
    }
    write_schemas(&team.join(".schemas"))?;
    next(args, &home, out)?;
    Ok(())
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
    if let Some(url) = &args.forge_url {
        set.extend([("forges.id", quoted(&args.forge_id)), ("forges.kind", quoted(&args.forge_kind)), ("forges.url", quoted(url))]);
        set.extend([("forges.token_file", path(&home.join("token"))?), ("forges.hook_secret_file", path(&home.join("hook-secret"))?)]);
    }
    Ok(set)
}

/// Writes a file that is not there yet. What is there is somebody's, and stays.
fn put(out: &mut dyn Write, path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let fail = || format!("{} cannot be written", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(fail)?;
    }
    match OpenOptions::new().write(true).create_new(true).mode(mode).open(path) {
        Ok(mut file) => {
            file.write_all(bytes).with_context(fail)?;
            writeln!(out, "made    {}", path.display())?;
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => writeln!(out, "kept    {} (it was there)", path.display())?,
        Err(error) => return Err(error).with_context(fail),
    }
    Ok(())
}

fn next(args: &InitArgs, home: &Path, out: &mut dyn Write) -> io::Result<()> {
    let (home, id) = (home.display(), &args.forge_id);
    let repo = args.project.first().map_or("OWNER/REPO", String::as_str);
    writeln!(out, "\nNext:")?;
    if args.forge_url.is_none() {
        writeln!(out, "- take the comment signs off the [[forges]] block of {home}/syndarix-settings.toml and fill it in")?;
    }
    writeln!(
        out,
        "- make an account for the bot on the forge, and a token of it with write:repository, write:issue, read:organization, read:user"
    )?;
    writeln!(out, "- put the token into {home}/token, for your eyes only: umask 077; cat > {home}/token")?;
    writeln!(out, "- give the account administrator rights in {repo}")?;
    writeln!(out, "- give a key of a model: SYNDARIX_ANTHROPIC_API_KEY or SYNDARIX_OPENAI_API_KEY, or start Ollama")?;
    writeln!(out, "- cd {home}, then: syndarix config check; syndarix onboard {id} {repo}; syndarix serve; syndarix doctor")?;
    writeln!(
        out,
        "A file of bot-config that you do not change can be deleted: the built-in one of the same name is used then, also that of later versions."
    )
}
