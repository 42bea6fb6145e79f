//! What the store holds of a project, read in one snapshot, and what its forge shows.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::ids::{EntryId, SubjectId};
use crate::domain::forge::{Comment, Issue, Pull, Review};
use crate::domain::marker;
use crate::domain::workflow::{Story, StoryEvent};
use crate::forge::ForgeError;
use crate::store::{
    AuditPosition, ChainRow, EffectRow, EventRow, IntentRow, LedgerRow, ObjectRow, Project, RunRow, Spent, StepRow, Store, SubjectRow,
};

use super::super::turn::{SUBJECT, fold};
use super::super::world::Site;
use super::super::{Engine, Result};

/// Most sealed lines that are read at once.
const LINES: i64 = 10_000;

/// The books of one project.
pub struct Books {
    pub project: Project,
    pub subjects: Vec<SubjectRow>,
    pub stories: Vec<(SubjectRow, Story)>,
    pub events: Vec<EventRow>,
    pub intents: Vec<IntentRow>,
    pub effects: Vec<EffectRow>,
    pub runs: Vec<RunRow>,
    pub steps: Vec<(RunRow, Vec<StepRow>)>,
    pub ledger: Vec<(SubjectId, Vec<LedgerRow>, Spent)>,
    pub comments: Vec<ObjectRow>,
    pub chain: Vec<ChainRow>,
    pub unsealed: i64,
    pub pushed: AuditPosition,
}

impl Books {
    /// Reads them. Only the chain is read apart: it only grows, so what is missing in it was not sealed yet.
    pub async fn read(store: &Store, project: &Project) -> Result<Books> {
        let mut tx = store.begin_read(project.id).await?;
        let subjects = tx.all_subjects().await?;
        let events = tx.all_events().await?;
        let (intents, effects) = (tx.all_intents().await?, tx.all_effects().await?);
        let (comments, unsealed) = (tx.objects("comment").await?, tx.unsealed().await?);
        let (mut stories, mut runs, mut ledger, mut steps) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for subject in &subjects {
            if subject.kind == "story" {
                stories.push((subject.clone(), fold(subject.number, &tx.events(SUBJECT, subject.id.0).await?)?));
            }
            ledger.push((subject.id, tx.ledger(subject.id).await?, tx.spent(subject.id).await?));
            runs.extend(tx.runs(subject.id).await?);
        }
        for run in &runs {
            steps.push((run.clone(), tx.steps(run.id).await?));
        }
        tx.rollback().await?;
        let mut chain: Vec<ChainRow> = Vec::new();
        loop {
            let more = store.chain(project.id, chain.last().map_or(0, |row| row.seq + 1), LINES).await?;
            if more.is_empty() {
                break;
            }
            chain.extend(more);
        }
        let pushed = store.audit_pushed(project.id).await?;
        let project = project.clone();
        Ok(Books { project, subjects, stories, events, intents, effects, runs, steps, ledger, comments, chain, unsealed, pushed })
    }

    /// The events of one stream kind, with their subject's or run's id.
    pub fn stream<'a>(&'a self, stream: &'a str) -> impl Iterator<Item = &'a EventRow> {
        self.events.iter().filter(move |event| event.stream == stream)
    }

    /// The story events of a subject in order, as far as they can be read.
    pub fn story_events(&self, subject: SubjectId) -> Vec<(&EventRow, StoryEvent)> {
        let rows = self.stream(SUBJECT).filter(|event| event.stream_id == subject.0);
        rows.filter_map(|row| Some((row, serde_json::from_value(row.payload.clone()).ok()?))).collect()
    }

    /// Events by id.
    pub fn by_id(&self) -> BTreeMap<EntryId, &EventRow> {
        self.events.iter().map(|event| (event.id, event)).collect()
    }
}

/// What the forge shows of the stories of a project.
#[derive(Default)]
pub struct Seen {
    pub issues: BTreeMap<i64, Issue>,
    /// Comments of issues and pull requests by number.
    pub comments: BTreeMap<i64, Vec<Comment>>,
    /// Pull requests of the stories' branches.
    pub pulls: BTreeMap<i64, Pull>,
    pub reviews: BTreeMap<i64, Vec<Review>>,
    /// Object names of the genuine markers of the bot's comments and reviews, by number.
    pub said: Vec<(i64, &'static str, String)>,
}

impl Seen {
    /// Looks at every story that was ever planned. What is gone from the forge is left out.
    pub async fn look(engine: &Engine, site: &Site<'_>, books: &Books) -> Result<Seen> {
        let mut seen = Seen::default();
        let (forge, repo, bot) = (&site.connection.forge, &site.repo, site.connection.bot.id);
        for (subject, story) in books.stories.iter().filter(|(_, story)| story.round > 0) {
            if let Some(issue) = there(forge.issue(repo, story.issue).await)? {
                seen.issues.insert(story.issue, issue);
                seen.comments.insert(story.issue, there(forge.comments(repo, story.issue).await)?.unwrap_or_default());
            }
            let branches: BTreeSet<String> = books
                .story_events(subject.id)
                .into_iter()
                .filter_map(|(_, event)| match event {
                    StoryEvent::Started { branch, .. } => Some(branch),
                    _ => None,
                })
                .collect();
            for branch in branches {
                for pull in forge.pulls_of_branch(repo, &branch).await? {
                    let number = pull.number;
                    seen.comments.insert(number, there(forge.comments(repo, number).await)?.unwrap_or_default());
                    seen.reviews.insert(number, there(forge.reviews(repo, number).await)?.unwrap_or_default());
                    // The list may be older than the pull request itself.
                    if let Some(pull) = there(forge.pull(repo, number).await)? {
                        seen.pulls.insert(number, pull);
                    }
                }
            }
        }
        let ours = |body: &str| marker::find(body).filter(|marker| marker.is_genuine(&engine.marker_key)).map(|marker| marker.object);
        let comments = seen.comments.iter().flat_map(|(number, list)| list.iter().map(move |one| (*number, one)));
        let comments = comments.filter(|(_, one)| one.author.id == bot);
        seen.said = comments.filter_map(|(number, one)| Some((number, "comment", ours(&one.body)?))).collect();
        let reviews = seen.reviews.iter().flat_map(|(number, list)| list.iter().map(move |one| (*number, one)));
        let reviews = reviews.filter(|(_, one)| one.author.id == bot);
        seen.said.extend(reviews.filter_map(|(number, one)| Some((number, "review", ours(&one.body)?))).collect::<Vec<_>>());
        Ok(seen)
    }
}

fn there<T>(answer: std::result::Result<T, ForgeError>) -> Result<Option<T>> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(ForgeError::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
