//! The pull request that introduces the bot.

use crate::cli::forges::Words;

/// The branch it comes from.
pub const BRANCH: &str = "syndarix/onboarding";
pub const PATH: &str = ".syndarix.toml";
pub const TITLE: &str = "Add .syndarix.toml";

/// A file in which nothing is set: merging it changes nothing, and it shows what rules of this repository may look like.
pub fn content(repo: &str) -> String {
    format!(
        "# Syndarix works on issues of {repo}. What it may do is set by its administrator; `/syndarix config` under an issue shows it.\n\
         #\n\
         # This is the place for rules of this repository alone. They only ever tighten what the administrator has set: a line that would\n\
         # loosen it is refused, and the status `syndarix/config` of the commit says so. Read from the default branch alone. Nothing is set\n\
         # here, so merging this file changes nothing, and neither does leaving it out. What can be set (docs/configuration.md has all of it):\n\
         #\n\
         # autonomy = \"full-control\"        # a person sees every step\n\
         # hard_usd = 1.0                   # US dollars that one story may never cost more than\n\
         # protected_paths = [\"db/**\"]      # agents change these only after a person has approved that very change\n\
         # max_stories = 2                  # stories at work at once\n\
         #\n\
         # [limits]\n\
         # story_runs = 20                  # agent runs of one story\n"
    )
}

/// What people read in the pull request. Who types a command needs what the forge calls permission to write.
pub fn body(bot: &str, repo: &str, words: &Words) -> String {
    let (pull, write) = (words.pull, words.write);
    format!(
        "@{bot} has been given access to {repo}. It does nothing until somebody with {write} types a command under an issue:\n\n\
         - `/syndarix help` lists the commands\n\
         - `/syndarix plan` starts work on the issue: acceptance criteria, then a plan to approve, then a {pull} to review\n\
         - `/syndarix pause` stops it within one step\n\n\
         This {pull} adds a file in which nothing is set. **Nothing changes by merging it, and nothing by closing it.**\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::repository::{RepositoryFile, read};

    #[test]
    fn nothing_is_set_and_what_it_shows_may_be_set() {
        let text = content("acme/shop");
        assert_eq!(read(&text).unwrap(), RepositoryFile::default());
        let shown = |line: &str| line.strip_prefix("# ").filter(|line| line.contains(" = ") || line.starts_with('[')).map(str::to_owned);
        let file = read(&text.lines().filter_map(shown).collect::<Vec<_>>().join("\n")).unwrap();
        assert!(file.mistakes.is_empty() && file.wish.autonomy.is_some() && file.wish.limits.len() == 1, "{file:?}");
    }
}
