//! All tables together, and the questions asked of them.

use super::state::{
    App, AppToken, CheckRun, Comment, Event, Grant, Hook, Issue, Label, Meta, Milestone, Protection, Pull, Repo, Review, Status, Thread,
    User,
};
use super::table::{Stored, Table};

/// Everything the sandbox forge knows beside the Git objects.
#[derive(Debug, Default)]
pub struct World {
    /// One row, number 0.
    pub meta: Table<Meta>,
    pub users: Table<User>,
    pub repos: Table<Repo>,
    pub labels: Table<Label>,
    pub milestones: Table<Milestone>,
    pub issues: Table<Issue>,
    pub comments: Table<Comment>,
    pub reviews: Table<Review>,
    pub statuses: Table<Status>,
    pub hooks: Table<Hook>,
    pub protections: Table<Protection>,
    pub events: Table<Event>,
    pub threads: Table<Thread>,
    pub apps: Table<App>,
    pub app_tokens: Table<AppToken>,
    pub checks: Table<CheckRun>,
}

impl World {
    /// The tables with the names they have on disk.
    pub fn tables(&mut self) -> [(&'static str, &mut dyn Stored); 16] {
        [
            ("meta", &mut self.meta),
            ("user", &mut self.users),
            ("repo", &mut self.repos),
            ("label", &mut self.labels),
            ("milestone", &mut self.milestones),
            ("issue", &mut self.issues),
            ("comment", &mut self.comments),
            ("review", &mut self.reviews),
            ("status", &mut self.statuses),
            ("hook", &mut self.hooks),
            ("protection", &mut self.protections),
            ("event", &mut self.events),
            ("thread", &mut self.threads),
            ("app", &mut self.apps),
            ("app_token", &mut self.app_tokens),
            ("check", &mut self.checks),
        ]
    }

    /// A new id of this kind; ids count up and are never given twice. Comments, reviews and events share one kind and so one order.
    pub fn next_id(&mut self, kind: &str) -> i64 {
        if self.meta.get(0).is_none() {
            self.meta.put(0, Meta::default());
        }
        let Some(meta) = self.meta.edit(0) else { return 0 };
        let counter = meta.counters.entry(kind.to_owned()).or_default();
        *counter += 1;
        *counter
    }

    /// The random name of this sandbox.
    pub fn instance(&self) -> &str {
        self.meta.get(0).map_or("", |meta| meta.instance.as_str())
    }

    /// A user by login, whatever the case.
    pub fn user_named(&self, login: &str) -> Option<&User> {
        self.users.all().find(|user| user.login.eq_ignore_ascii_case(login))
    }

    /// The login of a user, for texts.
    pub fn login(&self, id: i64) -> &str {
        self.users.get(id).map_or("Ghost", |user| user.login.as_str())
    }

    /// The user whom this token belongs to.
    pub fn user_with_token(&self, token: &str) -> Option<&User> {
        self.users.all().find(|user| !token.is_empty() && user.token == token)
    }

    /// The user behind an e-mail address of this forge.
    pub fn user_with_email(&self, email: &str) -> Option<&User> {
        self.users.all().find(|user| email == user.email() || email == format!("{}@{MAIL_HOST}", user.login))
    }

    /// A repository by its present path, whatever the case.
    pub fn repo_at(&self, owner: &str, name: &str) -> Option<&Repo> {
        self.repos.all().find(|repo| repo.name.eq_ignore_ascii_case(name) && self.login(repo.owner).eq_ignore_ascii_case(owner))
    }

    /// The repository that had this path before it was renamed.
    pub fn repo_formerly_at(&self, owner: &str, name: &str) -> Option<&Repo> {
        let path = format!("{owner}/{name}").to_lowercase();
        self.repos.get(*self.meta.get(0)?.former_paths.get(&path)?)
    }

    /// `owner/name`.
    pub fn path_of(&self, repo: &Repo) -> String {
        format!("{}/{}", self.login(repo.owner), repo.name)
    }

    /// What this user (`None`: nobody signed in) may do in the repository.
    pub fn grant(&self, repo: &Repo, user: Option<i64>) -> Grant {
        let open = if repo.private { Grant::None } else { Grant::Read };
        let Some(user) = user.and_then(|id| self.users.get(id)) else { return open };
        if user.id == repo.owner || user.admin {
            return Grant::Owner;
        }
        repo.grants.get(&user.id).copied().unwrap_or(open).max(open)
    }

    /// An issue or pull request by its number.
    pub fn issue_at(&self, repo: i64, number: i64) -> Option<&Issue> {
        self.issues.all().find(|issue| issue.repo == repo && issue.number == number)
    }

    /// Comments of an issue, oldest first.
    pub fn comments_on(&self, issue: i64) -> impl Iterator<Item = &Comment> {
        self.comments.all().filter(move |comment| comment.issue == issue)
    }

    /// Reviews and review requests of a pull request, oldest first.
    pub fn reviews_of(&self, issue: i64) -> impl Iterator<Item = &Review> {
        self.reviews.all().filter(move |review| review.issue == issue)
    }

    /// Labels of an issue by name.
    pub fn labels_on(&self, issue: &Issue) -> Vec<&Label> {
        let mut labels: Vec<&Label> = issue.labels.iter().filter_map(|id| self.labels.get(*id)).collect();
        labels.sort_by(|a, b| a.name.cmp(&b.name).then(a.id.cmp(&b.id)));
        labels
    }

    /// The rule that holds for a branch: an exact name before a pattern.
    pub fn protection_of(&self, repo: i64, branch: &str) -> Option<&Protection> {
        let of_repo = || self.protections.all().filter(move |rule| rule.repo == repo);
        of_repo().find(|rule| rule.rule == branch).or_else(|| of_repo().find(|rule| matches_pattern(&rule.rule, branch)))
    }

    /// Gives rows of older states the numbers that issues and pull requests have apart from each other.
    pub fn number_apart(&mut self) {
        let old: Vec<(i64, i64, bool)> =
            self.issues.all().filter(|issue| issue.iid == 0).map(|issue| (issue.id, issue.repo, issue.pull.is_some())).collect();
        for (id, repo, is_pull) in old {
            let Some(repo) = self.repos.edit(repo) else { continue };
            let counted = if is_pull { &mut repo.lab.last_pull } else { &mut repo.lab.last_issue };
            *counted += 1;
            let iid = *counted;
            if let Some(issue) = self.issues.edit(id) {
                issue.iid = iid;
            }
        }
    }

    /// Open pull requests of a repository that pass the test.
    pub fn open_pulls(&self, repo: i64, test: impl Fn(&Pull) -> bool) -> Vec<i64> {
        let wanted = |issue: &&Issue| issue.repo == repo && issue.closed.is_none() && issue.pull.as_ref().is_some_and(&test);
        self.issues.all().filter(wanted).map(|issue| issue.id).collect()
    }

    /// Whether the newest check of this name on a commit has passed.
    pub fn check_passed(&self, repo: i64, sha: &str, name: &str) -> bool {
        let newest = self.checks.all().rev().find(|check| check.repo == repo && check.sha == sha && check.name == name);
        newest.and_then(|check| check.conclusion.as_deref()).is_some_and(|word| matches!(word, "success" | "neutral" | "skipped"))
    }

    /// The newest status of each context on a commit, newest first.
    pub fn latest_statuses(&self, repo: i64, sha: &str) -> Vec<&Status> {
        let mut latest: Vec<&Status> = Vec::new();
        for status in self.statuses.all().rev().filter(|status| status.repo == repo && status.sha == sha) {
            if latest.iter().all(|newer| newer.context != status.context) {
                latest.push(status);
            }
        }
        latest
    }
}

/// The host part of the addresses that this forge gives to its users.
pub const MAIL_HOST: &str = "noreply.sandbox.localhost";

impl User {
    /// The placeholder address of the account, the one its commits carry.
    pub fn email(&self) -> String {
        format!("{}+{}@{MAIL_HOST}", self.id, self.login)
    }
}

/// True when the name fits a pattern in which `*` stands for any text.
pub fn matches_pattern(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name
            .strip_prefix(start)
            .is_some_and(|tail| tail.char_indices().map(|(at, _)| at).chain([tail.len()]).any(|at| matches_pattern(rest, &tail[at..]))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_with_stars() {
        let rows = [
            ("main", "main", true),
            ("main", "maine", false),
            ("release/*", "release/1.0", true),
            ("*", "x", true),
            ("r*/*x", "r1/2x", true),
            ("r*", "q", false),
        ];
        for (pattern, name, want) in rows {
            assert_eq!(matches_pattern(pattern, name), want, "{pattern} {name}");
        }
    }
}
