//! Labels of an issue and its pull request, brought in step with the story, one label at a time.

use std::collections::BTreeSet;

use serde_json::json;

use crate::domain::workflow::Story;
use crate::domain::workflow::label::{self, Autonomy, Label};
use crate::forge::ForgeError;

use super::super::{EngineError, Result};
use super::{Job, Performed};

impl Job<'_> {
    pub(super) async fn labels(&self) -> Result<Performed> {
        let story = self.story().await?;
        if story.round == 0 && story.put_back.is_empty() {
            return Ok(Performed::Done(json!({})));
        }
        let (issue, pull) = story.labels();
        let mut targets = vec![(story.issue, issue.clone())];
        targets.extend(story.pull.as_ref().map(|of| (of.number, pull.clone())));
        targets.extend(story.loops.earlier.iter().map(|one| (one.number, story.labels_of(one.number))));
        let (mut changed, mut gone, mut missing) = (false, Vec::new(), None);
        for (number, wanted) in &targets {
            match self.bring_in_step(&story, *number, wanted).await {
                Ok(yes) => changed |= yes,
                // Somebody deleted it: the others show all the same where the story is.
                Err(EngineError::Forge(error @ ForgeError::NotFound(_))) => {
                    gone.push(*number);
                    missing = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        match missing {
            Some(error) if gone.len() == targets.len() => Err(error.into()),
            Some(_) => Ok(Performed::Done(json!({"changed": changed, "issue": issue, "pull": pull, "gone": gone}))),
            None => Ok(Performed::Done(json!({"changed": changed, "issue": issue, "pull": pull}))),
        }
    }

    /// Writes the difference between what the bot last confirmed and what it wants. A label that a person moved since is left alone:
    /// its own intent is on the way, and deciding it comes before overwriting it.
    async fn bring_in_step(&self, story: &Story, number: i64, wanted: &BTreeSet<String>) -> Result<bool> {
        let forge = &self.site.connection.forge;
        let now: BTreeSet<String> = forge.issue(&self.site.repo, number).await?.labels.into_iter().collect();
        let confirmed = self.confirmed(number).await?.unwrap_or_else(|| now.clone());
        let (add, remove) = label::difference(&now.iter().cloned().collect::<Vec<_>>(), wanted);
        let add: Vec<String> = add.into_iter().filter(|name| !confirmed.contains(name) || self.is_uncertain()).collect();
        // A label never loosens: one that would goes, too. Where the level was set for this story, its label stands alone and goes with the story.
        let level = story.autonomy;
        let of_story = story.tightened && number == story.issue;
        let goes = |label: Autonomy| label > level || (of_story && (label != level || !story.stage.is_active()));
        let others = now.iter().filter(|name| matches!(Label::parse(name), Some(Label::Autonomy(label)) if goes(label))).cloned();
        let remove: Vec<String> = remove.into_iter().chain(others).filter(|name| confirmed.contains(name)).collect();
        if add.is_empty() && remove.is_empty() {
            return self.confirm(number, confirmed, wanted).await.map(|()| false);
        }
        match self.engine.outside(forge.change_labels(&self.site.repo, number, &add, &remove)).await {
            Ok(_) => {}
            // A label does not exist yet in this repository: make them all, once, and try again.
            Err(ForgeError::Unprocessable(_)) => {
                self.engine.outside(forge.ensure_labels(&self.site.repo, &self.site.team.rules.labels)).await?;
                self.engine.outside(forge.change_labels(&self.site.repo, number, &add, &remove)).await?;
            }
            Err(error) => return Err(error.into()),
        }
        let mut after = confirmed;
        after.retain(|name| !remove.contains(name));
        after.extend(add);
        self.confirm(number, after, wanted).await.map(|()| true)
    }

    async fn confirmed(&self, number: i64) -> Result<Option<BTreeSet<String>>> {
        let mut tx = self.engine.store.begin_read(self.site.project.id).await?;
        let row = tx.object("labels", &number.to_string()).await?;
        tx.rollback().await?;
        Ok(row.map(|row| serde_json::from_value(row.data)).transpose()?)
    }

    /// Remembers what the bot did, and nothing that others did at the same time.
    async fn confirm(&self, number: i64, mut labels: BTreeSet<String>, wanted: &BTreeSet<String>) -> Result<()> {
        // An exclusive scope takes a sibling off by itself when one of ours is added.
        labels.retain(|name| wanted.contains(name) || !label::Label::parse(name).is_some_and(label::Label::is_kept_by_bot));
        if self.confirmed(number).await?.as_ref() == Some(&labels) {
            return Ok(());
        }
        let mut tx = self.begin().await?;
        tx.put_object("labels", &number.to_string(), &json!(labels), None).await?;
        self.engine.commit(tx).await
    }
}
