//! Reading what was touched since a moment, and which branches and repositories there are: what a comparison with the forge begins with.

use std::collections::BTreeMap;

use crate::base::Time;
use crate::domain::forge::*;
use crate::forge::http::pace::date;
use crate::forge::{ForgeError, PlacedComment, Result, Touched, Window};

use super::call::{Call, Listed};
use super::login::Whose;
use super::read::odd;
use super::{GitHubForge, convert, wire};

/// The largest page.
const PAGE: usize = 100;
/// Most pages of one window.
const PAGES: usize = 200;

/// Whole seconds, without a fraction.
fn seconds(time: Time) -> String {
    Time(time.seconds() * 1_000_000).rfc3339().replace(".000000", "")
}

/// What a list by time of change is made of.
trait Stamped: serde::de::DeserializeOwned {
    fn id(&self) -> i64;
    fn at(&self) -> Time;
}

impl Stamped for wire::Issue {
    fn id(&self) -> i64 {
        self.number
    }
    fn at(&self) -> Time {
        convert::time(&self.updated_at)
    }
}

impl Stamped for wire::Comment {
    fn id(&self) -> i64 {
        self.id
    }
    fn at(&self) -> Time {
        convert::time(&self.updated_at)
    }
}

impl GitHubForge {
    pub(super) async fn read_issues_touched(&self, repo: &RepoRef, window: &Window) -> Result<Touched<Issue>> {
        let found = self.stretch::<wire::Issue>(repo, Call::get(&["issues"]).query("state", "all"), window).await?;
        let items: std::result::Result<Vec<Issue>, String> = found.items.into_iter().map(convert::issue).collect();
        Ok(Touched { items: items.map_err(odd)?, complete: found.complete, forge_time: found.date, requests: found.pages })
    }

    pub(super) async fn read_comments_touched(&self, repo: &RepoRef, window: &Window) -> Result<Touched<PlacedComment>> {
        let found = self.stretch::<wire::Comment>(repo, Call::get(&["issues", "comments"]), window).await?;
        let mut items = Vec::new();
        for comment in found.items {
            let (number, is_pull) =
                place(&comment).ok_or_else(|| odd(format!("comment {} stands on nothing that has a number", comment.id)))?;
            items.push(PlacedComment { number, is_pull, comment: convert::comment(comment).map_err(odd)? });
        }
        Ok(Touched { items, complete: found.complete, forge_time: found.date, requests: found.pages })
    }

    /// Everything of a list that was changed within the window. GitHub takes a beginning and no end.
    async fn stretch<T: Stamped>(&self, repo: &RepoRef, call: Call, window: &Window) -> Result<Listed<T>> {
        match window.until {
            // Newest first: what is changed meanwhile moves to the front, and what stood there comes twice instead of never.
            None => {
                let call = call.query("sort", "updated").query("direction", "desc").query("since", seconds(window.since)).remembered();
                let mut listed = self.client.list_some::<T>(Some(repo), &call, window.at_most).await?;
                let mut by_id: BTreeMap<i64, T> = BTreeMap::new();
                for item in listed.items {
                    by_id.entry(item.id()).or_insert(item);
                }
                listed.items = by_id.into_values().collect();
                Ok(listed)
            }
            Some(until) => self.past(repo, call, window, until).await,
        }
    }

    /// A stretch of the past, oldest first. It goes on from the last stamp instead of the next page: what is changed meanwhile leaves its
    /// place, and those behind it would move to a page that was read already.
    async fn past<T: Stamped>(&self, repo: &RepoRef, call: Call, window: &Window, until: Time) -> Result<Listed<T>> {
        let call = call.query("sort", "updated").query("direction", "asc");
        let mut by_id: BTreeMap<i64, T> = BTreeMap::new();
        let mut listed = Listed { items: Vec::new(), complete: true, date: None, pages: 0 };
        let (mut since, mut page) = (window.since, 1);
        for _ in 0..PAGES {
            let call = call.clone().query("since", seconds(since)).query("per_page", PAGE.to_string()).query("page", page.to_string());
            let answer = self.client.on_repo(repo, &call).await?;
            listed.pages += 1;
            listed.date = listed.date.or_else(|| date(&answer.headers));
            let items: Vec<Option<T>> = answer.json::<wire::Items<T>>()?.into_vec();
            let (full, last) = (items.len() >= PAGE, items.iter().flatten().next_back().map(Stamped::at));
            by_id.extend(items.into_iter().flatten().filter(|item| item.at() <= until).map(|item| (item.id(), item)));
            if by_id.len() > window.at_most {
                listed.complete = false;
                break;
            }
            match last {
                Some(last) if full && last <= until => (since, page) = if last > since { (last, 1) } else { (since, page + 1) },
                _ => {
                    listed.items = by_id.into_values().collect();
                    return Ok(listed);
                }
            }
        }
        listed.complete = false;
        listed.items = by_id.into_values().collect();
        Ok(listed)
    }

    /// The commit of a branch in a repository that can be seen.
    pub(super) async fn head_of(&self, repo: &RepoRef, branch: &str) -> Result<Option<Sha>> {
        // The route takes the rest of the path as the name, so slashes stay slashes.
        let segments: Vec<&str> = ["git", "ref", "heads"].into_iter().chain(branch.split('/')).collect();
        let reference: wire::Reference = match self.client.on_repo(repo, &Call::get(&segments)).await {
            Ok(answer) => answer.json()?,
            // 409: a repository without commits.
            Err(ForgeError::NotFound(_) | ForgeError::Conflict(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        if reference.object.sha.is_empty() {
            return Err(odd(format!("the branch {branch} stands on no commit")));
        }
        Ok(Some(Sha(reference.object.sha.to_ascii_lowercase())))
    }

    pub(super) async fn read_branch_head(&self, repo: &RepoRef, branch: &str) -> Result<Option<Sha>> {
        let head = self.head_of(repo, branch).await?;
        if head.is_none() {
            // The same answer is given for a repository that is gone.
            self.client.on_repo(repo, &Call::get(&[])).await?;
        }
        Ok(head)
    }

    pub(super) async fn read_repos(&self, owner: Option<&str>) -> Result<Vec<Repo>> {
        let found = if self.client.is_app() { self.repos_of_app().await? } else { self.repos_of_token(owner).await? };
        let mut by_id = BTreeMap::new();
        for repo in found {
            let of = repo.full_name.split('/').next().unwrap_or_default();
            if owner.is_none_or(|owner| owner.eq_ignore_ascii_case(of)) {
                let repo = convert::repo(repo, false).map_err(odd)?;
                by_id.insert(repo.id, repo);
            }
        }
        Ok(by_id.into_values().collect())
    }

    async fn repos_of_app(&self) -> Result<Vec<wire::Repo>> {
        let mut found = Vec::new();
        for id in self.client.all_tokens().await? {
            let call = Call::get(&["installation", "repositories"]).by(Whose::Installation(id));
            found.extend(self.client.list_some::<wire::Repo>(None, &call, usize::MAX).await?.items);
        }
        Ok(found)
    }

    async fn repos_of_token(&self, owner: Option<&str>) -> Result<Vec<wire::Repo>> {
        if let Some(owner) = owner {
            match self.client.list_some(None, &Call::get(&["orgs", owner, "repos"]), usize::MAX).await {
                // Not an organisation: a person, whose private ones are listed only among one's own.
                Err(ForgeError::NotFound(_)) => {}
                other => return Ok(other?.items),
            }
        }
        Ok(self.client.list_some(None, &Call::get(&["user", "repos"]), usize::MAX).await?.items)
    }
}

/// Number of what a comment stands on, from the end of its address, and whether that is a pull request, which only the address for people says.
fn place(comment: &wire::Comment) -> Option<(i64, bool)> {
    let number = comment.issue_url.trim_end_matches('/').rsplit('/').next()?.parse().ok().filter(|number| *number > 0)?;
    let page = comment.html_url.split('#').next().unwrap_or_default();
    Some((number, page.ends_with(&format!("/pull/{number}"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_says_what_a_comment_stands_on() {
        let at = |issue: &str, page: &str| place(&wire::Comment { issue_url: issue.into(), html_url: page.into(), ..Default::default() });
        let issue = "https://api.github.com/repos/acme/shop/issues/17";
        assert_eq!(at(issue, "https://github.com/acme/shop/issues/17#issuecomment-1"), Some((17, false)));
        assert_eq!(at(issue, "https://github.com/acme/shop/pull/17#issuecomment-1"), Some((17, true)));
        assert_eq!(at("", ""), None);
    }

    #[test]
    fn times_are_asked_in_whole_seconds() {
        assert_eq!(seconds(Time::parse("2026-08-03T09:00:00.9Z").unwrap()), "2026-08-03T09:00:00Z");
    }
}
