//! Labels and milestones. Names of labels are unique whatever the case, and no scope excludes another.

use serde::Deserialize;
use serde_json::Value;

use super::failure::Failure;
use super::shapes::state;
use super::web::{Answer, Body, Call, created, found, nothing, ok};
use crate::base::Time;
use crate::sandbox::act::{Act, LabelPatch};
use crate::sandbox::problem::Problem;
use crate::sandbox::state::{Grant, Label, Milestone};
use crate::sandbox::world::World;

/// Color of a label that is made because somebody puts it on an issue.
const GRAY: &str = "ededed";
/// Largest length of a name, in characters.
const LONGEST: usize = 50;

/// The label of this name, whatever the case.
fn named<'a>(world: &'a World, repo: i64, name: &str) -> Option<&'a Label> {
    world.labels.all().find(|label| label.repo == repo && label.name.to_lowercase() == name.to_lowercase())
}

/// Names out of a list of names and of objects with a name.
pub fn names(labels: &[Value]) -> Result<Vec<String>, Failure> {
    let name = |label: &Value| label.as_str().or_else(|| label["name"].as_str()).map(str::to_owned);
    let names: Option<Vec<String>> = labels.iter().map(name).collect();
    let names = names.ok_or_else(|| Failure::invalid("Label", "name", "invalid"))?;
    if names.iter().any(|name| name.trim().is_empty() || name.chars().count() > LONGEST) {
        return Err(Failure::invalid("Label", "name", "invalid"));
    }
    Ok(names)
}

/// Ids of labels by name; those that the repository lacks are made.
pub fn known_or_made(act: &mut Act, repo: i64, names: &[String]) -> Result<Vec<i64>, Problem> {
    let mut ids = Vec::new();
    for name in names {
        let known = named(act.world, repo, name).map(|label| label.id);
        let new = || LabelPatch { name: Some(name.trim().to_owned()), color: Some(GRAY.into()), ..LabelPatch::default() };
        ids.push(match known {
            Some(id) => id,
            None => act.create_label(repo, new())?,
        });
    }
    Ok(ids)
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct LabelBody {
    name: Option<String>,
    new_name: Option<String>,
    color: Option<String>,
    description: Option<String>,
}

pub async fn list(call: Call) -> Answer {
    let repo = call.repo(Grant::Read)?.id;
    Ok(call.page(call.show(|view| view.world.labels.all().filter(|label| label.repo == repo).map(|label| view.label(label)).collect())))
}

fn check(call: &Call, repo: i64, body: &LabelBody, name: Option<&str>, own: Option<i64>) -> Result<(), Failure> {
    if name.is_some_and(|name| name.trim().is_empty() || name.chars().count() > LONGEST) {
        return Err(Failure::invalid("Label", "name", if name.is_some_and(str::is_empty) { "missing_field" } else { "invalid" }));
    }
    // Unlike elsewhere the color stands without a mark.
    if body.color.as_ref().is_some_and(|color| color.len() != 6 || !color.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        return Err(Failure::invalid("Label", "color", "invalid"));
    }
    if body.description.as_ref().is_some_and(|text| text.chars().count() > 100) {
        return Err(Failure::custom("Label", "description is too long (maximum is 100 characters)"));
    }
    let taken = |world: &World| name.and_then(|name| named(world, repo, name)).is_some_and(|label| Some(label.id) != own);
    if call.forge.read(taken) { Err(Failure::invalid("Label", "name", "already_exists")) } else { Ok(()) }
}

pub async fn create(call: Call, Body(body): Body<LabelBody>) -> Answer {
    let repo = call.repo(Grant::Write)?.id;
    let name = body.name.clone().unwrap_or_default();
    check(&call, repo, &body, Some(&name), None)?;
    let color = body.color.or_else(|| Some(GRAY.into()));
    let id =
        call.act(|act| act.create_label(repo, LabelPatch { name: Some(name), color, description: body.description, exclusive: None }))?;
    created(show(&call, id)?)
}

fn show(call: &Call, id: i64) -> Result<Value, Failure> {
    found(call.show(|view| view.world.labels.get(id).map(|label| view.label(label))))
}

/// The label that the path names.
fn label(call: &Call, repo: i64) -> Result<i64, Failure> {
    found(call.forge.read(|world| named(world, repo, call.part("name")).map(|label| label.id)))
}

pub async fn get(call: Call) -> Answer {
    let repo = call.repo(Grant::Read)?.id;
    ok(show(&call, label(&call, repo)?)?)
}

pub async fn edit(call: Call, Body(body): Body<LabelBody>) -> Answer {
    let repo = call.repo(Grant::Write)?.id;
    let id = label(&call, repo)?;
    let name = body.new_name.clone().or_else(|| body.name.clone());
    check(&call, repo, &body, name.as_deref(), Some(id))?;
    call.act(|act| act.edit_label(repo, id, LabelPatch { name, color: body.color, description: body.description, exclusive: None }))?;
    ok(show(&call, id)?)
}

pub async fn delete(call: Call) -> Answer {
    let repo = call.repo(Grant::Write)?.id;
    let id = label(&call, repo)?;
    call.act(|act| act.delete_label(repo, id))?;
    nothing()
}

/// `{"labels": [...]}`, or the list alone.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Chosen {
    In { labels: Vec<Value> },
    Alone(Vec<Value>),
    Nothing {},
}

impl Chosen {
    fn names(&self) -> Result<Vec<String>, Failure> {
        match self {
            Chosen::In { labels } | Chosen::Alone(labels) => names(labels),
            Chosen::Nothing {} => Ok(Vec::new()),
        }
    }
}

fn on_issue(call: &Call, id: i64) -> Answer {
    ok(found(call.show(|view| view.world.issues.get(id).map(|issue| view.labels(issue).into())))?)
}

pub async fn of_issue(call: Call) -> Answer {
    let (_, id) = call.issue()?;
    let labels = call.show(|view| view.world.issues.get(id).map(|issue| view.labels(issue)));
    Ok(call.page(found(labels)?))
}

fn put(call: &Call, chosen: &Chosen, replace: bool) -> Answer {
    let (repo, id) = call.issue()?;
    let names = chosen.names()?;
    call.act(|act| {
        let ids = known_or_made(act, repo.id, &names)?;
        act.put_labels(id, &ids, replace)
    })?;
    on_issue(call, id)
}

pub async fn add(call: Call, Body(body): Body<Chosen>) -> Answer {
    put(&call, &body, false)
}

pub async fn replace(call: Call, Body(body): Body<Chosen>) -> Answer {
    put(&call, &body, true)
}

pub async fn clear(call: Call) -> Answer {
    let (_, id) = call.issue()?;
    call.act(|act| act.put_labels(id, &[], true))?;
    nothing()
}

/// Answers 200 with what is left; 404 for a label that the issue does not wear.
pub async fn remove(call: Call) -> Answer {
    let (repo, id) = call.issue()?;
    let label = label(&call, repo.id).map_err(|_| Failure::new(axum::http::StatusCode::NOT_FOUND, "Label does not exist"))?;
    if !call.forge.read(|world| world.issues.get(id).is_some_and(|issue| issue.labels.contains(&label))) {
        return Err(Failure::new(axum::http::StatusCode::NOT_FOUND, "Label does not exist"));
    }
    call.act(|act| act.remove_label(id, label))?;
    on_issue(&call, id)
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct MilestoneBody {
    title: Option<String>,
    description: Option<String>,
    due_on: Option<String>,
    state: Option<String>,
}

pub async fn milestones(call: Call) -> Answer {
    let repo = call.repo(Grant::Read)?.id;
    let wanted = call.param("state").unwrap_or("open");
    let items = call.show(|view| {
        let rows = view.world.milestones.all().filter(|row| row.repo == repo && (wanted == "all" || state(row.closed) == wanted));
        rows.map(|row| view.milestone(row)).collect()
    });
    Ok(call.page(items))
}

/// The milestone that the path names by its number.
fn milestone(call: &Call, repo: i64) -> Result<Milestone, Failure> {
    let number = usize::try_from(call.number("number")?).map_err(|_| Failure::not_found())?;
    found(call.forge.read(|world| world.milestones.all().filter(|row| row.repo == repo).nth(number.checked_sub(1)?).cloned()))
}

fn show_milestone(call: &Call, id: i64) -> Result<Value, Failure> {
    found(call.show(|view| view.world.milestones.get(id).map(|row| view.milestone(row))))
}

pub async fn get_milestone(call: Call) -> Answer {
    let repo = call.repo(Grant::Read)?.id;
    ok(show_milestone(&call, milestone(&call, repo)?.id)?)
}

pub async fn create_milestone(call: Call, Body(body): Body<MilestoneBody>) -> Answer {
    let repo = call.repo(Grant::Write)?.id;
    let title = body.title.filter(|title| !title.is_empty()).ok_or_else(|| Failure::invalid("Milestone", "title", "missing_field"))?;
    if call.forge.read(|world| world.milestones.all().any(|row| row.repo == repo && row.title == title)) {
        return Err(Failure::invalid("Milestone", "title", "already_exists"));
    }
    let due = body.due_on.as_deref().and_then(Time::parse);
    let id = call.act(|act| act.create_milestone(repo, title, body.description.unwrap_or_default(), due))?;
    created(show_milestone(&call, id)?)
}

pub async fn edit_milestone(call: Call, Body(body): Body<MilestoneBody>) -> Answer {
    let repo = call.repo(Grant::Write)?.id;
    let id = milestone(&call, repo)?.id;
    let closed = super::issues::closed(body.state.as_deref(), "Milestone")?;
    call.act(|act| act.edit_milestone(repo, id, body.title, body.description, closed))?;
    ok(show_milestone(&call, id)?)
}
