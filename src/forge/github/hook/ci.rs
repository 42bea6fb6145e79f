//! What CI says about a commit: commit statuses, checks, suites of checks and whole runs of a workflow.

use super::*;

pub(super) fn status(delivery: Delivered) -> Converted<Parsed> {
    let Some(state) = convert::status_state(&delivery.state) else {
        return ignored(format!("no use for a commit status in the state `{}`", clip(&delivery.state, 60)));
    };
    ci(&delivery.sha.clone(), delivery.context.clone(), state, delivery.target_url.clone(), delivery)
}

pub(super) fn check_run(mut delivery: Delivered) -> Converted<Parsed> {
    if !matches!(delivery.action.as_str(), "created" | "completed") {
        return other_action("a check", &delivery.action);
    }
    let run = delivery.check_run.take().ok_or("the delivery holds no check")?;
    let sha = run.head_sha.clone();
    let CiStatus { context, state, url, .. } = convert::check(run);
    ci(&sha, context, state, url, delivery)
}

pub(super) fn check_suite(mut delivery: Delivered) -> Converted<Parsed> {
    if delivery.action != "completed" {
        return other_action("a suite of checks", &delivery.action);
    }
    let suite = delivery.check_suite.take().ok_or("the delivery holds no suite of checks")?;
    let context = format!("{} (suite)", suite.app.unwrap_or_default().name);
    ci(&suite.head_sha, context, convert::conclusion(&suite.conclusion), String::new(), delivery)
}

pub(super) fn workflow_run(mut delivery: Delivered) -> Converted<Parsed> {
    if delivery.action != "completed" {
        return other_action("a CI run", &delivery.action);
    }
    let run = delivery.workflow_run.take().ok_or("the delivery holds no CI run")?;
    let workflow = delivery.workflow.take().unwrap_or_default();
    let names = [workflow.name, run.name, workflow.path, run.path];
    let name = names.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
    let context = if run.event.is_empty() { name } else { format!("{name} ({})", run.event) };
    ci(&run.head_sha, context, convert::conclusion(&run.conclusion), run.html_url, delivery)
}

fn ci(commit: &str, context: String, state: CiState, url: String, delivery: Delivered) -> Converted<Parsed> {
    if commit.is_empty() {
        return Err("a CI result names no commit".to_owned());
    }
    finish(delivery, EventKind::Ci { sha: sha(commit), context, state, url })
}
