//! Reading what was touched since a moment, and which branches and repositories there are: what a comparison with the forge begins with.

use std::collections::BTreeMap;

use crate::base::Time;
use crate::domain::forge::*;
use crate::forge::{ForgeError, PlacedComment, Result, Touched, Window};

use super::client::{Call, Listed};
use super::read::odd;
use super::{GiteaForge, convert, wire};

/// The window as parameters: Gitea compares whole seconds, and both ends count.
fn within(call: Call, window: &Window) -> Call {
    let seconds = |time: Time| Time(time.seconds() * 1_000_000).rfc3339();
    let call = call.query("since", seconds(window.since));
    match window.until {
        Some(until) => call.query("before", seconds(until)),
        None => call,
    }
}

fn touched<T>(listed: &Listed<impl Sized>, items: Vec<T>) -> Touched<T> {
    Touched { items, complete: listed.complete, forge_time: listed.date, requests: listed.pages }
}

impl GiteaForge {
    pub(super) async fn read_issues_touched(&self, repo: &RepoRef, window: &Window) -> Result<Touched<Issue>> {
        let call = within(Call::get(&["issues"]).query("state", "all"), window);
        let mut listed: Listed<wire::Issue> = self.client.list_some(Some(repo), &call, true, window.at_most).await?;
        if listed.items.first().and_then(|issue| issue.repository.as_ref()).is_some_and(|at| self.is_other(repo, at.id)) {
            self.client.resolve(repo.id).await?;
            listed = self.client.list_some(Some(repo), &call, true, window.at_most).await?;
        }
        // An issue opened meanwhile pushes others onto the next page a second time.
        let mut by_number = BTreeMap::new();
        for issue in std::mem::take(&mut listed.items) {
            let issue = convert::issue(issue).map_err(odd)?;
            by_number.insert(issue.number, issue);
        }
        Ok(touched(&listed, by_number.into_values().collect()))
    }

    pub(super) async fn read_comments_touched(&self, repo: &RepoRef, window: &Window) -> Result<Touched<PlacedComment>> {
        let call = within(Call::get(&["issues", "comments"]), window);
        let mut listed: Listed<wire::Comment> = self.client.list_some(Some(repo), &call, true, window.at_most).await?;
        let mut by_id = BTreeMap::new();
        for comment in std::mem::take(&mut listed.items) {
            let (number, is_pull) =
                place(&comment).ok_or_else(|| odd(format!("comment {} stands on nothing that has a number", comment.id)))?;
            let comment = convert::comment(comment).map_err(odd)?;
            by_id.insert(comment.id, PlacedComment { number, is_pull, comment });
        }
        Ok(touched(&listed, by_id.into_values().collect()))
    }

    pub(super) async fn read_branch_head(&self, repo: &RepoRef, branch: &str) -> Result<Option<Sha>> {
        // The route takes the rest of the path as the name, so slashes stay slashes.
        let segments: Vec<&str> = std::iter::once("branches").chain(branch.split('/')).collect();
        let branch: wire::Branch = match self.client.on_repo(repo, &Call::get(&segments)).await {
            Ok(answer) => answer.json()?,
            Err(ForgeError::NotFound(text)) => {
                // The same answer is given for a repository that is gone.
                return self.read_repo(repo).await.map(|_| None).map_err(|error| match error {
                    ForgeError::NotFound(_) => ForgeError::NotFound(text),
                    other => other,
                });
            }
            Err(error) => return Err(error),
        };
        if branch.commit.id.is_empty() {
            return Err(odd(format!("the branch {} stands on no commit", branch.name)));
        }
        Ok(Some(Sha(branch.commit.id.to_ascii_lowercase())))
    }

    pub(super) async fn read_repos(&self, owner: Option<&str>) -> Result<Vec<Repo>> {
        let call = match owner {
            Some(owner) => Call::get(&["orgs", owner, "repos"]),
            None => Call::get(&["user", "repos"]),
        };
        let listed: Result<Listed<wire::Repo>> = self.client.list_some(None, &call, true, usize::MAX).await;
        let listed = match (listed, owner) {
            // Not an organisation: a person, then.
            (Err(ForgeError::NotFound(_)), Some(owner)) => {
                self.client.list_some(None, &Call::get(&["users", owner, "repos"]), true, usize::MAX).await?
            }
            (listed, _) => listed?,
        };
        listed.items.into_iter().map(|repo| convert::repo(repo).map_err(odd)).collect()
    }
}

/// Number of what a comment stands on, and whether that is a pull request, from the end of its address.
fn place(comment: &wire::Comment) -> Option<(i64, bool)> {
    let is_pull = !comment.pull_request_url.is_empty();
    let address = if is_pull { &comment.pull_request_url } else { &comment.issue_url };
    let number = address.trim_end_matches('/').rsplit('/').next()?.parse().ok()?;
    Some((number, is_pull)).filter(|(number, _)| *number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_says_what_a_comment_stands_on() {
        let at = |issue: &str, pull: &str| {
            place(&wire::Comment { issue_url: issue.into(), pull_request_url: pull.into(), ..Default::default() })
        };
        assert_eq!(at("https://git.local/acme/shop/issues/17", ""), Some((17, false)));
        assert_eq!(at("", "https://git.local/sub/acme/shop/pulls/18"), Some((18, true)));
        assert_eq!(at("", ""), None);
        assert_eq!(at("https://git.local/acme/shop/issues/0", ""), None);
    }
}
