//! Branches: pushed, made and deleted. Tags are not followed.

use super::*;

pub(super) fn push(delivery: Delivery) -> Converted<Parsed> {
    let Some(branch) = delivery.reference.strip_prefix("refs/heads/").map(str::to_owned) else {
        return ignored(format!("a push to `{}` is not a push to a branch", clip(&delivery.reference, 120)));
    };
    let (before, after) = (sha(&delivery.before), sha(&delivery.after));
    if before == after {
        return ignored("a push that moves nothing: a test delivery".to_owned());
    }
    let kind = if after.is_zero() { EventKind::BranchDeleted { branch } } else { EventKind::Push { branch, before, after } };
    finish(delivery, kind)
}

/// The branch a `create` or `delete` is about: Gitea sends the short name, Forgejo the full one.
fn branch_of(delivery: &Delivery) -> Option<String> {
    let name = &delivery.reference;
    (delivery.ref_type == "branch").then(|| name.strip_prefix("refs/heads/").unwrap_or(name).to_owned())
}

pub(super) fn created(delivery: Delivery) -> Converted<Parsed> {
    match branch_of(&delivery) {
        Some(branch) => {
            let sha = sha(&delivery.sha);
            finish(delivery, EventKind::BranchCreated { branch, sha })
        }
        None => ignored("tags are not followed".to_owned()),
    }
}

pub(super) fn deleted(delivery: Delivery) -> Converted<Parsed> {
    match branch_of(&delivery) {
        Some(branch) => finish(delivery, EventKind::BranchDeleted { branch }),
        None => ignored("tags are not followed".to_owned()),
    }
}
