//! The sentences that people read on the forge. Each says what happened, why, and what to type next. Texts of models pass `speech` first.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::base::text::clip;
use crate::domain::agent::{Answer, ReviewResult, Severity, TestResult};
use crate::domain::forge::{CiStatus, NewReviewComment, Sha, User};
use crate::domain::refusal::Refusal;
use crate::domain::speech::{Manners, quote_safe};

use super::facts::Facts;
use super::story::{ActiveRun, Plan, Story};

/// Longest part of a model's text on the forge, in bytes.
const MODEL_TEXT: usize = 12_000;

/// A model's text, fit to be posted.
fn safe(text: &str, max: usize) -> String {
    quote_safe(text, &Manners { max, links: &[] })
}

/// The answers to one comment, as one comment.
pub fn reply(answers: &[String]) -> String {
    answers.join("\n\n---\n\n")
}

/// A refusal with its way out.
pub fn refused(refusal: &Refusal) -> String {
    format!("**Not done:** {refusal}")
}

/// A login in code, so that nobody is pinged by being named.
fn plain(user: &User) -> String {
    format!("`{}`", user.login)
}

/// A name that is meant to be pinged, because that person is asked to act.
fn ping(user: &User) -> String {
    format!("@{}", user.login)
}

/// The story's branch: number and a slug of the title, frozen from here on, with a counter when taken.
pub fn branch_name(number: i64, title: &str, taken: &BTreeSet<String>) -> String {
    let mut slug = String::new();
    for c in title.chars().map(|c| c.to_ascii_lowercase()) {
        match c {
            'a'..='z' | '0'..='9' => slug.push(c),
            _ if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            _ => {}
        }
        if slug.len() >= 40 {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    let base = if slug.is_empty() { format!("syndarix/{number}") } else { format!("syndarix/{number}-{slug}") };
    (2..).map(|n| format!("{base}-{n}")).fold_first_free(base.clone(), taken)
}

trait FirstFree {
    fn fold_first_free(self, first: String, taken: &BTreeSet<String>) -> String;
}

impl<I: Iterator<Item = String>> FirstFree for I {
    fn fold_first_free(mut self, first: String, taken: &BTreeSet<String>) -> String {
        if !taken.contains(&first) {
            return first;
        }
        self.find(|name| !taken.contains(name)).unwrap_or(first)
    }
}

/// Title of the pull request; the forge shows the draft mark by itself.
pub fn pull_title(issue: i64, title: &str) -> String {
    let title = safe(title, 200);
    format!("{} (#{issue})", title.lines().next().unwrap_or("Story").trim())
}

/// The pull request's text while it holds only the plan.
pub fn draft_body(story: &Story) -> String {
    format!(
        "The plan for this story is the file `.syndarix/plans/{}.md` in this draft; comment on its lines.\n\nRefs #{}\n\n{}",
        story.issue,
        story.issue,
        disclosure(story)
    )
}

fn disclosure(story: &Story) -> String {
    let who = story.requester.as_ref().map_or_else(String::new, |user| format!(" for {}", plain(user)));
    format!("*Made by Syndarix agents{who}. Each commit names its agent and run in its trailers.*")
}

/// The pull request's text once there is code: what was done, and the evidence for it.
pub fn pull_body(story: &Story, facts: &Facts) -> String {
    let mut body = String::new();
    if let Some(work) = &facts.work {
        let _ = writeln!(body, "{}\n", safe(&work.summary, MODEL_TEXT));
        if !work.notes.trim().is_empty() {
            let _ = writeln!(body, "**Notes:** {}\n", safe(&work.notes, MODEL_TEXT));
        }
        let _ = writeln!(body, "**Files:** {}\n", code_list(&work.paths));
    }
    if !facts.criteria.is_empty() {
        let _ = writeln!(body, "**Acceptance criteria**\n");
        for criterion in &facts.criteria {
            let _ = writeln!(body, "- {}", one_line(criterion));
        }
        body.push('\n');
    }
    body.push_str(&evidence(facts.gate.as_ref().map_or(&[][..], |gate| &gate.ci)));
    let _ = write!(body, "\nRefs #{}\n\n{}", story.issue, disclosure(story));
    body
}

/// The evidence table. What was not run is said in words.
fn evidence(ci: &[CiStatus]) -> String {
    let mut table = String::from("**Evidence**\n\n| what | result |\n|---|---|\n| tests run by Syndarix | tests were not run: this installation gives its agents no way to run programs |\n");
    if ci.is_empty() {
        table.push_str("| CI | nothing reported yet on this head; its results appear below the pull request |\n");
    }
    for status in ci {
        let _ = writeln!(table, "| CI `{}` | {:?} |", one_line(&status.context), status.state);
    }
    table
}

fn one_line(text: &str) -> String {
    safe(text, 500).split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

fn code_list(paths: &[String]) -> String {
    let mut shown: Vec<String> = paths.iter().take(30).map(|path| format!("`{path}`")).collect();
    if paths.len() > shown.len() {
        shown.push(format!("and {} more", paths.len() - shown.len()));
    }
    if shown.is_empty() { "none".into() } else { shown.join(", ") }
}

/// Asks for the approval of the plan.
pub fn ask_plan(story: &Story, plan: &Plan) -> String {
    let whom = story.requester.as_ref().map_or_else(String::new, |user| format!("{}: ", ping(user)));
    let estimate = plan.estimate.map_or_else(String::new, |amount| format!(" The architect estimates a cost of {amount}."));
    format!(
        "{whom}the plan is ready for approval as `.syndarix/plans/{}.md` in this pull request (version `{}`, commit {}).{estimate}\n\n\
         - Approve it with an approving review or `/syndarix approve`.\n\
         - Send it back with requested changes or `/syndarix revise <what to change>`.",
        story.issue,
        &plan.hash[..10.min(plan.hash.len())],
        plan.head.short()
    )
}

/// Asks before code is pushed, and shows it.
pub fn ask_push(story: &Story, head: &Sha, paths: &[String], diff: Option<&str>) -> String {
    let diff = diff.map_or_else(String::new, |diff| {
        let diff = clip(diff, 30_000);
        let fence = "`".repeat(longest_run(&diff, '`').max(2) + 1);
        format!("\n\n<details><summary>The change</summary>\n\n{fence}diff\n{diff}\n{fence}\n\n</details>")
    });
    format!(
        "Code for `{}` is committed but not pushed, because this story is at {} (version `{}`). Files: {}.\n\n\
         - Let it be pushed with `/syndarix approve {}`.\n\
         - Send it back with `/syndarix revise <what to change>`.{diff}",
        story.branch,
        story.autonomy.name(),
        head.short(),
        code_list(paths),
        head.short()
    )
}

fn longest_run(text: &str, wanted: char) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == wanted { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// Asks for the approval of the merge, and says what is missing.
pub fn ask_merge(story: &Story, head: &Sha, reasons: &[String]) -> String {
    let missing: String = reasons.iter().map(|reason| format!("- {reason}\n")).collect();
    let ci = "CI results that are red or still running hold the merge; where there is no CI, nothing was tested.";
    format!(
        "The reviewer agent has no open findings on {}. Before Syndarix merges, this is missing:\n\n{missing}\n\
         Approve this pull request on its current head, or type `/syndarix approve {}`. {ci} Autonomy: {}.",
        head.short(),
        head.short(),
        story.autonomy.name()
    )
}

/// Asks before the issue is closed.
pub fn ask_close(test: &TestResult, criteria: &[String]) -> String {
    format!("The work is merged and its acceptance criteria are met:\n\n{}\nType `/syndarix approve` to close this issue.", results(test, criteria))
}

fn results(test: &TestResult, criteria: &[String]) -> String {
    let mut list = String::new();
    for result in &test.results {
        let index = usize::try_from(result.criterion).unwrap_or(0).wrapping_sub(1);
        let text = criteria.get(index).map_or_else(|| format!("criterion {}", result.criterion), |text| one_line(text));
        let mark = if result.met { "x" } else { " " };
        let _ = writeln!(list, "- [{mark}] {text}: {}", one_line(&result.evidence));
    }
    list
}

/// Criteria that do not hold after the merge.
pub fn unmet(test: &TestResult, criteria: &[String]) -> String {
    format!(
        "The work is merged, but the tester found acceptance criteria that are not met:\n\n{}\n{}\n\n\
         Type `/syndarix retry` to have them checked again, or close the issue if this is good enough.",
        results(test, criteria),
        safe(&test.summary, MODEL_TEXT)
    )
}

/// A question of an agent.
pub fn question(asker: &ActiveRun, requester: Option<&User>, questions: &[String]) -> String {
    let whom = requester.map_or_else(String::new, |user| format!("{}: ", ping(user)));
    let list: String = questions.iter().map(|text| format!("> {}\n>\n", safe(text, 2_000).replace('\n', "\n> "))).collect();
    format!("{whom}{} ({}) needs an answer before going on:\n\n{list}\nAnswer with a plain comment here.", asker.name, asker.agent)
}

/// A run that ended without a result.
pub fn gave_up(story: &Story, why: &str, over_budget: bool) -> String {
    let whom = story.requester.as_ref().map_or_else(String::new, |user| format!("{}: ", ping(user)));
    let who = story.failed.as_ref().map_or_else(|| "An agent".to_owned(), |failed| format!("{} ({})", failed.name, failed.agent));
    let next = if over_budget {
        "A maintainer can raise the budget in the project's configuration; then type `/syndarix retry`."
    } else {
        "Type `/syndarix retry` to run this step again, `/syndarix revise <hint>` to give a hint, or `/syndarix cancel`."
    };
    format!("{whom}{who} could not finish: {}\n\n{next}", safe(why, 2_000))
}

/// An engineer's run without a change.
pub fn nothing_changed() -> String {
    "The engineer finished without changing anything, so there is nothing to review.\n\n\
     Type `/syndarix retry` to try again, `/syndarix revise <hint>` to give a hint, or `/syndarix cancel`."
        .into()
}

/// The engineer's answers to findings.
pub fn answers(name: &str, answers: &[Answer], commits: u32) -> String {
    let mut body = format!("{name} (engineer) answers the findings");
    body.push_str(match commits {
        0 => " without a new commit:\n\n",
        _ => ", with new commits on this branch:\n\n",
    });
    for answer in answers {
        let _ = writeln!(body, "{}. {}", answer.finding, one_line(&answer.reply));
    }
    body
}

/// The review of the reviewer agent: text, and findings on lines.
pub fn review(reviewer: &str, review: &ReviewResult, blocking: usize) -> (String, Vec<NewReviewComment>) {
    let verdict = match (review.findings.len(), blocking) {
        (0, _) => "no findings".to_owned(),
        (1, 0) => "one remark, which is not in the way of a merge".to_owned(),
        (all, 0) => format!("{all} remarks, none of them in the way of a merge"),
        (1, _) => "one finding, to be answered before a merge".to_owned(),
        (all, blocking) => format!("{all} findings, {blocking} of them to be answered before a merge"),
    };
    let body = format!("{reviewer} (reviewer): {verdict}.\n\n{}", safe(&review.summary, MODEL_TEXT));
    let comments = review
        .findings
        .iter()
        .map(|finding| NewReviewComment {
            path: finding.path.clone(),
            line: finding.line,
            body: format!("**{}:** {}", severity(finding.severity), safe(&finding.message, 4_000)),
        })
        .collect();
    (body, comments)
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Minor => "minor",
        Severity::Major => "major",
        Severity::Blocker => "blocker",
    }
}

/// Findings remain after the last round.
pub fn rounds_used_up(rounds: u32, blocking: usize) -> String {
    format!(
        "After {rounds} review rounds {blocking} findings are still open, so a person has to look.\n\n\
         Type `/syndarix revise <hint>` to let the engineer try once more, push a fix yourself, or `/syndarix cancel`."
    )
}

/// CI stays red.
pub fn ci_still_red(context: &str, tries: u32) -> String {
    format!(
        "CI check `{}` is still red after {tries} tries, so a person has to look.\n\n\
         Type `/syndarix revise <hint>` to let the engineer try once more, push a fix yourself, or `/syndarix cancel`.",
        one_line(context)
    )
}

/// The end before the merge.
pub fn cancelled(story: &Story, by: Option<&User>, why: &str) -> String {
    let who = by.map_or_else(String::new, |user| format!(" by {}", plain(user)));
    let branch = if story.head.is_some() { format!(" The branch `{}` stays.", story.branch) } else { String::new() };
    format!("This story ended{who}: {why}.{branch} Nothing runs any more; `/syndarix plan` starts over.")
}

/// Somebody closed the pull request.
pub fn pull_closed(by: Option<&User>) -> String {
    let who = by.map_or_else(|| "Somebody".to_owned(), plain);
    format!("{who} closed this pull request without merging it, so the story stands still.\n\nType `/syndarix retry` to reopen it and go on, or `/syndarix cancel` to end the story.")
}

/// Somebody pushed to the story's branch.
pub fn human_pushed(by: Option<&User>, head: &Sha) -> String {
    let who = by.map_or_else(|| "Somebody".to_owned(), plain);
    format!("{who} pushed {} to this branch. The agents stopped, and nothing of that work will be overwritten.\n\nType `/syndarix resume` when they may go on from there.", head.short())
}

/// The story's branch is gone.
pub fn branch_deleted(branch: &str) -> String {
    format!("The branch `{branch}` was deleted, so the story stands still.\n\nRestore it and type `/syndarix retry`, or type `/syndarix cancel`.")
}

/// An approval that does not count, and why.
pub fn vote_does_not_count(why: &str) -> String {
    format!("Thank you for the approval; it does not count for the merge: {why}. Somebody else with write permission has to approve.")
}

/// A label that was put back.
pub fn put_back(name: &str, why: &str) -> String {
    format!("The label `{name}` was put back as it was: {why}. This is said once; `/syndarix status` shows where the story is.")
}

/// An effect that failed for good.
pub fn effect_failed(what: &str, error: &str) -> String {
    format!("Syndarix could not do `{what}`: {}\n\nMend the cause and type `/syndarix retry`, or `/syndarix cancel`.", safe(error, 1_000))
}

/// The end of the story.
pub fn report(story: &Story, facts: &Facts) -> String {
    let mut body = String::from("**Done.**\n\n");
    if let Some(work) = &facts.work {
        let _ = writeln!(body, "{}\n", safe(&work.summary, MODEL_TEXT));
    }
    if let Some(pull) = &story.pull {
        let merged = story.merged.as_ref().map_or_else(String::new, |sha| format!(" as {}", sha.short()));
        let _ = writeln!(body, "- merged: pull request #{}{merged}", pull.number);
    }
    match (&story.merged_by_hand, story.approvers.is_empty()) {
        (Some(user), _) => {
            let _ = writeln!(body, "- merged by hand by {}, without the merge gate", plain(user));
        }
        (None, false) => {
            let names: Vec<String> = story.approvers.iter().map(plain).collect();
            let _ = writeln!(body, "- approved by: {}", names.join(", "));
        }
        (None, true) => body.push_str("- approved by: nobody; the autonomy level asks for nobody\n"),
    }
    let _ = writeln!(body, "- cost: {}", facts.spent);
    if let Some((entries, head)) = &facts.record {
        let _ = writeln!(body, "- record: {entries} entries so far, head `{}`; check it with `syndarix audit verify`", head.get(..16).unwrap_or(head));
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branch_names_are_short_plain_and_free() {
        let taken = BTreeSet::from(["syndarix/7-add-csv".to_owned(), "syndarix/7-add-csv-2".to_owned()]);
        let rows = [(7, "Add CSV!", "syndarix/7-add-csv-3"), (8, "Ünïcode: ärger", "syndarix/8-n-code-rger"), (9, "日本語", "syndarix/9"), (10, "../../main; rm", "syndarix/10-main-rm")];
        for (number, title, name) in rows {
            assert_eq!(branch_name(number, title, &taken), name);
        }
        assert!(branch_name(1, &"long ".repeat(50), &taken).len() < 60);
    }
}
