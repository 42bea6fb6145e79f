//! What CI says about the head of a story's pull request.

use crate::domain::forge::{EventKind, Sha};

use super::super::Result;
use super::Look;
use super::news::Finding;

impl Look<'_> {
    pub(super) async fn statuses(&mut self, head: &Sha) -> Result<()> {
        self.requests += 1;
        for status in self.site.connection.forge.ci(&self.site.repo, head).await? {
            let key = format!("ci:{}:{head}:{:?}", status.context, status.state);
            let kind = EventKind::Ci { sha: head.clone(), context: status.context, state: status.state, url: status.url };
            self.deliver(Finding { key, actor: None, kind, at: None }).await?;
        }
        Ok(())
    }
}
