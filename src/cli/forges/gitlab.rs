//! GitLab.

use super::Words;

pub(super) const WORDS: Words = Words {
    name: "GitLab",
    oldest: (15, 0),
    upgrade: "upgrade it to 15.0 or newer",
    // The scope for everything is the only one that lets a token write notes; what bounds the bot is its role in the project.
    scopes: &["api"],
    all: None,
    of_use: &["self_rotate", "write_repository", "read_repository"],
    needs: || "it needs the scope api".to_owned(),
    admin_scope: "its token the scope api",
    issue_scope: "its token the scope api",
    version: |text| text,
    deliveries: |host| {
        format!(
            "if `{host}` is in the forge's own network, let an administrator of the GitLab turn on \"Allow requests to the local network from webhooks and integrations\" (Admin area, Settings, Network, Outbound requests), or add `{host}` to the list below it; then see the hook's recent events in the project's settings"
        )
    },
    pull: "merge request",
    repo: "project",
    write: "the role Developer",
    admin: "the role Maintainer",
    member: "a member",
    members: "its members",
    admin_asks: false,
    app: None,
};
