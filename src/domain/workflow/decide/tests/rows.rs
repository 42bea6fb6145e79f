//! The rows of the transition table.

use super::*;

#[test]
fn a_plan_begins_with_analysis_and_only_a_writer_begins_it() {
    let mut table = Table::new(Autonomy::Milestone);
    table.says(EVE, "/syndarix plan").is_at(Stage::None, "nobody works, nothing waits, flags []");
    assert!(table.reply().contains("write permission"), "{}", table.reply());
    table.says(ALICE, "/syndarix plan").is_at(Stage::Analysis, "analyse works, nothing waits, flags []");
    assert!(table.orders("react") && table.orders("status") && table.orders("labels") && table.orders("start-run"));
    table.says(BOB, "/syndarix plan").is_at(Stage::Analysis, "analyse works, nothing waits, flags []");
    assert!(table.reply().contains("already under way"), "{}", table.reply());
}

#[test]
fn a_question_waits_for_the_requester_or_a_writer() {
    let mut table = Table::new(Autonomy::Milestone);
    table.says(ALICE, "/syndarix plan").ends(analysis(&["Which separator?"]), None);
    table.is_at(Stage::Analysis, "nobody works, nothing waits, flags [\"waiting\"]");
    let remark = |id| Intent::Remark { place: Place { number: 7, is_pull: false }, comment: id };
    table.decide(Some(EVE), remark(91)).is_at(Stage::Analysis, "nobody works, nothing waits, flags [\"waiting\"]");
    table.decide(Some(ALICE), remark(92)).is_at(Stage::Analysis, "analyse works, nothing waits, flags []");
}

#[test]
fn the_plan_waits_as_the_level_says() {
    Table::at_plan(Autonomy::Milestone).is_at(Stage::Design, "nobody works, plan waits, flags [\"waiting\"]");
    Table::at_plan(Autonomy::FullControl).is_at(Stage::Design, "nobody works, plan waits, flags [\"waiting\"]");
    Table::at_plan(Autonomy::Autonomous).is_at(Stage::Implementation, "implement works, nothing waits, flags []");
    let mut table = Table::at_plan(Autonomy::Milestone);
    table.review(BOB, Verdict::Approved, 'a').is_at(Stage::Implementation, "implement works, nothing waits, flags []");
    for back in ["/syndarix revise smaller", "/syndarix reject"] {
        let mut table = Table::at_plan(Autonomy::Milestone);
        table.says(BOB, back).is_at(Stage::Design, "design works, nothing waits, flags []");
    }
    let mut table = Table::at_plan(Autonomy::Milestone);
    table.review(BOB, Verdict::ChangesRequested, 'a').is_at(Stage::Design, "design works, nothing waits, flags []");
}

#[test]
fn approve_means_what_was_shown() {
    let mut table = Table::at_plan(Autonomy::Milestone);
    table.facts.shown = Some(BTreeSet::new());
    table.says(ALICE, "/syndarix approve").is_at(Stage::Design, "nobody works, plan waits, flags [\"waiting\"]");
    assert!(table.reply().contains("came up after your comment"), "{}", table.reply());
    table.says(ALICE, "/syndarix approve 0123456789").is_at(Stage::Design, "nobody works, plan waits, flags [\"waiting\"]");
    let hash = table.story.plan.as_ref().unwrap().hash[..10].to_owned();
    table.says(ALICE, &format!("/syndarix approve {hash}")).is_at(Stage::Implementation, "implement works, nothing waits, flags []");
}

#[test]
fn code_goes_to_review_and_full_control_waits_before_the_push() {
    let mut table = Table::at_plan(Autonomy::Milestone);
    table.says(ALICE, "/syndarix approve").ends(Outcome::Implement(work()), Some('b'));
    assert!(table.orders("push"));
    table.receipt(Receipt::Pushed { head: sha('b') }).is_at(Stage::Review, "review works, nothing waits, flags []");
    assert!(table.orders("edit-pull"));
    let mut table = Table::at_plan(Autonomy::FullControl);
    table.says(ALICE, "/syndarix approve").ends(Outcome::Implement(work()), Some('b'));
    assert!(!table.orders("push"));
    table.is_at(Stage::Implementation, "nobody works, push waits, flags [\"waiting\"]");
    table.says(ALICE, "/syndarix approve");
    assert!(table.orders("push"));
}

#[test]
fn a_run_that_gives_up_asks_a_person_and_retry_repeats_it() {
    let mut table = Table::new(Autonomy::Milestone);
    table.says(ALICE, "/syndarix plan").run_ends(RunEnd::GaveUp { why: "no idea".into(), limit: None });
    table.is_at(Stage::Analysis, "nobody works, nothing waits, flags [\"waiting\"]");
    table.says(BOB, "/syndarix retry").is_at(Stage::Analysis, "analyse works, nothing waits, flags []");
    table.run_ends(RunEnd::GaveUp { why: "too dear".into(), limit: Some(Limit::Hard) });
    table.is_at(Stage::Analysis, "nobody works, nothing waits, flags [\"over-budget\"]");
}

#[test]
fn full_control_asks_before_the_estimate_is_passed() {
    let mut table = Table::at_plan(Autonomy::FullControl);
    table.says(ALICE, "/syndarix approve");
    table.run_ends(RunEnd::GaveUp { why: "the estimate would be passed".into(), limit: Some(Limit::Estimate) });
    table.is_at(Stage::Implementation, "nobody works, spend waits, flags [\"waiting\"]");
    table.says(ALICE, "/syndarix approve").is_at(Stage::Implementation, "implement works, nothing waits, flags []");
}

#[test]
fn the_merge_needs_its_gate_on_this_head() {
    let mut table = Table::at_review(Autonomy::Milestone);
    table.ends(clean_review(), None).is_at(Stage::Review, "nobody works, merge waits, flags [\"waiting\"]");
    table.review(ALICE, Verdict::Approved, 'b');
    assert!(!table.orders("merge") && table.reply().contains("requester does not count"), "{}", table.reply());
    table.review(BOB, Verdict::Approved, 'a');
    assert!(!table.orders("merge"));
    table.review(BOB, Verdict::Approved, 'b');
    assert!(table.orders("merge"));
    assert_eq!(table.story.pull.as_ref().unwrap().stage, PullStage::Approved);
    table.receipt(Receipt::MergeHeldBack { reasons: vec!["paused".into()] });
    assert!(table.orders("merge"), "the gate still holds in the facts, so it is ordered again");
    table.receipt(Receipt::Merged { number: 8, sha: Some(sha('d')) }).is_at(Stage::Testing, "test works, nothing waits, flags []");
    assert_eq!(table.story.merged_by_hand, None);
    let mut table = Table::at_review(Autonomy::Autonomous);
    assert!(table.ends(clean_review(), None).orders("merge"));
}

#[test]
fn the_end_closes_the_issue_when_the_criteria_are_met() {
    let test = |met| {
        let results = vec![CriterionResult { criterion: 1, met, evidence: "read".into() }];
        Outcome::Test(TestResult { results, summary: "s".into() })
    };
    let merged = || {
        let mut table = Table::at_review(Autonomy::Milestone);
        table.ends(clean_review(), None).review(BOB, Verdict::Approved, 'b').receipt(Receipt::Merged { number: 8, sha: None });
        table
    };
    let mut table = merged();
    table.ends(test(true), None).is_at(Stage::Done, "nobody works, nothing waits, flags []");
    assert!(table.orders("close-issue"));
    let mut table = merged();
    table.ends(test(false), None).is_at(Stage::Testing, "nobody works, nothing waits, flags [\"blocked\"]");
    assert!(!table.orders("close-issue"));
}

#[test]
fn people_may_take_the_story_elsewhere() {
    let mut table = Table::at_review(Autonomy::Milestone);
    table.decide(Some(BOB), Intent::PullMerged { number: 8, sha: None }).is_at(Stage::Testing, "test works, nothing waits, flags []");
    assert_eq!(table.story.merged_by_hand, Some(user(BOB)));

    let mut table = Table::at_review(Autonomy::Milestone);
    table.facts.pull.as_mut().unwrap().state = State::Closed;
    table.decide(Some(BOB), Intent::PullClosed { number: 8 }).is_at(Stage::Review, "nobody works, nothing waits, flags [\"blocked\"]");

    let mut table = Table::at_review(Autonomy::Milestone);
    table.decide(Some(BOB), Intent::IssueClosed).is_at(Stage::Cancelled, "nobody works, nothing waits, flags []");
    assert!(table.orders("stop-run") && table.orders("close-pull"));

    let mut table = Table::at_review(Autonomy::Milestone);
    table.forge_at('c').decide(Some(BOB), Intent::Pushed { branch: "syndarix/7-add-csv".into(), before: sha('b'), after: sha('c') });
    table.is_at(Stage::Review, "nobody works, nothing waits, flags [\"waiting\"]");
    table.says(BOB, "/syndarix resume").is_at(Stage::Review, "review works, nothing waits, flags []");
    assert_eq!(table.story.head, Some(sha('c')));
}

#[test]
fn our_own_pushes_are_echoes() {
    let mut table = Table::at_review(Autonomy::Milestone);
    let before = table.story.clone();
    table.decide(Some(BOT), Intent::Pushed { branch: "syndarix/7-add-csv".into(), before: sha('a'), after: sha('b') });
    assert_eq!(table.story, before);
}

#[test]
fn pause_holds_the_run_and_resume_lets_it_go() {
    let mut table = Table::at_review(Autonomy::Milestone);
    table.says(BOB, "/syndarix pause").is_at(Stage::Review, "review works, nothing waits, flags [\"paused\"]");
    assert!(table.orders("hold-run"));
    table.ends(clean_review(), None);
    assert!(!table.orders("merge"));
    table.says(BOB, "/syndarix resume").is_at(Stage::Review, "nobody works, merge waits, flags [\"waiting\"]");
}

#[test]
fn labels_are_doors_with_rules() {
    let moved = |table: &mut Table, name: &str, who: i64| {
        let change = LabelChange { id: 1, actor: user(who), label: name.into(), added: true, at: Time(2) };
        let person = Person { user: user(who), role: Some(if who == EVE { Role::Reader } else { Role::Writer }), is_bot: who == BOT };
        let confirmed: BTreeSet<String> = table.story.labels().0;
        let now = confirmed.iter().cloned().chain([name.to_owned()]).collect();
        let facts = LabelFacts { now, confirmed, changes: vec![change], people: if who == BOT { vec![] } else { vec![person] } };
        table.facts.labels = BTreeMap::from([(7, facts)]);
        table.decide(None, Intent::LabelsChanged { place: Place { number: 7, is_pull: false } });
    };
    let mut table = Table::new(Autonomy::Milestone);
    moved(&mut table, "story/analysis", EVE);
    table.is_at(Stage::None, "nobody works, nothing waits, flags []");
    let mut table = Table::at_plan(Autonomy::Milestone);
    moved(&mut table, "story/done", BOB);
    assert!(table.orders("labels") && table.reply().contains("moves on by itself"), "{}", table.reply());
    moved(&mut table, "story/done", BOB);
    assert!(table.orders("labels") && table.reply().is_empty(), "said once: {}", table.reply());
    moved(&mut table, "syndarix/paused", BOB);
    table.is_at(Stage::Design, "nobody works, plan waits, flags [\"waiting\", \"paused\"]");
    let mut table = Table::at_plan(Autonomy::Milestone);
    moved(&mut table, "autonomy/full-control", BOB);
    assert_eq!(table.story.autonomy, Autonomy::FullControl);
    moved(&mut table, "autonomy/autonomous", BOB);
    assert_eq!(table.story.autonomy, Autonomy::FullControl);
    assert!(table.reply().contains("may only tighten"), "{}", table.reply());
    let mut table = Table::at_plan(Autonomy::Milestone);
    moved(&mut table, "story/analysis", BOB);
    table.is_at(Stage::Analysis, "analyse works, nothing waits, flags []");
}

#[test]
fn late_words_of_stopped_runs_change_nothing() {
    let mut table = Table::new(Autonomy::Milestone);
    table.says(ALICE, "/syndarix plan");
    let run: RunId = table.story.active.as_ref().unwrap().run;
    table.says(ALICE, "/syndarix cancel").is_at(Stage::Cancelled, "nobody works, nothing waits, flags []");
    table
        .decide(None, Intent::RunEnded { run, purpose: Purpose::Analyse })
        .is_at(Stage::Cancelled, "nobody works, nothing waits, flags []");
    table.says(ALICE, "/syndarix plan").is_at(Stage::Analysis, "analyse works, nothing waits, flags []");
    assert_ne!(table.story.active.as_ref().unwrap().run, run);
}

#[test]
fn a_crossed_limit_halts_once_and_a_person_lifts_it() {
    use crate::domain::guard::{Hold, Stop, Trip};
    use crate::domain::workflow::label::Flag;
    let trip = |limit: &str| Trip { limit: limit.into(), allowed: 2, reached: 3 };
    let words = |t: &Table| t.effects.iter().map(Effect::word).collect::<Vec<_>>();
    let mut t = Table::new(Autonomy::Milestone);
    let halt = Intent::Halt { trip: trip("story_runs_per_hour"), story: None };
    t.decide(None, halt.clone());
    assert!(t.effects.is_empty(), "nothing runs here");
    t.says(ALICE, "/syndarix plan");
    t.decide(None, halt.clone());
    assert!(t.story.flags.contains(&Flag::Halted));
    assert_eq!(words(&t), ["hold-run", "comment", "labels", "status"]);
    t.decide(None, halt);
    assert!(t.effects.is_empty(), "said once");
    t.says(ALICE, "/syndarix resume");
    assert_eq!(words(&t), ["lift-limits", "resume-run", "react", "labels", "status"]);
    assert!(t.story.may_run());

    let of_project = Intent::Halt { trip: trip("project_runs_per_hour"), story: Some(3) };
    t.decide(None, of_project.clone());
    assert!(t.story.may_run(), "it was lifted before this story heard of it");
    t.facts.guard.hold = Some(Hold { stop: Stop::Halted, by: None, why: "a line".into(), at: Time(1) });
    t.decide(None, of_project);
    assert_eq!(words(&t), ["hold-run", "labels", "status"], "another story says it");
    t.says(ALICE, "/syndarix resume");
    assert!(!t.story.may_run() && words(&t) == ["comment"], "one story cannot go on alone");
    t.facts.guard.hold = None;
    t.decide(None, Intent::Hold { hold: false, by: user(BOB) });
    assert!(t.story.may_run());
}

#[test]
fn a_dismissed_approval_brings_no_earlier_one_back() {
    let mut table = Table::at_plan(Autonomy::Milestone);
    // Two approvals that had no effect when they were given, of somebody whose word counts by now.
    table.review(EVE, Verdict::Approved, 'a').review(EVE, Verdict::Approved, 'a');
    let mut reviews = table.facts.gate.as_ref().expect("a pull request").reviews.clone();
    reviews.iter_mut().for_each(|review| review.author = user(BOB));
    for (dismissed, stage) in [(true, Stage::Design), (false, Stage::Implementation)] {
        reviews[1].dismissed = dismissed;
        table.facts.gate.as_mut().expect("a pull request").reviews = reviews.clone();
        table.decide(Some(BOB), Intent::Reviewed { number: 8, seen: Verdict::Approved });
        assert_eq!(table.story.stage, stage, "the newer one dismissed: {dismissed}");
    }
}
