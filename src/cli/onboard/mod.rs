//! `syndarix onboard FORGE OWNER/REPO`: makes in a repository what the bot needs there. Whatever is there already stays as it is, so a second
//! run changes nothing and says so.

mod file;
mod hook;
mod link;
mod steps;

pub(super) use hook::{faults, hook_url};

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;

use super::forges::words;
use super::report::{Report, Verdict};
use crate::app::open_forge;
use crate::base::Clock;
use crate::config::Config;
use crate::domain::forge::{ForgeKind, RepoRef};
use crate::forge::ForgeError;

/// Arguments of `syndarix onboard`.
#[derive(Debug, Args)]
pub struct OnboardArgs {
    /// Id of the forge in the settings.
    #[arg(value_name = "FORGE")]
    forge: String,
    /// The repository.
    #[arg(value_name = "OWNER/REPO")]
    repo: String,
    /// The settings file of `syndarix serve`; by default the one that SYNDARIX_CONFIG names, or `syndarix-settings.toml` here.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Protect the default branch: no pushes, one approval before a merge.
    #[arg(long)]
    protect: bool,
    /// Make the web hook anew, with the secret of today: nobody can read the secret that it has.
    #[arg(long)]
    renew_hook: bool,
    /// The repository for the record, where none is configured; by default OWNER/syndarix-audit.
    #[arg(long, value_name = "OWNER/REPO", conflicts_with = "no_audit")]
    audit: Option<String>,
    /// Make no repository for the record: it stays in the data directory.
    #[arg(long)]
    no_audit: bool,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

impl OnboardArgs {
    /// All of it, for one repository.
    pub(super) fn of(forge: &str, repo: String) -> OnboardArgs {
        let (forge, config, audit) = (forge.to_owned(), None, None);
        OnboardArgs { forge, repo, config, dry_run: false, protect: false, renew_hook: false, audit, no_audit: false, json: false }
    }
}

/// Runs the command: 0 all is there, 1 something was refused, 2 something could not be looked at.
pub async fn run(args: OnboardArgs) -> Result<u8> {
    let config = crate::app::team::laid(Config::load(&super::environment(), args.config.as_deref())?).await?;
    let report = carry_out(&config, &args).await?;
    let mut answer = Vec::new();
    if args.json {
        let mut json = report.json(&config.redactor());
        json["dry_run"] = args.dry_run.into();
        answer = format!("{json}\n").into_bytes();
    } else {
        report.print(&config.redactor(), &mut answer)?;
        answer.extend(closing(&report, &args).into_bytes());
    }
    super::print(&answer)?;
    Ok(report.code())
}

/// Does the steps and says what came of each.
pub(super) async fn carry_out(config: &Config, args: &OnboardArgs) -> Result<Report> {
    let Some(settings) = config.settings.forge(&args.forge) else {
        let known: Vec<&str> = config.settings.forges.iter().map(|forge| forge.id.as_str()).collect();
        bail!(
            "there is no forge `{}` in the settings; there are: {}",
            args.forge,
            if known.is_empty() { "none".to_owned() } else { known.join(", ") }
        );
    };
    let parts = args.repo.split('/').filter(|part| !part.is_empty()).count();
    match settings.kind {
        ForgeKind::GitLab if parts < 2 => bail!("`{}` is not a project: write it as group/name, with all groups it is in", args.repo),
        ForgeKind::GitLab => {}
        _ if parts != 2 => bail!("`{}` is not a repository: write it as owner/name", args.repo),
        _ => {}
    }
    let linked =
        config.team.projects.iter().find(|project| project.link.as_ref().is_some_and(|link| link.leads_to(&args.forge, &args.repo)));
    if let Some(project) = linked {
        bail!(
            "{} is linked to the project {} and is none itself; `syndarix onboard {} {}` makes what is needed in both",
            args.repo,
            project.repo,
            project.forge,
            project.repo
        );
    }
    let forge = open_forge(settings, config.settings.timings.call, None, &Clock::System)?;
    let mut report = Report::default();
    match (forge.whoami().await, forge.repo(&RepoRef { id: 0, path: args.repo.clone() }).await) {
        (Ok(bot), Ok(repo)) => {
            let job = steps::Job { forge: forge.as_ref(), bot, repo, config, settings, args };
            job.all(&mut report).await;
        }
        (Err(ForgeError::Unauthorized(text)), _) => {
            report.fix(
                "token",
                Verdict::Fails,
                text,
                format!("make a new token for the bot's account on {} and put it where the settings say", settings.url),
            );
        }
        (_, Err(ForgeError::NotFound(_))) => {
            let own = words(settings.kind);
            let fix = format!("check the name, and make the bot's account {} with {}", own.member, own.admin);
            report.fix("repository", Verdict::Fails, format!("{} is not there, or the bot's account may not see it", args.repo), fix);
        }
        (Err(error), _) | (_, Err(error)) => {
            report.fix("forge", Verdict::Unknown, error.to_string(), format!("check that {} can be reached from here", settings.url));
        }
    }
    Ok(report)
}

fn closing(report: &Report, args: &OnboardArgs) -> String {
    let (made, would) = (report.count(Verdict::Made), report.count(Verdict::Would));
    match report.code() {
        0 if args.dry_run && would == 0 => "Nothing would be changed: everything is there.\n".to_owned(),
        0 if args.dry_run => format!("{would} things would be made. Without --dry-run they are.\n"),
        0 if made == 0 => "Nothing was changed: everything was there already.\n".to_owned(),
        0 => "Next: `syndarix doctor`, then `syndarix serve`, then type `/syndarix help` under an issue.\n".to_owned(),
        _ => "Mend what is named above and run the same command again; what is there stays as it is.\n".to_owned(),
    }
}
