//! What `doctor` and `onboard` say differently for each kind of forge: a file for each kind, and one line here.

use crate::domain::forge::ForgeKind;

mod gitea;
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
    /// What lets the forge send web hooks to this host of ours.
    pub deliveries: fn(&str) -> String,
}

/// The words of this kind.
pub fn words(kind: ForgeKind) -> Words {
    match kind {
        ForgeKind::GitLab => gitlab::WORDS,
        _ => gitea::WORDS,
    }
}
