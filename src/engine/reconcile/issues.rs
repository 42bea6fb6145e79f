//! Labels, open and closed: what was touched since the last look, whether a story knows of it or not.

use serde_json::json;

use crate::base::text::sha256_hex;
use crate::domain::forge::{EventKind, Issue, IssueAction, Pull, PullAction, PullSide, Sha, State};
use crate::domain::workflow::label::Label;

use super::super::{Result, tightening};
use super::Look;
use super::news::Finding;
use super::watch::Step;

impl Look<'_> {
    /// Labels of everything that was touched since the last look. A label may begin a story where there was none.
    pub(super) async fn issues(&mut self) -> Result<()> {
        let mut cursor = self.watch.issues;
        let (answer, behind) = loop {
            let now = self.engine.clock.now();
            let window = cursor.window(now);
            let answer = self.site.connection.forge.issues_touched(&self.site.repo, &window).await?;
            self.requests += answer.requests;
            self.forge_time = self.forge_time.or(answer.forge_time);
            let newest = answer.items.iter().map(|issue| issue.updated_at).max();
            match cursor.advance(&window, &answer, newest, now) {
                Step::Read => break (answer, window.until.is_some()),
                Step::Shorten => {}
            }
        };
        let mut touched = answer.items;
        touched.sort_by_key(|issue| (issue.updated_at, issue.number));
        for issue in &touched {
            self.labels(issue).await?;
        }
        self.asks_about_files(&touched).await?;
        self.behind |= behind;
        self.watch.issues = cursor;
        Ok(())
    }

    /// Open pull requests of other people may change what the repository says about itself; that is looked at the next time.
    async fn asks_about_files(&self, touched: &[Issue]) -> Result<()> {
        let bot = self.site.connection.bot.id;
        let theirs: Vec<&Issue> =
            touched.iter().filter(|issue| issue.is_pull && issue.state == State::Open && issue.author.id != bot).collect();
        if theirs.is_empty() {
            return Ok(());
        }
        let mut tx = self.engine.store.begin(self.site.project.id).await?;
        for issue in theirs {
            tightening::ask(&mut tx, issue.number).await?;
        }
        self.engine.commit(tx).await
    }

    /// Labels that differ from those last confirmed.
    pub(super) async fn labels(&mut self, issue: &Issue) -> Result<()> {
        let mut tx = self.engine.store.begin_read(self.site.project.id).await?;
        let confirmed = tx.object("labels", &issue.number.to_string()).await?;
        tx.rollback().await?;
        let mut now = issue.labels.clone();
        now.sort();
        let speaks = now.iter().any(|name| Label::parse(name).is_some());
        let same = match &confirmed {
            Some(row) => row.data == json!(now),
            None => !speaks,
        };
        if same {
            return Ok(());
        }
        let key = format!("labels:{}:{}:{}", issue.number, issue.updated_at.0, sha256_hex(now.join("\n")));
        let kind = match issue.is_pull {
            false => EventKind::Issue { action: IssueAction::Labeled, issue: issue.clone() },
            true => EventKind::Pull { action: PullAction::Labeled, pull: half(issue) },
        };
        self.deliver(Finding { key, actor: None, kind, at: Some(issue.updated_at) }).await
    }
}

/// A pull request as far as its issue half tells: enough for its labels.
fn half(issue: &Issue) -> Pull {
    let side = PullSide { branch: String::new(), sha: Sha(String::new()), repo_id: None };
    Pull {
        number: issue.number,
        title: issue.title.clone(),
        body: issue.body.clone(),
        state: issue.state,
        draft: false,
        merged: false,
        merge_sha: None,
        merged_by: None,
        mergeable: None,
        head: side.clone(),
        base: side,
        labels: issue.labels.clone(),
        author: issue.author.clone(),
        updated_at: issue.updated_at,
    }
}
