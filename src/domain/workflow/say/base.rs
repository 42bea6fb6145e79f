//! What is said about merging the base branch in.

use std::fmt::Write as _;

use crate::domain::conflict::Conflict;
use crate::domain::forge::Sha;
use crate::domain::speech::code;

use super::super::base::BaseMerged;
use super::super::story::Story;
use super::{MODEL_TEXT, count, safe, sentence, to};

/// Most conflicts that are named one by one.
const NAMED: usize = 20;

fn branch(story: &Story, at: &Sha) -> String {
    format!("{} ({})", code(&story.base_branch), at.short())
}

/// Nothing to do.
pub fn base_up_to_date(story: &Story, base: &Sha) -> String {
    format!("This branch holds all of {} already, so there was nothing to merge.", branch(story, base))
}

/// Syndarix begins on its own.
pub fn base_comes_in(story: &Story, head: &Sha, base: &Sha, conflicts: bool) -> String {
    let void = match story.approvers.is_empty() {
        true => String::new(),
        false => format!("; what was approved on {} has to be approved once more on the new head", head.short()),
    };
    format!(
        "Everything for the merge of {} was there, but {}. I merge {} into this branch now{void}.",
        head.short(),
        hindrance(story, base, conflicts),
        code(&story.base_branch)
    )
}

fn hindrance(story: &Story, base: &Sha, conflicts: bool) -> String {
    match conflicts {
        true => format!("{} has changed the same lines since", branch(story, base)),
        false => format!("the forge merges only branches that hold all of {}", branch(story, base)),
    }
}

/// At this autonomy level nothing is pushed unasked.
pub fn base_asks_first(story: &Story, base: &Sha, conflicts: bool) -> String {
    format!(
        "{}this pull request cannot be merged as it is: {}. Autonomy {} asks a person first.\n\n\
         Type `/syndarix rebase` here to have {} merged into this branch.",
        to(story.requester.as_ref()),
        hindrance(story, base, conflicts),
        story.autonomy.name(),
        code(&story.base_branch)
    )
}

/// The base branch was merged in so often that a person should look.
pub fn base_tried_enough(story: &Story, base: &Sha) -> String {
    format!(
        "{}{} was merged into this branch {} without anybody asking, and again the pull request cannot be merged: the base branch is at {} by now.\n\n\
         Type `/syndarix rebase` to have it merged in once more, or merge by hand when the base branch is quiet.",
        to(story.requester.as_ref()),
        code(&story.base_branch),
        count(usize::try_from(story.base.tries).unwrap_or(usize::MAX), "time"),
        base.short()
    )
}

/// Conflicts that no agent can resolve.
pub fn base_needs_a_person(story: &Story, base: &Sha, hard: &[Conflict], all: usize) -> String {
    let mut list = String::new();
    for conflict in hard.iter().take(NAMED) {
        let _ = writeln!(list, "- {}: {}", code(&conflict.path), conflict.kind.words());
    }
    if hard.len() > NAMED {
        let _ = writeln!(list, "- and {} more", hard.len() - NAMED);
    }
    let others = match all - hard.len() {
        0 => String::new(),
        others => format!(" ({} could have been resolved by the engineer)", count(others, "other conflict")),
    };
    format!(
        "{}{} and this branch conflict in a way that only a person can resolve{others}:\n\n{list}\n\
         Merge {} into {} by hand, push, and type `/syndarix resume`.",
        to(story.requester.as_ref()),
        branch(story, base),
        code(&story.base_branch),
        code(&story.branch)
    )
}

/// The merge is on the branch.
pub fn base_merged(story: &Story, before: Option<&Sha>, merged: &BaseMerged, summary: Option<&str>) -> String {
    let how = match merged.clean {
        true => "without conflicts, so the change under review is the same",
        false => "and the engineer resolved its conflicts; the reviewer looks at the result",
    };
    let void = before.map_or_else(String::new, |before| format!(" Approvals given on {} do not count for it.", before.short()));
    let mut body = format!("{} was merged into this branch as {}, {how}.{void}", branch(story, &merged.base), merged.head.short());
    if let Some(summary) = summary.filter(|text| !text.trim().is_empty()) {
        let _ = write!(body, "\n\n{}", sentence(&safe(summary, MODEL_TEXT)));
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::conflict::ConflictKind;

    fn story() -> Story {
        Story { base_branch: "main".into(), branch: "syndarix/1-x".into(), ..Story::of(1) }
    }

    #[test]
    fn a_person_is_told_which_files_and_why() {
        let conflict = |path: &str, kind| Conflict { path: path.into(), kind, marker: None };
        let hard = [conflict("logo.png", ConflictKind::Binary), conflict("a`b", ConflictKind::BadName)];
        let said = base_needs_a_person(&story(), &Sha("b".repeat(40)), &hard, 3);
        assert!(said.starts_with("`main` (bbbbbbbbbb) and this branch conflict"), "{said}");
        assert!(said.contains("(1 other conflict could have been"), "{said}");
        assert!(said.contains("- `logo.png`: both branches changed it, and it is not text\n"), "{said}");
        assert!(said.contains("`/syndarix resume`"), "{said}");
        let many = vec![conflict("x", ConflictKind::Link); 25];
        assert!(base_needs_a_person(&story(), &Sha("b".repeat(40)), &many, 25).contains("- and 5 more\n"));
    }

    #[test]
    fn what_the_engineer_says_is_made_safe() {
        let merged = BaseMerged { head: Sha("c".repeat(40)), base: Sha("b".repeat(40)), clean: false };
        let said = base_merged(&story(), Some(&Sha("a".repeat(40))), &merged, Some("kept both, thanks @alice; fixes #3"));
        assert!(said.contains("Approvals given on aaaaaaaaaa do not count"), "{said}");
        assert!(said.ends_with("Kept both, thanks `@alice`; fixes `#3`."), "{said}");
    }
}
