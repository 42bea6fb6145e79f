//! GitHub, also on a server of one's own.

use super::Words;

pub(super) const WORDS: Words = Words {
    name: "GitHub",
    oldest: (3, 0),
    upgrade: "upgrade it to a version that is still supported",
    // What a classic token needs. Apps and fine-grained tokens have permissions instead, which nobody is told.
    scopes: &["repo"],
    all: None,
    // Pushing a change of workflows takes a scope of its own.
    of_use: &["workflow", "read:org", "read:user", "admin:repo_hook", "write:repo_hook"],
    needs: || {
        "an App or a fine-grained token needs the permissions contents, issues, pull requests, commit statuses and webhooks (write), checks and metadata (read), and workflows (write) where agents change them".to_owned()
    },
    admin_scope: "its token the scope repo, or the App the permissions webhooks and administration",
    issue_scope: "its token the scope repo, or the App the permission issues",
    version: |text| text,
    deliveries: |host| {
        format!(
            "see that `{host}` can be reached from the forge's network (github.com: from the internet); then see the hook's recent deliveries in the repository's settings"
        )
    },
    pull: "pull request",
    repo: "repository",
    write: "the role Write",
    admin: "the role Admin",
    member: "a collaborator",
    members: "its settings, collaborators and teams",
    admin_asks: false,
    app: Some((
        "contents, issues, pull requests and commit statuses (write), checks and metadata (read)",
        "contents, issues, pull requests, commit statuses, webhooks and administration (write), checks and metadata (read)",
    )),
};
