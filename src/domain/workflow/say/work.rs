//! What is said about the loops: texts that wait, places, branches and pull requests that people moved, checks before the merge.

use crate::domain::agent::TestResult;
use crate::domain::forge::{CiStatus, Sha, User};
use crate::domain::speech::code;

use super::super::facts::{Facts, PlaceFacts};
use super::super::story::Story;
use super::ask::results;
use super::{MODEL_TEXT, count, plain, safe, sentence, somebody, to};

/// Longest address of a CI result that is shown.
const ADDRESS_MAX: usize = 500;

/// A text that the engineer gets later.
pub fn text_queued(why: &str) -> String {
    format!("{} Your text is kept: the engineer takes it up as the next step, before anybody reviews the result.", sentence(why))
}

/// A review of a head that was reviewed already.
pub fn review_again(head: &Sha) -> String {
    format!("{} was reviewed already. The reviewer looks at it once more, because you ask.", head.short())
}

/// The plan is passed, and no place is free.
pub fn queued(places: &PlaceFacts) -> String {
    let at_work = match places.taken {
        1 => "1 story is".to_owned(),
        many => format!("{many} stories are"),
    };
    let before = match places.ahead {
        0 => "it is the next in line".to_owned(),
        1 => "1 other is before it".to_owned(),
        many => format!("{many} others are before it"),
    };
    format!(
        "The plan is approved. {at_work} at work in this repository and `max_stories` is {}, so this one waits for a free place; {before}. \
         It begins by itself.\n\nTo begin now, type `/syndarix start`.",
        places.most
    )
}

/// The criteria, checked on a head that is not merged.
pub fn head_tested(tester: &str, head: &Sha, test: &TestResult, criteria: &[String]) -> String {
    let unmet = test.results.iter().filter(|result| !result.met).count();
    let verdict = match (unmet, test.results.len()) {
        (0, _) => "all of them are met".to_owned(),
        (unmet, all) => format!("{unmet} of {all} {} not met", if unmet == 1 { "is" } else { "are" }),
    };
    let next = if unmet == 0 { "" } else { "\n\nType `/syndarix fix` with what is missing to have it mended before the merge." };
    format!(
        "{tester} (tester) checked the acceptance criteria on {}, before the merge: {verdict}.\n\n{}\n{}{next}",
        head.short(),
        results(test, criteria),
        safe(&test.summary, MODEL_TEXT)
    )
}

/// CI stays red.
pub fn ci_still_red(requester: Option<&User>, red: &[CiStatus], tries: u32) -> String {
    let tries = if tries == 1 { "1 try".to_owned() } else { format!("{tries} tries") };
    let names: Vec<String> = red.iter().take(10).map(|status| code(&status.context)).collect();
    let checks = match names.len() {
        1 => format!("the CI check {} is", names[0]),
        _ => format!("the CI checks {} are", names.join(", ")),
    };
    let details: Vec<String> = red.iter().take(10).filter_map(ci_details).collect();
    let details = if details.is_empty() { String::new() } else { format!("{}\n\n", details.join("\n")) };
    format!(
        "{}{checks} still red after {tries}, so a person has to look.\n\n{details}\
         Type `/syndarix revise <hint>` to let the engineer try once more, push a fix yourself, or end the story with `/syndarix cancel`.",
        to(requester)
    )
}

/// Description and address of a CI result, where it has any.
fn ci_details(status: &CiStatus) -> Option<String> {
    let about = if status.description.trim().is_empty() { String::new() } else { format!(" says {}", code(&status.description)) };
    let at = address(&status.url).map_or_else(String::new, |url| format!(": {url}"));
    (!about.is_empty() || !at.is_empty()).then(|| format!("- {}{about}{at}", code(&status.context)))
}

/// A web address that can stand on a page as a link to itself; `None` when it is anything else.
fn address(url: &str) -> Option<String> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let plain = rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&'*+,;=%".contains(&byte));
    (plain && !rest.is_empty() && url.len() <= ADDRESS_MAX).then(|| format!("<{url}>"))
}

/// The pull request was pointed at another branch.
pub fn retargeted(by: Option<&User>, base: &str, own: &str) -> String {
    format!(
        "{} pointed this pull request at {} instead of {}. Plan, review and approvals were for {}, so it is not merged like this.\n\n\
         Point it back to go on, or end the story with `/syndarix cancel` and plan it anew.",
        somebody(by),
        code(base),
        code(own),
        code(own)
    )
}

/// An approval of a head that a person's push has left behind.
pub fn vote_of_old_head(foreign: &Sha) -> String {
    format!(
        "Thank you for the approval. It is for an older head: {} was pushed by hand since and is not reviewed yet.\n\n\
         Type `/syndarix resume` to let the agents go on from there, then approve the new head.",
        foreign.short()
    )
}

/// An approval of a head that nobody has let the agents take up yet.
pub fn vote_before_resume(foreign: &Sha) -> String {
    format!(
        "Thank you for the approval of {}. It counts once the agents may take up that commit.\n\n\
         Type `/syndarix resume`: they review it, and it is merged if nothing is found.",
        foreign.short()
    )
}

/// A person closes the issue although not all criteria are met.
pub fn accepted(story: &Story, facts: &Facts, by: Option<&User>) -> String {
    let unmet = count(usize::try_from(story.loops.unmet).unwrap_or(usize::MAX), "acceptance criterion").replace("criterions", "criteria");
    let are = if story.loops.unmet == 1 { "was" } else { "were" };
    let who = by.map_or_else(|| "somebody".to_owned(), plain);
    format!("{}\n- {unmet} {are} not met; {who} closed the issue all the same", super::report(story, facts))
}

/// The next free branch of the same story: the name it was given, with a counter.
pub fn next_branch(branch: &str, taken: &std::collections::BTreeSet<String>) -> String {
    let counted = |base: &str| (2..).map(|n| format!("{base}-{n}")).find(|name| !taken.contains(name) && name != branch);
    // The counter of an earlier attempt is counted on; digits at the end of a title are not a counter.
    let base = match branch.rsplit_once('-') {
        Some((base, digits)) if digits.parse::<u32>().is_ok_and(|n| n >= 2) && taken.contains(base) => base,
        _ => branch,
    };
    counted(base).unwrap_or_else(|| format!("{branch}-2"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::agent::CriterionResult;
    use crate::domain::forge::CiState;

    fn red(context: &str, description: &str, url: &str) -> CiStatus {
        CiStatus { context: context.into(), state: CiState::Failure, description: description.into(), url: url.into() }
    }

    fn head() -> Sha {
        Sha("b".repeat(40))
    }

    #[test]
    fn branches_are_counted_on() {
        let taken = BTreeSet::from(["syndarix/7-add".to_owned(), "syndarix/7-add-2".to_owned(), "syndarix/8-route-66".to_owned()]);
        for (branch, next) in [
            ("syndarix/7-add", "syndarix/7-add-3"),
            ("syndarix/7-add-2", "syndarix/7-add-3"),
            ("syndarix/8-route-66", "syndarix/8-route-66-2"),
            ("syndarix/9", "syndarix/9-2"),
        ] {
            assert_eq!(next_branch(branch, &taken), next);
        }
    }

    #[test]
    fn red_checks_are_named_with_their_links() {
        let one = ci_still_red(None, &[red("build", "exit 2 @all", "https://ci.example/run/7?x=1")], 3);
        assert!(one.starts_with("the CI check `build` is still red after 3 tries, so"), "{one}");
        assert!(one.contains("\n- `build` says `exit 2 @all`: <https://ci.example/run/7?x=1>\n\nType"), "{one}");
        let two = ci_still_red(None, &[red("a", "", "javascript:alert(1)"), red("b", "", "https://x/> [click](http://evil)")], 1);
        assert!(two.starts_with("the CI checks `a`, `b` are still red after 1 try, so a person has to look.\n\nType"), "{two}");
    }

    #[test]
    fn a_check_before_the_merge_says_what_is_missing() {
        let result = |met| CriterionResult { criterion: 1, met, evidence: "cart.py:3".into() };
        let test = |results| TestResult { results, summary: "By reading.".into() };
        let fine = head_tested("Tess", &head(), &test(vec![result(true)]), &["It works.".into()]);
        assert_eq!(
            fine,
            "Tess (tester) checked the acceptance criteria on bbbbbbbbbb, before the merge: all of them are met.\n\n- [x] It works.\n  cart.py:3\n\nBy reading."
        );
        let missing = head_tested("Tess", &head(), &test(vec![result(false), result(true)]), &[]);
        assert!(missing.contains("1 of 2 is not met") && missing.ends_with("mended before the merge."), "{missing}");
    }

    #[test]
    fn whoever_waits_in_line_knows_how_long_it_is() {
        let places = PlaceFacts { most: 2, taken: 2, ahead: 1 };
        let said = queued(&places);
        assert!(said.contains("2 stories are at work in this repository and `max_stories` is 2") && said.contains("1 other is before it"));
        assert!(said.ends_with("type `/syndarix start`."), "{said}");
    }

    #[test]
    fn what_people_moved_is_said_with_the_way_out() {
        let bob = User { id: 3, login: "bob".into() };
        for text in [retargeted(Some(&bob), "release`x", "main"), vote_of_old_head(&head()), vote_before_resume(&head())] {
            assert!(!text.contains('@') && (text.contains("`/syndarix ")), "{text}");
        }
        assert_eq!(
            text_queued("Dave (engineer) is at work"),
            "Dave (engineer) is at work. Your text is kept: the engineer takes it up as the next step, before anybody reviews the result."
        );
        assert!(review_again(&head()).starts_with("bbbbbbbbbb was reviewed already."));
    }
}
