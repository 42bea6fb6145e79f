//! What happened, in words: one part of a sentence for each event, for `explain`.

use crate::domain::forge::User;
use crate::domain::speech::code;

use super::event::StoryEvent;
use super::say::one_line;

fn by(user: Option<&User>) -> String {
    user.map_or_else(String::new, |user| format!(" by {}", code(&user.login)))
}

/// One event in words, without a capital and without a stop.
pub fn deed(event: &StoryEvent) -> String {
    use StoryEvent::*;
    match event {
        Started { branch, autonomy, .. } => format!("a story began on the branch {} at autonomy {}", code(branch), autonomy.name()),
        RunStarted { purpose, agent, name, .. } => format!("{name} ({agent}) was started to {purpose}"),
        RunEnded { purpose, ok: true, .. } => format!("the step `{purpose}` came to its end"),
        RunEnded { purpose, ok: false, .. } => format!("the step `{purpose}` ended without a result"),
        RunStopped { .. } => "the agent at work was stopped".into(),
        CriteriaWritten { count, .. } => format!("acceptance criteria were written ({count})"),
        PlanWritten { hash, .. } => format!("the plan was written, version {}", short(hash)),
        CodeWritten { head, commits, .. } => format!("code was written: {commits} commits up to {}", head.short()),
        BranchPushed { head } => format!("the branch was pushed to {}", head.short()),
        PullOpened { number, .. } => format!("pull request {} was opened", crate::domain::forge::mention(number.to_owned())),
        CheckpointOpened { checkpoint, version } => {
            format!("an approval of {} was asked for, version {}", checkpoint.words(), short(version))
        }
        CheckpointPassed { checkpoint, by: Some(user), .. } => format!("{} was approved{}", checkpoint.words(), by(Some(user))),
        CheckpointPassed { checkpoint, by: None, .. } => {
            format!("{} was let through, because the autonomy level asks nobody", checkpoint.words())
        }
        SentBack { by: user, .. } => format!("the work was sent back{}", by(Some(user))),
        Reviewed { findings: 0, .. } => "the reviewer had no findings".into(),
        Reviewed { findings, blocking, .. } => format!("the reviewer had {findings} findings, {blocking} of them to be answered first"),
        ChangesRequested { by: user, .. } => format!("changes were requested{}", by(Some(user))),
        CiFailed { context, .. } => format!("the CI check {} failed", code(context)),
        Voted { by: user, head } => format!("the merge of {} was approved{}", head.short(), by(Some(user))),
        GateHeld { head, .. } => format!("everything that the merge of {} needs was there, so it was ordered", head.short()),
        GateLost { .. } => "something that the merge needs was missing again".into(),
        Merged { gate_held: true, .. } => "the pull request was merged".into(),
        Merged { by: user, .. } => format!("the pull request was merged{} without the merge gate", by(user.as_ref())),
        Tested { met, unmet, .. } => format!("the criteria were checked: {met} met, {unmet} not"),
        QuestionAsked { .. } => "an agent asked a question".into(),
        QuestionAnswered { by: user, .. } => format!("the question was answered{}", by(Some(user))),
        FlagRaised { flag, why } => format!("{} was raised: {}", code(flag.label()), one_line(why).trim_end_matches('.')),
        FlagLowered { flag } => format!("{} was taken off", code(flag.label())),
        HumanPushed { by: user, head } => format!("{} was pushed{} to the branch, so the agents stopped", head.short(), by(user.as_ref())),
        HeadAdopted { head } => format!("{} was accepted as the base of the work", head.short()),
        PullClosed { by: user } => format!("the pull request was closed{}", by(user.as_ref())),
        PullReopened { by: user } => format!("the pull request was reopened{}", by(user.as_ref())),
        StageSet { stage, by: user } => format!("the story was moved to {}{}", stage.word(), by(user.as_ref())),
        AutonomyTightened { autonomy, by: user } => {
            format!("a label tightened the autonomy level to {}{}", autonomy.name(), by(user.as_ref()))
        }
        MovePutBack { label } => format!("the label {} was put back as it was", code(label)),
        Done => "the story was finished".into(),
        Cancelled { by: user, why } => format!("the story was cancelled{}: {}", by(user.as_ref()), one_line(why).trim_end_matches('.')),
        AutonomySet { autonomy, by: user } => format!("the autonomy level was set to {}{}", autonomy.name(), by(user.as_ref())),
        BudgetSet { by: user, .. } => format!("the story's budget was changed{}", by(user.as_ref())),
        Assigned { agent, name, by: user, .. } => format!("{name} ({agent}) was chosen{} for the next runs", by(user.as_ref())),
        // An event of a part of the program that says nothing of it here yet.
        #[allow(unreachable_patterns, reason = "a new event must not keep this from saying the others")]
        other => other.name().replace('-', " "),
    }
}

fn short(version: &str) -> String {
    code(version.get(..10).unwrap_or(version))
}
