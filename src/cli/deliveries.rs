//! `syndarix deliveries`: what the forges sent, what became of it, and having it read again. Works beside a running `syndarix serve`.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use crate::app::open_store;
use crate::base::ids::{DeliveryId, ProjectId};
use crate::base::secret::Redactor;
use crate::base::text::{clip, visible};
use crate::base::{Clock, Time};
use crate::config::Config;
use crate::store::{Delivery, DeliveryFilter, DeliveryState, Store, StoreError};
use crate::web::api::deliveries::{item, word};

/// Deliveries scheduled in one transaction.
const BATCH: i64 = 500;
/// Longest body shown as text, in bytes; `--json` shows all of it.
const MOST_SHOWN: usize = 64 * 1024;

/// Arguments of `syndarix deliveries`.
#[derive(Debug, Args)]
pub struct DeliveriesArgs {
    /// The settings file of `syndarix serve`; by default the one that SYNDARIX_CONFIG names, or `syndarix-settings.toml` here.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: DeliveriesCommand,
}

#[derive(Debug, Subcommand)]
enum DeliveriesCommand {
    /// List the newest deliveries.
    List(ListArgs),
    /// Show one delivery with its body.
    Show(ShowArgs),
    /// Have deliveries read again, as if they had just come. Nothing is done twice. Exit code 1: some are not there.
    Replay(ReplayArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Only of this project: `owner/name` or `prj_…`.
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    /// Only in this state.
    #[arg(long)]
    state: Option<StateWord>,
    /// Only what came since then: `30m`, `2h`, `7d`, a date or a moment such as 2026-08-03T09:00:00Z.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// At most this many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// The delivery, as `syndarix deliveries list` names it.
    #[arg(value_name = "ID")]
    id: DeliveryId,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct ReplayArgs {
    /// The deliveries, as `syndarix deliveries list` names them.
    #[arg(value_name = "ID", required_unless_present = "failed", conflicts_with = "failed")]
    ids: Vec<DeliveryId>,
    /// All that could not be read.
    #[arg(long)]
    failed: bool,
    /// With --failed: only what came since then; see `syndarix deliveries list --help`.
    #[arg(long, value_name = "TIME", requires = "failed")]
    since: Option<String>,
}

/// What became of a delivery, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum StateWord {
    /// Nobody has read it yet.
    Unread,
    /// It was read and passed on.
    Done,
    /// Deliberately not acted on.
    Ignored,
    /// It could not be read.
    Failed,
}

impl StateWord {
    fn state(self) -> DeliveryState {
        match self {
            StateWord::Unread => DeliveryState::Received,
            StateWord::Done => DeliveryState::Routed,
            StateWord::Ignored => DeliveryState::Ignored,
            StateWord::Failed => DeliveryState::Failed,
        }
    }
}

/// Opens the database of the configuration and runs the sub-command.
pub async fn start(args: DeliveriesArgs) -> Result<u8> {
    let config = Config::load(&super::environment(), args.config.as_deref())?;
    let store = open_store(&config, Clock::System).await?;
    let mut answer = Vec::new();
    let code = run(&args, &store, &config.redactor(), &mut answer).await;
    store.close().await;
    match io::stdout().lock().write_all(&answer) {
        // Whoever reads the answer has gone away.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        other => other?,
    }
    code
}

/// Runs the sub-command, writes its answer to `out` and returns the exit code: 0 done, 1 not everything was there. An error is 2.
pub async fn run(args: &DeliveriesArgs, store: &Store, redactor: &Redactor, out: &mut dyn Write) -> Result<u8> {
    match &args.command {
        DeliveriesCommand::List(list) => self::list(list, store, redactor, out).await,
        DeliveriesCommand::Show(show) => self::show(show, store, redactor, out).await,
        DeliveriesCommand::Replay(replay) => self::replay(replay, store, out).await,
    }
}

async fn list(args: &ListArgs, store: &Store, redactor: &Redactor, out: &mut dyn Write) -> Result<u8> {
    let now = store.clock().now();
    let names: BTreeMap<ProjectId, String> = store.projects().await?.into_iter().map(|project| (project.id, project.path)).collect();
    let filter = DeliveryFilter {
        state: args.state.map(StateWord::state),
        project: args.project.as_deref().map(|text| project_of(text, &names)).transpose()?,
        since: args.since.as_deref().map(|text| moment(text, now)).transpose()?,
        hook: None,
    };
    let found = store.list_deliveries(&filter, i64::from(args.limit)).await?;
    if args.json {
        let rows: Vec<Value> = found.iter().map(|delivery| item(delivery, &names, redactor)).collect();
        writeln!(out, "{}", json!({ "deliveries": rows }))?;
        return Ok(0);
    }
    for delivery in &found {
        writeln!(out, "{}", line(delivery, &names, redactor))?;
    }
    let failed = store.count_deliveries(DeliveryState::Failed).await?;
    match found.len() {
        0 => writeln!(out, "No delivery matches.")?,
        shown if shown as u32 == args.limit => writeln!(out, "The newest {shown}; --limit shows more.")?,
        _ => {}
    }
    if failed > 0 {
        writeln!(
            out,
            "In all {failed} could not be read. `syndarix deliveries show ID` says why; `syndarix deliveries replay --failed` has them read again, for instance after an upgrade."
        )?;
    }
    Ok(0)
}

fn line(delivery: &Delivery, names: &BTreeMap<ProjectId, String>, redactor: &Redactor) -> String {
    let mut words = vec![
        delivery.received_at.rfc3339().replace(".000000Z", "Z"),
        delivery.id.to_string(),
        format!("{:7}", word(delivery.state)),
        one_line(&delivery.hook),
        one_line(&delivery.event),
    ];
    words.extend(delivery.project_id.and_then(|id| names.get(&id)).map(|path| one_line(path)));
    if delivery.redeliveries > 0 {
        words.push(format!("(came {} times)", delivery.redeliveries + 1));
    }
    if delivery.replays > 0 {
        words.push(format!("(replayed {} times)", delivery.replays));
    }
    words.extend(delivery.note.as_deref().map(|note| one_line(&redactor.mask(note))));
    words.join("  ")
}

/// Other people's text on one line of a terminal.
fn one_line(text: &str) -> String {
    clip(&visible(text).replace(['\n', '\t'], " "), 160).replace('\n', " ")
}

async fn show(args: &ShowArgs, store: &Store, redactor: &Redactor, out: &mut dyn Write) -> Result<u8> {
    let delivery = match store.delivery(args.id).await {
        Ok(delivery) => delivery,
        Err(StoreError::NotFound(_)) => return missing(args.id, out),
        Err(error) => return Err(error.into()),
    };
    let names: BTreeMap<ProjectId, String> = store.projects().await?.into_iter().map(|project| (project.id, project.path)).collect();
    let text = redactor.mask(&String::from_utf8_lossy(&delivery.body));
    if args.json {
        let mut shown = item(&delivery, &names, redactor);
        shown["body"] = json!(text);
        writeln!(out, "{shown}")?;
        return Ok(0);
    }
    let rows = [
        ("id", delivery.id.to_string()),
        ("state", word(delivery.state).to_owned()),
        ("reason", delivery.note.as_deref().map(|note| one_line(&redactor.mask(note))).unwrap_or_default()),
        ("project", delivery.project_id.and_then(|id| names.get(&id).cloned()).unwrap_or_default()),
        ("web hook", one_line(&delivery.hook)),
        ("event", one_line(&delivery.event)),
        ("sender's id", one_line(&delivery.delivery_id)),
        ("source", delivery.source.to_string()),
        ("received", delivery.received_at.rfc3339()),
        ("came", format!("{} times, last {}", delivery.redeliveries + 1, delivery.last_seen)),
        ("replayed", delivery.replayed_at.map(|at| format!("{} times, last {at}", delivery.replays)).unwrap_or_default()),
        ("finished", delivery.finished_at.map(|at| at.rfc3339()).unwrap_or_default()),
        ("body", format!("{} bytes", delivery.body.len())),
    ];
    for (name, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
        writeln!(out, "{name:12} {value}")?;
    }
    let pretty = serde_json::from_str::<Value>(&text).map_or(text, |value| format!("{value:#}"));
    writeln!(out, "\n{}", clip(&visible(&pretty), MOST_SHOWN))?;
    Ok(0)
}

fn missing(id: DeliveryId, out: &mut dyn Write) -> Result<u8> {
    writeln!(out, "There is no delivery {id}: it may be older than deliveries are kept. `syndarix deliveries list` shows what is there.")?;
    Ok(1)
}

async fn replay(args: &ReplayArgs, store: &Store, out: &mut dyn Write) -> Result<u8> {
    let now = store.clock().now();
    let (mut count, mut code) = (0, 0);
    if args.failed {
        let since = args.since.as_deref().map(|text| moment(text, now)).transpose()?;
        loop {
            let some = store.replay_failed(since, now, BATCH).await?;
            count += some;
            if some < BATCH {
                break;
            }
        }
    }
    for id in &args.ids {
        match store.replay(*id).await {
            Ok(()) => count += 1,
            Err(StoreError::NotFound(_)) => code = missing(*id, out)?,
            Err(error) => return Err(error.into()),
        }
    }
    match count {
        0 => writeln!(out, "Nothing is to be read again.")?,
        1 => writeln!(out, "1 delivery is read again by the running server; `syndarix deliveries list` shows what comes of it.")?,
        _ => {
            writeln!(out, "{count} deliveries are read again by the running server; `syndarix deliveries list` shows what comes of them.")?
        }
    }
    Ok(code)
}

fn project_of(text: &str, names: &BTreeMap<ProjectId, String>) -> Result<ProjectId> {
    let by_id = text.parse::<ProjectId>().ok().filter(|id| names.contains_key(id));
    let by_path = || {
        let mut same = names.iter().filter(|(_, path)| path.eq_ignore_ascii_case(text));
        (same.next(), same.next())
    };
    match (by_id, by_path()) {
        (Some(id), _) | (None, (Some((&id, _)), None)) => Ok(id),
        (None, (Some(_), Some(_))) => bail!("more than one forge has a project `{text}`; name it by its id, `prj_…`"),
        (None, (None, _)) if names.is_empty() => bail!("there is no project `{text}`, nor any other"),
        (None, (None, _)) => {
            bail!("there is no project `{text}`; there are: {}", names.values().cloned().collect::<Vec<_>>().join(", "))
        }
    }
}

/// A span of time before now (`30m`, `2h`, `7d`), a date, or a moment.
fn moment(text: &str, now: Time) -> Result<Time> {
    let unit = |letter| match letter {
        'm' => Some(60_000_i64),
        'h' => Some(3_600_000),
        'd' => Some(86_400_000),
        _ => None,
    };
    let span = text.char_indices().last().and_then(|(at, letter)| Some((text[..at].parse::<u32>().ok()?, unit(letter)?)));
    if let Some((count, millis)) = span {
        return Ok(now.plus_millis(-i64::from(count).saturating_mul(millis)));
    }
    match Time::parse(text).or_else(|| Time::parse(&format!("{text}T00:00:00Z"))) {
        Some(time) => Ok(time),
        None => bail!("`{text}` is no time: write it as 30m, 2h, 7d, 2026-08-03 or 2026-08-03T09:00:00Z"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_spans_dates_and_moments() {
        let now = Time::parse("2026-08-03T09:00:00Z").unwrap();
        for (text, wanted) in [
            ("30m", "2026-08-03T08:30:00Z"),
            ("2h", "2026-08-03T07:00:00Z"),
            ("7d", "2026-07-27T09:00:00Z"),
            ("2026-08-01", "2026-08-01T00:00:00Z"),
            ("2026-08-01T10:00:00+02:00", "2026-08-01T08:00:00Z"),
        ] {
            assert_eq!(moment(text, now).unwrap(), Time::parse(wanted).unwrap(), "{text}");
        }
        for text in ["", "d", "yesterday", "2ü", "-1d", "99999999999d"] {
            assert!(moment(text, now).unwrap_err().to_string().contains("is no time"), "{text}");
        }
    }

    #[test]
    fn what_a_sender_wrote_cannot_move_the_cursor() {
        assert_eq!(one_line("a\u{1b}[2Jb\nc\u{202e}d"), "a[2Jb cd");
    }
}
