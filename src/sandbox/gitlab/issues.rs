//! `/projects/:id/issues`

use axum::extract::Path;
use serde_json::{Value, json};

use super::commands;
use super::labelling::{LabelChange, relabel};
use super::look::{Look, may_see};
use super::web::{Answer, Call, Failure, created, nothing, ok, refused};
use crate::sandbox::act::{IssuePatch, NewIssue, no_such};
use crate::sandbox::problem::Problem;
use crate::sandbox::state::{Grant, Issue, Repo};

/// The order of a list: `order_by` and `sort`, newest first without.
pub fn sorted<T>(call: &Call, mut items: Vec<T>, issue: impl Fn(&T) -> &Issue) -> Vec<T> {
    let updated = matches!(call.params.text("order_by").as_deref(), Some("updated_at"));
    items.sort_by_key(|item| {
        let issue = issue(item);
        (if updated { issue.updated } else { issue.created }, issue.id)
    });
    if call.params.text("sort").as_deref() != Some("asc") {
        items.reverse();
    }
    items
}

/// The filters that lists of issues and of merge requests share.
pub struct Filter {
    state: Option<String>,
    labels: Vec<String>,
    iids: Option<Vec<i64>>,
    search: Option<String>,
    milestone: Option<String>,
    author: Option<i64>,
    assignee: Option<i64>,
    updated: (Option<crate::base::Time>, Option<crate::base::Time>),
    created: (Option<crate::base::Time>, Option<crate::base::Time>),
}

impl Filter {
    /// From the parameters.
    pub fn of(call: &Call) -> Result<Filter, Failure> {
        let author =
            call.params.some("author_username").map(|login| call.forge.read(|world| world.user_named(&login).map_or(0, |user| user.id)));
        Ok(Filter {
            state: call.params.some("state").filter(|state| state != "all"),
            labels: call.params.words("labels").unwrap_or_default(),
            iids: call.params.numbers("iids"),
            search: call.params.some("search").map(|text| text.to_lowercase()),
            milestone: call.params.some("milestone"),
            author: call.params.number("author_id").or(author),
            assignee: call.params.number("assignee_id"),
            updated: (call.moment("updated_after")?, call.moment("updated_before")?),
            created: (call.moment("created_after")?, call.moment("created_before")?),
        })
    }

    /// Whether an issue passes.
    pub fn passes(&self, look: &Look, issue: &Issue) -> bool {
        let names = || look.world.labels_on(issue).into_iter().map(|label| label.name.as_str());
        let labels = self.labels.iter().all(|wanted| match wanted.to_lowercase().as_str() {
            "none" => names().next().is_none(),
            "any" => names().next().is_some(),
            _ => names().any(|name| name == wanted),
        });
        let within = |at, (after, before): (Option<crate::base::Time>, Option<crate::base::Time>)| {
            after.is_none_or(|after| at >= after) && before.is_none_or(|before| at <= before)
        };
        let found = |text: &String| issue.title.to_lowercase().contains(text.as_str()) || issue.body.to_lowercase().contains(text.as_str());
        let title = issue.milestone.and_then(|id| look.world.milestones.get(id)).map(|row| row.title.as_str());
        labels
            && self.state.as_ref().is_none_or(|state| Look::state(issue) == state)
            && self.iids.as_ref().is_none_or(|iids| iids.contains(&issue.iid))
            && self.search.as_ref().is_none_or(found)
            && self.milestone.as_ref().is_none_or(|wanted| title == Some(wanted.as_str()))
            && self.author.is_none_or(|author| issue.author == author)
            && self.assignee.is_none_or(|assignee| issue.assignees.contains(&assignee))
            && within(issue.updated, self.updated)
            && within(issue.created, self.created)
    }
}

pub async fn list(Path(id): Path<String>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?.id;
    let filter = Filter::of(&call)?;
    let whole = call.params.flag("with_labels_details").unwrap_or(false);
    let shapes = call.look(|look| {
        let fits = |issue: &&Issue| {
            issue.repo == repo && issue.pull.is_none() && may_see(look.world, issue, call.user) && filter.passes(look, issue)
        };
        let issues = sorted(&call, look.world.issues.all().filter(fits).collect(), |issue| issue);
        issues.into_iter().map(|issue| look.issue(issue, whole)).collect()
    });
    Ok(call.page(shapes))
}

fn show(call: &Call, id: i64) -> Result<Value, Problem> {
    call.look(|look| look.world.issues.get(id).map(|issue| look.issue(issue, false))).ok_or_else(no_such)
}

pub async fn get(Path((id, iid)): Path<(String, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let issue = call.issue(&repo, iid)?;
    ok(show(&call, issue.id)?)
}

/// Assignees, also by the old parameter for one.
pub fn assignees(call: &Call) -> Option<Vec<i64>> {
    call.params.numbers("assignee_ids").or_else(|| call.params.numbers("assignee_id"))
}

/// An empty title is refused with the field's name.
pub fn check_title(title: &str) -> Result<(), Failure> {
    match title.trim().is_empty() {
        true => Err(refused(400, json!({"title": ["can't be blank"]}))),
        false => Ok(()),
    }
}

pub async fn create(Path(id): Path<String>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let title = call.need("title")?;
    check_title(&title)?;
    let text = commands::part(&call.params.text("description").unwrap_or_default());
    let new = NewIssue {
        title,
        body: text.text,
        assignees: assignees(&call).unwrap_or_default(),
        milestone: call.params.number("milestone_id").filter(|id| *id != 0),
        ..NewIssue::default()
    };
    let writes = call.forge.read(|world| world.grant(&repo, call.user)) >= Grant::Write;
    let issue = call.act(|act| {
        let issue = act.open_issue(repo.id, new)?;
        if let Some(change) = LabelChange::of(&call).filter(|_| writes) {
            relabel(act, issue, &change)?;
        }
        if call.params.flag("confidential").unwrap_or(false) {
            act.set_confidential(issue, true)?;
        }
        commands::perform(act, issue, &text.commands);
        Ok(issue)
    })?;
    created(show(&call, issue)?)
}

/// The changes of an issue, or of what a merge request shares with one.
pub fn patch(call: &Call) -> Result<IssuePatch, Failure> {
    let closed = match call.params.some("state_event").as_deref() {
        None => None,
        Some("close") => Some(true),
        Some("reopen") => Some(false),
        Some(_) => return Err(super::web::bad("state_event does not have a valid value")),
    };
    let title = call.params.text("title");
    title.as_deref().map_or(Ok(()), check_title)?;
    Ok(IssuePatch {
        title,
        body: call.params.text("description"),
        closed,
        assignees: assignees(call),
        milestone: if call.params.has("milestone_id") { Some(call.params.number("milestone_id").unwrap_or(0)) } else { None },
        version: None,
    })
}

pub async fn update(Path((id, iid)): Path<(String, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let issue = call.issue(&repo, iid)?.id;
    let patch = patch(&call)?;
    call.act(|act| {
        act.edit(issue, patch)?;
        if let Some(confidential) = call.params.flag("confidential") {
            act.set_confidential(issue, confidential)?;
        }
        LabelChange::of(&call).map_or(Ok(()), |change| relabel(act, issue, &change))
    })?;
    ok(show(&call, issue)?)
}

/// Only owners delete. Nobody is told.
pub async fn delete(Path((id, iid)): Path<(String, i64)>, call: Call) -> Answer {
    let repo: Repo = call.project(&id, Grant::Owner)?;
    let issue = call.issue(&repo, iid)?.id;
    call.forge.change(|world| world.issues.remove(issue).map(drop).ok_or_else(no_such))?;
    nothing()
}
