//! Levels and budgets change while something waits.

use super::*;
use crate::domain::budget::{Caps, Limits, Pot, Purse};
use crate::domain::workflow::inform::{Money, Setting};

/// What a maintainer types.
fn maintainer(table: &mut Table, body: &str) {
    table.facts.actor = Some(Person { user: user(BOB), role: Some(Role::Maintainer), is_bot: false });
    let place = Place { number: 7, is_pull: false };
    let at = Time(1_000_000);
    let intent = Intent::Commands { place, comment: 91, body: body.into(), previous: None, written_at: at };
    let decision = decide(&table.story, &Wanted { intent, actor: Some(user(BOB)), at }, &table.facts);
    table.story = decision.events.iter().fold(std::mem::take(&mut table.story), Story::evolve);
    table.effects = decision.effects;
}

fn with_ceiling(mut table: Table) -> Table {
    table.facts.policy.ceiling = Autonomy::Autonomous;
    table
}

#[test]
fn an_open_plan_passes_only_when_the_new_level_says_so() {
    let mut table = with_ceiling(Table::at_plan(Autonomy::FullControl));
    maintainer(&mut table, "/syndarix autonomy set milestone");
    table.is_at(Stage::Design, "nobody works, plan waits, flags [\"waiting\"]");
    assert!(table.reply().contains("The plan still waits for an approval."), "{}", table.reply());
    maintainer(&mut table, "/syndarix autonomy set autonomous");
    table.is_at(Stage::Implementation, "implement works, nothing waits, flags []");
    assert!(table.reply().contains("The plan waited for an approval and is passed"), "{}", table.reply());
    assert!(table.story.plan_approver.is_none() && table.story.autonomy == Autonomy::Autonomous);
    assert!(table.story.labels().0.contains("autonomy/autonomous"));
}

#[test]
fn code_and_merge_that_wait_follow_the_level() {
    let mut table = with_ceiling(Table::at_plan(Autonomy::FullControl));
    table.says(ALICE, "/syndarix approve").ends(Outcome::Implement(work()), Some('b'));
    maintainer(&mut table, "/syndarix autonomy set milestone");
    assert!(table.orders("push") && table.story.checkpoint.is_none());

    let mut table = with_ceiling(Table::at_review(Autonomy::Milestone));
    table.ends(clean_review(), None);
    table.is_at(Stage::Review, "nobody works, merge waits, flags [\"waiting\"]");
    maintainer(&mut table, "/syndarix autonomy set autonomous");
    assert!(table.orders("merge"), "{:?}", table.effects);
    assert!(table.reply().contains("The merge that waited is ordered"), "{}", table.reply());
}

#[test]
fn a_tighter_level_holds_from_then_on() {
    let mut table = with_ceiling(Table::at_plan(Autonomy::Autonomous));
    maintainer(&mut table, "/syndarix autonomy set full-control");
    table.is_at(Stage::Implementation, "implement works, nothing waits, flags []");
    assert!(table.reply().contains("What was let through before stays so."), "{}", table.reply());
    table.ends(Outcome::Implement(work()), Some('b'));
    table.is_at(Stage::Implementation, "nobody works, push waits, flags [\"waiting\"]");
}

#[test]
fn while_it_is_stopped_nothing_passes_until_resume() {
    let mut table = with_ceiling(Table::at_plan(Autonomy::Milestone));
    table.says(ALICE, "/syndarix pause");
    maintainer(&mut table, "/syndarix autonomy set autonomous");
    table.is_at(Stage::Design, "nobody works, plan waits, flags [\"waiting\", \"paused\"]");
    assert!(table.reply().contains("goes on waiting until `/syndarix resume`"), "{}", table.reply());
    table.says(ALICE, "/syndarix resume").is_at(Stage::Implementation, "implement works, nothing waits, flags []");
}

#[test]
fn the_ceiling_and_the_role_are_kept() {
    let mut table = Table::at_plan(Autonomy::Milestone);
    maintainer(&mut table, "/syndarix autonomy set autonomous");
    assert!(table.reply().contains("allows MILESTONE at most") && table.story.autonomy == Autonomy::Milestone, "{}", table.reply());
    maintainer(&mut table, "/syndarix autonomy set autonomous --project");
    assert!(!table.orders("set-project"));
    table.says(ALICE, "/syndarix autonomy set full-control");
    assert!(table.reply().contains("needs maintainer permission") && table.story.autonomy == Autonomy::Milestone, "{}", table.reply());
    maintainer(&mut table, "/syndarix autonomy set full-control --project");
    let stored = Effect::SetProject { setting: Setting::Autonomy(Some(Autonomy::FullControl)), by: user(BOB) };
    assert!(table.effects.contains(&stored) && table.story.autonomy == Autonomy::Milestone);
}

fn money(spent: i64, month: i64, project: Option<i64>) -> Option<Money> {
    Some(Money {
        purse: Purse {
            story: Pot { spent: Nano(spent), reserved: Nano::ZERO },
            project: Caps { soft: None, hard: project.map(Nano) },
            ..Purse::default()
        },
        configured: Limits { soft: Nano(2_000_000_000), hard: Nano(5_000_000_000) },
        sources: ("policy.toml".into(), "policy.toml".into()),
        month: Pot { spent: Nano(month), reserved: Nano::ZERO },
        total: Pot::default(),
        agents: Vec::new(),
    })
}

fn broke() -> Table {
    let mut table = Table::new(Autonomy::Milestone);
    table.says(ALICE, "/syndarix plan").run_ends(RunEnd::GaveUp { why: "too dear".into(), limit: Some(Limit::Hard) });
    table.is_at(Stage::Analysis, "nobody works, nothing waits, flags [\"over-budget\"]");
    table.facts.inform.money = money(4_000_000_000, 0, None);
    table
}

#[test]
fn a_raised_budget_goes_on_and_a_spent_one_cannot_be_cut() {
    let mut table = broke();
    maintainer(&mut table, "/syndarix budget set 3");
    assert!(table.reply().contains("$4.00 is spent or promised"), "{}", table.reply());
    maintainer(&mut table, "/syndarix budget set 6 --soft");
    assert!(table.reply().contains("A soft limit above the hard one, which is $5.00"), "{}", table.reply());
    maintainer(&mut table, "/syndarix budget set 7.50");
    table.is_at(Stage::Analysis, "analyse works, nothing waits, flags []");
    let caps = Caps { soft: None, hard: Some(Nano(7_500_000_000)) };
    assert!(table.effects.contains(&Effect::SetLimits { caps, hard: Nano(7_500_000_000) }));
    assert_eq!(table.story.caps, caps);
    // The limit belongs to the issue, not to the round.
    table.says(ALICE, "/syndarix cancel").says(ALICE, "/syndarix plan");
    assert_eq!((table.story.round, table.story.caps), (2, caps));
}

#[test]
fn a_stopped_story_with_money_waits_for_resume() {
    let mut table = broke();
    table.says(ALICE, "/syndarix pause");
    maintainer(&mut table, "/syndarix budget set 8");
    assert!(table.orders("hold-run") && !table.story.flags.contains(&Flag::OverBudget), "{:?}", table.effects);
    assert!(table.reply().contains("`/syndarix resume` lets it go on"), "{}", table.reply());
}

#[test]
fn both_purses_have_to_hold_something() {
    let mut table = broke();
    table.facts.inform.money = money(4_000_000_000, 10_000_000_000, Some(10_000_000_000));
    maintainer(&mut table, "/syndarix budget set 8");
    table.is_at(Stage::Analysis, "nobody works, nothing waits, flags [\"over-budget\"]");
    assert!(table.reply().contains("the project's budget for this month is used up"), "{}", table.reply());
    maintainer(&mut table, "/syndarix budget set 9 --project");
    assert!(table.reply().contains("all stories of the project in this month already"), "{}", table.reply());
    table.facts.inform.money = money(4_000_000_000, 10_000_000_000, Some(20_000_000_000));
    table.decide(None, Intent::BudgetRaised { by: user(BOB) }).is_at(Stage::Analysis, "analyse works, nothing waits, flags []");
}

#[test]
fn an_installation_may_cap_what_is_given() {
    let mut table = broke();
    table.facts.policy.most_budget = Some(Nano(6_000_000_000));
    maintainer(&mut table, "/syndarix budget set 7");
    assert!(table.reply().contains("was started with a limit of $6.00"), "{}", table.reply());
    maintainer(&mut table, "/syndarix budget set 6");
    table.is_at(Stage::Analysis, "analyse works, nothing waits, flags []");
}
