//! The status comment: one page that is edited in place, drawn from the story alone.

use std::fmt::Write as _;

use crate::base::Nano;
use crate::domain::agent::Purpose;
use crate::domain::forge::{Role, mention, own_number};
use crate::domain::guard::WHOLE_PROJECT;

use super::event::Checkpoint;
use super::facts::Policy;
use super::label::{Autonomy, Flag, Stage};
use super::say::{one_line, sentence};
use super::story::{ActiveRun, OpenCheckpoint, Story};

/// Draws the status of a story. `spent` is what its models cost so far; `pulls_url` with the number of a pull request is its page.
pub fn status(story: &Story, spent: Nano, policy: &Policy, pulls_url: &str) -> String {
    if story.round == 0 {
        return format!("There is no story here yet. Somebody with {} permission can start one with `/syndarix plan`.", Role::Writer);
    }
    let policy = &with_caps(story, policy);
    let mut page = String::from("### Syndarix\n\n");
    if story.stage == Stage::Cancelled {
        page.push_str("**Cancelled.** To start over, type `/syndarix plan`.\n\n");
    } else {
        page.push_str(&checklist(story));
        page.push_str(&notice(story));
    }
    page.push_str(&chosen(story));
    if let Some(pull) = &story.pull {
        let _ = write!(page, "Pull request [{}]({pulls_url}{}) · ", mention(pull.number), own_number(pull.number));
    }
    let _ = write!(
        page,
        "Cost so far: {spent}{}{} · Autonomy: {}, {}",
        budget(policy),
        past_soft(spent, policy),
        story.autonomy.name(),
        meaning(story.autonomy)
    );
    page
}

/// The rules with the limits that were set for this story.
pub(super) fn with_caps(story: &Story, policy: &Policy) -> Policy {
    let mut policy = policy.clone();
    policy.hard_budget = story.caps.hard.or(policy.hard_budget);
    policy.soft_budget = story.caps.soft.or(policy.soft_budget).map(|soft| policy.hard_budget.map_or(soft, |hard| soft.min(hard)));
    policy
}

/// Who was chosen by command.
fn chosen(story: &Story) -> String {
    if story.assigned.is_empty() || !story.stage.is_active() {
        return String::new();
    }
    let lines: Vec<String> = story.assigned.iter().map(|(purpose, (agent, name))| format!("{purpose}: {name} ({agent})")).collect();
    format!("Assigned: {}\n\n", lines.join(", "))
}

/// What happens next, and what it waits for.
pub(super) fn next(story: &Story) -> String {
    match story.stage {
        Stage::None => "nothing. `/syndarix plan` starts a story.".into(),
        Stage::Done => "nothing. The story is finished; `/syndarix plan` starts another.".into(),
        Stage::Cancelled => "nothing. The story was cancelled; `/syndarix plan` starts over.".into(),
        stage => {
            format!("in {}: {}. {}", stage.word(), under_way(story), notice(story).trim_end().replace("\n\n", " ")).trim_end().to_owned()
        }
    }
}

/// One line per stage; the one under way says who works on it.
fn checklist(story: &Story) -> String {
    let mut list = String::new();
    for stage in Stage::WALK {
        let word = sentence(stage.word());
        let word = word.trim_end_matches('.');
        let _ = match () {
            () if stage < story.stage || story.stage == Stage::Done => writeln!(list, "- [x] {word}"),
            () if stage == story.stage => writeln!(list, "- [ ] **{word}**: {}", under_way(story)),
            () => writeln!(list, "- [ ] {word}"),
        };
    }
    list.push('\n');
    list
}

/// What happens in the present stage.
fn under_way(story: &Story) -> String {
    match &story.active {
        _ if !story.may_run() => "stopped".into(),
        Some(active) if story.question.is_none() => format!("{} ({}) {}", active.name, active.agent, deed(active)),
        _ if story.loops.queued.is_some() => "waits for a free place; `/syndarix start` begins now".into(),
        _ if story.merging.is_some() => "the merge is under way".into(),
        _ if story.base.asked.is_some() && !story.flags.contains(&Flag::Blocked) => "the base branch is being merged in".into(),
        _ if !story.flags.is_empty() => "waits for a person".into(),
        _ => "waits for the forge".into(),
    }
}

fn deed(active: &ActiveRun) -> &'static str {
    match active.purpose {
        Purpose::Analyse => "writes the acceptance criteria",
        Purpose::Design => "writes the plan",
        Purpose::Implement => "writes the code",
        Purpose::Review => "reviews the changes",
        Purpose::Fix => "works on the findings",
        Purpose::Test => "checks the acceptance criteria",
        Purpose::Merge => "resolves conflicts with the base branch",
    }
}

/// Why the story stands still, and what to type.
fn notice(story: &Story) -> String {
    let reason = |flag| sentence(&one_line(story.reasons.get(flag).map_or("the last comment says why", String::as_str)));
    let flags: Vec<String> = story.flags.iter().map(|flag| format!("**{}:** {}", flag_word(*flag), reason(flag))).collect();
    if flags.is_empty() || story.stage == Stage::Done {
        return String::new();
    }
    format!("{} {}\n\n", flags.join("\n\n"), way_on(story))
}

fn way_on(story: &Story) -> String {
    let there = story.pull.as_ref().map_or_else(String::new, |pull| format!(" on {}", crate::domain::forge::mention(pull.number)));
    if !story.may_run() {
        return match story.reasons.values().any(|why| why.contains(WHOLE_PROJECT)) {
            true => "A maintainer lets all stories go on with `/syndarix resume --all`.".into(),
            false => "`/syndarix resume` goes on.".into(),
        };
    }
    if story.foreign_head.is_some() {
        return "`/syndarix resume` goes on from there.".into();
    }
    if story.question.is_some() {
        return "A plain comment answers it.".into();
    }
    if story.loops.branch_gone {
        return "`/syndarix retry` puts it back.".into();
    }
    if story.stage.is_before_merge() && story.pull.as_ref().is_some_and(|pull| !pull.open) {
        return "`/syndarix retry` opens it again.".into();
    }
    if let Some(target) = &story.loops.target {
        return format!("It is merged once it goes to `{}` again instead of `{target}`.", story.base_branch);
    }
    match &story.checkpoint {
        Some(OpenCheckpoint { checkpoint: Checkpoint::Plan | Checkpoint::Merge, .. }) => {
            format!("`/syndarix approve` or an approving review{there} passes it.")
        }
        Some(_) => format!("`/syndarix approve`{there} passes it."),
        None if story.failed.is_some() => "`/syndarix retry` runs the step again.".into(),
        None => "The last comment says what to type.".into(),
    }
}

/// The limit that goes with an amount, where there is one.
pub(super) fn budget(policy: &Policy) -> String {
    match (policy.hard_budget, policy.soft_budget) {
        (Some(hard), _) => format!(" of {hard}"),
        (None, Some(soft)) => format!(" (soft limit {soft})"),
        (None, None) => String::new(),
    }
}

/// Cheaper models work past the soft limit, and people are told so.
fn past_soft(spent: Nano, policy: &Policy) -> String {
    match policy.soft_budget {
        Some(soft) if spent > soft => format!(", past the soft limit of {soft}: cheaper models go on"),
        _ => String::new(),
    }
}

pub(super) fn meaning(autonomy: Autonomy) -> &'static str {
    match autonomy {
        Autonomy::FullControl => "a person approves every step",
        Autonomy::Milestone => "a person approves the plan and the merge",
        Autonomy::Autonomous => "a person approves critical actions only",
    }
}

fn flag_word(flag: Flag) -> &'static str {
    match flag {
        Flag::Waiting => "Waiting for a person",
        Flag::Paused => "Paused",
        Flag::Halted => "Halted",
        Flag::Blocked => "Blocked",
        Flag::OverBudget => "Over budget",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::RunId;
    use crate::domain::workflow::label::PullStage;
    use crate::domain::workflow::story::PullOf;

    fn drawn(story: &Story) -> String {
        let policy = Policy { hard_budget: Some(Nano::from_usd(5.0)), ..Policy::default() };
        status(story, Nano::from_usd(0.25), &policy, "https://forge.example/acme/shop/pulls/")
    }

    fn story(stage: Stage) -> Story {
        Story { round: 1, stage, pull: Some(PullOf { number: 2, stage: PullStage::Submitted, open: true }), ..Story::of(1) }
    }

    #[test]
    fn the_stage_under_way_names_who_works() {
        let run = ActiveRun { run: RunId::named("x"), purpose: Purpose::Implement, agent: "engineer".into(), name: "Dave".into() };
        let page = drawn(&Story { active: Some(run), ..story(Stage::Implementation) });
        let wanted = "### Syndarix\n\n- [x] Analysis\n- [x] Design\n- [ ] **Implementation**: Dave (engineer) writes the code\n- [ ] Review\n- [ ] Testing\n- [ ] Done\n\n\
                      Pull request [#2](https://forge.example/acme/shop/pulls/2) · Cost so far: $0.25 of $5.00 · Autonomy: MILESTONE, a person approves the plan and the merge";
        assert_eq!(page, wanted);
    }

    #[test]
    fn what_waits_says_what_to_type() {
        let mut waiting = story(Stage::Design);
        waiting.flags.insert(Flag::Waiting);
        waiting.reasons.insert(Flag::Waiting, "approval of the plan".into());
        waiting.checkpoint = Some(OpenCheckpoint { checkpoint: Checkpoint::Plan, version: "abc".into() });
        let page = drawn(&waiting);
        assert!(page.contains("- [ ] **Design**: waits for a person\n"), "{page}");
        assert!(
            page.contains("**Waiting for a person:** Approval of the plan. `/syndarix approve` or an approving review on #2 passes it.\n"),
            "{page}"
        );
        waiting.flags.insert(Flag::Paused);
        assert!(drawn(&waiting).contains("`/syndarix resume` goes on."));
    }

    #[test]
    fn ends_and_beginnings() {
        assert!(drawn(&Story::of(1)).contains("`/syndarix plan`"));
        let page = drawn(&story(Stage::Done));
        assert!(page.contains("- [x] Done\n") && !page.contains("[ ]"), "{page}");
        let page = drawn(&story(Stage::Cancelled));
        assert!(page.contains("**Cancelled.**") && !page.contains("[ ]"), "{page}");
    }
}
