//! `/repos/{owner}/{repo}/issues`

use axum::extract::Path;
use serde::Deserialize;
use serde_json::Value;

use super::web::{Answer, Body, Call, created, nothing, ok};
use crate::sandbox::act::{IssuePatch, NewIssue, no_such};
use crate::sandbox::problem::Problem;
use crate::sandbox::state::{Grant, Issue, Verdict};

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct CreateIssue {
    pub title: String,
    pub body: String,
    pub assignee: String,
    pub assignees: Option<Vec<String>>,
    pub milestone: i64,
    pub labels: Option<Vec<i64>>,
    pub closed: bool,
}

impl CreateIssue {
    /// The neutral wish; unknown assignees are an error.
    pub fn wish(self, call: &Call) -> Result<NewIssue, Problem> {
        let mut logins = self.assignees.unwrap_or_default();
        if !self.assignee.is_empty() {
            logins.push(self.assignee);
        }
        Ok(NewIssue {
            title: self.title,
            body: self.body,
            labels: self.labels.unwrap_or_default(),
            assignees: users(call, &logins)?,
            milestone: (self.milestone > 0).then_some(self.milestone),
            closed: self.closed,
        })
    }
}

/// Ids of users by login.
pub fn users(call: &Call, logins: &[String]) -> Result<Vec<i64>, Problem> {
    call.forge.read(|world| {
        let id = |login: &String| {
            let user = world.user_named(login).map(|user| user.id);
            user.ok_or_else(|| Problem::invalid(format!("user does not exist [uid: 0, name: {login}]")))
        };
        logins.iter().map(id).collect()
    })
}

pub async fn create(call: Call, Path((owner, name)): Path<(String, String)>, Body(body): Body<CreateIssue>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Read)?.id;
    call.me()?;
    let wish = body.wish(&call)?;
    let id = call.act(|act| act.open_issue(repo, wish))?;
    created(show(&call, id)?)
}

fn show(call: &Call, id: i64) -> Result<Value, Problem> {
    call.show(|view| view.world.issues.get(id).map(|issue| view.issue(issue))).ok_or_else(no_such)
}

pub async fn get(call: Call, Path((owner, name, number)): Path<(String, String, i64)>) -> Answer {
    let (_, id) = call.issue(&owner, &name, number)?;
    ok(show(&call, id)?)
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct EditIssue {
    pub title: String,
    pub body: Option<String>,
    pub assignee: Option<String>,
    pub assignees: Option<Vec<String>>,
    pub milestone: Option<i64>,
    pub state: Option<String>,
    pub content_version: Option<i64>,
}

impl EditIssue {
    /// The neutral wish. An empty title changes nothing.
    pub fn wish(self, call: &Call) -> Result<IssuePatch, Problem> {
        let logins = self.assignees.or(self.assignee.map(|login| vec![login]));
        let closed = match self.state.as_deref() {
            None | Some("") => None,
            Some("open") => Some(false),
            Some("closed") => Some(true),
            Some(other) => return Err(Problem::invalid(format!("unknown state: {other}"))),
        };
        Ok(IssuePatch {
            title: Some(self.title).filter(|title| !title.is_empty()),
            body: self.body,
            closed,
            assignees: logins.map(|logins| users(call, &logins)).transpose()?,
            milestone: self.milestone,
            version: self.content_version,
        })
    }
}

/// Answers 201.
pub async fn edit(call: Call, Path((owner, name, number)): Path<(String, String, i64)>, Body(body): Body<EditIssue>) -> Answer {
    let (_, id) = call.issue(&owner, &name, number)?;
    call.me()?;
    let patch = body.wish(&call)?;
    call.act(|act| act.edit(id, patch))?;
    created(show(&call, id)?)
}

/// For administrators of the repository. Nobody is told.
pub async fn delete(call: Call, Path((owner, name, number)): Path<(String, String, i64)>) -> Answer {
    let (repo, id) = call.issue(&owner, &name, number)?;
    call.act(|act| {
        act.repo(repo, Grant::Admin)?;
        act.world.issues.remove(id).map(drop).ok_or_else(no_such)
    })?;
    nothing()
}

pub async fn list(call: Call, Path((owner, name)): Path<(String, String)>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Read)?.id;
    let (since, before) = (call.moment("since")?, call.moment("before")?);
    let labels: Vec<&str> = call.param("labels").map(|text| text.split(',').collect()).unwrap_or_default();
    let items = call.show(|view| {
        let wanted = |issue: &&Issue| {
            let state = match call.param("state").unwrap_or("open") {
                "all" => true,
                "closed" => issue.closed.is_some(),
                _ => issue.closed.is_none(),
            };
            let kind = match call.param("type").unwrap_or("") {
                "issues" => issue.pull.is_none(),
                "pulls" => issue.pull.is_some(),
                _ => true,
            };
            let at = issue.updated.seconds();
            let time = since.is_none_or(|since| at >= since) && before.is_none_or(|before| at <= before);
            let worn = view.world.labels_on(issue);
            let labelled = labels.iter().all(|name| worn.iter().any(|label| label.name == *name));
            let text = call.param("q").is_none_or(|text| issue.title.contains(text) || issue.body.contains(text));
            issue.repo == repo && state && kind && time && labelled && text
        };
        let mut found: Vec<&Issue> = view.world.issues.all().filter(wanted).collect();
        found.sort_by_key(|issue| std::cmp::Reverse((issue.created.seconds(), issue.id)));
        found.into_iter().map(|issue| view.issue(issue)).collect()
    });
    Ok(call.page(items))
}

/// Comments, reviews and events of an issue in the order they came.
pub async fn timeline(call: Call, Path((owner, name, number)): Path<(String, String, i64)>) -> Answer {
    let (_, id) = call.issue(&owner, &name, number)?;
    let since = call.moment("since")?;
    let items = call.show(|view| {
        let mut lines: Vec<(i64, i64, Value)> = Vec::new();
        for comment in view.world.comments_on(id) {
            let at = (comment.created, comment.updated);
            let shape = view.timeline_text("comment", comment.id, id, comment.author, &comment.body, at);
            lines.push((comment.id, comment.updated.seconds(), shape));
        }
        for review in view.world.reviews_of(id).filter(|review| !matches!(review.verdict, Verdict::Requested | Verdict::Pending)) {
            let at = (review.submitted, review.updated);
            lines.push((review.id, review.updated.seconds(), view.timeline_text("review", review.id, id, review.author, &review.body, at)));
        }
        for event in view.world.events.all().filter(|event| event.issue == id) {
            lines.push((event.id, event.at.seconds(), view.event(event)));
        }
        lines.sort_by_key(|line| line.0);
        lines.into_iter().filter(|line| since.is_none_or(|since| line.1 >= since)).map(|line| line.2).collect()
    });
    Ok(call.page(items))
}
