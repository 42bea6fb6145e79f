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
use crate::base::text::{clip, visible};
use crate::base::{Clock, Time};
use crate::config::Config;
use crate::store::{JobRow, Store, StoreError, WaitsFor, WorkKind};

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

/// A job with what it is about.
struct Job {
    row: JobRow,
    project: Option<String>,
    number: Option<i64>,
    waits: Option<WaitsFor>,
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
        jobs.push(about(store, row, &names).await?);
    }
    let now = store.clock().now();
    if args.json {
        let rows: Vec<Value> = jobs.iter().map(|job| as_json(job, now)).collect();
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

async fn about(store: &Store, row: JobRow, names: &BTreeMap<ProjectId, String>) -> Result<Job> {
    let (mut number, mut waits) = (None, None);
    if let Some(project) = row.project {
        waits = store.waits_for(row.kind, project, row.id).await?;
        let lane = row.lane.or(matches!(row.kind, WorkKind::Turn | WorkKind::Perform).then_some(crate::base::ids::SubjectId(row.id)));
        if let Some(lane) = lane {
            number = store.lane_number(project, lane).await?;
        }
    }
    Ok(Job { project: row.project.and_then(|id| names.get(&id).cloned()), number, waits, row })
}

fn line(job: &Job, now: Time) -> String {
    let place = match (&job.project, job.number) {
        (Some(project), Some(number)) => format!("{project}#{number}"),
        (Some(project), None) => project.clone(),
        _ => "-".to_owned(),
    };
    format!("{}  {:10}  {place}  {}", job.row.id, job.row.kind.as_str(), why(job, now))
}

/// Why it is not done yet, in a sentence.
fn why(job: &Job, now: Time) -> String {
    let row = &job.row;
    let until = job.waits.as_ref().and_then(|waits| waits.not_before).map_or(row.run_at, |at| at.max(row.run_at));
    let seconds = (until.0 - now.0) / 1_000_000;
    let mut words = match row.leased {
        true => format!("under way, by {}", row.owner.as_deref().unwrap_or("somebody")),
        false if seconds > 0 && row.kind == WorkKind::Look => format!("looks at the forge again in {seconds} s"),
        false if seconds > 0 && row.kind == WorkKind::Timer => format!("a timer, due in {seconds} s"),
        false if seconds > 0 => format!("waits for {seconds} s more"),
        false => format!("due for {} s; a free worker takes it", -seconds),
    };
    if let Some(waits) = &job.waits {
        words.push_str(&format!("; next is `{}`", waits.kind));
        if let Some(why) = &waits.why {
            words.push_str(&format!(
                ", which failed {} times: {}",
                waits.attempts.max(1),
                clip(&visible(why).replace('\n', " "), 200).replace('\n', " ")
            ));
        }
    } else if row.attempts > 1 {
        words.push_str(&format!("; tried {} times", row.attempts));
    }
    words
}

fn as_json(job: &Job, now: Time) -> Value {
    json!({
        "id": job.row.id.to_string(), "kind": job.row.kind.as_str(), "project": job.project, "number": job.number, "under_way": job.row.leased,
        "owner": job.row.owner, "run_at": job.row.run_at.rfc3339(), "attempts": job.row.attempts,
        "next": job.waits.as_ref().map(|waits| &waits.kind), "error": job.waits.as_ref().and_then(|waits| waits.why.as_ref()), "why": why(job, now),
    })
}
