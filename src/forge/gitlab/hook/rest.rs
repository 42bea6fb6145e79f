//! Branches, pipelines and projects.

use super::*;

pub(super) fn push(delivery: Delivery) -> Converted<Parsed> {
    let Some(branch) = delivery.reference.strip_prefix("refs/heads/").map(str::to_owned) else {
        return ignored(format!("a push to `{}` is not a push to a branch", clip(&delivery.reference, 120)));
    };
    let (before, after) = (convert::sha(&delivery.before), convert::sha(&delivery.after));
    if before == after {
        return ignored("a push that moves nothing: a test delivery".to_owned());
    }
    let sender = (delivery.user_id > 0).then(|| User { id: delivery.user_id, login: delivery.user_username.clone() });
    let kind = if after.is_zero() { EventKind::BranchDeleted { branch } } else { EventKind::Push { branch, before, after } };
    finish(&delivery, sender, kind)
}

/// A pipeline stands for all statuses of its commit; which those are is read from the forge.
pub(super) fn pipeline(mut delivery: Delivery) -> Converted<Parsed> {
    let at = attributes(&mut delivery, "pipeline")?;
    let Some(state) = convert::ci_state(&at.status, false).filter(|state| *state != CiState::Pending) else {
        return ignored(format!("no use for a pipeline in the state `{}`", clip(&at.status, 60)));
    };
    if at.sha.is_empty() {
        return Err("a CI result names no commit".to_owned());
    }
    let context = if at.name.is_empty() { "pipeline".to_owned() } else { format!("pipeline {}", at.name) };
    let actor = actor(&delivery);
    finish(&delivery, actor, EventKind::Ci { sha: convert::sha(&at.sha), context, state, url: at.url })
}

/// From hooks of the whole server.
pub(super) fn project(kind: &str, mut delivery: Delivery) -> Converted<Parsed> {
    if delivery.project.is_none() {
        delivery.project =
            Some(super::wire::Project { id: delivery.project_id, path_with_namespace: delivery.path_with_namespace.clone() });
    }
    let action = kind.strip_prefix("project_").unwrap_or(kind).to_owned();
    finish(&delivery, None, EventKind::Repository { action })
}
