//! `/repos/{owner}/{repo}/issues`: pull requests are among them.

use std::cmp::Reverse;

use serde::Deserialize;
use serde_json::Value;

use super::failure::Failure;
use super::labels;
use super::web::{Answer, Body, Call, created, found, ok};
use crate::sandbox::act::pulls::{bare_title, draft_title, is_draft};
use crate::sandbox::act::{IssuePatch, NewIssue};
use crate::sandbox::state::{Grant, Issue};

/// Ids of accounts by login; one that does not exist is refused.
pub fn users(call: &Call, logins: &[String]) -> Result<Vec<i64>, Failure> {
    let id = |login: &String| call.forge.read(|world| world.user_named(login).map(|user| user.id));
    logins.iter().map(|login| id(login).ok_or_else(|| Failure::invalid("Issue", "assignees", "invalid"))).collect()
}

/// The id of a milestone by its number in the repository; 0 for none.
fn milestone(call: &Call, repo: i64, number: i64) -> Result<i64, Failure> {
    let index = usize::try_from(number - 1).map_err(|_| Failure::invalid("Issue", "milestone", "invalid"))?;
    let id = call.forge.read(|world| world.milestones.all().filter(|row| row.repo == repo).nth(index).map(|row| row.id));
    id.ok_or_else(|| Failure::invalid("Issue", "milestone", "invalid"))
}

/// A field that tells null from absent.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct IssueBody {
    title: Option<String>,
    body: Option<String>,
    state: Option<String>,
    labels: Option<Vec<Value>>,
    assignees: Option<Vec<String>>,
    assignee: Option<String>,
    #[serde(deserialize_with = "given")]
    milestone: Option<Value>,
}

impl IssueBody {
    fn logins(&self) -> Option<Vec<String>> {
        self.assignees.clone().or_else(|| self.assignee.clone().map(|login| if login.is_empty() { vec![] } else { vec![login] }))
    }
}

pub async fn create(call: Call, Body(body): Body<IssueBody>) -> Answer {
    let repo = call.repo(Grant::Read)?;
    call.me()?;
    let logins = body.logins().unwrap_or_default();
    let title = body.title.filter(|title| !title.trim().is_empty()).ok_or_else(|| Failure::invalid("Issue", "title", "missing_field"))?;
    let may = call.forge.read(|world| world.grant(&repo, call.caller.user)) >= Grant::Write;
    let names = labels::names(body.labels.as_deref().unwrap_or_default())?;
    let wish = NewIssue {
        title,
        body: body.body.unwrap_or_default(),
        assignees: users(&call, &logins)?,
        milestone: body.milestone.as_ref().and_then(Value::as_i64).map(|number| milestone(&call, repo.id, number)).transpose()?,
        ..NewIssue::default()
    };
    let id = call.act(|act| {
        let id = act.open_issue(repo.id, wish)?;
        if may && !names.is_empty() {
            let ids = labels::known_or_made(act, repo.id, &names)?;
            act.put_labels(id, &ids, false)?;
        }
        Ok(id)
    })?;
    created(show(&call, id)?)
}

pub fn show(call: &Call, id: i64) -> Result<Value, Failure> {
    found(call.show(|view| view.world.issues.get(id).map(|issue| view.issue(issue))))
}

pub async fn get(call: Call) -> Answer {
    let (_, id) = call.issue()?;
    ok(show(&call, id)?)
}

pub async fn edit(call: Call, Body(body): Body<IssueBody>) -> Answer {
    let (repo, id) = call.issue()?;
    call.me()?;
    let names = body.labels.as_deref().map(labels::names).transpose()?;
    let patch = IssuePatch {
        title: body.title.as_deref().map(|title| keeping_draft(&call, id, title)),
        closed: closed(body.state.as_deref(), "Issue")?,
        assignees: body.logins().map(|logins| users(&call, &logins)).transpose()?,
        milestone: match &body.milestone {
            None => None,
            Some(Value::Null) => Some(0),
            Some(number) => Some(milestone(&call, repo.id, number.as_i64().unwrap_or(0))?),
        },
        body: body.body,
        version: None,
    };
    call.act(|act| {
        act.edit(id, patch)?;
        match names {
            Some(names) => {
                let ids = labels::known_or_made(act, repo.id, &names)?;
                act.put_labels(id, &ids, true)
            }
            None => Ok(()),
        }
    })?;
    ok(show(&call, id)?)
}

/// What `state` asks for.
pub fn closed(state: Option<&str>, resource: &str) -> Result<Option<bool>, Failure> {
    match state {
        None => Ok(None),
        Some("open") => Ok(Some(false)),
        Some("closed") => Ok(Some(true)),
        Some(_) => Err(Failure::invalid(resource, "state", "invalid")),
    }
}

/// The title as the forge keeps it: a draft stays one, whatever its new title.
pub fn keeping_draft(call: &Call, id: i64, title: &str) -> String {
    let old = call.forge.read(|world| world.issues.get(id).filter(|issue| issue.pull.is_some()).map(|issue| issue.title.clone()));
    match old {
        Some(old) => draft_title(bare_title(title, true), is_draft(&old)),
        None => title.to_owned(),
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Assignees {
    assignees: Vec<String>,
}

/// Adds or removes assignees.
async fn assign(call: Call, body: Assignees, add: bool) -> Result<Value, Failure> {
    let (_, id) = call.issue()?;
    let users = users(&call, &body.assignees)?;
    let mut all = call.forge.read(|world| world.issues.get(id).map(|issue| issue.assignees.clone())).unwrap_or_default();
    all.retain(|user| !users.contains(user));
    if add {
        all.extend(users);
    }
    call.act(|act| act.edit(id, IssuePatch { assignees: Some(all), ..IssuePatch::default() }))?;
    show(&call, id)
}

pub async fn add_assignees(call: Call, Body(body): Body<Assignees>) -> Answer {
    created(assign(call, body, true).await?)
}

pub async fn remove_assignees(call: Call, Body(body): Body<Assignees>) -> Answer {
    ok(assign(call, body, false).await?)
}

pub async fn list(call: Call) -> Answer {
    let repo = call.repo(Grant::Read)?.id;
    let since = call.moment("since")?;
    let labels: Vec<&str> = call.param("labels").map(|text| text.split(',').collect()).unwrap_or_default();
    let items = call.show(|view| {
        let wanted = |issue: &&Issue| {
            let state = of_state(issue, call.param("state"));
            let time = since.is_none_or(|since| issue.updated.seconds() >= since);
            let worn = view.world.labels_on(issue);
            let labelled = labels.iter().all(|name| worn.iter().any(|label| label.name.eq_ignore_ascii_case(name.trim())));
            let by = call.param("creator").is_none_or(|login| view.world.login(issue.author).eq_ignore_ascii_case(login));
            let to = match call.param("assignee") {
                None | Some("*") => true,
                Some("none") => issue.assignees.is_empty(),
                Some(login) => issue.assignees.iter().any(|id| view.world.login(*id).eq_ignore_ascii_case(login)),
            };
            issue.repo == repo && state && time && labelled && by && to
        };
        let mut rows: Vec<&Issue> = view.world.issues.all().filter(wanted).collect();
        sort(&call, &mut rows, |issue| issue, |issue| view.world.comments_on(issue.id).count());
        rows.into_iter().map(|issue| view.issue(issue)).collect()
    });
    Ok(call.page(items))
}

/// Whether an issue is in the state that is asked for, `open` when none is.
pub fn of_state(issue: &Issue, state: Option<&str>) -> bool {
    match state.unwrap_or("open") {
        "all" => true,
        "closed" => issue.closed.is_some(),
        _ => issue.closed.is_none(),
    }
}

/// Sorts as `sort` and `direction` ask for: newest first when nothing is asked.
pub fn sort<T>(call: &Call, rows: &mut [T], issue: impl Fn(&T) -> &Issue, comments: impl Fn(&Issue) -> usize) {
    match call.param("sort").unwrap_or("created") {
        "updated" => rows.sort_by_key(|row| Reverse((issue(row).updated.seconds(), issue(row).id))),
        "comments" | "popularity" => rows.sort_by_key(|row| Reverse((comments(issue(row)), issue(row).id))),
        _ => rows.sort_by_key(|row| Reverse((issue(row).created.seconds(), issue(row).id))),
    }
    if call.param("direction") == Some("asc") {
        rows.reverse();
    }
}
