//! Gitea and Forgejo.

use super::Words;

pub(super) const WORDS: Words = Words {
    name: "Gitea",
    // The first version that takes names of labels.
    oldest: (1, 22),
    upgrade: "upgrade it to 1.22 or newer",
    scopes: &crate::forge::SCOPES,
    all: Some("all"),
    of_use: &[],
    needs: || format!("it needs {}", crate::forge::SCOPES.join(", ")),
    admin_scope: "its token the scope write:repository",
    issue_scope: "its token the scope write:issue",
    // Forgejo counts for itself and names after a plus sign the Gitea whose interface it keeps.
    version: |text| text.rsplit("gitea-").next().unwrap_or(text),
    deliveries: |host| {
        format!(
            "on the forge, add `{host}` (or `private`, `loopback`) to ALLOWED_HOST_LIST of [webhook] in app.ini and restart it; then see the hook's last deliveries in the repository's settings"
        )
    },
    pull: "pull request",
    repo: "repository",
    write: "write permission",
    admin: "administrator rights",
    member: "a collaborator",
    members: "its settings, collaborators",
    admin_asks: true,
    app: None,
};
