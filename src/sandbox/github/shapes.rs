//! The objects of GitHub's API: accounts, repositories, labels, milestones, issues, comments.

use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value, json};

use crate::base::Time;
use crate::sandbox::act::comments::REACTIONS;
use crate::sandbox::act::pulls::{bare_title, is_draft};
use crate::sandbox::state::{Comment, Grant, Issue, Label, Milestone, Reaction, Repo};
use crate::sandbox::world::World;

/// The state seen by somebody, with the address it is served at.
pub struct View<'a> {
    pub world: &'a World,
    pub root: &'a str,
    pub viewer: Option<i64>,
}

/// RFC 3339 in whole seconds.
pub fn time(at: Time) -> String {
    DateTime::from_timestamp(at.seconds(), 0).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A part of a path with everything encoded that has a meaning there.
pub fn encode(part: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    part.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// One object with the fields of both; the second wins.
pub fn joined(mut shape: Value, more: Value) -> Value {
    if let (Value::Object(shape), Value::Object(more)) = (&mut shape, more) {
        shape.extend(more);
    }
    shape
}

/// A text, or null where there is none.
pub fn or_null(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { text.into() }
}

/// Addresses of a repository's parts, as GitHub lists them in each repository.
const PARTS: [(&str, &str); 24] = [
    ("forks_url", "/forks"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("teams_url", "/teams"),
    ("hooks_url", "/hooks"),
    ("issue_events_url", "/issues/events{/number}"),
    ("events_url", "/events"),
    ("assignees_url", "/assignees{/user}"),
    ("branches_url", "/branches{/branch}"),
    ("tags_url", "/tags"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("trees_url", "/git/trees{/sha}"),
    ("statuses_url", "/statuses/{sha}"),
    ("commits_url", "/commits{/sha}"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("comments_url", "/comments{/number}"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("contents_url", "/contents/{+path}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("issues_url", "/issues{/number}"),
    ("pulls_url", "/pulls{/number}"),
    ("milestones_url", "/milestones{/number}"),
    ("labels_url", "/labels{/name}"),
];

impl View<'_> {
    /// The address of a repository in the API.
    pub fn api(&self, repo: i64) -> String {
        format!("{}/api/v3/repos/{}", self.root, self.path(repo))
    }

    /// `owner/name`.
    pub fn path(&self, repo: i64) -> String {
        self.world.repos.get(repo).map(|repo| self.world.path_of(repo)).unwrap_or_default()
    }

    /// The address of a repository for people.
    pub fn html_of(&self, repo: i64) -> String {
        format!("{}/{}", self.root, self.path(repo))
    }

    /// The address of an issue or pull request for people.
    pub fn html(&self, issue: &Issue) -> String {
        let kind = if issue.pull.is_some() { "pull" } else { "issues" };
        format!("{}/{kind}/{}", self.html_of(issue.repo), issue.number)
    }

    /// An account by id; one who is gone is the ghost.
    pub fn user(&self, id: i64) -> Value {
        let login = self.world.users.get(id).map_or("ghost", |user| user.login.as_str());
        let url = format!("{}/api/v3/users/{}", self.root, encode(login));
        json!({
            "login": login, "id": id, "node_id": format!("U_{id}"), "avatar_url": format!("{}/avatars/u/{id}?", self.root), "gravatar_id": "",
            "url": url, "html_url": format!("{}/{login}", self.root), "followers_url": format!("{url}/followers"),
            "following_url": format!("{url}/following{{/other_user}}"), "gists_url": format!("{url}/gists{{/gist_id}}"),
            "starred_url": format!("{url}/starred{{/owner}}{{/repo}}"), "subscriptions_url": format!("{url}/subscriptions"),
            "organizations_url": format!("{url}/orgs"), "repos_url": format!("{url}/repos"), "events_url": format!("{url}/events{{/privacy}}"),
            "received_events_url": format!("{url}/received_events"), "type": if login.ends_with("[bot]") { "Bot" } else { "User" },
            "user_view_type": "public", "site_admin": self.world.users.get(id).is_some_and(|user| user.admin),
        })
    }

    /// An account with what only its own page shows.
    pub fn account(&self, id: i64) -> Value {
        let Some(user) = self.world.users.get(id) else { return self.user(id) };
        let more = json!({
            "name": or_null(&user.full_name), "company": null, "blog": "", "location": null, "email": null, "hireable": null, "bio": null,
            "public_repos": self.world.repos.all().filter(|repo| repo.owner == id && !repo.private).count(), "public_gists": 0,
            "followers": 0, "following": 0, "created_at": time(user.created), "updated_at": time(user.created),
        });
        joined(self.user(id), more)
    }

    /// A repository, with the permissions of the viewer.
    pub fn repo(&self, repo: &Repo) -> Value {
        let (path, api, html) = (self.world.path_of(repo), self.api(repo.id), self.html_of(repo.id));
        let grant = self.world.grant(repo, self.viewer);
        let open = self.world.issues.all().filter(|issue| issue.repo == repo.id && issue.closed.is_none()).count();
        let mut shape = json!({
            "id": repo.id, "node_id": format!("R_{}", repo.id), "name": repo.name, "full_name": path, "private": repo.private,
            "owner": self.user(repo.owner), "html_url": html, "description": null, "fork": false, "url": api,
            "created_at": time(repo.created), "updated_at": time(repo.updated), "pushed_at": time(repo.updated),
            "git_url": format!("git://localhost/{path}.git"), "ssh_url": format!("git@localhost:{path}.git"), "clone_url": format!("{html}.git"),
        });
        let rest = json!({
            "svn_url": html, "homepage": null, "size": 0, "stargazers_count": 0, "watchers_count": 0, "language": null, "has_issues": true,
            "has_projects": false, "has_downloads": false, "has_wiki": false, "has_pages": false, "has_discussions": false, "forks_count": 0,
            "mirror_url": null, "archived": repo.archived, "disabled": false, "open_issues_count": open, "license": null,
            "allow_forking": true, "is_template": false, "web_commit_signoff_required": false, "topics": [],
            "visibility": if repo.private { "private" } else { "public" }, "forks": 0, "open_issues": open, "watchers": 0,
            "default_branch": repo.default_branch,
        });
        shape = joined(shape, rest);
        for (name, part) in PARTS {
            shape[name] = format!("{api}{part}").into();
        }
        if self.viewer.is_some() {
            shape["permissions"] = json!({
                "admin": grant >= Grant::Admin, "maintain": grant >= Grant::Admin, "push": grant >= Grant::Write,
                "triage": grant >= Grant::Write, "pull": grant >= Grant::Read,
            });
        }
        shape
    }

    /// A repository as it is shown to who asks for it alone: with how pull requests are merged.
    pub fn whole_repo(&self, repo: &Repo) -> Value {
        let more = json!({
            "allow_squash_merge": true, "allow_merge_commit": true, "allow_rebase_merge": true, "allow_auto_merge": false,
            "delete_branch_on_merge": false, "allow_update_branch": true, "network_count": 0, "subscribers_count": 0, "temp_clone_token": null,
        });
        joined(self.repo(repo), more)
    }

    pub fn label(&self, label: &Label) -> Value {
        json!({
            "id": label.id, "node_id": format!("LA_{}", label.id), "url": format!("{}/labels/{}", self.api(label.repo), encode(&label.name)),
            "name": label.name, "color": label.color, "default": false, "description": or_null(&label.description),
        })
    }

    /// The labels of an issue by name.
    pub fn labels(&self, issue: &Issue) -> Vec<Value> {
        self.world.labels_on(issue).into_iter().map(|label| self.label(label)).collect()
    }

    /// The number of a milestone in its repository.
    pub fn number_of(&self, row: &Milestone) -> usize {
        self.world.milestones.all().filter(|other| other.repo == row.repo && other.id <= row.id).count()
    }

    pub fn milestone(&self, row: &Milestone) -> Value {
        let of = |closed: bool| {
            self.world.issues.all().filter(|issue| issue.milestone == Some(row.id) && issue.closed.is_some() == closed).count()
        };
        let (number, html) = (self.number_of(row), self.html_of(row.repo));
        let url = format!("{}/milestones/{number}", self.api(row.repo));
        json!({
            "url": url, "html_url": format!("{html}/milestone/{number}"), "labels_url": format!("{url}/labels"), "id": row.id,
            "node_id": format!("MI_{}", row.id), "number": number, "title": row.title, "description": or_null(&row.description),
            "creator": null, "open_issues": of(false), "closed_issues": of(true), "state": state(row.closed), "created_at": time(row.created),
            "updated_at": time(row.updated), "due_on": row.due.map(time), "closed_at": row.closed.map(time),
        })
    }

    pub(super) fn milestone_of(&self, issue: &Issue) -> Value {
        issue.milestone.and_then(|id| self.world.milestones.get(id)).map_or(Value::Null, |row| self.milestone(row))
    }

    /// What the author is to the repository.
    pub fn association(&self, repo: i64, user: i64) -> &'static str {
        let Some(repo) = self.world.repos.get(repo) else { return "NONE" };
        match repo.grants.get(&user) {
            _ if repo.owner == user => "OWNER",
            Some(grant) if *grant > Grant::None => "COLLABORATOR",
            _ => "NONE",
        }
    }

    /// How many reactions of each kind there are.
    fn counts(&self, url: &str, reactions: &[Reaction]) -> Value {
        let mut counts =
            Map::from_iter([("url".to_owned(), format!("{url}/reactions").into()), ("total_count".into(), reactions.len().into())]);
        for kind in REACTIONS {
            counts.insert(kind.to_owned(), reactions.iter().filter(|one| one.content == kind).count().into());
        }
        counts.into()
    }

    pub fn reaction(&self, reaction: &Reaction) -> Value {
        json!({
            "id": reaction.id, "node_id": format!("REA_{}", reaction.id), "user": self.user(reaction.user), "content": reaction.content,
            "created_at": time(reaction.at),
        })
    }

    /// An issue, or the issue half of a pull request.
    pub fn issue(&self, issue: &Issue) -> Value {
        let (api, html) = (self.api(issue.repo), self.html(issue));
        let url = format!("{api}/issues/{}", issue.number);
        let assignees: Vec<Value> = issue.assignees.iter().map(|id| self.user(*id)).collect();
        let mut shape = json!({
            "url": url, "repository_url": api, "labels_url": format!("{url}/labels{{/name}}"), "comments_url": format!("{url}/comments"),
            "events_url": format!("{url}/events"), "html_url": html, "id": issue.id, "node_id": format!("I_{}", issue.id),
            "number": issue.number, "title": bare_title(&issue.title, issue.pull.is_some()), "user": self.user(issue.author),
            "labels": self.labels(issue), "state": state(issue.closed), "locked": false, "assignee": assignees.first(), "assignees": assignees,
            "milestone": self.milestone_of(issue), "comments": self.world.comments_on(issue.id).count(), "created_at": time(issue.created),
            "updated_at": time(issue.updated), "closed_at": issue.closed.map(time),
            "author_association": self.association(issue.repo, issue.author), "active_lock_reason": null, "body": or_null(&issue.body),
            "closed_by": null, "reactions": self.counts(&url, &issue.reactions), "timeline_url": format!("{url}/timeline"),
            "performed_via_github_app": null, "state_reason": issue.closed.filter(|_| issue.pull.is_none()).map(|_| "completed"),
        });
        if let Some(pull) = &issue.pull {
            shape["draft"] = is_draft(&issue.title).into();
            shape["pull_request"] = json!({
                "url": format!("{api}/pulls/{}", issue.number), "html_url": html, "diff_url": format!("{html}.diff"),
                "patch_url": format!("{html}.patch"), "merged_at": pull.merged.as_ref().map(|merged| time(merged.at)),
            });
        }
        shape
    }

    pub fn comment(&self, comment: &Comment) -> Value {
        let issue = self.world.issues.get(comment.issue);
        let (repo, number) = issue.map_or((0, 0), |issue| (issue.repo, issue.number));
        let html = issue.map(|issue| self.html(issue)).unwrap_or_default();
        let url = format!("{}/issues/comments/{}", self.api(repo), comment.id);
        json!({
            "url": url, "html_url": format!("{html}#issuecomment-{}", comment.id), "issue_url": format!("{}/issues/{number}", self.api(repo)),
            "id": comment.id, "node_id": format!("IC_{}", comment.id), "user": self.user(comment.author), "created_at": time(comment.created),
            "updated_at": time(comment.updated), "author_association": self.association(repo, comment.author), "body": comment.body,
            "reactions": self.counts(&url, &comment.reactions), "performed_via_github_app": null,
        })
    }
}

/// `open` or `closed`.
pub fn state(closed: Option<Time>) -> &'static str {
    if closed.is_some() { "closed" } else { "open" }
}
