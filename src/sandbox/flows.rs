//! What needs Git and the tables together: pushes, opening and merging pull requests, branches. Git objects first, then a written
//! intention where a crash could leave the two apart, then the ref, then the tables.

use std::collections::BTreeMap;

use super::act::refs::{Moved, differences};
use super::act::{IssuePatch, NewIssue, NewPull, no_such};
use super::forge::Forge;
use super::git_merge::Style;
use super::git_ops::{Git, is_branch_name, is_hex};
use super::problem::Problem;
use super::state::{Check, Grant, Issue, Repo};

/// Largest number of commits in the message about a push.
const TOLD_COMMITS: usize = 5;
/// Largest number of ancestors counted for a new branch.
const NEW_BRANCH_COMMITS: usize = 10;

/// How to merge a pull request.
#[derive(Clone, Debug)]
pub struct MergeOrder {
    pub style: Style,
    pub title: String,
    pub message: String,
    /// Refuse unless the head is this commit.
    pub head: Option<String>,
    pub force: bool,
    pub delete_branch: bool,
}

/// The refs under which the head of a pull request is served beside its branch.
fn head_refs(issue: &Issue) -> [String; 2] {
    [format!("refs/pull/{}/head", issue.number), format!("refs/merge-requests/{}/head", issue.iid)]
}

impl Forge {
    fn repo_row(&self, id: i64) -> Result<Repo, Problem> {
        self.read(|world| world.repos.get(id).cloned()).ok_or_else(no_such)
    }

    /// Compares the refs on the disk with those remembered, and lets everything follow that a push has as its consequence.
    /// The caller holds [`Forge::alone`].
    pub async fn refs_changed(&self, actor: i64, repo: i64) -> Result<(), Problem> {
        let now = self.git(repo).refs().await?;
        let (moved, checks) = self.consequences(repo, &now).await?;
        if moved.is_empty() && checks.is_empty() {
            return Ok(());
        }
        self.act(actor, |act| act.refs_moved(repo, moved, &checks, self.busy))
    }

    async fn consequences(&self, repo: i64, now: &BTreeMap<String, String>) -> Result<(Vec<Moved>, Vec<(i64, String, Check)>), Problem> {
        let git = self.git(repo);
        let mut moved = differences(&self.repo_row(repo)?, now);
        for one in &mut moved {
            describe(&git, one).await?;
        }
        let checks = self.checks(repo, now, &moved).await?;
        Ok((moved, checks))
    }

    /// New checks for the pull requests whose head or base has moved.
    async fn checks(&self, repo: i64, now: &BTreeMap<String, String>, moved: &[Moved]) -> Result<Vec<(i64, String, Check)>, Problem> {
        let touched = |branch: &str| moved.iter().any(|one| one.after.is_some() && one.name == format!("refs/heads/{branch}"));
        let pulls: Vec<(i64, [String; 2], String, String)> = self.read(|world| {
            let of_repo = world.issues.all().filter(|issue| issue.repo == repo);
            let waits = of_repo.filter_map(|issue| issue.pull.as_ref().map(|pull| (issue, pull))).filter(|(issue, pull)| {
                let alive = issue.closed.is_none() || pull.head_gone;
                alive && pull.merged.is_none() && (touched(&pull.head) || touched(&pull.base))
            });
            waits.map(|(issue, pull)| (issue.id, head_refs(issue), pull.head.clone(), pull.base.clone())).collect()
        });
        let git = self.git(repo);
        let mut checks = Vec::new();
        for (id, refs, head, base) in pulls {
            let at = |branch: &str| now.get(&format!("refs/heads/{branch}"));
            if let (Some(head), Some(base)) = (at(&head), at(&base)) {
                for name in refs {
                    git.set_ref(&name, head).await?;
                }
                checks.push((id, head.clone(), git.check(base, head).await?));
            }
        }
        Ok(checks)
    }

    /// Opens a pull request between two branches of a repository; returns the id of its issue.
    pub async fn open_pull(&self, actor: i64, repo_id: i64, issue: NewIssue, head: &str, base: &str) -> Result<i64, Problem> {
        let _alone = self.alone(repo_id).await;
        let repo = self.repo_row(repo_id)?;
        let at = |branch: &str| {
            repo.branch(branch).map(str::to_owned).ok_or_else(|| Problem::missing(format!("the branch {branch} does not exist")))
        };
        let (head_sha, base_sha) = (at(head)?, at(base)?);
        if head == base {
            return Err(Problem::invalid("Invalid PullRequest: There are no changes between the head and the base"));
        }
        let git = self.git(repo_id);
        let check = git.check(&base_sha, &head_sha).await?;
        if check.ahead == 0 {
            return Err(Problem::invalid("Invalid PullRequest: There are no changes between the head and the base"));
        }
        let new = NewPull { issue, head: head.to_owned(), base: base.to_owned(), head_sha: head_sha.clone(), check, busy: self.busy };
        let id = self.act(actor, |act| act.open_pull(repo_id, new))?;
        for name in self.read(|world| world.issues.get(id).map(head_refs)).into_iter().flatten() {
            git.set_ref(&name, &head_sha).await?;
        }
        Ok(id)
    }

    /// Changes a pull request, with a new base branch if one is named.
    pub async fn edit_pull(&self, actor: i64, id: i64, patch: IssuePatch, base: Option<String>) -> Result<(), Problem> {
        let (repo_id, head_sha) = self.act(actor, |act| act.pull(id).map(|(issue, pull)| (issue.repo, pull.head_sha.clone())))?;
        let _alone = self.alone(repo_id).await;
        let rebased = match base {
            Some(base) => {
                let sha = self.repo_row(repo_id)?.branch(&base).map(str::to_owned);
                let sha = sha.ok_or_else(|| Problem::missing(format!("new base '{base}' does not exist")))?;
                Some((base, self.git(repo_id).check(&sha, &head_sha).await?))
            }
            None => None,
        };
        self.act(actor, |act| act.edit_pull_request(id, patch, rebased))
    }

    /// Merges a pull request for real and closes it.
    pub async fn merge(&self, actor: i64, id: i64, order: MergeOrder) -> Result<(), Problem> {
        let repo_id = self.act(actor, |act| act.pull(id).map(|(issue, _)| issue.repo))?;
        let _alone = self.alone(repo_id).await;
        // A refused question about a pull request under check is counted although it is refused.
        let verdict = self.act(actor, |act| {
            let verdict = act.may_merge(id, order.force);
            act.count_question(id)?;
            Ok(verdict)
        })?;
        verdict?;
        let (issue, pull) = self.act(actor, |act| act.pull(id).map(|(issue, pull)| (issue.clone(), pull.clone())))?;
        if order.head.as_ref().is_some_and(|head| *head != pull.head_sha) {
            return Err(Problem::conflict("head out of date"));
        }
        let base_sha = self.repo_row(repo_id)?.branch(&pull.base).map(str::to_owned).ok_or_else(no_such)?;
        let message = merge_message(&order, issue.number, &issue.title, &pull.head, &pull.base);
        let git = self.git(repo_id);
        let sha = git.integrate(order.style, &base_sha, &pull.head_sha, &message, &self.maker(actor)).await?;
        self.act(actor, |act| act.begin_merge(id, sha.clone()))?;
        let name = format!("refs/heads/{}", pull.base);
        if let Err(problem) = git.update_ref(&name, Some(&sha), Some(&base_sha)).await {
            self.act(actor, |act| act.forget_merge(id))?;
            return Err(problem);
        }
        self.complete_merge(actor, repo_id, id).await?;
        if order.delete_branch && self.read(|world| world.protection_of(repo_id, &pull.head).is_none()) {
            git.update_ref(&format!("refs/heads/{}", pull.head), None, Some(&pull.head_sha)).await?;
            self.refs_changed(actor, repo_id).await?;
        }
        Ok(())
    }

    /// The base branch carries the merge: takes note of the push and closes the pull request in one act.
    async fn complete_merge(&self, actor: i64, repo: i64, id: i64) -> Result<(), Problem> {
        let now = self.git(repo).refs().await?;
        let (moved, mut checks) = self.consequences(repo, &now).await?;
        checks.retain(|(other, _, _)| *other != id);
        self.act(actor, |act| {
            act.refs_moved(repo, moved, &checks, self.busy)?;
            act.finish_merge(id)
        })
    }

    /// Brings the base branch into the head branch, by a merge commit or by a rebase.
    pub async fn update_pull(&self, actor: i64, id: i64, rebase: bool) -> Result<(), Problem> {
        let (issue, pull) = self.act(actor, |act| act.pull(id).map(|(issue, pull)| (issue.clone(), pull.clone())))?;
        let _alone = self.alone(issue.repo).await;
        self.act(actor, |act| act.repo(issue.repo, Grant::Write).map(drop))?;
        if issue.closed.is_some() {
            return Err(Problem::invalid("the pull request is closed"));
        }
        let repo = self.repo_row(issue.repo)?;
        let (Some(base), Some(head)) = (repo.branch(&pull.base), repo.branch(&pull.head)) else { return Err(no_such()) };
        let (git, maker) = (self.git(issue.repo), self.maker(actor));
        if git.is_ancestor(base, head).await? {
            return Ok(());
        }
        let message = format!("Merge branch '{}' into {}\n", pull.base, pull.head);
        let sha =
            if rebase { git.rebase(base, head, &maker).await? } else { git.integrate(Style::Merge, head, base, &message, &maker).await? };
        git.update_ref(&format!("refs/heads/{}", pull.head), Some(&sha), Some(head)).await?;
        self.refs_changed(actor, issue.repo).await
    }

    /// Makes a branch at a branch, tag or commit.
    pub async fn create_branch(&self, actor: i64, repo_id: i64, name: &str, from: Option<&str>) -> Result<(), Problem> {
        let _alone = self.alone(repo_id).await;
        self.act(actor, |act| act.repo(repo_id, Grant::Write).map(drop))?;
        if !is_branch_name(name) {
            return Err(Problem::invalid(format!("`{name}` is not a valid branch name")));
        }
        let repo = self.repo_row(repo_id)?;
        let sha = self.resolve(&repo, from).await.map_err(|_| Problem::missing("The old branch does not exist"))?;
        if repo.branch(name).is_some() {
            return Err(Problem::conflict("The branch already exists."));
        }
        if self.read(|world| world.protection_of(repo_id, name).is_some_and(|rule| !rule.allow_push)) {
            return Err(Problem::denied("branch is protected"));
        }
        let name = format!("refs/heads/{name}");
        let made = self.git(repo_id).update_ref(&name, Some(&sha), None).await;
        made.map_err(|_| Problem::conflict("The branch name collides with another branch."))?;
        self.refs_changed(actor, repo_id).await
    }

    /// Removes a branch, but never the default or a protected one.
    pub async fn delete_branch(&self, actor: i64, repo_id: i64, name: &str) -> Result<(), Problem> {
        let _alone = self.alone(repo_id).await;
        self.act(actor, |act| act.repo(repo_id, Grant::Write).map(drop))?;
        let repo = self.repo_row(repo_id)?;
        let sha = repo.branch(name).ok_or_else(|| Problem::missing("branch doesn't exist"))?;
        if name == repo.default_branch {
            return Err(Problem::denied("can not delete default or pull request target branch"));
        }
        if self.read(|world| world.protection_of(repo_id, name).is_some()) {
            return Err(Problem::denied("branch protected"));
        }
        self.git(repo_id).update_ref(&format!("refs/heads/{name}"), None, Some(sha)).await?;
        self.refs_changed(actor, repo_id).await
    }

    /// The commit behind a branch, tag or full commit id; the default branch when nothing is named.
    pub async fn resolve(&self, repo: &Repo, name: Option<&str>) -> Result<String, Problem> {
        let name = name.filter(|name| !name.is_empty()).unwrap_or(&repo.default_branch);
        let known = [name.to_owned(), format!("refs/heads/{name}"), format!("refs/tags/{name}")];
        if let Some(sha) = known.iter().find_map(|name| repo.refs.get(name)) {
            return Ok(sha.clone());
        }
        if is_hex(name) && self.git(repo.id).exists(name).await? {
            return Ok(name.to_ascii_lowercase());
        }
        Err(Problem::missing(format!("object does not exist [id: {name}, rel_path: ]")))
    }

    /// After a start: finishes merges whose commit is on the base branch, forgets those that never got there, and catches up with pushes.
    pub async fn recover(&self) -> Result<(), Problem> {
        for repo in self.read(|world| world.repos.all().cloned().collect::<Vec<_>>()) {
            let git = self.git(repo.id);
            if !git.dir.join("HEAD").exists() {
                continue;
            }
            let _alone = self.alone(repo.id).await;
            for id in self.read(|world| world.open_pulls(repo.id, |pull| pull.merging.is_some())) {
                let Some(pull) = self.read(|world| world.issues.get(id).and_then(|issue| issue.pull.clone())) else { continue };
                let Some(merging) = pull.merging else { continue };
                let landed = git.is_ancestor(&merging.sha, &format!("refs/heads/{}", pull.base)).await?;
                match landed {
                    true => self.complete_merge(merging.by, repo.id, id).await?,
                    false => self.act(merging.by, |act| act.forget_merge(id))?,
                }
            }
            self.refs_changed(repo.owner, repo.id).await?;
        }
        Ok(())
    }
}

/// Fills in the commits that a message about a push lists.
async fn describe(git: &Git, moved: &mut Moved) -> Result<(), Problem> {
    let Some(after) = &moved.after else { return Ok(()) };
    if let Some(before) = &moved.before {
        moved.forced = !git.is_ancestor(before, after).await?;
    }
    if moved.name.starts_with("refs/tags/") {
        moved.commits = git.log(&[after], 1).await?;
        moved.total = 1;
        return Ok(());
    }
    let commits = match &moved.before {
        None => git.log(&[after], NEW_BRANCH_COMMITS).await?,
        Some(before) => git.log(&[&format!("{before}..{after}")], 1000).await?,
    };
    moved.total = commits.len() as u64;
    for commit in commits.into_iter().take(TOLD_COMMITS) {
        moved.commits.push(git.with_files(commit).await?);
    }
    Ok(())
}

fn merge_message(order: &MergeOrder, number: i64, title: &str, head: &str, base: &str) -> String {
    let subject = match (order.title.trim(), order.style) {
        ("", Style::Squash) => format!("{title} (#{number})"),
        ("", _) => format!("Merge pull request '{title}' (#{number}) from {head} into {base}"),
        (subject, _) => subject.to_owned(),
    };
    match order.message.trim() {
        "" => format!("{subject}\n"),
        text => format!("{subject}\n\n{text}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Clock, Time};
    use crate::sandbox::git_ops::Signature;
    use crate::sandbox::{Sandbox, SandboxConfig};

    async fn start(dir: &std::path::Path) -> Sandbox {
        let clock = Clock::manual(Time(1_790_000_000_000_000));
        Sandbox::start(SandboxConfig { clock, ..SandboxConfig::new(dir) }).await.unwrap()
    }

    /// A pull request with one commit; returns the repository, the issue behind it and a merge commit that no branch carries yet.
    async fn half_merged(forge: &Sandbox) -> (i64, i64, String) {
        forge.ensure_user("acme", false, false).unwrap();
        let repo = forge.ensure_repo("acme", "shop", None, None).await.unwrap();
        let forge = &forge.forge;
        let git = forge.git(repo);
        forge.create_branch(1, repo, "work", Some("main")).await.unwrap();
        let base = forge.repo_row(repo).unwrap().branch("main").unwrap().to_owned();
        let tree = git.commit(&base).await.unwrap().tree;
        let maker = forge.maker(1);
        let author = Signature { name: "acme".into(), email: maker.email.clone(), date: String::new() };
        let head = git.commit_tree(&tree, &[&base], "work\n", &author, &maker).await.unwrap();
        git.set_ref("refs/heads/work", &head).await.unwrap();
        forge.refs_changed(1, repo).await.unwrap();
        let new = NewIssue { title: "feat: x".into(), ..NewIssue::default() };
        let id = forge.open_pull(1, repo, new, "work", "main").await.unwrap();
        let sha = git.integrate(Style::Merge, &base, &head, "merge\n", &maker).await.unwrap();
        forge.act(1, |act| act.begin_merge(id, sha.clone())).unwrap();
        (repo, id, sha)
    }

    #[tokio::test]
    async fn a_merge_killed_before_the_ref_is_forgotten_and_one_killed_after_it_is_finished() {
        for landed in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let forge = start(dir.path()).await;
            let (repo, id, sha) = half_merged(&forge).await;
            if landed {
                forge.forge.git(repo).set_ref("refs/heads/main", &sha).await.unwrap();
            }
            drop(forge);
            let forge = loop {
                match Sandbox::start(SandboxConfig::new(dir.path())).await {
                    Ok(forge) => break forge,
                    Err(_) => tokio::task::yield_now().await,
                }
            };
            let pull = forge.forge.read(|world| world.issues.get(id).and_then(|issue| issue.pull.clone())).unwrap();
            assert!(pull.merging.is_none());
            assert_eq!(pull.merged.map(|merged| merged.sha), landed.then_some(sha));
            let state = if landed { "[merged]" } else { "[open]" };
            assert!(forge.page("acme/shop", 1).unwrap().contains(state));
        }
    }
}
