//! The projects and their stories.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Call, page};
use crate::base::ids::ProjectId;
use crate::domain::workflow::{Story, StoryEvent};
use crate::store::{Project, ProjectLoad, Spent, StoreError, SubjectRow};
use crate::web::problem::Problem;

/// Journal stream of a story's events.
const SUBJECT: &str = "subject";

impl Call {
    /// Paths of the projects that the caller sees.
    pub(super) async fn names(&self) -> Result<BTreeMap<ProjectId, String>, Problem> {
        let projects = self.state.store.projects().await?;
        Ok(projects.into_iter().filter(|project| self.caller.sees(Some(project.id))).map(|project| (project.id, project.path)).collect())
    }

    /// The projects to look at: those that the caller sees, and of these the one it asks for. `Some(None)`: all, and what belongs to
    /// none; `None`: nothing can match.
    pub(super) fn scope(&self) -> Result<Option<Option<Vec<ProjectId>>>, Problem> {
        let Some(text) = self.asked.get("project") else {
            return Ok(Some(self.caller.projects().map(|own| own.iter().copied().collect())));
        };
        let id: ProjectId =
            text.parse().map_err(|_| Problem::bad_request("`project` is the id of a project, `prj_…`; see /api/v1/projects"))?;
        Ok(self.caller.sees(Some(id)).then(|| Some(vec![id])))
    }

    /// The projects that come on this page, one more than are shown; the key of the order is path and forge.
    pub(super) async fn projects_page(&self) -> Result<Vec<Project>, Problem> {
        let after = self.asked.place(|parts| match parts {
            [path, forge] => Some(((*path).to_owned(), (*forge).to_owned())),
            _ => None,
        })?;
        let mut projects = self.state.store.projects().await?;
        // Databases differ in how they order texts.
        projects.sort_by(|one, other| (&one.path, &one.forge).cmp(&(&other.path, &other.forge)));
        let later = |project: &Project| {
            after.as_ref().is_none_or(|(path, forge)| (project.path.as_str(), project.forge.as_str()) > (path.as_str(), forge.as_str()))
        };
        let seen = projects.into_iter().filter(|project| self.caller.sees(Some(project.id)) && later(project));
        Ok(seen.take(self.asked.limit + 1).collect())
    }
}

pub(super) fn place_of(project: &Project) -> String {
    format!("{} {}", project.path, project.forge)
}

pub(super) async fn list(call: Call) -> Result<Value, Problem> {
    let mut rows = Vec::new();
    for project in call.projects_page().await? {
        let load = call.state.store.project_load(project.id).await?;
        rows.push((project, load));
    }
    Ok(page(rows, &call.asked, |(project, _)| place_of(project), |(project, load)| shown(project, load)))
}

fn shown(project: &Project, load: &ProjectLoad) -> Value {
    json!({
        "id": project.id, "forge": project.forge, "path": project.path, "default_branch": project.default_branch,
        "since": project.created_at.rfc3339(), "stories": load.stories, "intents_waiting": load.intents_waiting,
        "effects_waiting": load.effects_waiting, "model_calls": load.model_calls, "spent_micro_usd": load.spent.micro_usd(),
        "reserved_micro_usd": load.reserved.micro_usd(),
    })
}

pub(super) async fn stories(call: Call) -> Result<Value, Problem> {
    let missing = || Problem::not_found("project");
    let id: ProjectId = call.id.parse().map_err(|_| missing())?;
    if !call.names().await?.contains_key(&id) {
        return Err(missing());
    }
    let after = call.asked.place(|parts| match parts {
        [number] => number.parse::<i64>().ok(),
        _ => None,
    })?;
    let mut tx = call.state.store.begin_read(id).await?;
    let mut rows = Vec::new();
    for row in tx.subjects_page("story", after.unwrap_or(i64::MIN), call.asked.look_for()).await? {
        let events = tx.events(SUBJECT, row.id.0).await?;
        let read: Result<Vec<StoryEvent>, _> = events.into_iter().map(|event| serde_json::from_value(event.payload)).collect();
        let read = read.map_err(|error| StoreError::Setup(format!("the story of issue {} cannot be read: {error}", row.number)))?;
        let story = Story::fold(row.number, &read);
        let spent = tx.spent(row.id).await?;
        rows.push((row, story, spent));
    }
    Ok(page(rows, &call.asked, |(row, ..)| row.number.to_string(), |(row, story, spent)| story_shown(row, story, spent)))
}

fn story_shown(row: &SubjectRow, story: &Story, spent: &Spent) -> Value {
    let agent = |run: &crate::domain::workflow::story::ActiveRun| json!({"name": run.name, "type": run.agent, "purpose": run.purpose.to_string(), "run": run.run});
    let pull =
        |pull: &crate::domain::workflow::story::PullOf| json!({"number": pull.number, "stage": pull.stage.word(), "open": pull.open});
    json!({
        "id": row.id, "number": row.number, "stage": story.stage.word(),
        "flags": story.flags.iter().map(|flag| flag.label()).collect::<Vec<_>>(), "round": story.round, "autonomy": story.autonomy.name(),
        "waits_for": story.checkpoint.as_ref().map(|open| open.checkpoint.words()), "agent": story.active.as_ref().map(agent),
        "pull": story.pull.as_ref().map(pull), "spent_micro_usd": spent.spent.micro_usd(), "since": row.created_at.rfc3339(),
    })
}
