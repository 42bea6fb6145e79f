//! What is told without asking: endings, votes that do not count, labels put back.

use std::fmt::Write as _;

use crate::domain::approval;
use crate::domain::forge::User;

use super::super::facts::Facts;
use super::super::page::{budget, with_caps};
use super::super::story::Story;
use super::{MODEL_TEXT, plain, safe, sentence};

/// The end before the merge.
pub fn cancelled(story: &Story, by: Option<&User>, why: &str) -> String {
    let who = by.map_or_else(String::new, |user| format!(" by {}", plain(user)));
    let branch = if story.head.is_some() { format!(" The branch `{}` is kept.", story.branch) } else { String::new() };
    format!(
        "**Cancelled**{who}: {why}.{branch} Nothing runs any more.\n\nTo start over, type `/syndarix plan`; reopen the issue first if it is closed."
    )
}

/// The story's branch is gone.
pub fn branch_deleted(branch: &str) -> String {
    format!(
        "The branch `{branch}` was deleted, so the story stands still. Its commits are kept.\n\n\
         Type `/syndarix retry` to put it back and go on, or `/syndarix cancel` to end the story."
    )
}

/// An approval that does not count, and why.
pub fn vote_does_not_count(why: &str) -> String {
    let way_out = match why.ends_with(approval::MOVED) {
        true => "Look at what came since, and approve again.",
        false => "Somebody else with write permission has to approve.",
    };
    format!("Thank you for the approval. It does not count for the merge: {} {way_out}", stop(why))
}

/// A label that was put back.
pub fn put_back(name: &str, why: &str) -> String {
    format!("The label `{name}` was put back as it was: {} I say this once; `/syndarix status` shows where the story is.", stop(why))
}

/// A part of a sentence that ends it.
fn stop(why: &str) -> String {
    format!("{}.", why.trim_end().trim_end_matches('.'))
}

/// The end of the story.
pub fn report(story: &Story, facts: &Facts) -> String {
    let mut body = String::from("**Done.**\n\n");
    if let Some(work) = &facts.work {
        let _ = writeln!(body, "{}\n", sentence(&safe(&work.summary, MODEL_TEXT)));
    }
    for earlier in story.loops.earlier.iter().filter(|one| one.merged.is_some()) {
        let merged = earlier.merged.as_ref().map_or_else(String::new, |sha| format!(" as {}", sha.short()));
        let _ = writeln!(body, "- Merged before: pull request {}{merged}", crate::domain::forge::mention(earlier.number));
    }
    if let Some(pull) = &story.pull {
        let merged = story.merged.as_ref().map_or_else(String::new, |sha| format!(" as {}", sha.short()));
        let _ = writeln!(body, "- Merged: pull request {}{merged}", crate::domain::forge::mention(pull.number));
    }
    let _ = writeln!(body, "- {}", approval(story));
    let _ = writeln!(body, "- Cost: {}{}", facts.spent, budget(&with_caps(story, &facts.policy)));
    if let Some((entries, head)) = &facts.record {
        let head = head.get(..16).unwrap_or(head);
        let _ = writeln!(body, "- Record: {entries} entries so far, head `{head}`; check it with `syndarix audit verify`");
    }
    body.trim_end().to_owned()
}

fn approval(story: &Story) -> String {
    let names: Vec<String> = story.approvers.iter().map(plain).collect();
    match &story.merged_by_hand {
        Some(user) => format!("Merged by hand by {}, without the merge gate", plain(user)),
        None if names.is_empty() => format!("Approved by: nobody, as autonomy {} allows", story.autonomy.name()),
        None => format!("Approved by: {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_pinged_by_what_is_only_told() {
        let user = User { id: 1, login: "alice".into() };
        let story = Story { approvers: vec![user.clone()], ..Story::of(1) };
        for text in [cancelled(&story, Some(&user), "the issue was closed"), approval(&story)] {
            assert!(text.contains("`alice`") && !text.contains('@'), "{text}");
        }
    }

    #[test]
    fn a_reason_ends_in_one_stop() {
        assert!(put_back("story/done", "no story runs.").contains("as it was: no story runs. I say"));
        assert!(vote_does_not_count("nobody knows them").contains("knows them. Somebody else"));
        let again = vote_does_not_count(&format!("`bob` approved <3>, {}", approval::MOVED));
        assert!(again.ends_with("moved since. Look at what came since, and approve again."), "{again}");
    }
}
