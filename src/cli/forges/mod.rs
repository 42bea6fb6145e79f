//! What `doctor` and `onboard` say differently for each kind of forge: a file for each kind, and one line here.

use crate::domain::ability::{Ability, Has};
use crate::domain::forge::{ForgeKind, LabelSpec};
use crate::forge::Forge;

mod gitea;
mod github;
mod gitlab;

/// Words and bounds of one kind.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// What it is called.
    pub name: &'static str,
    /// The first version that is spoken to, and in words what to do about an older one.
    pub oldest: (u32, u32),
    pub upgrade: &'static str,
    /// Scopes that the bot's token needs.
    pub scopes: &'static [&'static str],
    /// A scope that allows everything on servers where a smaller one would do.
    pub all: Option<&'static str>,
    /// The version text that counts, within the server's own.
    pub version: fn(&str) -> &str,
    /// Scopes that are of use, though not needed everywhere.
    pub of_use: &'static [&'static str],
    /// What a token needs, in words, where its rights cannot be asked for.
    pub needs: fn() -> String,
    /// The end of a sentence that asks for administrator rights: what the token needs for them.
    pub admin_scope: &'static str,
    /// The same for work on issues.
    pub issue_scope: &'static str,
    /// What lets the forge send web hooks to this host of ours.
    pub deliveries: fn(&str) -> String,
}

/// The words of this kind.
pub fn words(kind: ForgeKind) -> Words {
    match kind {
        ForgeKind::Gitea | ForgeKind::Forgejo => gitea::WORDS,
        ForgeKind::GitHub => github::WORDS,
        ForgeKind::GitLab => gitlab::WORDS,
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
