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
    /// What a change that waits to be merged is called.
    pub pull: &'static str,
    /// What holds the code, its issues and its settings.
    pub repo: &'static str,
    /// What lets an account push, and what lets it change settings.
    pub write: &'static str,
    pub admin: &'static str,
    /// What an account is that has a part in a repository, and where that is set.
    pub member: &'static str,
    pub members: &'static str,
    /// Only who administers a repository may ask what others may do there.
    pub admin_asks: bool,
    /// The permissions with which an App pushes and changes settings, where a forge has Apps.
    pub app: Option<(&'static str, &'static str)>,
}

impl Words {
    /// Asks for what lets the bot push.
    pub fn let_push(&self, bot: &str, path: &str) -> String {
        match self.app.filter(|_| is_app(bot)) {
            Some((permissions, _)) => install(bot, path, permissions),
            None => format!("give @{bot} {} in {path}", self.write),
        }
    }

    /// Asks for what lets the bot change settings.
    pub fn let_administer(&self, bot: &str, path: &str) -> String {
        match self.app.filter(|_| is_app(bot)) {
            Some((_, permissions)) => install(bot, path, permissions),
            None => format!("give @{bot} {} in {path} ({}), and {}", self.admin, self.members, self.admin_scope),
        }
    }
}

/// The account of a GitHub App.
fn is_app(bot: &str) -> bool {
    bot.ends_with("[bot]")
}

fn install(bot: &str, path: &str, permissions: &str) -> String {
    let name = bot.trim_end_matches("[bot]");
    format!("install the App {name} in {path}, with the permissions {permissions} (its settings; whoever installed it accepts a change)")
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
