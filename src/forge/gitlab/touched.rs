//! Reading what was touched since a moment, and which branches and projects there are: what a comparison with the forge begins with.

use std::collections::BTreeMap;

use crate::base::Time;
use crate::domain::forge::*;
use crate::forge::{ForgeError, PlacedComment, Result, Touched, Window};

use super::client::{Call, Listed};
use super::convert::{place, time};
use super::read::{is_asked, is_public_talk, odd};
use super::{GitLabForge, convert, wire};

/// The window as parameters. GitLab keeps parts of seconds, so the last second is taken whole.
fn within(call: Call, window: &Window) -> Call {
    let whole = |time: Time, micros: i64| Time(time.seconds() * 1_000_000 + micros).rfc3339();
    let call =
        call.query("updated_after", whole(window.since, 0)).query("order_by", "updated_at").query("sort", "asc").query("scope", "all");
    match window.until {
        Some(until) => call.query("updated_before", whole(until, 999_999)),
        None => call,
    }
}

impl GitLabForge {
    /// Confidential issues are left out: what is written there could be quoted in public.
    pub(super) async fn read_issues_touched(&self, repo: &RepoRef, window: &Window) -> Result<Touched<Issue>> {
        let mut found = self.places_touched(repo, window).await?;
        found.items.retain(|issue| !issue.confidential);
        Ok(found)
    }

    /// Issues and merge requests are two lists. Tasks and incidents are no issues.
    async fn places_touched(&self, repo: &RepoRef, window: &Window) -> Result<Touched<Issue>> {
        self.bot().await?;
        let issues: Listed<wire::Issue> =
            self.client.list_some(Some(repo), &within(Call::get(&["issues"]).query("state", "all"), window), window.at_most).await?;
        let mut found = Touched { items: Vec::new(), complete: issues.complete, forge_time: issues.date, requests: issues.pages };
        if !found.complete {
            return Ok(found);
        }
        let merges: Listed<wire::Merge> = self
            .client
            .list_some(Some(repo), &within(Call::get(&["merge_requests"]).query("state", "all"), window), window.at_most)
            .await?;
        found.requests += merges.pages;
        found.complete = merges.complete && issues.items.len() + merges.items.len() <= window.at_most;
        if !found.complete {
            return Ok(found);
        }
        let mut by_number = BTreeMap::new();
        for issue in issues.items.into_iter().filter(|issue| matches!(issue.issue_type.as_str(), "" | "issue")) {
            let issue = convert::issue(issue).map_err(odd)?;
            by_number.insert(issue.number, issue);
        }
        for merge in merges.items {
            let mut issue = convert::merge_as_issue(merge).map_err(odd)?;
            issue.body = self.own_text(issue.author.id, issue.body);
            by_number.insert(issue.number, issue);
        }
        found.items = by_number.into_values().collect();
        Ok(found)
    }

    /// GitLab lists notes only by what they stand on; a new or edited note touches that, so nothing else has to be looked at.
    pub(super) async fn read_comments_touched(&self, repo: &RepoRef, window: &Window) -> Result<Touched<PlacedComment>> {
        // What was touched after the window's end may have been touched within it as well.
        let places = self.places_touched(repo, &Window { until: None, ..*window }).await?;
        let mut found = Touched { items: Vec::new(), complete: places.complete, forge_time: places.forge_time, requests: places.requests };
        if !found.complete {
            return Ok(found);
        }
        let me = self.bot().await?;
        let in_window =
            |at: Time| at.seconds() >= window.since.seconds() && window.until.is_none_or(|until| at.seconds() <= until.seconds());
        let mut by_id = BTreeMap::new();
        for issue in places.items {
            let (list, iid) = place(issue.number);
            let call = Call::get(&[list, &iid, "notes"]).query("order_by", "updated_at").query("sort", "desc");
            let notes: Listed<wire::Note> = self.client.list_some(Some(repo), &call, usize::MAX).await?;
            found.requests += notes.pages;
            let own_review =
                |note: &wire::Note| note.author.as_ref().is_some_and(|by| by.id == me.id) && note.body.contains(super::read::REVIEW_MARK);
            for note in notes.items.into_iter().filter(|note| is_public_talk(note) && note.kind != "DiffNote" && !own_review(note)) {
                if in_window(time(&note.updated_at)) && (!issue.confidential || is_asked(&note.body)) {
                    let comment = self.note(note)?;
                    by_id.insert(comment.id, PlacedComment { number: issue.number, is_pull: issue.is_pull, comment });
                }
            }
            if by_id.len() > window.at_most {
                found.complete = false;
                return Ok(found);
            }
        }
        found.items = by_id.into_values().collect();
        Ok(found)
    }

    pub(super) async fn raw_branch(&self, repo: &RepoRef, branch: &str) -> Result<Option<wire::Branch>> {
        match self.client.on_repo(repo, &Call::get(&["repository", "branches", branch])).await {
            Ok(answer) => Ok(Some(answer.json()?)),
            // The same answer is given for a project that is gone.
            Err(ForgeError::NotFound(_)) => self.read_repo(repo).await.map(|_| None),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn read_branch_head(&self, repo: &RepoRef, branch: &str) -> Result<Option<Sha>> {
        let Some(branch) = self.raw_branch(repo, branch).await? else { return Ok(None) };
        match convert::some_sha(&branch.commit.id) {
            Some(sha) => Ok(Some(sha)),
            None => Err(odd(format!("the branch {} stands on no commit", branch.name))),
        }
    }

    pub(super) async fn read_repos(&self, owner: Option<&str>) -> Result<Vec<Repo>> {
        let call = match owner {
            Some(owner) => Call::get(&["groups", owner, "projects"]).query("include_subgroups", "true"),
            None => Call::get(&["projects"]).query("membership", "true"),
        };
        let listed: Result<Listed<wire::Project>> = self.client.list_some(None, &call, usize::MAX).await;
        let listed = match (listed, owner) {
            // Not a group: a person, then.
            (Err(ForgeError::NotFound(_)), Some(owner)) => {
                self.client.list_some(None, &Call::get(&["users", owner, "projects"]), usize::MAX).await?
            }
            (listed, _) => listed?,
        };
        listed.items.into_iter().map(|project| convert::repo(project).map_err(odd)).collect()
    }
}
