//! The same table for the commands that make agents work, the loops, places, and people's hands on branch and pull request.

use super::*;
use crate::domain::agent::{Finding, Severity};
use crate::domain::workflow::facts::{Asked, PlaceFacts};

const BRANCH: &str = "syndarix/7-add-csv";

impl Table {
    /// Alice's approval of the plan finds every place taken.
    fn queued() -> Table {
        let mut table = Table::at_plan(Autonomy::Milestone);
        table.facts.places = PlaceFacts { most: 1, taken: 1, ahead: 0 };
        table.says(ALICE, "/syndarix approve");
        table
    }

    /// Reviewed without findings: the merge waits.
    fn reviewed() -> Table {
        let mut table = Table::at_review(Autonomy::Milestone);
        table.ends(clean_review(), None);
        table
    }

    /// Merged, and the tester found a criterion that does not hold.
    fn unmet() -> Table {
        let mut table = Table::reviewed();
        table.review(BOB, Verdict::Approved, 'b').receipt(Receipt::Merged { number: 8, sha: Some(sha('d')) });
        table.ends(verdict(false), None);
        table
    }

    fn ci(&mut self, head: char, states: &[(&str, CiState)]) -> &mut Table {
        let status = |(context, state): &(&str, CiState)| CiStatus {
            context: (*context).into(),
            state: *state,
            description: String::new(),
            url: String::new(),
        };
        self.facts.gate.as_mut().expect("a pull request").ci = states.iter().map(status).collect();
        self.decide(None, Intent::CiChanged { sha: sha(head), context: "build".into(), state: CiState::Failure })
    }

    fn says_on_pull(&mut self, who: i64, body: &str) -> &mut Table {
        let place = Place { number: 8, is_pull: true };
        self.decide(Some(who), Intent::Commands { place, comment: 90, body: body.into(), previous: None, written_at: Time(1_000_000) })
    }

    fn pull_is(&mut self, change: impl Fn(&mut Pull)) -> &mut Table {
        change(self.facts.pull.as_mut().expect("a pull request"));
        change(&mut self.facts.gate.as_mut().expect("a pull request").pull);
        self
    }
}

fn verdict(met: bool) -> Outcome {
    let results = vec![CriterionResult { criterion: 1, met, evidence: "read".into() }];
    Outcome::Test(TestResult { results, summary: "s".into() })
}

fn finding() -> Outcome {
    let finding = Finding { path: "a.py".into(), line: 1, severity: Severity::Major, message: "wrong".into() };
    Outcome::Review(ReviewResult { summary: "s".into(), findings: vec![finding] })
}

#[test]
fn fix_acts_on_what_is_open_and_says_when_nothing_is() {
    let mut table = Table::reviewed();
    table.says(BOB, "/syndarix fix").is_at(Stage::Review, "nobody works, merge waits, flags [\"waiting\"]");
    assert!(table.reply().contains("No finding is open"), "{}", table.reply());
    table.says(BOB, "/syndarix fix the total").is_at(Stage::Review, "fix works, nothing waits, flags []");
    assert_eq!(table.story.pull.as_ref().unwrap().stage, PullStage::ChangesRequested);
    assert_eq!(table.story.constraints.len(), 2, "the text, and the comment as a whole");
    table.ends(Outcome::Fix(work()), Some('c')).receipt(Receipt::Pushed { head: sha('c') });
    table.is_at(Stage::Review, "review works, nothing waits, flags []");
    assert_eq!(table.story.pull.as_ref().unwrap().stage, PullStage::Reviewing);
    for (red, text) in [(true, "/syndarix fix"), (false, "/syndarix fix more")] {
        let mut table = Table::reviewed();
        table.story.loops.red = Some(sha('b'));
        if red {
            table.ci('b', &[("build", CiState::Failure)]);
        }
        table.says(BOB, text).is_at(Stage::Review, "fix works, nothing waits, flags []");
    }
    let mut table = Table::at_plan(Autonomy::Milestone);
    table.says(BOB, "/syndarix fix it").is_at(Stage::Design, "nobody works, plan waits, flags [\"waiting\"]");
    let mut table = Table::new(Autonomy::Milestone);
    table.says(BOB, "/syndarix fix it").is_at(Stage::None, "nobody works, nothing waits, flags []");
}

#[test]
fn a_text_for_the_engineer_at_work_is_kept_for_the_next_step() {
    let mut table = Table::at_plan(Autonomy::Milestone);
    table.says(ALICE, "/syndarix approve").says(BOB, "/syndarix fix");
    assert!(table.reply().contains("is at work, and a review follows by itself"), "{}", table.reply());
    table.says(BOB, "/syndarix fix mind the empty cart");
    assert!(table.reply().contains("Your text is kept"), "{}", table.reply());
    table.ends(Outcome::Implement(work()), Some('b')).receipt(Receipt::Pushed { head: sha('b') }).forge_at('b');
    table.is_at(Stage::Implementation, "fix works, nothing waits, flags []");
    assert_eq!(table.story.constraints.len(), 2);
    table.ends(Outcome::Fix(work()), Some('c')).receipt(Receipt::Pushed { head: sha('c') });
    table.is_at(Stage::Review, "review works, nothing waits, flags []");
    assert!(table.story.constraints.is_empty() && table.story.loops.texts.is_empty());
}

#[test]
fn after_a_failed_test_fix_makes_a_second_pull_request_of_the_same_story() {
    let mut table = Table::unmet();
    table.is_at(Stage::Testing, "nobody works, nothing waits, flags [\"blocked\"]");
    table.facts.branches = BTreeSet::from([BRANCH.to_owned()]);
    let tested = table.story.tested.unwrap();
    table.says(BOB, "/syndarix fix").is_at(Stage::Implementation, "fix works, nothing waits, flags []");
    assert_eq!((table.story.branch.as_str(), table.story.round), ("syndarix/7-add-csv-2", 1));
    assert_eq!(table.story.constraints, [format!("test:{tested}")]);
    assert!(
        table
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::StartRun(start) if start.input.base.is_none() && start.input.pull.is_none()))
    );
    table.facts.pull = None;
    table.facts.gate = None;
    table.ends(Outcome::Fix(work()), Some('e')).receipt(Receipt::Pushed { head: sha('e') });
    assert!(table.orders("open-pull"));
    table.receipt(Receipt::PullOpened { number: 9, head: sha('e') }).is_at(Stage::Review, "review works, nothing waits, flags []");
    assert!(table.orders("edit-pull"), "it is ready, not a draft");
    assert_eq!(table.story.labels_of(8), BTreeSet::from(["pr/merged".to_owned()]));
    table.forge_at('e').ends(clean_review(), None).is_at(Stage::Review, "nobody works, merge waits, flags [\"waiting\"]");
}

#[test]
fn review_and_test_run_on_the_head_that_stands_there() {
    let mut table = Table::reviewed();
    table.says_on_pull(BOB, "/syndarix review").is_at(Stage::Review, "review works, merge waits, flags []");
    assert!(table.reply().contains("was reviewed already"), "{}", table.reply());
    table.says(BOB, "/syndarix test");
    assert!(table.reply().contains("is at work. Wait until that is done"), "{}", table.reply());
    table.ends(clean_review(), None).is_at(Stage::Review, "nobody works, merge waits, flags [\"waiting\"]");
    table.says_on_pull(BOB, "/syndarix review").is_at(Stage::Review, "nobody works, merge waits, flags [\"waiting\"]");
    assert!(table.reply().contains("was reviewed twice"), "{}", table.reply());
    table.says(BOB, "/syndarix test").is_at(Stage::Review, "test works, merge waits, flags []");
    assert!(table.effects.iter().any(|effect| matches!(effect, Effect::StartRun(start) if start.input.base == Some(sha('b')))));
    table.ends(verdict(false), None).is_at(Stage::Review, "nobody works, merge waits, flags [\"waiting\"]");
    assert!(table.reply().contains("1 of 1 is not met") && table.story.tested.is_none(), "{}", table.reply());
    let mut table = Table::unmet();
    table.says(BOB, "/syndarix test").is_at(Stage::Testing, "test works, nothing waits, flags []");
}

#[test]
fn a_story_too_many_waits_for_its_place() {
    let mut table = Table::queued();
    table.is_at(Stage::Implementation, "nobody works, nothing waits, flags []");
    assert!(table.reply().contains("waits for a free place"), "{}", table.reply());
    table.decide(None, Intent::Wake).is_at(Stage::Implementation, "nobody works, nothing waits, flags []");
    table.facts.places.taken = 0;
    table.facts.places.ahead = 1;
    table.decide(None, Intent::Wake).is_at(Stage::Implementation, "nobody works, nothing waits, flags []");
    table.facts.places.ahead = 0;
    table.decide(None, Intent::Wake).is_at(Stage::Implementation, "implement works, nothing waits, flags []");
    let mut table = Table::queued();
    table.says(EVE, "/syndarix start").is_at(Stage::Implementation, "nobody works, nothing waits, flags []");
    table.says(BOB, "/syndarix start").is_at(Stage::Implementation, "implement works, nothing waits, flags []");
    table.says(BOB, "/syndarix start");
    assert!(table.reply().contains("is started already"), "{}", table.reply());
    let mut table = Table::queued();
    table.says(BOB, "/syndarix pause");
    table.facts.places.taken = 0;
    table.decide(None, Intent::Wake).is_at(Stage::Implementation, "nobody works, nothing waits, flags [\"paused\"]");
    table.says(BOB, "/syndarix resume").is_at(Stage::Implementation, "implement works, nothing waits, flags []");
    let mut table = Table::queued();
    table.says(BOB, "/syndarix cancel").is_at(Stage::Cancelled, "nobody works, nothing waits, flags []");
}

#[test]
fn a_red_ci_is_one_try_for_each_head() {
    let red = [("build", CiState::Failure), ("lint", CiState::Error)];
    let mut table = Table::at_review(Autonomy::Milestone);
    table.ci('b', &red).is_at(Stage::Review, "review works, nothing waits, flags []");
    table.ends(clean_review(), None).is_at(Stage::Review, "fix works, nothing waits, flags []");
    assert_eq!(table.story.ci_fixes, 1);
    // It answers with reasons only, and the same head stays red.
    let answered = Work { answers: vec![crate::domain::agent::Answer { finding: 1, reply: "flaky".into() }], ..work() };
    table.ends(Outcome::Fix(answered), None).is_at(Stage::Review, "review works, nothing waits, flags []");
    table.ends(clean_review(), None).is_at(Stage::Review, "nobody works, merge waits, flags [\"waiting\"]");
    table.ci('b', &[]).ci('b', &red).is_at(Stage::Review, "nobody works, merge waits, flags [\"waiting\"]");
    assert_eq!(table.story.ci_fixes, 1);
    table.says(BOB, "/syndarix retry").is_at(Stage::Review, "fix works, merge waits, flags []");
    for (head, tries) in [('c', 2), ('d', 3)] {
        table.ends(Outcome::Fix(work()), Some(head)).receipt(Receipt::Pushed { head: sha(head) }).forge_at(head);
        table.ends(clean_review(), None).ci(head, &red);
        assert_eq!(table.story.ci_fixes, tries);
    }
    table.ends(Outcome::Fix(work()), Some('e')).receipt(Receipt::Pushed { head: sha('e') }).forge_at('e');
    table.ends(clean_review(), None).ci('e', &red).is_at(Stage::Review, "nobody works, merge waits, flags [\"waiting\"]");
    assert!(table.reply().contains("the CI checks `build`, `lint` are still red after 3 tries"), "{}", table.reply());
    let before = table.story.clone();
    table.ci('c', &red);
    assert_eq!(table.story, before, "an older head");
}

#[test]
fn what_nobody_could_act_on_is_taken_up_later() {
    let mut table = Table::at_plan(Autonomy::Milestone);
    table.says(ALICE, "/syndarix approve").review(BOB, Verdict::ChangesRequested, 'a');
    table.is_at(Stage::Implementation, "implement works, nothing waits, flags []");
    table.ends(Outcome::Implement(work()), Some('b')).receipt(Receipt::Pushed { head: sha('b') });
    let reviews = table.facts.gate.as_ref().unwrap().reviews.clone();
    table.forge_at('b');
    table.facts.gate.as_mut().unwrap().reviews = reviews;
    table.ends(clean_review(), None).is_at(Stage::Review, "fix works, nothing waits, flags []");
    assert_eq!(table.story.constraints, ["review:1"]);
    // Open findings are put before a person after the last round; a red CI does not begin another loop beside that.
    let mut table = Table::at_review(Autonomy::Milestone);
    table.facts.policy.max_review_rounds = 1;
    table.ends(finding(), None).is_at(Stage::Review, "nobody works, nothing waits, flags [\"waiting\"]");
    table.ci('b', &[("build", CiState::Failure)]);
    assert!(table.story.active.is_none());
    table.says(BOB, "/syndarix fix").is_at(Stage::Review, "fix works, nothing waits, flags []");
    assert_eq!(table.story.review_rounds, 0);
}

#[test]
fn only_what_is_written_after_a_question_answers_it() {
    let mut table = Table::new(Autonomy::Milestone);
    table.says(ALICE, "/syndarix plan").ends(analysis(&["Which separator?"]), None);
    assert!(table.story.loops.question.as_deref().is_some_and(|name| name.starts_with("7.1.question.")));
    let remark = |id| Intent::Remark { place: Place { number: 7, is_pull: false }, comment: id };
    table.facts.asked = Asked::As(95);
    table.decide(Some(ALICE), remark(91)).is_at(Stage::Analysis, "nobody works, nothing waits, flags [\"waiting\"]");
    table.facts.asked = Asked::Pending;
    let wanted = Wanted { intent: remark(99), actor: Some(user(ALICE)), at: Time(1_000_000) };
    assert!(decide(&table.story, &wanted, &table.facts).wait.is_some());
    table.facts.asked = Asked::As(95);
    table.decide(Some(ALICE), remark(99)).is_at(Stage::Analysis, "analyse works, nothing waits, flags []");
}

#[test]
fn a_push_is_named_when_its_name_comes_later() {
    let pushed = |after| Intent::Pushed { branch: BRANCH.into(), before: sha('b'), after: sha(after) };
    let mut table = Table::reviewed();
    table.forge_at('c').decide(None, pushed('c'));
    assert_eq!(table.story.loops.unnamed.len(), 1);
    table.review(BOB, Verdict::Approved, 'b').is_at(Stage::Review, "nobody works, merge waits, flags [\"waiting\"]");
    assert!(table.reply().contains("It is for an older head"), "{}", table.reply());
    table.review(BOB, Verdict::Approved, 'c');
    assert!(table.reply().contains("It counts once"), "{}", table.reply());
    table.says(BOB, "/syndarix approve");
    assert!(table.reply().contains("is not what would be merged"), "{}", table.reply());
    table.decide(Some(EVE), pushed('c'));
    assert!(table.story.loops.unnamed.is_empty() && table.story.pushers.contains(&EVE));
}

#[test]
fn what_people_closed_or_deleted_is_put_right_by_retry() {
    let gone = || Intent::BranchDeleted { branch: BRANCH.into() };
    let mut table = Table::reviewed();
    table.facts.branches = BTreeSet::from([BRANCH.to_owned()]);
    table.decide(Some(BOB), gone()).is_at(Stage::Review, "nobody works, merge waits, flags [\"waiting\"]");
    table.facts.branches.clear();
    table.decide(Some(BOB), gone()).is_at(Stage::Review, "nobody works, merge waits, flags [\"waiting\", \"blocked\"]");
    table.decide(Some(BOB), gone());
    assert!(table.effects.is_empty(), "told in two ways");
    table.pull_is(|pull| pull.state = State::Closed).decide(None, Intent::PullClosed { number: 8 });
    assert!(table.reply().is_empty(), "the deletion was said: {}", table.reply());
    table.says(BOB, "/syndarix retry");
    assert!(table.orders("push") && !table.orders("reopen-pull"));
    table.receipt(Receipt::Pushed { head: sha('b') });
    assert!(table.orders("reopen-pull"));
    table.decide(None, Intent::EffectFailed { effect: EffectId(Default::default()), what: "reopen-pull".into(), error: "no".into() });
    assert!(table.orders("open-pull"));
    table
        .pull_is(|pull| (pull.state, pull.number, pull.base.branch) = (State::Open, 9, "main".into()))
        .receipt(Receipt::PullOpened { number: 9, head: sha('b') });
    table.is_at(Stage::Review, "nobody works, merge waits, flags [\"waiting\"]");
    assert!(table.reply().contains("The review of bbbbbbbbbb is finished"), "it is asked for on the new one: {}", table.reply());
}

#[test]
fn a_pull_request_that_was_moved_is_not_merged() {
    let edited = || Intent::PullEdited { number: 8 };
    let mut table = Table::reviewed();
    table.facts.gate.as_mut().unwrap().base_branch = "main".into();
    table.pull_is(|pull| pull.base.branch = "main".into()).decide(Some(BOB), edited());
    assert!(table.effects.is_empty() && table.story.loops.target.is_none());
    table.pull_is(|pull| pull.base.branch = "release".into()).decide(Some(BOB), edited());
    table.is_at(Stage::Review, "nobody works, merge waits, flags [\"waiting\", \"blocked\"]");
    table.review(BOB, Verdict::Approved, 'b');
    assert!(!table.orders("merge"));
    table.pull_is(|pull| pull.base.branch = "main".into()).decide(Some(BOB), edited());
    assert!(table.orders("merge"));
    let mut table = Table::reviewed();
    table.pull_is(|pull| (pull.draft, pull.base.branch) = (true, "main".into())).decide(Some(BOB), edited());
    assert!(table.story.loops.draft);
    let mut fixed = Table { story: table.story.clone(), facts: table.facts.clone(), effects: Vec::new() };
    fixed.says(BOB, "/syndarix fix it").ends(Outcome::Fix(work()), Some('c')).receipt(Receipt::Pushed { head: sha('c') });
    assert!(fixed.effects.iter().any(|effect| matches!(effect, Effect::EditPull { draft: None, .. })), "the mark is the person's");
    table.review(BOB, Verdict::Approved, 'b');
    assert!(!table.orders("merge"));
    table.pull_is(|pull| pull.draft = false).decide(Some(BOB), edited());
    assert!(table.orders("merge") && !table.story.loops.draft);
}

#[test]
fn a_close_after_the_merge_is_a_keyword_or_a_word() {
    let mut table = Table::unmet();
    table.decide(Some(BOB), Intent::IssueClosed).is_at(Stage::Done, "nobody works, nothing waits, flags []");
    assert!(table.reply().contains("1 acceptance criterion was not met; `bob` closed the issue all the same"), "{}", table.reply());
    let mut table = Table::reviewed();
    table.review(BOB, Verdict::Approved, 'b').pull_is(|pull| pull.merged = true).decide(Some(BOB), Intent::IssueClosed);
    table.receipt(Receipt::Merged { number: 8, sha: Some(sha('d')) }).is_at(Stage::Testing, "test works, nothing waits, flags []");
    table.ends(verdict(false), None).is_at(Stage::Testing, "nobody works, nothing waits, flags [\"blocked\"]");
    assert!(table.reply().contains("The issue is closed already"), "{}", table.reply());
    table.decide(Some(BOB), Intent::IssueClosed).is_at(Stage::Testing, "nobody works, nothing waits, flags [\"blocked\"]");
    table.decide(Some(BOB), Intent::IssueReopened).decide(Some(BOB), Intent::IssueClosed);
    table.is_at(Stage::Done, "nobody works, nothing waits, flags []");
}

#[test]
fn a_merge_by_hand_is_a_breach_only_where_the_gate_did_not_hold() {
    for (approved, by_hand) in [(true, None), (false, Some(user(BOB)))] {
        let mut table = Table::reviewed();
        table.pull_is(|pull| (pull.state, pull.merged) = (State::Closed, true));
        if approved {
            let review = Review {
                id: 1,
                author: user(BOB),
                verdict: Verdict::Approved,
                body: String::new(),
                commit: Some(sha('b')),
                stale: false,
                official: true,
                dismissed: false,
                submitted_at: Time(1),
            };
            table.facts.gate.as_mut().unwrap().reviews.push(review);
        }
        table.decide(Some(BOB), Intent::PullMerged { number: 8, sha: None }).is_at(Stage::Testing, "test works, nothing waits, flags []");
        assert_eq!(table.story.merged_by_hand, by_hand);
    }
}
