//! The labels of the repository, created and repaired on demand, with a report.

use serde_json::json;

use crate::domain::ability::{Ability, Has};
use crate::domain::workflow::label_sync::{self, survey};

use super::super::Result;
use super::{Job, Performed};

impl Job<'_> {
    /// Looks, mends what differs, and says what was done in one comment. A repetition finds less to do.
    pub(super) async fn sync_labels(&self, number: i64, key: &str) -> Result<Performed> {
        let forge = &self.site.connection.forge;
        let wanted = &self.site.team.rules.labels;
        let exclusive = forge.ability((u32::MAX, 0), Ability::ExclusiveLabels) == Has::Yes;
        let found = survey(wanted, &forge.labels(&self.site.repo).await?, exclusive);
        let due: Vec<_> = wanted.iter().filter(|spec| found.differs(&spec.name)).cloned().collect();
        let made = match due.is_empty() {
            true => Ok(Vec::new()),
            false => self.engine.outside(forge.ensure_labels(&self.site.repo, &due)).await,
        };
        match made {
            Ok(made) => {
                let report = label_sync::report(&found, &made, forge.kind(), self.is_uncertain());
                self.comment(number, key, &report).await?;
                Ok(Performed::Done(json!({"created": found.missing.len(), "repaired": found.wrong.len(), "right": found.right})))
            }
            Err(error) if error.is_transient() => Err(error.into()),
            Err(error) => {
                let answer = self.engine.redactor.mask(&error.to_string());
                self.comment(number, key, &label_sync::refused(&answer)).await?;
                Ok(Performed::Done(json!({"refused": true})))
            }
        }
    }
}
