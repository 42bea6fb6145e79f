//! Looking at the forge instead of waiting for it. Web hooks get lost; what the forge shows now is compared with what was heard, and
//! each difference enters as a synthetic delivery by the same door. The source keys of the intents keep the two ways from doubling.

use serde_json::{Value, json};

use crate::base::Time;
use crate::base::ids::ProjectId;
use crate::base::text::sha256_hex;
use crate::domain::forge::*;
use crate::domain::workflow::Story;
use crate::domain::workflow::label::{Label, Stage};
use crate::domain::workflow::loops::Standing;
use crate::domain::workflow::story::PullOf;
use crate::store::{NewDelivery, Source, SubjectRow};

use super::perform::doubles;
use super::turn::{SUBJECT, fold};
use super::world::Site;
use super::{Engine, Result, places};

/// Overlap of two looks, in milliseconds: forges keep whole seconds, and clocks differ a little.
const OVERLAP: i64 = 30_000;
/// How far the first look goes back, in milliseconds: a day, because older commands are not run any more.
const FIRST_LOOK: i64 = 24 * 60 * 60 * 1000;

/// Name of the event of a synthetic delivery; its body is the neutral event itself.
pub const EVENT: &str = "synthetic";

/// Looks at every project once. A project whose forge does not answer does not keep the others waiting.
pub async fn look(engine: &Engine) -> Result<()> {
    for project in engine.store.projects().await? {
        if project.id == crate::store::Store::SYSTEM {
            continue;
        }
        if let Err(error) = look_at(engine, project.id).await {
            let error = engine.redactor.mask(&error.to_string());
            tracing::warn!(project.id = %project.id, project.path = project.path, "could not compare with the forge: {error}");
        }
    }
    Ok(())
}

async fn look_at(engine: &Engine, project: ProjectId) -> Result<()> {
    let site = engine.site_of(project).await?;
    let started = engine.clock.now();
    let mut tx = engine.store.begin_read(project).await?;
    let cursor = tx.object("reconcile", "cursor").await?;
    let stories = tx.subjects("story").await?;
    tx.rollback().await?;
    let since = cursor.and_then(|row| row.data.as_i64()).map_or_else(|| started.plus_millis(-FIRST_LOOK), Time);
    touched_issues(engine, &site, since).await?;
    let mut standings = Vec::new();
    for subject in stories {
        standings.push((subject.id, story(engine, &site, &subject).await?));
    }
    places::repair(engine, &site, &standings).await?;
    let mut tx = engine.store.begin(project).await?;
    tx.put_object("reconcile", "cursor", &json!(started.plus_millis(-OVERLAP).0), None).await?;
    Ok(tx.commit().await?)
}

/// Comments and labels of everything that was touched since the last look.
async fn touched_issues(engine: &Engine, site: &Site<'_>, since: Time) -> Result<()> {
    for issue in site.connection.forge.issues_since(&site.repo, since).await? {
        if issue.labels.iter().any(|name| Label::parse(name).is_some()) {
            labels(engine, site, &issue).await?;
        }
        let comments = site.connection.forge.comments(&site.repo, issue.number).await?;
        doubles::order(engine, site, issue.number, &comments).await?;
        for comment in comments {
            if comment.updated_at >= since && comment.author.id != site.connection.bot.id {
                heard(engine, site, issue.number, issue.is_pull, comment).await?;
            }
        }
    }
    Ok(())
}

async fn heard(engine: &Engine, site: &Site<'_>, number: i64, is_pull: bool, comment: Comment) -> Result<()> {
    let key = format!("comment:{}:{}", comment.id, sha256_hex(&comment.body));
    let actor = Some(comment.author.clone());
    // What an edited comment said before is not known here; nothing in it is taken as new.
    let edited = comment.updated_at > comment.created_at;
    let action = if edited { CommentAction::Edited } else { CommentAction::Created };
    let previous_body = edited.then(|| comment.body.clone());
    deliver(engine, site, key, actor, EventKind::Comment { action, number, is_pull, head_branch: None, comment, previous_body }).await
}

async fn labels(engine: &Engine, site: &Site<'_>, issue: &Issue) -> Result<()> {
    let mut tx = engine.store.begin_read(site.project.id).await?;
    let confirmed = tx.object("labels", &issue.number.to_string()).await?;
    tx.rollback().await?;
    let mut now = issue.labels.clone();
    now.sort();
    if confirmed.is_some_and(|row| row.data == json!(now)) {
        return Ok(());
    }
    let key = format!("labels:{}:{}:{}", issue.number, issue.updated_at.0, sha256_hex(now.join("\n")));
    deliver(engine, site, key, None, EventKind::Issue { action: IssueAction::Labeled, issue: issue.clone() }).await
}

/// The issue and the pull request of a story that is under way. Gives whether it holds or waits for a place.
async fn story(engine: &Engine, site: &Site<'_>, subject: &SubjectRow) -> Result<Standing> {
    let mut tx = engine.store.begin_read(site.project.id).await?;
    let story = fold(subject.number, &tx.events(SUBJECT, subject.id.0).await?)?;
    tx.rollback().await?;
    if !story.stage.is_active() {
        return Ok(story.standing());
    }
    let issue = site.connection.forge.issue(&site.repo, story.issue).await?;
    // After the merge a person may close the issue because it is good enough; a closing keyword did so earlier.
    let matters = story.stage.is_before_merge() || (story.active.is_none() && story.loops.unmet > 0);
    if issue.state == State::Closed && matters && !story.loops.closed {
        let key = format!("closed:{}:{}", issue.number, issue.updated_at.0);
        deliver(engine, site, key, None, EventKind::Issue { action: IssueAction::Closed, issue: issue.clone() }).await?;
    }
    if issue.state == State::Open && story.loops.closed {
        let key = format!("reopened:{}:{}", issue.number, issue.updated_at.0);
        deliver(engine, site, key, None, EventKind::Issue { action: IssueAction::Reopened, issue: issue.clone() }).await?;
    }
    labels(engine, site, &issue).await?;
    if let Some(of) = story.pull.as_ref().filter(|_| story.stage.is_before_merge()) {
        pull(engine, site, &story, of).await?;
    }
    Ok(story.standing())
}

async fn pull(engine: &Engine, site: &Site<'_>, story: &Story, of: &PullOf) -> Result<()> {
    let forge = &site.connection.forge;
    let number = of.number;
    let pull = forge.pull(&site.repo, number).await?;
    if pull.merged {
        let actor = pull.merged_by.clone();
        return deliver(engine, site, format!("merged:{number}"), actor, EventKind::Pull { action: PullAction::Merged, pull }).await;
    }
    if pull.state == State::Closed && !of.open {
        return Ok(());
    }
    if pull.state == State::Open && !of.open {
        let key = format!("pull-reopened:{number}:{}", pull.updated_at.0);
        deliver(engine, site, key, None, EventKind::Pull { action: PullAction::Reopened, pull: pull.clone() }).await?;
    }
    let elsewhere = Some(&pull.base.branch).filter(|base| **base != story.base_branch);
    let marked = pull.draft != story.loops.draft && story.stage == Stage::Review && story.active.is_none();
    if elsewhere != story.loops.target.as_ref() || marked {
        let key = format!("pull-edited:{number}:{}:{}:{}", pull.updated_at.0, pull.draft, sha256_hex(&pull.base.branch));
        deliver(engine, site, key, None, EventKind::Pull { action: PullAction::Edited, pull: pull.clone() }).await?;
    }
    if pull.state == State::Closed {
        let key = format!("pull-closed:{number}:{}", pull.updated_at.0);
        return deliver(engine, site, key, None, EventKind::Pull { action: PullAction::Closed, pull }).await;
    }
    if !story.heads.contains(&pull.head.sha) && story.foreign_head.as_ref() != Some(&pull.head.sha) {
        let key = format!("head:{number}:{}", pull.head.sha);
        deliver(engine, site, key, None, EventKind::Pull { action: PullAction::Synchronized, pull: pull.clone() }).await?;
    }
    for review in forge.reviews(&site.repo, number).await? {
        let speaks = matches!(review.verdict, Verdict::Approved | Verdict::ChangesRequested) && !review.dismissed;
        if speaks && review.author.id != site.connection.bot.id {
            let key = format!("review:{}:{}", review.id, story.stage.word());
            let (reviewer, verdict, body) = (Some(review.author.clone()), review.verdict, review.body);
            let kind = EventKind::Review { pull: pull.clone(), reviewer: reviewer.clone(), verdict, body };
            deliver(engine, site, key, reviewer, kind).await?;
        }
    }
    if story.stage == Stage::Review {
        for status in forge.ci(&site.repo, &pull.head.sha).await? {
            let key = format!("ci:{}:{}:{:?}", status.context, pull.head.sha, status.state);
            let kind = EventKind::Ci { sha: pull.head.sha.clone(), context: status.context, state: status.state, url: status.url };
            deliver(engine, site, key, None, kind).await?;
        }
    }
    Ok(())
}

/// Puts a neutral event into the inbox. The same finding has the same id, and is there once.
async fn deliver(engine: &Engine, site: &Site<'_>, key: String, actor: Option<User>, kind: EventKind) -> Result<()> {
    let event = ForgeEvent { repo: site.repo.clone(), actor, kind };
    let body: Value = serde_json::to_value(&event)?;
    let delivery = NewDelivery {
        hook: site.connection.id.clone(),
        delivery_id: format!("seen:{}:{key}", site.project.repo_id),
        event: EVENT.into(),
        body: body.to_string().into_bytes(),
        source: Source::Synthetic,
        received_at: engine.clock.now(),
    };
    engine.store.receive(&delivery).await?;
    Ok(())
}
