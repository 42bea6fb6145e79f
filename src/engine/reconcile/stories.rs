//! Stories that are under way, whatever the lists say: reviews, statuses and pushes do not always touch an issue.

use serde_json::json;

use crate::base::Time;
use crate::base::ids::SubjectId;
use crate::domain::forge::{EventKind, Issue, IssueAction, State, User};
use crate::domain::workflow::{Decision, Story};
use crate::forge::ForgeError;
use crate::store::ProjectTx;

use super::super::turn::{Peeked, SUBJECT, fold};
use super::super::{Engine, EngineError, Result, places};
use super::news::Finding;
use super::{Look, MOST_REQUESTS};

/// Kind of the object that lists a story as under way, so that a look need not read all stories there ever were.
const ACTIVE: &str = "active";

/// Effects that are about to change the pull request or the branch: comparing before they are done would find our own halves.
const UNDER_WAY: &[&str] = &["push", "open-pull", "merge", "close-pull", "reopen-pull", "close-issue"];

/// Keeps the list of stories that are under way, in the transaction that decides about one.
pub async fn keep_list(tx: &mut ProjectTx, peeked: &Peeked, decision: &Decision) -> Result<()> {
    let before = peeked.story.stage.is_active();
    let after = decision.events.iter().fold(peeked.story.clone(), Story::evolve).stage.is_active();
    let key = peeked.subject.0.to_string();
    match (before, after) {
        (false, true) => drop(tx.put_object(ACTIVE, &key, &json!(peeked.number), None).await?),
        (true, false) => drop(tx.drop_object(ACTIVE, &key).await?),
        _ => {}
    }
    Ok(())
}

/// A story at rest, as the store knows it.
struct Rest {
    story: Story,
    /// Something of ours is on its way to the branch or the pull request.
    moving: bool,
}

impl Look<'_> {
    /// Each story under way, as long as the requests last. True when there is any.
    pub(super) async fn stories(&mut self) -> Result<bool> {
        let mut tx = self.engine.store.begin_read(self.site.project.id).await?;
        let mut active: Vec<SubjectId> = Vec::new();
        for row in tx.objects(ACTIVE).await? {
            active.extend(row.key.parse().ok().map(SubjectId));
        }
        let mut standings = Vec::with_capacity(active.len());
        for subject in &active {
            let number = tx.subject(*subject).await?.number;
            standings.push((*subject, fold(number, &tx.events(SUBJECT, subject.0).await?)?.standing()));
        }
        tx.rollback().await?;
        places::repair(self.engine, self.site, &standings).await?;
        let count = active.len();
        let first = if count == 0 { 0 } else { self.watch.next_story % count };
        self.watch.next_story = 0;
        for nth in 0..count {
            let at = (first + nth) % count;
            if self.requests >= MOST_REQUESTS {
                self.watch.next_story = at;
                self.behind = true;
                break;
            }
            match self.story(active[at]).await {
                Ok(()) => {}
                Err(EngineError::Forge(error)) if !is_general(&error) => {
                    let text = self.engine.redactor.mask(&error.to_string());
                    tracing::warn!(subject.id = %active[at], "the story could not be compared with the forge: {text}");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(count > 0)
    }

    async fn story(&mut self, subject: SubjectId) -> Result<()> {
        let Some(Rest { story, moving }) = rest(self.engine, self.site.project.id, subject).await? else {
            return Ok(());
        };
        self.requests += 1;
        let issue = match self.site.connection.forge.issue(&self.site.repo, story.issue).await {
            Ok(issue) => issue,
            // The repository answered a moment ago, so it is the issue that is gone.
            Err(ForgeError::NotFound(_)) => return self.gone(story.issue).await,
            Err(error) => return Err(error.into()),
        };
        self.labels(&issue).await?;
        if !moving {
            self.closed_or_open(&story, issue).await?;
        }
        if moving || !story.stage.is_before_merge() {
            return Ok(());
        }
        match &story.pull {
            Some(of) => self.pull(&story, of).await,
            None => self.branch(&story).await,
        }
    }

    async fn closed_or_open(&mut self, story: &Story, issue: Issue) -> Result<()> {
        // After the merge a person may close the issue because it is good enough; a closing keyword did so earlier.
        let matters = story.stage.is_before_merge() || (story.active.is_none() && story.loops.unmet > 0);
        let (action, word) = match issue.state {
            State::Closed if matters && !story.loops.closed => (IssueAction::Closed, "closed"),
            State::Open if story.loops.closed => (IssueAction::Reopened, "reopened"),
            _ => return Ok(()),
        };
        let (number, updated) = (issue.number, issue.updated_at);
        let kind = EventKind::Issue { action, issue };
        self.deliver(Finding { key: format!("{word}:{number}:{}", updated.0), actor: None, kind, at: Some(updated) }).await
    }

    async fn gone(&mut self, number: i64) -> Result<()> {
        let nobody = User { id: 0, login: String::new() };
        let issue = Issue {
            number,
            is_pull: false,
            title: String::new(),
            body: String::new(),
            state: State::Closed,
            labels: Vec::new(),
            author: nobody,
            created_at: Time(0),
            updated_at: Time(0),
            confidential: false,
        };
        let kind = EventKind::Issue { action: IssueAction::Deleted, issue };
        self.deliver(Finding { key: format!("deleted:{number}"), actor: None, kind, at: None }).await
    }
}

/// The story, unless its lane is about to take a turn anyway.
async fn rest(engine: &Engine, project: crate::base::ids::ProjectId, subject: SubjectId) -> Result<Option<Rest>> {
    let mut tx = engine.store.begin_read(project).await?;
    let number = tx.subject(subject).await?.number;
    let busy = tx.next_intent(subject).await?.is_some();
    let story = fold(number, &tx.events(SUBJECT, subject.0).await?)?;
    let moving = tx.pending_effects(subject).await?.iter().any(|effect| UNDER_WAY.contains(&effect.kind.as_str()));
    tx.rollback().await?;
    Ok(Some(Rest { story, moving }).filter(|rest| !busy && rest.story.stage.is_active()))
}

/// A trouble that all stories would have.
fn is_general(error: &ForgeError) -> bool {
    error.is_transient() || matches!(error, ForgeError::Unauthorized(_))
}
