//! The pull request's title and text, the reviews on it and the answers to them.

use std::fmt::Write as _;

use crate::domain::agent::{Answer, ReviewResult, Severity};
use crate::domain::forge::{CiState, CiStatus, NewReviewComment};
use crate::domain::speech::{self, code};

use super::super::facts::Facts;
use super::super::story::Story;
use super::{MODEL_TEXT, code_list, count, one_line, plain, safe};

/// Title of the pull request; the forge shows the draft mark by itself.
pub fn pull_title(issue: i64, title: &str) -> String {
    let title = speech::title(title);
    format!("{} (#{issue})", if title.is_empty() { "Story" } else { &title })
}

/// The pull request's text while it holds only the plan.
pub fn draft_body(story: &Story) -> String {
    format!(
        "This draft holds the plan for #{0} as the file `.syndarix/plans/{0}.md`. Comment on its lines to have it changed; the code follows once it is approved.\n\n\
         Refs #{0}\n\n{1}",
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
    let mut table = String::from(
        "**Evidence**\n\n| What | Result |\n|---|---|\n| Tests run by Syndarix | tests were not run: this installation gives its agents no way to run programs |\n",
    );
    if ci.is_empty() {
        table.push_str("| CI | nothing reported yet for this commit; results appear below the pull request |\n");
    }
    for status in ci {
        let _ = writeln!(table, "| CI {} | {} |", code(&status.context).replace('|', "\\|"), ci_word(status.state));
    }
    table
}

/// What CI says, in a word or two.
pub(super) fn ci_word(state: CiState) -> &'static str {
    match state {
        CiState::Success => "passed",
        CiState::Skipped => "skipped",
        CiState::Warning => "passed with warnings",
        CiState::Pending => "still running",
        CiState::Failure => "failed",
        CiState::Error => "ended with an error",
    }
}

/// The engineer's answers to findings.
pub fn answers(name: &str, answers: &[Answer], commits: u32) -> String {
    let how = match commits {
        0 => "without a new commit".to_owned(),
        many => format!("with {} on this branch", count(usize::try_from(many).unwrap_or(usize::MAX), "new commit")),
    };
    let what = if answers.len() == 1 { "the finding" } else { "the findings" };
    let list: Vec<String> = answers.iter().map(|answer| format!("{}. {}", answer.finding, one_line(&answer.reply))).collect();
    format!("{name} (engineer) answers {what} {how}:\n\n{}", list.join("\n"))
}

/// The review of the reviewer agent: text, and findings on lines.
pub fn review(reviewer: &str, review: &ReviewResult, blocking: usize) -> (String, Vec<NewReviewComment>) {
    let verdict = verdict(review.findings.len(), blocking);
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

fn verdict(all: usize, blocking: usize) -> String {
    match (all, blocking) {
        (0, _) => "no findings".to_owned(),
        (1, 0) => "1 remark, which does not hold up the merge".to_owned(),
        (all, 0) => format!("{all} remarks, none of which holds up the merge"),
        (1, _) => "1 finding, to be answered before the merge".to_owned(),
        (all, blocking) if all == blocking => format!("{all} findings, all to be answered before the merge"),
        (all, blocking) => format!("{all} findings, {blocking} of them to be answered before the merge"),
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Minor => "Minor",
        Severity::Major => "Major",
        Severity::Blocker => "Blocker",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_counts_in_good_grammar() {
        let rows = [
            ((0, 0), "no findings"),
            ((1, 0), "1 remark, which"),
            ((2, 0), "2 remarks, none"),
            ((1, 1), "1 finding, to be"),
            ((2, 2), "2 findings, all"),
            ((3, 1), "3 findings, 1 of them"),
        ];
        for ((all, blocking), start) in rows {
            let said = verdict(all, blocking);
            assert!(said.starts_with(start), "{said}");
        }
    }

    #[test]
    fn answers_say_whether_there_are_commits() {
        let one = [Answer { finding: 1, reply: "Fixed.\n".into() }];
        assert_eq!(answers("Dave", &one, 1), "Dave (engineer) answers the finding with 1 new commit on this branch:\n\n1. Fixed.");
        assert!(answers("Dave", &one, 0).contains("without a new commit"));
    }

    #[test]
    fn evidence_says_what_was_not_run() {
        let red = CiStatus { context: "a|b".into(), state: CiState::Failure, description: String::new(), url: String::new() };
        assert!(evidence(&[]).contains("tests were not run"));
        assert!(evidence(&[red]).ends_with("| CI `a\\|b` | failed |\n"));
    }
}
