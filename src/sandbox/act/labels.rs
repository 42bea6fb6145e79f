//! Labels of a repository and of issues; exclusive scopes are kept here.

use std::collections::BTreeSet;

use super::{Act, lacking, no_such};
use crate::sandbox::problem::Problem;
use crate::sandbox::state::{EventKind, Grant, Label};
use crate::sandbox::told::What;

/// What to change in a label, or all of a new one.
#[derive(Clone, Debug, Default)]
pub struct LabelPatch {
    pub name: Option<String>,
    pub color: Option<String>,
    pub description: Option<String>,
    pub exclusive: Option<bool>,
}

impl Act<'_> {
    /// Makes a label. Names are not unique: making one twice gives two.
    pub fn create_label(&mut self, repo: i64, new: LabelPatch) -> Result<i64, Problem> {
        self.repo(repo, Grant::Write)?;
        let name = new.name.unwrap_or_default();
        if name.trim().is_empty() {
            return Err(Problem::invalid("[Name]: Required"));
        }
        let color = color(&new.color.unwrap_or_default())?;
        let id = self.world.next_id("label");
        let (description, exclusive) = (new.description.unwrap_or_default(), new.exclusive.unwrap_or(false));
        self.world.labels.put(id, Label { id, repo, name, color, description, exclusive });
        Ok(id)
    }

    /// Changes a label.
    pub fn edit_label(&mut self, repo: i64, id: i64, patch: LabelPatch) -> Result<(), Problem> {
        self.repo(repo, Grant::Write)?;
        let color = patch.color.as_deref().map(color).transpose()?;
        let label = self.world.labels.edit(id).filter(|label| label.repo == repo).ok_or_else(no_such)?;
        label.name = patch.name.unwrap_or_else(|| label.name.clone());
        label.color = color.unwrap_or_else(|| label.color.clone());
        label.description = patch.description.unwrap_or_else(|| label.description.clone());
        label.exclusive = patch.exclusive.unwrap_or(label.exclusive);
        Ok(())
    }

    /// Removes a label from the repository and from all issues.
    pub fn delete_label(&mut self, repo: i64, id: i64) -> Result<(), Problem> {
        self.repo(repo, Grant::Write)?;
        if self.world.labels.get(id).is_none_or(|label| label.repo != repo) {
            return Ok(());
        }
        let wearing: Vec<i64> = self.world.issues.all().filter(|issue| issue.labels.contains(&id)).map(|issue| issue.id).collect();
        for issue in wearing {
            if let Some(issue) = self.world.issues.edit(issue) {
                issue.labels.remove(&id);
            }
        }
        self.world.labels.remove(id);
        Ok(())
    }

    /// Those of the ids that are labels of the issue's repository, ordered by name. Foreign ids are dropped.
    fn known(&self, issue: i64, ids: &[i64]) -> Result<Vec<i64>, Problem> {
        let repo = self.issue(issue)?.repo;
        let mut labels: Vec<&Label> = ids.iter().filter_map(|id| self.world.labels.get(*id)).filter(|label| label.repo == repo).collect();
        labels.sort_by(|a, b| a.name.cmp(&b.name).then(a.id.cmp(&b.id)));
        Ok(labels.into_iter().map(|label| label.id).collect())
    }

    fn may_label(&self, issue: i64) -> Result<(), Problem> {
        if self.may_change(self.issue(issue)?, true) { Ok(()) } else { Err(lacking(Grant::Write)) }
    }

    /// What the set becomes when these are added one by one, each taking its siblings off.
    fn with_added(&self, mut set: BTreeSet<i64>, added: &[i64]) -> BTreeSet<i64> {
        for id in added {
            if let Some(scope) = self.world.labels.get(*id).and_then(Label::scope) {
                set.retain(|other| other == id || self.world.labels.get(*other).and_then(Label::scope) != Some(scope));
            }
            set.insert(*id);
        }
        set
    }

    fn change_labels(&mut self, issue: i64, after: BTreeSet<i64>, cleared: bool) -> Result<(), Problem> {
        let before = std::mem::take(&mut self.world.issues.edit(issue).ok_or_else(no_such)?.labels);
        let removed = before.difference(&after).map(|id| (*id, false));
        let changes: Vec<(i64, bool)> = removed.chain(after.difference(&before).map(|id| (*id, true))).collect();
        self.world.issues.edit(issue).ok_or_else(no_such)?.labels = after;
        let these = |wanted: bool| changes.iter().filter(|(_, added)| *added == wanted).map(|(label, _)| *label).collect();
        let (added, removed) = (these(true), these(false));
        for (label, added) in changes {
            let name = self.world.labels.get(label).map(|label| label.name.clone()).unwrap_or_default();
            self.note(issue, EventKind::Label { label, name, added })?;
        }
        self.tell_of(issue, What::Labels { issue, cleared, added, removed })
    }

    /// Adds labels; told even when nothing changes.
    pub fn add_labels(&mut self, issue: i64, ids: &[i64]) -> Result<(), Problem> {
        self.may_label(issue)?;
        let added = self.known(issue, ids)?;
        let after = self.with_added(self.issue(issue)?.labels.clone(), &added);
        self.change_labels(issue, after, false)
    }

    /// Replaces the whole set; of two in one scope the one whose name sorts last stays.
    pub fn replace_labels(&mut self, issue: i64, ids: &[i64]) -> Result<(), Problem> {
        self.may_label(issue)?;
        let wanted = self.known(issue, ids)?;
        let after = self.with_added(BTreeSet::new(), &wanted);
        self.change_labels(issue, after, false)
    }

    /// Sets what a form shows: the labels still ticked and those newly ticked, which win over their siblings.
    pub fn set_labels(&mut self, issue: i64, kept: &[i64], added: &[i64]) -> Result<(), Problem> {
        self.may_label(issue)?;
        let kept = self.known(issue, kept)?.into_iter().collect();
        let after = self.with_added(kept, &self.known(issue, added)?);
        self.change_labels(issue, after, false)
    }

    /// Takes one label off.
    pub fn remove_label(&mut self, issue: i64, id: i64) -> Result<(), Problem> {
        self.may_label(issue)?;
        let known = self.known(issue, &[id])?;
        if known.is_empty() {
            return Err(Problem::invalid("label does not exist"));
        }
        let mut after = self.issue(issue)?.labels.clone();
        after.remove(&id);
        self.change_labels(issue, after, false)
    }

    /// Takes all labels off.
    pub fn clear_labels(&mut self, issue: i64) -> Result<(), Problem> {
        self.may_label(issue)?;
        self.change_labels(issue, BTreeSet::new(), true)
    }
}

/// Six hex digits from `#0ab` or `#00aabb`, with or without the mark.
fn color(text: &str) -> Result<String, Problem> {
    let digits = text.trim().trim_start_matches('#').to_ascii_lowercase();
    let all_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    match digits.len() {
        6 if all_hex => Ok(digits),
        3 if all_hex => Ok(digits.chars().flat_map(|digit| [digit, digit]).collect()),
        _ => Err(Problem::invalid(format!("bad color code: {text}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::color;

    #[test]
    fn colors() {
        let rows = [("#00AABB", Some("00aabb")), ("0ab", Some("00aabb")), ("", None), ("#12345", None), ("red000", None)];
        for (text, want) in rows {
            assert_eq!(color(text).ok().as_deref(), want, "{text}");
        }
    }
}
