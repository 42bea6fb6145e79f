//! Changing the labels of an issue by names, as GitLab does it: unknown names are made, and a paid plan keeps one label of a scope.

use std::collections::BTreeSet;

use super::look::scope;
use super::web::Call;
use crate::sandbox::act::{Act, LabelPatch};
use crate::sandbox::problem::Problem;

/// The color of a label that nobody chose one for.
const COLOR: &str = "428bca";

/// What shall become of the labels, by names.
#[derive(Clone, Debug, Default)]
pub struct LabelChange {
    pub set: Option<Vec<String>>,
    pub add: Vec<String>,
    pub remove: Vec<String>,
    /// Names that the project does not have are passed over instead of made.
    pub known_only: bool,
}

impl LabelChange {
    /// From `labels`, `add_labels` and `remove_labels`; `None` when none is named.
    pub fn of(call: &Call) -> Option<LabelChange> {
        let names = |name: &str| call.params.words(name);
        let (set, add, remove) = (names("labels"), names("add_labels"), names("remove_labels"));
        let any = set.is_some() || add.is_some() || remove.is_some();
        any.then(|| LabelChange { set, add: add.unwrap_or_default(), remove: remove.unwrap_or_default(), known_only: false })
    }
}

/// The number of the label with this name.
pub fn find(act: &Act, repo: i64, name: &str) -> Option<i64> {
    act.world.labels.all().find(|label| label.repo == repo && label.name == name).map(|label| label.id)
}

fn find_or_make(act: &mut Act, repo: i64, names: &[String], known_only: bool) -> Result<Vec<i64>, Problem> {
    let mut ids = Vec::new();
    for name in names {
        let id = match find(act, repo, name) {
            Some(id) => id,
            None if known_only => continue,
            None => {
                let (name, color) = (Some(name.clone()), Some(COLOR.to_owned()));
                act.create_label(repo, LabelPatch { name, color, ..LabelPatch::default() })?
            }
        };
        ids.push(id);
    }
    Ok(ids)
}

/// Changes the labels; nothing is told when nothing changes.
pub fn relabel(act: &mut Act, issue: i64, change: &LabelChange) -> Result<(), Problem> {
    let (repo, before) = act.issue(issue).map(|issue| (issue.repo, issue.labels.clone()))?;
    let mut wanted: Vec<i64> = match &change.set {
        Some(names) => find_or_make(act, repo, names, change.known_only)?,
        None => before.iter().copied().collect(),
    };
    wanted.extend(find_or_make(act, repo, &change.add, change.known_only)?);
    let removed: Vec<i64> = change.remove.iter().filter_map(|name| find(act, repo, name)).collect();
    wanted.retain(|id| !removed.contains(id));
    let added: Vec<i64> = wanted.iter().filter(|id| !before.contains(id)).copied().collect();
    let mut kept: BTreeSet<i64> = wanted.into_iter().filter(|id| before.contains(id)).collect();
    let mut coming: Vec<i64> = Vec::new();
    for id in added {
        if let Some(scope) = exclusive_scope(act, repo, id) {
            kept.retain(|other| exclusive_scope(act, repo, *other).as_ref() != Some(&scope));
            coming.retain(|other| exclusive_scope(act, repo, *other).as_ref() != Some(&scope));
        }
        coming.push(id);
    }
    if coming.is_empty() && kept == before {
        return Ok(());
    }
    act.set_labels(issue, &kept.into_iter().collect::<Vec<_>>(), &coming)
}

/// The scope of a label where the plan keeps one of each.
fn exclusive_scope(act: &Act, repo: i64, label: i64) -> Option<String> {
    let premium = act.world.repos.get(repo).is_some_and(|repo| repo.lab.premium);
    scope(&act.world.labels.get(label)?.name).filter(|_| premium).map(str::to_owned)
}
