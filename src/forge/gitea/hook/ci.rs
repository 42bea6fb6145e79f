//! What CI says about a commit: commit statuses, Gitea's workflow runs and Forgejo's.

use super::*;

pub(super) fn status(delivery: Delivery) -> Converted<Parsed> {
    let Some(state) = convert::ci_state(&delivery.state) else {
        return ignored(format!("no use for a commit status in the state `{}`", clip(&delivery.state, 60)));
    };
    ci(&delivery.sha.clone(), delivery.context.clone(), state, delivery.target_url.clone(), delivery)
}

pub(super) fn workflow_run(mut delivery: Delivery) -> Converted<Parsed> {
    if delivery.action != "completed" {
        return other_action("a CI run", &delivery.action);
    }
    let run = delivery.workflow_run.take().ok_or("the delivery holds no CI run")?;
    let Some(state) = convert::ci_state(&run.conclusion) else {
        return ignored(format!("no use for a CI run with the conclusion `{}`", clip(&run.conclusion, 60)));
    };
    let workflow = delivery.workflow.take().unwrap_or_default();
    let name = [workflow.name, workflow.path, run.path].into_iter().find(|name| !name.is_empty()).unwrap_or_default();
    ci(&run.head_sha, run_context(&name, &run.event), state, run.html_url, delivery)
}

pub(super) fn action_run(mut delivery: Delivery) -> Converted<Parsed> {
    let run = delivery.run.take().ok_or("the delivery holds no CI run")?;
    let state = match delivery.action.as_str() {
        "success" | "recover" => CiState::Success,
        "failure" => CiState::Failure,
        other => return other_action("a CI run", other),
    };
    let event = if run.trigger_event.is_empty() { run.event } else { run.trigger_event };
    let context = run_context(&run.workflow_id, &event);
    // Forgejo names repository and sender only inside the run.
    delivery.repository = delivery.repository.or(run.repository);
    delivery.sender = delivery.sender.or(run.trigger_user);
    ci(&run.commit_sha, context, state, run.html_url, delivery)
}

/// Like the context of the commit status that Actions sets for a job, less the job.
fn run_context(workflow: &str, event: &str) -> String {
    if event.is_empty() { workflow.to_owned() } else { format!("{workflow} ({event})") }
}

fn ci(commit: &str, context: String, state: CiState, url: String, delivery: Delivery) -> Converted<Parsed> {
    if commit.is_empty() {
        return Err("a CI result names no commit".to_owned());
    }
    finish(delivery, EventKind::Ci { sha: sha(commit), context, state, url })
}
