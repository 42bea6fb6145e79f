//! Requests to act: what waits for a person, why, and what to type.

use std::fmt::Write as _;

use crate::base::text::clip;
use crate::domain::agent::TestResult;
use crate::domain::forge::{CiStatus, Sha, User};
use crate::domain::speech::code;

use super::super::label::Stage;
use super::super::story::{ActiveRun, Plan, Story};
use super::pull::ci_word;
use super::{MODEL_TEXT, code_list, count, one_line, safe, sentence, somebody, to};

/// What to type when an agent or a check cannot be satisfied by itself.
const ONCE_MORE: &str =
    "Type `/syndarix revise <hint>` to let the engineer try once more, push a fix yourself, or end the story with `/syndarix cancel`.";

/// Asks for the approval of the plan.
pub fn ask_plan(story: &Story, plan: &Plan) -> String {
    let estimate = plan.estimate.map_or_else(String::new, |amount| format!(" The architect estimates a cost of {amount}."));
    format!(
        "{}the plan is ready for approval. It is the file `.syndarix/plans/{}.md` of this pull request (version `{}`, commit {}).{estimate}\n\n\
         - To approve it, leave an approving review or type `/syndarix approve`.\n\
         - To send it back, request changes in a review or type `/syndarix revise <what to change>`.",
        to(story.requester.as_ref()),
        story.issue,
        plan.hash.get(..10).unwrap_or(&plan.hash),
        plan.head.short()
    )
}

/// Asks before the story costs more than its plan said.
pub fn ask_spend(story: &Story, why: &str) -> String {
    format!(
        "{}the work stopped, because {}. Autonomy {} asks a person first.\n\n\
         - To let it go on, type `/syndarix approve`.\n\
         - To end the story, type `/syndarix cancel`.",
        to(story.requester.as_ref()),
        one_line(why),
        story.autonomy.name(),
    )
}

/// Asks before code is pushed, and shows it.
pub fn ask_push(story: &Story, head: &Sha, paths: &[String], diff: Option<&str>) -> String {
    let diff = diff.map_or_else(String::new, folded_diff);
    let head = head.short();
    format!(
        "{}code for `{}` is committed but not pushed: autonomy {} asks a person first (version `{head}`). Files: {}.\n\n\
         - To let it be pushed, type `/syndarix approve {head}`.\n\
         - To send it back, type `/syndarix revise <what to change>`.{diff}",
        to(story.requester.as_ref()),
        story.branch,
        story.autonomy.name(),
        code_list(paths),
    )
}

fn folded_diff(diff: &str) -> String {
    let diff = clip(diff, 30_000);
    let fence = "`".repeat(longest_run(&diff, '`').max(2) + 1);
    format!("\n\n<details><summary>The change</summary>\n\n{fence}diff\n{}\n{fence}\n\n</details>", diff.trim_end())
}

fn longest_run(text: &str, wanted: char) -> usize {
    text.split(|c| c != wanted).map(str::len).max().unwrap_or(0) / wanted.len_utf8()
}

/// Asks for the approval of the merge, and says what is missing.
pub fn ask_merge(story: &Story, head: &Sha, reasons: &[String], ci: &[CiStatus]) -> String {
    let missing: String = reasons.iter().map(|reason| format!("- {reason}\n")).collect();
    let head = head.short();
    format!(
        "The review of {head} is finished. The merge waits (autonomy {}):\n\n{missing}\n\
         To approve it, leave an approving review on {head} or type `/syndarix approve {head}`; to have something changed, request changes in a review. \
         {}",
        story.autonomy.name(),
        of_ci(ci)
    )
}

fn of_ci(ci: &[CiStatus]) -> String {
    if ci.is_empty() {
        return "No CI has reported on this commit, so nothing was tested automatically.".into();
    }
    let results: Vec<String> = ci.iter().map(|status| format!("{} {}", code(&status.context), ci_word(status.state))).collect();
    format!("CI: {}.", results.join(", "))
}

/// Asks before the issue is closed.
pub fn ask_close(test: &TestResult, criteria: &[String]) -> String {
    format!(
        "The work is merged and its acceptance criteria are met:\n\n{}\nType `/syndarix approve` to close this issue.",
        results(test, criteria)
    )
}

pub(super) fn results(test: &TestResult, criteria: &[String]) -> String {
    let mut list = String::new();
    for result in &test.results {
        let index = usize::try_from(result.criterion).unwrap_or(0).wrapping_sub(1);
        let text = criteria.get(index).map_or_else(|| format!("Criterion {}", result.criterion), |text| one_line(text));
        let mark = if result.met { "x" } else { " " };
        let _ = writeln!(list, "- [{mark}] {text}\n  {}", one_line(&result.evidence));
    }
    list
}

/// Criteria that do not hold after the merge.
pub fn unmet(story: &Story, test: &TestResult, criteria: &[String]) -> String {
    let good_enough = match story.loops.closed {
        true => "The issue is closed already; leave it like that if this is good enough",
        false => "Close the issue if this is good enough",
    };
    format!(
        "The work is merged, but not all of its acceptance criteria are met:\n\n{}\n{}\n\n\
         Type `/syndarix fix` to have it mended in a second pull request, or `/syndarix retry` to have the criteria checked again. {good_enough}.",
        results(test, criteria),
        safe(&test.summary, MODEL_TEXT)
    )
}

/// A question of an agent.
pub fn question(asker: &ActiveRun, requester: Option<&User>, questions: &[String]) -> String {
    let what = if questions.len() == 1 { "an answer" } else { "answers" };
    let list: Vec<String> = questions.iter().map(|text| format!("> {}", safe(text, 2_000).replace('\n', "\n> "))).collect();
    format!(
        "{}{} ({}) needs {what} before going on:\n\n{}\n\nAnswer with a plain comment here. Anybody with write permission may answer.",
        to(requester),
        asker.name,
        asker.agent,
        list.join("\n>\n")
    )
}

/// A run that ended without a result.
pub fn gave_up(story: &Story, why: &str, over_budget: bool) -> String {
    let who = story.failed.as_ref().map_or_else(|| "An agent".to_owned(), |failed| format!("{} ({})", failed.name, failed.agent));
    let next = match story.stage {
        _ if over_budget => "Once the budget is raised, type `/syndarix retry`, or end the story with `/syndarix cancel`.",
        Stage::Testing => "Type `/syndarix retry` to run this step again, or close the issue if this is good enough.",
        _ => {
            "Type `/syndarix retry` to run this step again, `/syndarix revise <hint>` to give a hint, or `/syndarix cancel` to end the story."
        }
    };
    format!("{}{who} could not finish. {}\n\n{next}", to(story.requester.as_ref()), sentence(&safe(why, 2_000)))
}

/// An engineer's run without a change.
pub fn nothing_changed(requester: Option<&User>) -> String {
    format!(
        "{}the engineer finished without changing anything, so there is nothing to review.\n\n\
         Type `/syndarix retry` to try again, `/syndarix revise <hint>` to give a hint, or `/syndarix cancel` to end the story.",
        to(requester)
    )
}

/// Findings remain after the last round.
pub fn rounds_used_up(requester: Option<&User>, rounds: u32, blocking: usize) -> String {
    let rounds = count(usize::try_from(rounds).unwrap_or(usize::MAX), "review round");
    let are = if blocking == 1 { "is" } else { "are" };
    format!("{}after {rounds}, {} {are} still open, so a person has to look.\n\n{ONCE_MORE}", to(requester), count(blocking, "finding"))
}

/// Somebody closed the pull request.
pub fn pull_closed(by: Option<&User>) -> String {
    format!(
        "{} closed this pull request without merging it, so the story stands still.\n\n\
         Type `/syndarix retry` to reopen it and go on, or `/syndarix cancel` to end the story.",
        somebody(by)
    )
}

/// Somebody pushed to the story's branch.
pub fn human_pushed(by: Option<&User>, head: &Sha) -> String {
    format!(
        "{} pushed {} to this branch. The agents stopped, and nothing of that work will be overwritten.\n\n\
         Type `/syndarix resume` when they may go on from there.",
        somebody(by),
        head.short()
    )
}

/// An effect that failed for good.
pub fn effect_failed(requester: Option<&User>, what: &str, error: &str) -> String {
    format!(
        "{}Syndarix could not {what}. The forge or Git answered: {}\n\n\
         Once the cause is gone, type `/syndarix retry`; or end the story with `/syndarix cancel`.",
        to(requester),
        sentence(&safe(error, 1_000))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alice() -> User {
        User { id: 1, login: "alice".into() }
    }

    #[test]
    fn whoever_is_asked_is_pinged_and_told_what_to_type() {
        let user = alice();
        let head = Sha("b".repeat(40));
        let story = Story { requester: Some(user.clone()), ..Story::of(1) };
        let asked = [
            gave_up(&story, "the model did not answer", false),
            nothing_changed(Some(&user)),
            rounds_used_up(Some(&user), 3, 1),
            effect_failed(Some(&user), "merge the pull request", "the branch is protected"),
            ask_push(&story, &head, &["a.py".into()], None),
        ];
        for text in asked {
            assert!(text.starts_with("@alice: ") && text.contains("`/syndarix "), "{text}");
        }
        for text in [human_pushed(Some(&user), &head), pull_closed(Some(&user))] {
            assert!(!text.contains('@') && text.contains("`/syndarix "), "{text}");
        }
    }

    #[test]
    fn numbers_agree_with_their_words() {
        assert!(rounds_used_up(None, 1, 1).starts_with("after 1 review round, 1 finding is still open"));
        assert!(rounds_used_up(None, 3, 2).contains("after 3 review rounds, 2 findings are still open"));
    }

    #[test]
    fn a_diff_with_fences_stays_in_its_fence() {
        let text = folded_diff("+```\n+x\n+````\n");
        assert!(text.contains("`````diff\n+```\n+x\n+````\n`````\n"), "{text}");
    }
}
