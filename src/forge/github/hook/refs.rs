//! Branches: pushed and deleted. Tags are not followed.

use super::*;

pub(super) fn push(delivery: Delivered) -> Converted<Parsed> {
    let Some(branch) = delivery.reference.strip_prefix("refs/heads/").map(str::to_owned) else {
        return ignored(format!("a push to `{}` is not a push to a branch", clip(&delivery.reference, 120)));
    };
    let (before, after) = (sha(&delivery.before), sha(&delivery.after));
    if after.0.is_empty() {
        return Err("a push names no commit".to_owned());
    }
    if before == after {
        return ignored("a push that moves nothing: a test delivery".to_owned());
    }
    let kind = if after.is_zero() { EventKind::BranchDeleted { branch } } else { EventKind::Push { branch, before, after } };
    finish(delivery, kind)
}

pub(super) fn deleted(delivery: Delivered) -> Converted<Parsed> {
    if delivery.ref_type != "branch" {
        return ignored("tags are not followed".to_owned());
    }
    let branch = delivery.reference.clone();
    finish(delivery, EventKind::BranchDeleted { branch })
}
