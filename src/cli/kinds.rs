//! What differs from forge to forge in the sentences of `onboard` and `doctor`, and in what they compare.

use crate::domain::ability::{Ability, Has};
use crate::domain::forge::{ForgeKind, LabelSpec};
use crate::forge::{Forge, SCOPES};

/// What a classic token of GitHub needs.
const GITHUB: [&str; 1] = ["repo"];

/// What a forge is called in a sentence.
pub fn name(kind: ForgeKind) -> &'static str {
    match kind {
        ForgeKind::Gitea => "a Gitea",
        ForgeKind::Forgejo => "a Forgejo",
        ForgeKind::GitHub => "a GitHub",
        ForgeKind::GitLab => "a GitLab",
    }
}

/// The scopes that the bot's token needs, in the forge's own words.
pub fn scopes(kind: ForgeKind) -> &'static [&'static str] {
    match kind {
        ForgeKind::GitHub => &GITHUB,
        _ => &SCOPES,
    }
}

/// Whether a scope is one that is of use, though not needed everywhere: pushing a change of GitHub's workflows takes one of its own.
pub fn is_of_use(kind: ForgeKind, scope: &str) -> bool {
    kind == ForgeKind::GitHub && ["workflow", "read:org", "read:user", "admin:repo_hook", "write:repo_hook"].contains(&scope)
}

/// What a token needs where its rights cannot be asked for.
pub fn needs(kind: ForgeKind) -> String {
    match kind {
        ForgeKind::GitHub => "an App or a fine-grained token needs the permissions contents, issues, pull requests, commit statuses and webhooks (write), checks and metadata (read), and workflows (write) where agents change them".to_owned(),
        kind => format!("it needs {}", scopes(kind).join(", ")),
    }
}

/// The end of a sentence that asks for administrator rights: what the token needs for them.
pub fn admin_scope(kind: ForgeKind) -> &'static str {
    match kind {
        ForgeKind::GitHub => "its token the scope repo, or the App the permissions webhooks and administration",
        _ => "its token the scope write:repository",
    }
}

/// The same for work on issues.
pub fn issue_scope(kind: ForgeKind) -> &'static str {
    match kind {
        ForgeKind::GitHub => "its token the scope repo, or the App the permission issues",
        _ => "its token the scope write:issue",
    }
}

/// What to do when the forge sends nothing to this host.
pub fn unreached(kind: ForgeKind, host: &str) -> String {
    match kind {
        ForgeKind::GitHub => format!(
            "see that `{host}` can be reached from the forge's network (github.com: from the internet); then see the hook's recent deliveries in the repository's settings"
        ),
        _ => format!(
            "on the forge, add `{host}` (or `private`, `loopback`) to ALLOWED_HOST_LIST of [webhook] in app.ini and restart it; then see the hook's last deliveries in the repository's settings"
        ),
    }
}

/// Whether the forge keeps scopes of labels exclusive, so that a difference there is one.
pub fn knows_exclusive(forge: &dyn Forge) -> bool {
    forge.ability((u32::MAX, 0), Ability::ExclusiveLabels) == Has::Yes
}

/// Whether a label of the forge is as it is wanted, as far as the forge can keep it.
pub fn is_like(forge: &dyn Forge, wanted: &LabelSpec, here: &LabelSpec) -> bool {
    if knows_exclusive(forge) {
        return wanted == here;
    }
    // GitHub keeps a hundred characters of a description.
    let short = |label: &LabelSpec| label.description.chars().take(100).collect::<String>().trim().to_owned();
    wanted.name == here.name && wanted.color.eq_ignore_ascii_case(&here.color) && short(wanted) == short(here)
}
