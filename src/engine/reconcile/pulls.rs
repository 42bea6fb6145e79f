//! The pull request and the branch of a story: merged, closed, opened again, pushed to, gone.

use crate::base::text::sha256_hex;
use crate::domain::forge::{EventKind, Pull, PullAction, Sha, State};
use crate::domain::workflow::Story;
use crate::domain::workflow::label::Stage;
use crate::domain::workflow::story::PullOf;

use super::super::Result;
use super::Look;
use super::news::Finding;

impl Look<'_> {
    pub(super) async fn pull(&mut self, story: &Story, of: &PullOf) -> Result<()> {
        let number = of.number;
        self.requests += 1;
        let pull = self.site.connection.forge.pull(&self.site.repo, number).await?;
        if pull.merged {
            return self.about(PullAction::Merged, format!("merged:{number}"), pull).await;
        }
        match (pull.state, of.open) {
            (State::Closed, true) => {
                // The branch first: where it is gone, that is why the pull request is closed.
                self.branch(story).await?;
                let key = format!("pull-closed:{number}:{}", pull.updated_at.0);
                return self.about(PullAction::Closed, key, pull).await;
            }
            (State::Closed, false) => return Ok(()),
            (State::Open, false) => {
                let key = format!("pull-reopened:{number}:{}", pull.updated_at.0);
                self.about(PullAction::Reopened, key, pull.clone()).await?;
            }
            (State::Open, true) => {}
        }
        let elsewhere = Some(&pull.base.branch).filter(|base| **base != story.base_branch);
        let marked = pull.draft != story.loops.draft && story.stage == Stage::Review && story.active.is_none();
        if elsewhere != story.loops.target.as_ref() || marked {
            let key = format!("pull-edited:{number}:{}:{}:{}", pull.updated_at.0, pull.draft, sha256_hex(&pull.base.branch));
            self.about(PullAction::Edited, key, pull.clone()).await?;
        }
        if !story.heads.contains(&pull.head.sha) && story.foreign_head.as_ref() != Some(&pull.head.sha) {
            let key = format!("head:{number}:{}", pull.head.sha);
            self.about(PullAction::Synchronized, key, pull.clone()).await?;
        }
        self.reviews(&pull).await?;
        self.statuses(&pull.head.sha).await
    }

    async fn about(&mut self, action: PullAction, key: String, pull: Pull) -> Result<()> {
        // Only a merge names its author in the pull request itself.
        let actor = pull.merged_by.clone().filter(|_| action == PullAction::Merged);
        let at = Some(pull.updated_at);
        self.deliver(Finding { key, actor, kind: EventKind::Pull { action, pull }, at }).await
    }

    /// The branch, where no open pull request tells about it.
    pub(super) async fn branch(&mut self, story: &Story) -> Result<()> {
        if story.head.is_none() || story.branch.is_empty() {
            return Ok(());
        }
        self.requests += 1;
        let branch = story.branch.clone();
        let (key, kind) = match self.site.connection.forge.branch_head(&self.site.repo, &branch).await? {
            None => (format!("branch-deleted:{branch}"), EventKind::BranchDeleted { branch }),
            Some(sha) if !story.heads.contains(&sha) && story.foreign_head.as_ref() != Some(&sha) => {
                let before = story.head.clone().unwrap_or_else(|| Sha(String::new()));
                (format!("push:{branch}:{sha}"), EventKind::Push { branch, before, after: sha })
            }
            Some(_) => return Ok(()),
        };
        self.deliver(Finding { key, actor: None, kind, at: None }).await
    }
}
