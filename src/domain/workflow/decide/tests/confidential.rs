//! An issue that not everybody may read: nothing of it is made public, and whoever asks is told so.

use super::*;

#[test]
fn nothing_begins_and_whoever_asks_is_told() {
    let mut table = Table::new(Autonomy::Milestone);
    table.facts.issue.as_mut().unwrap().confidential = true;
    for command in ["/syndarix plan", "/syndarix start", "/syndarix label sync", "/syndarix approve"] {
        table.says(ALICE, command);
        assert!(table.reply().contains("This issue is confidential") && table.effects.len() == 1, "{command}: {:?}", table.effects);
    }
    table.says(ALICE, "/syndarix ping");
    assert!(table.reply().starts_with("I am here"), "{}", table.reply());
    table.facts.issue.as_mut().unwrap().confidential = false;
    table.says(ALICE, "/syndarix plan").is_at(Stage::Analysis, "analyse works, nothing waits, flags []");
}

#[test]
fn what_runs_when_it_becomes_confidential_can_only_be_stopped() {
    let mut table = Table::at_plan(Autonomy::Milestone);
    table.facts.issue.as_mut().unwrap().confidential = true;
    table.says(ALICE, "/syndarix approve").is_at(Stage::Design, "nobody works, plan waits, flags [\"waiting\"]");
    assert!(table.reply().contains("This issue is confidential"), "{}", table.reply());
    table.says(ALICE, "/syndarix cancel");
    assert!(!table.story.stage.is_active(), "{:?}", table.story.stage);
}
