//! The objects of the GitLab API, field for field: people, projects, labels, milestones, and the parts that others share.

use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::base::Time;
use crate::sandbox::git_ops::CommitRow;
use crate::sandbox::state::{Grant, Issue, Label, Milestone, Reaction, Repo};
use crate::sandbox::world::World;

/// The state seen by somebody, with the address it is served at.
pub struct Look<'a> {
    pub world: &'a World,
    pub root: &'a str,
    pub viewer: Option<i64>,
}

/// RFC 3339 in milliseconds.
pub fn time(at: Time) -> String {
    DateTime::from_timestamp_micros(at.0).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The other form of a time, which stands in web hooks.
pub fn hook_time(at: Time) -> String {
    DateTime::from_timestamp(at.seconds(), 0).unwrap_or_default().format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// One object with the fields of both; the second wins.
pub fn joined(mut shape: Value, more: Value) -> Value {
    if let (Value::Object(shape), Value::Object(more)) = (&mut shape, more) {
        shape.extend(more);
    }
    shape
}

/// Forty hex digits that stand for something.
pub fn digest(text: &str) -> String {
    hex::encode(&Sha256::digest(text)[..20])
}

/// The number for a permission: 20 reporter, 30 developer, 40 maintainer, 50 owner.
pub fn level(grant: Grant) -> i64 {
    match grant {
        Grant::None => 0,
        Grant::Read => 20,
        Grant::Write => 30,
        Grant::Admin => 40,
        Grant::Owner => 50,
    }
}

/// Whether this user belongs to the project, and with which permission. Who may only look because it is public does not.
pub fn membership(repo: &Repo, user: i64) -> Option<Grant> {
    if repo.owner == user { Some(Grant::Owner) } else { repo.grants.get(&user).copied().filter(|grant| *grant > Grant::None) }
}

/// A confidential issue is there for members, its author and its assignees.
pub fn may_see(world: &World, issue: &Issue, user: Option<i64>) -> bool {
    let Some(user) = user else { return !issue.confidential };
    let concerned = || issue.author == user || issue.assignees.contains(&user);
    let member = || world.repos.get(issue.repo).is_some_and(|repo| membership(repo, user).is_some());
    let admin = || world.users.get(user).is_some_and(|user| user.admin);
    !issue.confidential || concerned() || member() || admin()
}

/// The scope of a label `a::b`, which is what stands before the last `::`.
pub fn scope(name: &str) -> Option<&str> {
    name.rsplit_once("::").map(|(scope, _)| scope)
}

/// GitLab's name for a reaction, where it has another one.
pub fn emoji(content: &str) -> &str {
    NAMES.iter().find(|(ours, _)| *ours == content).map_or(content, |(_, name)| name)
}

/// The reaction behind GitLab's name for it.
pub fn content(name: &str) -> &str {
    NAMES.iter().find(|(_, theirs)| *theirs == name).map_or(name, |(ours, _)| ours)
}

const NAMES: [(&str, &str); 4] = [("+1", "thumbsup"), ("-1", "thumbsdown"), ("laugh", "laughing"), ("hooray", "tada")];

impl Look<'_> {
    /// A user in short; one who is gone is the ghost.
    pub fn user(&self, id: i64) -> Value {
        let (login, name) = self.world.users.get(id).map_or(("ghost", "Ghost User"), |user| {
            (user.login.as_str(), if user.full_name.is_empty() { user.login.as_str() } else { user.full_name.as_str() })
        });
        json!({
            "id": id, "username": login, "public_email": "", "name": name, "state": "active", "locked": false,
            "avatar_url": format!("{}/avatars/{id}", self.root), "web_url": format!("{}/{login}", self.root),
        })
    }

    /// A user as `/users/:id` shows one.
    pub fn user_whole(&self, id: i64) -> Value {
        let user = self.world.users.get(id);
        let more = json!({
            "created_at": user.map(|user| time(user.created)), "bio": "", "location": null, "bot": user.is_some_and(|user| user.bot),
            "organization": null, "job_title": "", "followers": 0, "following": 0, "is_followed": false, "local_time": null,
        });
        joined(self.user(id), more)
    }

    /// The path of a project.
    pub fn path(&self, repo: i64) -> String {
        self.world.repos.get(repo).map(|repo| self.world.path_of(repo)).unwrap_or_default()
    }

    /// The address of a project for people.
    pub fn web(&self, repo: i64) -> String {
        format!("{}/{}", self.root, self.path(repo))
    }

    /// The address of a project in the API.
    pub fn api(&self, repo: i64) -> String {
        format!("{}/api/v4/projects/{repo}", self.root)
    }

    fn namespace(&self, repo: &Repo) -> Value {
        let login = self.world.login(repo.owner);
        json!({
            "id": repo.owner, "name": login, "path": login, "kind": "group", "full_path": login, "parent_id": null, "avatar_url": null,
            "web_url": format!("{}/groups/{login}", self.root),
        })
    }

    /// A project, with the permissions of the viewer.
    pub fn project(&self, repo: &Repo) -> Value {
        let (path, web, owner) = (self.world.path_of(repo), self.web(repo.id), self.world.login(repo.owner));
        let mine = self.viewer.and_then(|user| membership(repo, user));
        let access = |of_group: bool| {
            let grant = mine.filter(|grant| (*grant == Grant::Owner) == of_group);
            grant.map(|grant| json!({"access_level": level(grant), "notification_level": 3}))
        };
        let open = self.world.issues.all().filter(|issue| issue.repo == repo.id && issue.pull.is_none() && issue.closed.is_none()).count();
        let shape = json!({
            "id": repo.id, "description": "", "name": repo.name, "name_with_namespace": format!("{owner} / {}", repo.name), "path": repo.name,
            "path_with_namespace": path, "created_at": time(repo.created), "default_branch": repo.default_branch, "tag_list": [], "topics": [],
            "ssh_url_to_repo": format!("git@localhost:{path}.git"), "http_url_to_repo": format!("{web}.git"), "web_url": web,
            "readme_url": null, "forks_count": 0, "avatar_url": null, "star_count": 0, "last_activity_at": time(repo.updated),
            "visibility": if repo.private { "private" } else { "public" }, "namespace": self.namespace(repo), "creator_id": repo.owner,
        });
        let rest = json!({
            "empty_repo": repo.refs.is_empty(), "archived": repo.archived, "issues_enabled": true, "merge_requests_enabled": true,
            "jobs_enabled": true, "wiki_enabled": false, "snippets_enabled": false, "issues_access_level": "enabled",
            "merge_requests_access_level": "enabled", "repository_access_level": "enabled", "updated_at": time(repo.updated),
            "open_issues_count": open, "merge_method": repo.lab.merge_method, "squash_option": repo.lab.squash_option,
            "only_allow_merge_if_pipeline_succeeds": false, "only_allow_merge_if_all_discussions_are_resolved": false,
            "remove_source_branch_after_merge": false, "autoclose_referenced_issues": false, "merge_requests_template": null,
            "shared_with_groups": [], "marked_for_deletion_on": null,
            "permissions": {"project_access": access(false), "group_access": access(true)},
            "_links": {"self": self.api(repo.id), "issues": format!("{}/issues", self.api(repo.id))},
        });
        joined(shape, rest)
    }

    /// A label with its counts.
    pub fn label(&self, label: &Label) -> Value {
        let worn = |pulls: bool, open: bool| {
            let wears =
                |issue: &&Issue| issue.labels.contains(&label.id) && issue.pull.is_some() == pulls && issue.closed.is_none() == open;
            self.world.issues.all().filter(wears).count()
        };
        let more = json!({
            "open_issues_count": worn(false, true), "closed_issues_count": worn(false, false), "open_merge_requests_count": worn(true, true),
            "subscribed": false, "priority": null, "is_project_label": true,
        });
        joined(self.label_in_short(label), more)
    }

    /// A label as it stands within other objects.
    pub fn label_in_short(&self, label: &Label) -> Value {
        json!({
            "id": label.id, "name": label.name, "description": Some(&label.description).filter(|text| !text.is_empty()),
            "description_html": label.description, "text_color": text_color(&label.color), "color": format!("#{}", label.color), "archived": false,
        })
    }

    /// The names of the labels of an issue, or the labels.
    pub fn labels(&self, issue: &Issue, whole: bool) -> Vec<Value> {
        let one = |label: &Label| if whole { self.label_in_short(label) } else { label.name.clone().into() };
        self.world.labels_on(issue).into_iter().map(one).collect()
    }

    pub fn milestone(&self, row: &Milestone) -> Value {
        let day = |at: Time| at.rfc3339().get(..10).map(str::to_owned);
        json!({
            "id": row.id, "iid": row.id, "project_id": row.repo, "title": row.title, "description": row.description,
            "state": if row.closed.is_some() { "closed" } else { "active" }, "created_at": time(row.created), "updated_at": time(row.updated),
            "due_date": row.due.and_then(day), "start_date": null, "expired": false,
            "web_url": format!("{}/-/milestones/{}", self.web(row.repo), row.id),
        })
    }

    /// The milestone of an issue, or null.
    pub fn milestone_of(&self, issue: &Issue) -> Value {
        issue.milestone.and_then(|id| self.world.milestones.get(id)).map_or(Value::Null, |row| self.milestone(row))
    }

    pub fn award(&self, reaction: &Reaction, on: &str, id: i64) -> Value {
        json!({
            "id": reaction.id, "name": emoji(&reaction.content), "user": self.user(reaction.user), "created_at": time(reaction.at),
            "updated_at": time(reaction.at), "awardable_id": id, "awardable_type": on, "url": null,
        })
    }

    /// A commit as the repository shows it.
    pub fn commit(&self, repo: i64, row: &CommitRow) -> Value {
        let title = row.message.lines().next().unwrap_or_default();
        let short = row.sha.get(..8).unwrap_or_default();
        json!({
            "id": row.sha, "short_id": short, "created_at": row.committer.date, "parent_ids": row.parents, "title": title,
            "message": row.message, "author_name": row.author.name, "author_email": row.author.email, "authored_date": row.author.date,
            "committer_name": row.committer.name, "committer_email": row.committer.email, "committed_date": row.committer.date,
            "trailers": {}, "extended_trailers": {}, "web_url": format!("{}/-/commit/{}", self.web(repo), row.sha),
        })
    }
}

/// Black on light colors, white on dark ones.
fn text_color(color: &str) -> &'static str {
    let part = |at: usize| color.get(at..at + 2).and_then(|digits| u32::from_str_radix(digits, 16).ok()).unwrap_or(0);
    if part(0) + part(2) + part(4) > 500 { "#1F1E24" } else { "#FFFFFF" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_reactions_go_there_and_back() {
        for name in ["thumbsup", "thumbsdown", "laughing", "tada", "eyes", "rocket", "white_check_mark"] {
            assert_eq!(emoji(content(name)), name);
        }
        assert_eq!(content("thumbsup"), "+1");
    }

    #[test]
    fn the_last_mark_ends_a_scope() {
        for (name, want) in [("a::b", Some("a")), ("a::b::c", Some("a::b")), ("a/b", None), ("a", None)] {
            assert_eq!(scope(name), want);
        }
    }
}
