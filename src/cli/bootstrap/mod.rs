//! `syndarix bootstrap DIR`: from an empty forge to an onboarded repository, without anybody doing anything by hand. What is there stays as it
//! is, so that a run that was cut off is repeated and a second run changes nothing.

mod steps;

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;

use super::init::InitArgs;
use super::report::{Report, Verdict};
use crate::app::open_host;
use crate::base::secret::{ExposeSecret, Redactor, SecretString};
use crate::forge::{ForgeError, Host};

/// Arguments of `syndarix bootstrap`.
#[derive(Debug, Args)]
pub struct BootstrapArgs {
    #[command(flatten)]
    init: InitArgs,
    /// Login of an administrator of the whole forge.
    #[arg(long, value_name = "LOGIN")]
    admin: String,
    /// File that holds this administrator's password.
    #[arg(long, value_name = "FILE")]
    admin_password_file: PathBuf,
    /// Login of the bot's account.
    #[arg(long, value_name = "LOGIN", default_value = "syndarix")]
    bot: String,
    /// PostgreSQL in place of SQLite, without a password: `postgres://USER@HOST:PORT/NAME`. With its password it is written to DIR/store-url.
    #[arg(long, value_name = "URL", requires = "database_password_file")]
    database: Option<String>,
    /// File that holds the password of the database.
    #[arg(long, value_name = "FILE", requires = "database")]
    database_password_file: Option<PathBuf>,
    /// Put a small sample program into each repository that is empty, and an issue that asks for a change of it.
    #[cfg(feature = "demo")]
    #[arg(long)]
    sample: bool,
    /// How long to wait for a forge that is still starting.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    wait: u64,
}

/// Makes everything: 0 all is there, 1 something was refused, 2 it could not be tried. The same run again goes on where it stopped.
pub async fn run(args: BootstrapArgs) -> Result<u8> {
    let job = Job::prepare(&args)?;
    let mut report = Report::default();
    let done = job.all(&mut report).await;
    let mut answer = Vec::new();
    report.print(&job.redactor, &mut answer)?;
    super::print(&answer)?;
    if let Err(error) = done {
        eprintln!(
            "{}\nMend what is named and run the same command again; what is there stays as it is.",
            job.redactor.mask(&format!("{error:#}"))
        );
        return Ok(2);
    }
    if report.code() == 0 {
        super::print(job.closing().as_bytes())?;
    }
    Ok(report.code())
}

/// What the steps share.
struct Job<'a> {
    args: &'a BootstrapArgs,
    forge_url: &'a str,
    /// The repositories, as owner and name.
    repos: Vec<(&'a str, &'a str)>,
    home: PathBuf,
    host: Box<dyn Host>,
    redactor: Redactor,
    /// Two at once would take each other's tokens away.
    _lock: File,
}

impl<'a> Job<'a> {
    fn prepare(args: &'a BootstrapArgs) -> Result<Job<'a>> {
        let Some(forge_url) = args.init.forge_url.as_deref() else { bail!("which forge? Give its address with --forge-url") };
        if !matches!(args.init.forge_kind.as_str(), "gitea" | "forgejo") {
            bail!(
                "bootstrap makes accounts and tokens, which only Gitea and Forgejo let a program do: for {} type `syndarix init --forge-kind {0}`, which says what to make by hand",
                args.init.forge_kind
            );
        }
        if args.bot.eq_ignore_ascii_case(&args.admin) {
            bail!("the bot needs an account of its own: give --bot another name than @{}", args.admin);
        }
        let mut repos = Vec::new();
        for path in &args.init.project {
            match path.split_once('/') {
                Some((owner, name)) if !owner.is_empty() && !name.is_empty() && !name.contains('/') && !path.contains(['*', '!']) => {
                    repos.push((owner, name));
                }
                _ => bail!("`{path}` is not one repository: write --project owner/name"),
            }
        }
        if repos.is_empty() {
            bail!("which repository? Give --project owner/name; it is made when it is missing");
        }
        let password = secret_of(&args.admin_password_file)?;
        let host = open_host(forge_url, &args.admin, &password)?;
        std::fs::create_dir_all(&args.init.directory).with_context(|| format!("{} cannot be made", args.init.directory.display()))?;
        let home = args.init.directory.canonicalize()?;
        let place = home.join(".bootstrap.lock");
        let lock = File::create(&place).with_context(|| format!("{} cannot be written", place.display()))?;
        if lock.try_lock().is_err() {
            bail!("another bootstrap is at work in {}; wait for it", home.display());
        }
        Ok(Job { args, forge_url, repos, home, host, redactor: Redactor::new([password]), _lock: lock })
    }

    async fn all(&self, report: &mut Report) -> Result<()> {
        self.sign_in(report).await?;
        self.account(report).await?;
        for &(owner, name) in &self.repos {
            self.repository(owner, name, report).await?;
        }
        self.files(report)?;
        self.onboard(report).await
    }

    /// Waits for the forge, and finds out whether the administrator is one.
    async fn sign_in(&self, report: &mut Report) -> Result<()> {
        let (admin, mut waited) = (&self.args.admin, 0);
        loop {
            match self.host.is_admin().await {
                Ok(true) => break,
                Ok(false) => bail!("@{admin} does not administer the whole forge; give --admin somebody who does"),
                Err(ForgeError::Unauthorized(_)) => {
                    bail!("the forge does not accept the password of @{admin} in {}", self.args.admin_password_file.display())
                }
                Err(error) if error.is_transient() && waited < self.args.wait => {
                    if waited == 0 {
                        eprintln!("waiting for {} ({error})", self.forge_url);
                    }
                }
                Err(error) => bail!("{} cannot be used: {error}", self.forge_url),
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            waited += 1;
        }
        report.add("forge", Verdict::Ok, format!("{} accepts @{admin}", self.forge_url));
        Ok(())
    }

    fn closing(&self) -> String {
        let seen = self.args.init.forge_public_url.as_deref().unwrap_or(self.forge_url).trim_end_matches('/');
        let (owner, name) = self.repos.first().copied().unwrap_or_default();
        format!("Next: open {seen}/{owner}/{name}/issues as @{}, and type `/syndarix help` under an issue.\n", self.args.admin)
    }
}

/// The content of a file that holds a secret.
fn secret_of(path: &std::path::Path) -> Result<SecretString> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let secret = SecretString::from(text.trim().to_owned());
    if secret.expose_secret().is_empty() {
        bail!("{} is empty", path.display());
    }
    Ok(secret)
}
