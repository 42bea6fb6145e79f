//! The files of `bot-config/` and `prompts/` as they are built into the program.

macro_rules! files {
    ($root:literal: $($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $root, "/", $name)))),+]
    };
}

/// The built-in team.
pub(super) const BOT_CONFIG: &[(&str, &str)] = files!("bot-config":
    "syndarix.toml",
    "models.toml",
    "labels.toml",
    "policy.toml",
    "agents/architect.toml",
    "agents/engineer.toml",
    "agents/product-owner.toml",
    "agents/reviewer.toml",
    "agents/tester.toml",
    "projects/_example.toml",
);

/// The built-in prompts.
pub(super) const PROMPTS: &[(&str, &str)] = files!("prompts":
    "system.md",
    "story.md",
    "product-owner/analyse.md",
    "architect/design.md",
    "engineer/implement.md",
    "engineer/fix.md",
    "engineer/merge.md",
    "reviewer/review.md",
    "tester/test.md",
);
