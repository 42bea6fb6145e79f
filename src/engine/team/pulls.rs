//! Pull requests that change the configuration: on each head stands what would become of it, and in one comment, edited in place, all of
//! its mistakes or what it would have changed. A head is data: it is read from Git's objects within bounds, and never put in force.

use serde_json::json;

use crate::base::Time;
use crate::config::{ConfigError, ConfigErrors};
use crate::domain::forecast::{self, Played};
use crate::domain::forge::{CiState, Pull, RepoRef, Role, Sha, State};
use crate::domain::marker;
use crate::domain::speech::{code, code_line};
use crate::engine::world::Connection;
use crate::engine::{Engine, Result};
use crate::forge::{ForgeError, Window};
use crate::git::Mirror;
use crate::store::Store;

use super::judge::{CONTEXT, Status, first_of};
use super::{KIND, Source, report};

/// Kind of the rows that name open pull requests.
const ROWS: &str = "config-pull";
/// Where it is kept how far the list was read.
const CURSOR: &str = "pulls-seen";
/// Kind of the comment's marker.
const MARKER: &str = "config";
/// How far the first look goes back, in milliseconds: 30 days.
const FIRST_LOOK: i64 = 30 * 24 * 60 * 60 * 1000;
/// Overlap of two looks, in milliseconds.
const OVERLAP: i64 = 60_000;
/// Most pull requests that are judged in one go.
const MOST: usize = 10;
/// Most mistakes that a comment lists.
const LISTED: usize = 50;

/// Has a pull request looked at.
pub async fn ask(engine: &Engine, number: i64) -> Result<()> {
    let mut tx = engine.store.begin(Store::SYSTEM).await?;
    tx.put_object(ROWS, &number.to_string(), &json!({}), None).await?;
    engine.commit(tx).await
}

/// Looks at all open pull requests whose head or whose base has changed.
pub(super) async fn judge(engine: &Engine, source: &Source, connection: &Connection, repo: &RepoRef, branch: &str) -> Result<()> {
    find(engine, connection, repo).await?;
    let mut tx = engine.store.begin_read(Store::SYSTEM).await?;
    let rows = tx.objects(ROWS).await?;
    tx.rollback().await?;
    let under = source.standing.get().in_force.unwrap_or_default();
    let mut judged = 0;
    for row in rows {
        let Ok(number) = row.key.parse::<i64>() else { continue };
        if judged == MOST {
            break;
        }
        let bench = Bench { engine, source, connection, repo, branch };
        match bench.one(number, row.data["judged"].as_str(), &under).await {
            Ok(Verdict::Gone) => keep(engine, number, None).await?,
            Ok(Verdict::Known) => {}
            Ok(Verdict::Judged(mark)) => {
                judged += 1;
                keep(engine, number, Some(&mark)).await?;
            }
            Err(error) if error.is_race() => return Err(error),
            Err(error) => {
                let error = engine.redactor.mask(&error.to_string());
                tracing::warn!(place = source.place.shown, pull = number, "this pull request could not be checked: {error}");
            }
        }
    }
    Ok(())
}

async fn keep(engine: &Engine, number: i64, mark: Option<&str>) -> Result<()> {
    let mut tx = engine.store.begin(Store::SYSTEM).await?;
    match mark {
        Some(mark) => drop(tx.put_object(ROWS, &number.to_string(), &json!({"judged": mark}), None).await?),
        None => drop(tx.drop_object(ROWS, &number.to_string()).await?),
    }
    engine.commit(tx).await
}

/// Finds what was touched since the last look, for forges whose web hooks do not arrive.
async fn find(engine: &Engine, connection: &Connection, repo: &RepoRef) -> Result<()> {
    let mut tx = engine.store.begin_read(Store::SYSTEM).await?;
    let seen = tx.object(KIND, CURSOR).await?.and_then(|row| row.data.as_i64()).map(Time);
    let known: Vec<String> = tx.objects(ROWS).await?.into_iter().map(|row| row.key).collect();
    tx.rollback().await?;
    let now = engine.clock.now();
    let since = seen.map_or_else(|| now.plus_millis(-FIRST_LOOK), |seen| seen.plus_millis(-OVERLAP));
    let touched = connection.forge.issues_touched(repo, &Window { since, until: None, at_most: usize::MAX }).await?;
    // A stamp from the future must not make us blind until then.
    let end = touched.forge_time.unwrap_or(now);
    let newest = touched.items.iter().map(|issue| issue.updated_at.min(end)).max().max(seen).unwrap_or(since);
    let mut tx = engine.store.begin(Store::SYSTEM).await?;
    for issue in touched.items.iter().filter(|issue| issue.is_pull && issue.state == State::Open) {
        if !known.contains(&issue.number.to_string()) {
            tx.put_object(ROWS, &issue.number.to_string(), &json!({}), None).await?;
        }
    }
    tx.put_object(KIND, CURSOR, &json!(newest.0), None).await?;
    engine.commit(tx).await
}

enum Verdict {
    /// Closed, or not for the default branch.
    Gone,
    /// Nothing changed since it was judged, or it cannot be judged yet.
    Known,
    /// Said, for this head on this base.
    Judged(String),
}

/// What one pull request would bring.
enum Brings {
    Nothing,
    Mistakes(ConfigErrors),
    Sound { played: Vec<Played>, rendered: bool },
}

struct Bench<'a> {
    engine: &'a Engine,
    source: &'a Source,
    connection: &'a Connection,
    repo: &'a RepoRef,
    branch: &'a str,
}

impl Bench<'_> {
    async fn one(&self, number: i64, judged: Option<&str>, under: &str) -> Result<Verdict> {
        let pull = match self.connection.forge.pull(self.repo, number).await {
            Ok(pull) => pull,
            Err(ForgeError::NotFound(_)) => return Ok(Verdict::Gone),
            Err(error) => return Err(error.into()),
        };
        if pull.state == State::Closed || pull.base.branch != self.branch {
            return Ok(Verdict::Gone);
        }
        let mark = format!("{}:{under}", pull.head.sha);
        if judged == Some(mark.as_str()) {
            return Ok(Verdict::Known);
        }
        let place = &self.source.place;
        let mirror = place.mirror(&self.engine.data, self.engine.fetch).await?;
        if mirror.fetch_pull(&place.remote, number).await?.as_ref() != Some(&pull.head.sha) {
            return Ok(Verdict::Known);
        }
        let brings = self.brings(&mirror, &pull).await?;
        self.say(&pull, &brings).await?;
        Ok(Verdict::Judged(mark))
    }

    async fn brings(&self, mirror: &Mirror, pull: &Pull) -> Result<Brings> {
        let (place, head) = (&self.source.place, &pull.head.sha);
        if !self.changes(mirror, &pull.base.sha, head).await? {
            return Ok(Brings::Nothing);
        }
        // Templates of strangers are compiled and not run.
        let rendered = match self.connection.forge.role(self.repo, &pull.author).await {
            Ok(role) => role >= Role::Writer,
            Err(error) if error.is_transient() => return Err(error.into()),
            Err(_) => false,
        };
        let config = match place.config(mirror, head, &self.source.settings, rendered).await? {
            Ok(config) => config,
            Err(errors) => return Ok(Brings::Mistakes(errors)),
        };
        match (self.source.build)(&config, Some(head)) {
            Ok(next) => Ok(Brings::Sound { played: Box::pin(report::play(self.engine, next)).await?, rendered }),
            Err(why) => Ok(Brings::Mistakes(ConfigError::whole("the configuration", why).into())),
        }
    }

    /// Whether the head holds another configuration than the commit where it left the default branch.
    async fn changes(&self, mirror: &Mirror, base: &Sha, head: &Sha) -> Result<bool> {
        let place = &self.source.place;
        if !mirror.has(base).await? {
            mirror.fetch(&place.remote).await?;
        }
        let Some(fork) = mirror.merge_base(base, head).await? else { return Ok(true) };
        Ok(match (place.read(mirror, &fork).await?, place.read(mirror, head).await?) {
            (Ok(before), Ok(after)) => before != after,
            _ => true,
        })
    }

    async fn say(&self, pull: &Pull, brings: &Brings) -> Result<()> {
        let (state, sentence, page) = words(pull, brings);
        let sentence = Status { context: CONTEXT, state, sentence: &sentence };
        sentence.set(self.engine, self.connection, self.repo, &pull.head.sha).await?;
        self.comment(pull.number, &page, !matches!(brings, Brings::Nothing) && page.lines().count() > 1).await
    }

    /// Edits the comment that stands; makes one where `needed`.
    async fn comment(&self, number: i64, text: &str, needed: bool) -> Result<()> {
        let (forge, key) = (&self.connection.forge, &self.engine.marker_key);
        let body = self.engine.redactor.mask(&format!("{text}\n\n{}", marker::build(key, MARKER, &format!("{number}.report"))));
        let is_ours = |body: &str| marker::find(body).is_some_and(|marker| marker.kind == MARKER && marker.is_genuine(key));
        let all = forge.comments(self.repo, number).await?;
        match all.into_iter().find(|comment| comment.author.id == self.connection.bot.id && is_ours(&comment.body)) {
            Some(standing) if standing.body.trim() == body.trim() => Ok(()),
            Some(standing) => Ok(self.engine.outside(forge.edit_comment(self.repo, number, standing.id, &body)).await?),
            None if needed => Ok(self.engine.outside(forge.create_comment(self.repo, number, &body)).await.map(drop)?),
            None => Ok(()),
        }
    }
}

/// State and sentence of the status, and the text of the comment.
fn words(pull: &Pull, brings: &Brings) -> (CiState, String, String) {
    match brings {
        Brings::Nothing => {
            let text = "it changes nothing of the configuration";
            (
                CiState::Success,
                text.to_owned(),
                format!("At {}, this pull request changes nothing of the configuration.", pull.head.sha.short()),
            )
        }
        Brings::Mistakes(errors) => {
            let count = errors.0.len();
            let noun = if count == 1 { "1 mistake".to_owned() } else { format!("{count} mistakes") };
            let mut page = format!("**This configuration would not be used**: it holds {noun} (at {}).\n", pull.head.sha.short());
            errors.0.iter().take(LISTED).for_each(|error| page.push_str(&format!("\n- {}", code_line(&error.brief()))));
            if count > LISTED {
                page.push_str(&format!("\n- and {} more", count - LISTED));
            }
            (CiState::Failure, first_of(&errors.0, ""), page)
        }
        Brings::Sound { played, rendered } => {
            let short = forecast::short(played);
            let mut page = format!("**This configuration holds together** (at {}). With it: {short}.\n", pull.head.sha.short());
            if !rendered {
                let author = code(&pull.author.login);
                page.push_str(&format!("\nPrompts were compiled and not rendered, because {author} may not write to this repository.\n"));
            }
            let list = forecast::page(played);
            if !list.is_empty() {
                page.push_str(&format!("\n{list}\nEach event was decided again on what the forge shows now, under the rules in force and under these. Nothing was done.\n"));
            }
            (CiState::Success, format!("it holds together; {short}"), page)
        }
    }
}
