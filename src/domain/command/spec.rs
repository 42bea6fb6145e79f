//! What a command is: one value that the parser, the help, the permissions, the documentation page and the tests all read.

use crate::domain::forge::Role;

use super::error::CommandError;
use super::words::Args;
use super::{
    Command, approve, assign, audit, autonomy, budget, cancel, config, explain, fix, help, label, pause, ping, plan, rebase, reject,
    resume, retry, review, revise, start, status, test, whoami,
};

/// One command. Its file holds this value and the function that makes a [`Command`] of the arguments.
#[derive(Debug)]
pub struct CommandSpec {
    /// The verb, in lower case.
    pub name: &'static str,
    /// Other verbs for the same.
    pub aliases: &'static [&'static str],
    /// The whole line, with `[optional]` and `<required>` parts.
    pub usage: &'static str,
    /// One sentence for the help.
    pub summary: &'static str,
    pub who: Who,
    pub place: Where,
    /// Changes anything but the answer it gives. Such a command is held back when another line of the same comment has an error.
    pub side_effects: bool,
    /// May be added by editing a comment.
    pub in_edits: bool,
    pub options: &'static [OptionSpec],
    pub args: ArgSpec,
    pub examples: &'static [&'static str],
    pub build: fn(Args) -> Result<Command, CommandError>,
}

/// Who may use a command, at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Everybody who can read the repository.
    Anyone,
    /// People with this permission.
    Least(Role),
    /// People with write permission, as far as the open checkpoint lets them.
    Checkpoint,
    /// Shown to everybody who can read; set by maintainers.
    Setting,
}

impl Who {
    /// The permission without which the command is refused outright.
    pub fn least(self) -> Role {
        match self {
            Who::Anyone | Who::Setting => Role::Reader,
            Who::Least(role) => role,
            Who::Checkpoint => Role::Writer,
        }
    }

    /// For tables.
    pub fn in_words(self) -> &'static str {
        match self {
            Who::Anyone => "anyone who can read",
            Who::Least(Role::Maintainer) => "maintainer",
            Who::Least(Role::Owner) => "owner",
            Who::Least(_) => "writer",
            Who::Checkpoint => "writer, as the checkpoint says",
            Who::Setting => "show: anyone who can read; set: maintainer",
        }
    }
}

/// Where a command was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Issue,
    Pull,
}

/// Where a command makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    Anywhere,
    Issue,
    Pull,
    IssueOrPull,
}

impl Where {
    /// True when the command may be typed there.
    pub fn allows(self, place: Place) -> bool {
        match self {
            Where::Anywhere | Where::IssueOrPull => true,
            Where::Issue => place == Place::Issue,
            Where::Pull => place == Place::Pull,
        }
    }

    /// For tables.
    pub fn in_words(self) -> &'static str {
        match self {
            Where::Anywhere => "anywhere",
            Where::Issue => "issue",
            Where::Pull => "pull request",
            Where::IssueOrPull => "issue, pull request",
        }
    }
}

/// One `--option`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionSpec {
    /// Without dashes.
    pub name: &'static str,
    pub value: OptionValue,
    pub summary: &'static str,
    /// The option asks for more than the command does.
    pub who: Option<Role>,
}

/// What an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionValue {
    /// `--name` or `--no-name`.
    Flag,
    /// `--name=value` or `--name value`; the text says what the value is.
    Text(&'static str),
}

/// What a command takes besides options; the text names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgSpec {
    None,
    /// One optional word.
    Word(&'static str),
    /// Everything else on the line, optional.
    Text(&'static str),
    /// A few optional words that the command itself tells apart.
    Words(&'static str),
}

/// Every command, in the order of the help.
pub static COMMANDS: &[&CommandSpec] = &[
    &help::SPEC,
    &ping::SPEC,
    &whoami::SPEC,
    &status::SPEC,
    &plan::SPEC,
    &revise::SPEC,
    &approve::SPEC,
    &reject::SPEC,
    &cancel::SPEC,
    &pause::SPEC,
    &resume::SPEC,
    &retry::SPEC,
    &rebase::SPEC,
    &start::SPEC,
    &fix::SPEC,
    &review::SPEC,
    &test::SPEC,
    &config::SPEC,
    &explain::SPEC,
    &audit::SPEC,
    &label::SPEC,
    &autonomy::SPEC,
    &budget::SPEC,
    &assign::SPEC,
];

/// Verbs that are announced and not built. Typing one gets an honest answer; building one means deleting it here.
pub const NOT_YET: &[&str] = &["split", "estimate", "sprint", "ask"];

/// The command of this verb or alias, in any case.
pub fn find(verb: &str) -> Option<&'static CommandSpec> {
    let is = |name: &&str| name.eq_ignore_ascii_case(verb);
    COMMANDS.iter().copied().find(|spec| is(&spec.name) || spec.aliases.iter().any(is))
}

/// The announced but missing verb, in any case.
pub(super) fn find_not_yet(verb: &str) -> Option<&'static str> {
    NOT_YET.iter().copied().find(|name| name.eq_ignore_ascii_case(verb))
}

/// The verb that was probably meant: at most two slips away, and less than half of the word.
pub(super) fn nearest(verb: &str) -> Option<&'static str> {
    let verb: String = verb.chars().take(24).flat_map(char::to_lowercase).collect();
    let names = COMMANDS.iter().map(|spec| spec.name).chain(NOT_YET.iter().copied());
    let ranked = names.map(|name| (slips(&verb, name), name)).filter(|(slips, name)| *slips <= 2 && *slips * 2 < name.len().max(3));
    ranked.min_by_key(|(slips, _)| *slips).map(|(_, name)| name)
}

/// The word of a list that was probably meant.
pub(super) fn closest(typed: &str, words: &[&'static str]) -> Option<&'static str> {
    let typed: String = typed.chars().take(40).flat_map(char::to_lowercase).collect();
    let ranked =
        words.iter().map(|word| (slips(&typed, word), *word)).filter(|(slips, word)| *slips <= 2 && *slips * 2 < word.len().max(3));
    ranked.min_by_key(|(slips, _)| *slips).map(|(_, word)| word)
}

/// How many single-letter slips (missing, added, wrong or swapped letters) lie between two words.
pub(in crate::domain) fn slips(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = changed.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order() {
        let mut names: Vec<&str> =
            COMMANDS.iter().flat_map(|spec| spec.aliases.iter().chain([&spec.name])).copied().chain(NOT_YET.iter().copied()).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all, "a verb stands in two places");
        for spec in COMMANDS {
            assert!(spec.usage.starts_with(&format!("/syndarix {}", spec.name)), "{}", spec.name);
            assert!(spec.summary.ends_with('.') && !spec.examples.is_empty(), "{}", spec.name);
            for option in spec.options {
                assert!(spec.usage.contains(&format!("--{}", option.name)), "{}", spec.name);
            }
        }
    }

    #[test]
    fn slips_are_forgiven() {
        let rows = [
            ("plna", Some("plan")),
            ("aprove", Some("approve")),
            ("statsu", Some("status")),
            ("PING!", Some("ping")),
            ("approve;", Some("approve")),
            ("fixx", Some("fix")),
            ("thanks", None),
            ("a", None),
            ("deploy", None),
        ];
        for (typed, meant) in rows {
            assert_eq!(nearest(typed), meant, "{typed}");
        }
        assert_eq!(slips("ab", "ba"), 1);
        assert_eq!(slips("", "abc"), 3);
    }
}
