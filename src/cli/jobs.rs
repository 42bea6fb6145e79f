//! `syndarix jobs`: what is under way, what waits and why. Works beside a running `syndarix serve`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::open_store;
use crate::base::ids::ProjectId;
use crate::base::secret::Redactor;
use crate::base::text::visible;
use crate::base::{Clock, Time};
use crate::config::Config;
use crate::store::{Store, StoreError, WorkKind};
use crate::web::api::jobs::Job;

/// Arguments of `syndarix jobs`.
#[derive(Debug, Args)]
pub struct JobsArgs {
    /// The settings file of `syndarix serve`; by default the one that SYNDARIX_CONFIG names, or `syndarix-settings.toml` here.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: JobsCommand,
}

#[derive(Debug, Subcommand)]
enum JobsCommand {
    /// List what is under way and what waits, with the reason.
    List(ListArgs),
    /// Have a job tried again now instead of later. Exit code 1: somebody is at it.
    Retry {
        /// The job, as `syndarix jobs list` names it.
        #[arg(value_name = "ID")]
        id: Uuid,
    },
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Only of this project, `owner/name`.
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    /// Only of this kind: intake, turn, perform, run, timer, seal, push_audit, look.
    #[arg(long, value_name = "KIND")]
    kind: Option<WorkKind>,
    /// At most this many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// Opens the database of the configuration and runs the sub-command.
pub async fn start(args: JobsArgs) -> Result<u8> {
    let config = Config::load(&super::environment(), args.config.as_deref())?;
    let store = open_store(&config, Clock::System).await?;
    let mut answer = Vec::new();
    let code = run(&args, &store, &config.redactor(), &mut answer).await;
    store.close().await;
    super::print(&answer)?;
    code
}

/// Runs the sub-command, writes its answer to `out` and returns the exit code.
pub async fn run(args: &JobsArgs, store: &Store, redactor: &Redactor, out: &mut dyn Write) -> Result<u8> {
    match &args.command {
        JobsCommand::List(list) => self::list(list, store, redactor, out).await,
        JobsCommand::Retry { id } => match store.retry_job(*id).await {
            Ok(true) => {
                writeln!(out, "It is due now; `syndarix serve` takes it up within a second.")?;
                Ok(0)
            }
            Ok(false) => {
                writeln!(out, "Somebody is at it already; nothing was changed.")?;
                Ok(1)
            }
            Err(StoreError::NotFound(_)) => bail!("there is no job {id}; it may be done. `syndarix jobs list` shows what there is"),
            Err(error) => Err(error.into()),
        },
    }
}

async fn list(args: &ListArgs, store: &Store, redactor: &Redactor, out: &mut dyn Write) -> Result<u8> {
    let names: BTreeMap<ProjectId, String> = store.projects().await?.into_iter().map(|project| (project.id, project.path)).collect();
    let project = match &args.project {
        None => None,
        Some(wanted) => match names.iter().find(|(_, path)| path.eq_ignore_ascii_case(wanted)) {
            Some((id, _)) => Some(*id),
            None => bail!("there is no project `{wanted}`; there are: {}", names.values().cloned().collect::<Vec<_>>().join(", ")),
        },
    };
    let mut jobs = Vec::new();
    for row in store.jobs(args.kind, project, i64::from(args.limit)).await? {
        let path = row.project.and_then(|id| names.get(&id).cloned());
        jobs.push(Job::about(store, row, path).await?);
    }
    let now = store.clock().now();
    if args.json {
        let rows: Vec<Value> = jobs.iter().map(|job| job.json(now, redactor)).collect();
        writeln!(out, "{}", redactor.mask(&json!({ "jobs": rows }).to_string()))?;
        return Ok(0);
    }
    for job in &jobs {
        writeln!(out, "{}", visible(&redactor.mask(&line(job, now))))?;
    }
    match jobs.len() {
        0 => writeln!(out, "Nothing is under way and nothing waits.")?,
        shown if shown as u32 == args.limit => writeln!(out, "The first {shown}; --limit shows more.")?,
        _ => {}
    }
    Ok(0)
}

fn line(job: &Job, now: Time) -> String {
    let place = match (&job.project, job.number) {
        (Some(project), Some(number)) => format!("{project}{}", crate::domain::forge::mention(number)),
        (Some(project), None) => project.clone(),
        _ => "-".to_owned(),
    };
    format!("{}  {:10}  {place}  {}", job.row.id, job.row.kind.as_str(), job.why(now))
}
