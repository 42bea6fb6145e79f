//! Carrying the issue itself over: title, text, labels and state.

use serde_json::json;

use crate::domain::forge::LabelSpec;
use crate::domain::mirror::{Op, Plan, Side, digest};

use super::super::Result;
use super::Link;
use super::compare::Both;

/// Colour of a label that is made because it was put on an issue across, where the other side does not say one.
const COLOR: &str = "ededed";

impl Link<'_> {
    /// Does what is planned for one side of the issue itself. True: something was written.
    pub(super) async fn perform(&self, both: &Both, side: Side, planned: &Plan, specs: &[Vec<LabelSpec>; 2]) -> Result<bool> {
        let ops = planned.on(side);
        if ops.is_empty() {
            return Ok(false);
        }
        let (forge, repo, number) = (self.forge(side), self.repo(side), both.issue(side).number);
        let (mut title, mut body, mut add, mut remove, mut state) = (None, None, Vec::new(), Vec::new(), None);
        for op in ops {
            match op {
                Op::Title(text) => title = Some(text.clone()),
                Op::Body(text) if side == both.origin => body = Some(text.clone()),
                Op::Body(text) => body = Some(self.framed(both.origin, both.issue(both.origin), text)),
                Op::AddLabel(name) => add.push(name.clone()),
                Op::RemoveLabel(name) => remove.push(name.clone()),
                Op::State(to) => state = Some(*to),
            }
        }
        if title.is_some() || body.is_some() {
            self.engine.hold(self.claim, self.patience()).await?;
            self.engine.outside(forge.edit_issue(&repo, number, title.as_deref(), body.as_deref())).await?;
        }
        if !add.is_empty() || !remove.is_empty() {
            self.engine.hold(self.claim, self.patience()).await?;
            let missing = missing(&add, side, specs);
            if !missing.is_empty() {
                self.engine.outside(forge.ensure_labels(&repo, &missing)).await?;
            }
            self.engine.outside(forge.change_labels(&repo, number, &add, &remove)).await?;
        }
        if let Some(state) = state {
            self.engine.hold(self.claim, self.patience()).await?;
            self.engine.outside(forge.set_issue_state(&repo, number, state)).await?;
        }
        let mut tx = self.begin().await?;
        let did = json!({
            "side": side, "issue": number, "title": title.as_deref().map(digest), "body": body.as_deref().map(digest),
            "labels_added": add, "labels_removed": remove, "state": state,
        });
        self.note(&mut tx, "link.issue-changed", did).await?;
        self.engine.commit(tx).await?;
        Ok(true)
    }
}

/// Labels that are to be put on and that the repository does not have, as the other one has them.
fn missing(add: &[String], side: Side, specs: &[Vec<LabelSpec>; 2]) -> Vec<LabelSpec> {
    let at = usize::from(side == Side::There);
    let (own, other) = (&specs[at], &specs[1 - at]);
    let unknown = add.iter().filter(|name| !own.iter().any(|spec| spec.name == **name));
    let made = |name: &String| {
        let like = other.iter().find(|spec| spec.name == *name).cloned();
        like.unwrap_or_else(|| LabelSpec { name: name.clone(), color: COLOR.into(), description: String::new(), exclusive: false })
    };
    unknown.map(made).collect()
}
