//! The pull request that introduces the bot.

/// The branch it comes from.
pub const BRANCH: &str = "syndarix/onboarding";
pub const PATH: &str = ".syndarix.toml";
pub const TITLE: &str = "Add .syndarix.toml";

/// A file in which nothing is set: merging it changes nothing, and it says where rules of this repository will stand.
pub fn content(repo: &str) -> String {
    format!(
        "# Syndarix works on issues of {repo}. What it may do is set by its administrator; `/syndarix config` under an issue shows it.\n\
         #\n\
         # This is the place for rules of this repository alone. They will only ever tighten what the administrator has set. This version\n\
         # reads none yet, so nothing is set here: merging this file changes nothing, and neither does leaving it out.\n"
    )
}

/// What people read in the pull request.
pub fn body(bot: &str, repo: &str) -> String {
    format!(
        "@{bot} has been given access to {repo}. It does nothing until somebody with write permission types a command under an issue:\n\n\
         - `/syndarix help` lists the commands\n\
         - `/syndarix plan` starts work on the issue: acceptance criteria, then a plan to approve, then a pull request to review\n\
         - `/syndarix pause` stops it within one step\n\n\
         This pull request adds a file in which nothing is set. **Nothing changes by merging it, and nothing by closing it.**\n"
    )
}
