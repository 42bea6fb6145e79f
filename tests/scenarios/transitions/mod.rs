//! Every row of the table in `docs/story.md` is played by a scenario.
//!
//! [`ROWS`] says which; a row without one, and a name without a scenario, fail.

mod branch;
mod ci;
mod control;
mod fix;
mod hands;
mod places;
mod questions;
mod review;

use std::path::Path;

use syndarix::domain::workflow::Story;
use syndarix::engine::turn;

use super::world::{REPO, World};

/// While, cause, and the scenarios that play it.
const ROWS: &[(&str, &str, &[&str])] = &[
    ("no story", "`plan`; label `story/analysis`", &["a_story_from_the_issue_to_done", "the_label_analysis_starts_a_story"]),
    (
        "analysis",
        "criteria written, question asked",
        &[
            "the_product_owner_asks_and_only_people_of_the_story_are_heard",
            "an_answer_with_a_command_runs_the_command_and_answers_nothing",
            "a_comment_from_before_the_question_is_no_answer",
        ],
    ),
    (
        "design",
        "plan approved; changes requested, `revise`, `reject`",
        &[
            "requested_changes_send_the_plan_back",
            "revise_sends_the_plan_back",
            "reject_sends_the_plan_back_and_a_review_approves_the_next",
            "one_story_too_many_waits_and_begins_by_itself",
        ],
    ),
    (
        "implementation",
        "engineer finished; gave up or hit a cap",
        &[
            "an_engineer_that_finds_no_form_gives_up_and_asks",
            "spending_above_the_estimate_waits_for_a_person",
            "a_text_for_the_engineer_at_work_is_the_next_step",
        ],
    ),
    (
        "review",
        "finding, requested changes, red CI",
        &[
            "a_finding_is_mended_and_reviewed_again",
            "a_person_requests_changes_and_approves_what_follows",
            "red_is_mended_running_is_awaited_green_is_merged",
            "a_ci_that_fails_during_the_review_is_mended_after_it",
            "changes_requested_during_the_implementation_are_taken_up_after_the_review",
        ],
    ),
    ("review", "gate holds", &["a_team_of_one_may_approve_its_own", "an_approval_of_an_older_head_does_not_merge"]),
    (
        "any before merge",
        "a person merges by hand",
        &["a_merge_by_hand_is_recorded_as_past_the_gate", "a_merge_by_hand_while_the_gate_held_is_no_breach"],
    ),
    (
        "any before merge",
        "pull request closed unmerged",
        &[
            "a_closed_pull_request_blocks_until_retry_reopens_it",
            "a_review_that_was_cut_off_is_made_up_for_after_retry",
            "a_pull_request_opened_again_by_hand_goes_on",
            "a_deleted_branch_is_put_back_by_retry",
        ],
    ),
    (
        "any before done",
        "issue closed by a person",
        &[
            "a_closed_issue_cancels_and_a_new_plan_gets_a_branch_of_its_own",
            "a_close_at_the_merge_is_not_a_cancel",
            "closing_the_issue_accepts_what_is_not_met",
        ],
    ),
    (
        "done, cancelled",
        "issue reopened",
        &["a_closed_issue_cancels_and_a_new_plan_gets_a_branch_of_its_own", "a_reopened_story_waits_for_a_new_plan"],
    ),
    (
        "testing",
        "criteria met; not met",
        &["criteria_that_are_not_met_block_after_the_merge", "a_failed_test_is_mended_in_a_second_pull_request"],
    ),
    ("any", "label moved back by a writer", &["a_label_moved_back_does_the_work_again"]),
    (
        "any",
        "label moved forward past an open checkpoint; `story/done` or `pr/approved` by hand",
        &["illegal_moves_are_answered_once_and_put_back"],
    ),
    (
        "any",
        "label `syndarix/paused`, `pause`",
        &[
            "pause_by_label_and_resume_by_taking_it_off",
            "pause_by_command_stops_the_engineer_within_a_step",
            "pause_all_is_for_maintainers_and_reaches_every_story",
        ],
    ),
];

/// The first two cells of each row of the table in the documentation.
fn documented() -> Vec<(String, String)> {
    let page = include_str!("../../../docs/story.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")).map(|line| line.split(" | ").map(str::to_owned).collect::<Vec<_>>());
    rows.filter(|cells| cells[0] != "while").map(|cells| (cells[0].clone(), cells[1].clone())).collect()
}

fn sources(dir: &Path, text: &mut String) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => sources(&path, text),
            false => text.push_str(&std::fs::read_to_string(path).unwrap()),
        }
    }
}

#[test]
fn every_row_has_a_scenario() {
    let documented = documented();
    assert_eq!(documented.len(), ROWS.len(), "the table of the documentation and the list of scenarios differ in length");
    let mut text = String::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios"), &mut text);
    for ((stage, cause, scenarios), row) in ROWS.iter().zip(documented) {
        assert_eq!(*stage, row.0);
        assert!(row.1.starts_with(cause), "`{cause}` is not the beginning of `{}`", row.1);
        assert!(!scenarios.is_empty(), "nothing plays `{stage}`, `{cause}`");
        for name in *scenarios {
            assert!(text.contains(&format!("\n#[tokio::test]\nasync fn {name}() {{")), "there is no scenario `{name}`");
        }
    }
}

impl World {
    /// Where a story stands, on one line.
    async fn stands(&self, issue: i64) -> String {
        let story = self.story(issue).await;
        let who = story.active.as_ref().map_or("nobody", |active| active.agent.as_str());
        let flags: Vec<&str> = story.flags.iter().map(|flag| flag.label().trim_start_matches("syndarix/")).collect();
        format!("{}: {who} works; {}", story.stage.word(), if flags.is_empty() { "no flags".to_owned() } else { flags.join(", ") })
    }

    /// What the newest run of a purpose was told.
    async fn told(&self, issue: i64, purpose: &str) -> String {
        let mut tx = self.store().begin_read(self.project(REPO).await).await.unwrap();
        let subject = tx.subject_by_alias(&format!("issue:{}", self.own(issue))).await.unwrap().unwrap();
        let run = tx.runs(subject.id).await.unwrap().into_iter().filter(|run| run.purpose == purpose).max_by_key(|run| run.round);
        let steps = tx.steps(run.expect("there was no such run").id).await.unwrap();
        tx.rollback().await.unwrap();
        steps[0].result.as_ref().unwrap()["task"].as_str().unwrap().to_owned()
    }

    /// How often an agent was set to a purpose.
    async fn runs(&self, issue: i64, purpose: &str) -> usize {
        let mut tx = self.store().begin_read(self.project(REPO).await).await.unwrap();
        let subject = tx.subject_by_alias(&format!("issue:{}", self.own(issue))).await.unwrap().unwrap();
        let count = tx.runs(subject.id).await.unwrap().into_iter().filter(|run| run.purpose == purpose).count();
        tx.rollback().await.unwrap();
        count
    }

    /// Notes of the record about a story: action and details.
    async fn notes(&self, issue: i64) -> Vec<(String, serde_json::Value)> {
        let mut tx = self.store().begin_read(self.project(REPO).await).await.unwrap();
        let subject = tx.subject_by_alias(&format!("issue:{}", self.own(issue))).await.unwrap().unwrap();
        let rows = tx.events(turn::NOTES, subject.id.0).await.unwrap();
        tx.rollback().await.unwrap();
        rows.into_iter().map(|row| (row.kind, row.payload)).collect()
    }
}

/// Fails with the whole text when something is missing from it.
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
}

/// The pull request of a story as it is remembered.
fn pull_of(story: &Story) -> i64 {
    story.pull.as_ref().expect("the story has a pull request").number
}
