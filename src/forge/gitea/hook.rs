//! Deliveries of web hooks: which headers they carry, whether they are genuine, and what they mean. No IO.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::base::secret::{ExposeSecret, SecretString};
use crate::base::text::clip;
use crate::domain::forge::*;
use crate::forge::{DeliveryHead, Headers};

use super::convert::{self, Converted};
use super::wire::Delivery;

/// Reads event and id. Gitea also sends every header under its GitHub name, so only its own and Forgejo's names tell it apart.
/// The event *type* is the precise name; the plain event is the family and says `pull_request_comment` for something else.
pub fn delivery_head(headers: &Headers) -> Option<DeliveryHead> {
    let first = |names: [&str; 2]| names.iter().find_map(|name| headers.get(*name)).cloned();
    let family = first(["x-forgejo-event", "x-gitea-event"])?;
    let precise = first(["x-forgejo-event-type", "x-gitea-event-type"]).unwrap_or_default();
    let delivery_id = first(["x-forgejo-delivery", "x-gitea-delivery"]).filter(|id| !id.is_empty())?;
    Some(DeliveryHead { delivery_id, event: if precise.is_empty() { family } else { precise } })
}

/// HMAC-SHA256 over the raw body, compared in constant time. The GitHub-style header counts only when the forge's own is absent.
pub fn verify(secret: &SecretString, headers: &Headers, body: &[u8]) -> bool {
    let own = ["x-gitea-signature", "x-forgejo-signature"].iter().find_map(|name| headers.get(*name)).map(String::as_str);
    let given = match own {
        Some(hex) => Some(hex),
        None => headers.get("x-hub-signature-256").and_then(|value| value.strip_prefix("sha256=")),
    };
    let Some(given) = given.and_then(|hex| hex::decode(hex.trim()).ok()).filter(|bytes| bytes.len() == 32) else {
        return false;
    };
    // With an empty secret anybody could sign.
    let key = secret.expose_secret();
    match Hmac::<Sha256>::new_from_slice(key.as_bytes()) {
        Ok(mac) if !key.is_empty() => mac.chain_update(body).verify_slice(&given).is_ok(),
        _ => false,
    }
}

/// Translates a verified delivery.
pub fn parse(event: &str, body: &[u8]) -> Converted<Parsed> {
    if let Some(reason) = not_needed(event) {
        return Ok(Parsed::Ignored(reason.to_owned()));
    }
    let delivery: Delivery =
        serde_json::from_slice(body).map_err(|error| format!("the body of a `{}` delivery cannot be read: {error}", clip(event, 60)))?;
    match event {
        "issues" | "issue_assign" | "issue_label" | "issue_milestone" => issue(delivery),
        "issue_comment" => comment(delivery),
        // As a type it is a comment, as a family a review; the content tells which name was read.
        "pull_request_comment" if delivery.comment.is_some() => comment(delivery),
        "pull_request_comment"
        | "pull_request_approved"
        | "pull_request_rejected"
        | "pull_request_review_approved"
        | "pull_request_review_rejected"
        | "pull_request_review_comment" => review(delivery),
        "pull_request"
        | "pull_request_sync"
        | "pull_request_assign"
        | "pull_request_label"
        | "pull_request_milestone"
        | "pull_request_review_request" => pull(delivery),
        "push" => push(delivery),
        "create" => created(delivery),
        "delete" => deleted(delivery),
        "status" => status(delivery),
        // Gitea 1.23 sends commit statuses without a name.
        "" if !delivery.context.is_empty() && !delivery.sha.is_empty() => status(delivery),
        "workflow_run" => workflow_run(delivery),
        "action_run_success" | "action_run_failure" | "action_run_recover" => action_run(delivery),
        "repository" => {
            let action = delivery.action.clone();
            finish(delivery, EventKind::Repository { action })
        }
        "" => ignored("the delivery names no event".to_owned()),
        other => ignored(format!("no use for the event `{}`", clip(other, 60))),
    }
}

/// Events that are known and hold nothing a story needs.
fn not_needed(event: &str) -> Option<&'static str> {
    Some(match event {
        "release" => "releases are not followed",
        "fork" => "forks are not followed",
        "wiki" => "the wiki is not followed",
        "package" => "packages are not followed",
        "workflow_job" => "single CI jobs are not followed, only whole runs and commit statuses",
        _ => return None,
    })
}

fn ignored(reason: String) -> Converted<Parsed> {
    Ok(Parsed::Ignored(reason))
}

fn other_action(what: &str, action: &str) -> Converted<Parsed> {
    ignored(format!("no use for the action `{}` of {what}", clip(action, 60)))
}

fn finish(delivery: Delivery, kind: EventKind) -> Converted<Parsed> {
    let repo = convert::repo_ref(delivery.repository.as_ref())?;
    Ok(Parsed::Event(Box::new(ForgeEvent { repo, actor: convert::actor(delivery.sender), kind })))
}

fn issue(mut delivery: Delivery) -> Converted<Parsed> {
    let action = match delivery.action.as_str() {
        "opened" => IssueAction::Opened,
        "edited" => IssueAction::Edited,
        "closed" => IssueAction::Closed,
        "reopened" => IssueAction::Reopened,
        "deleted" => IssueAction::Deleted,
        "label_updated" | "label_cleared" => IssueAction::Labeled,
        "assigned" | "unassigned" => IssueAction::Assigned,
        "milestoned" | "demilestoned" => IssueAction::Milestoned,
        other => return other_action("an issue", other),
    };
    let mut issue = delivery.issue.take().ok_or("the delivery holds no issue")?;
    issue.number = if issue.number > 0 { issue.number } else { delivery.number };
    let issue = convert::issue(issue)?;
    finish(delivery, EventKind::Issue { action, issue })
}

fn comment(mut delivery: Delivery) -> Converted<Parsed> {
    let action = match delivery.action.as_str() {
        "created" => CommentAction::Created,
        "edited" => CommentAction::Edited,
        "deleted" => CommentAction::Deleted,
        other => return other_action("a comment", other),
    };
    let comment = convert::comment(delivery.comment.take().ok_or("the delivery holds no comment")?)?;
    let issue = delivery.issue.take();
    let pull = delivery.pull_request.take().map(convert::pull).transpose()?;
    let number = issue.as_ref().map(|issue| issue.number).or(pull.as_ref().map(|pull| pull.number)).filter(|&number| number > 0);
    let kind = EventKind::Comment {
        action,
        number: number.ok_or("the comment stands on nothing that has a number")?,
        is_pull: delivery.is_pull || pull.is_some() || issue.is_some_and(|issue| issue.pull_request.is_some()),
        head_branch: pull.map(|pull| pull.head.branch).filter(|branch| !branch.is_empty()),
        comment,
        previous_body: delivery.changes.take().and_then(|changes| changes.body).map(|body| body.from),
    };
    finish(delivery, kind)
}

fn pull(mut delivery: Delivery) -> Converted<Parsed> {
    if delivery.action == "reviewed" {
        return review(delivery);
    }
    let merged = delivery.pull_request.as_ref().is_some_and(|pull| pull.merged);
    let action = match delivery.action.as_str() {
        "opened" => PullAction::Opened,
        "edited" => PullAction::Edited,
        "closed" if merged => PullAction::Merged,
        "closed" => PullAction::Closed,
        "reopened" => PullAction::Reopened,
        "deleted" => PullAction::Deleted,
        "synchronized" => PullAction::Synchronized,
        "label_updated" | "label_cleared" => PullAction::Labeled,
        "assigned" | "unassigned" => PullAction::Assigned,
        "milestoned" | "demilestoned" => PullAction::Milestoned,
        "review_requested" => PullAction::ReviewRequested,
        "review_request_removed" => PullAction::ReviewRequestRemoved,
        other => return other_action("a pull request", other),
    };
    let pull = the_pull(&mut delivery)?;
    finish(delivery, EventKind::Pull { action, pull })
}

/// The pull request of a delivery. Old servers name its number only beside it and leave out the state, which then follows from the action.
fn the_pull(delivery: &mut Delivery) -> Converted<Pull> {
    let mut pull = delivery.pull_request.take().ok_or("the delivery holds no pull request")?;
    pull.number = if pull.number > 0 { pull.number } else { delivery.number };
    if pull.state.is_empty() {
        pull.state = if delivery.action == "closed" { "closed" } else { "open" }.to_owned();
    }
    convert::pull(pull)
}

fn review(mut delivery: Delivery) -> Converted<Parsed> {
    let said = delivery.review.take().ok_or("the delivery holds no review")?;
    let verdict = match said.kind.as_str() {
        "pull_request_review_approved" => Verdict::Approved,
        "pull_request_review_rejected" => Verdict::ChangesRequested,
        "pull_request_review_comment" | "pull_request_comment" => Verdict::Commented,
        other => return ignored(format!("no use for a review of the kind `{}`", clip(other, 60))),
    };
    let pull = the_pull(&mut delivery)?;
    // The sender is the reviewer; older versions name nobody else.
    let reviewer = convert::actor(delivery.sender.clone());
    finish(delivery, EventKind::Review { pull, reviewer, verdict, body: said.content, review: None, dismissed: false })
}

fn push(delivery: Delivery) -> Converted<Parsed> {
    let Some(branch) = delivery.reference.strip_prefix("refs/heads/").map(str::to_owned) else {
        return ignored(format!("a push to `{}` is not a push to a branch", clip(&delivery.reference, 120)));
    };
    let (before, after) = (sha(&delivery.before), sha(&delivery.after));
    let kind = if after.is_zero() { EventKind::BranchDeleted { branch } } else { EventKind::Push { branch, before, after } };
    finish(delivery, kind)
}

fn sha(text: &str) -> Sha {
    Sha(text.to_ascii_lowercase())
}

/// The branch a `create` or `delete` is about: Gitea sends the short name, Forgejo the full one.
fn branch_of(delivery: &Delivery) -> Option<String> {
    let name = &delivery.reference;
    (delivery.ref_type == "branch").then(|| name.strip_prefix("refs/heads/").unwrap_or(name).to_owned())
}

fn created(delivery: Delivery) -> Converted<Parsed> {
    match branch_of(&delivery) {
        Some(branch) => {
            let sha = sha(&delivery.sha);
            finish(delivery, EventKind::BranchCreated { branch, sha })
        }
        None => ignored("tags are not followed".to_owned()),
    }
}

fn deleted(delivery: Delivery) -> Converted<Parsed> {
    match branch_of(&delivery) {
        Some(branch) => finish(delivery, EventKind::BranchDeleted { branch }),
        None => ignored("tags are not followed".to_owned()),
    }
}

fn status(delivery: Delivery) -> Converted<Parsed> {
    let Some(state) = convert::ci_state(&delivery.state) else {
        return ignored(format!("no use for a commit status in the state `{}`", clip(&delivery.state, 60)));
    };
    ci(&delivery.sha.clone(), delivery.context.clone(), state, delivery.target_url.clone(), delivery)
}

fn workflow_run(mut delivery: Delivery) -> Converted<Parsed> {
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

fn action_run(mut delivery: Delivery) -> Converted<Parsed> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> Headers {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_precise_name_wins_and_github_names_do_not_count() {
        let both = headers(&[
            ("x-github-event", "pull_request_comment"),
            ("x-gitea-event", "issue_comment"),
            ("x-gitea-event-type", "pull_request_comment"),
            ("x-gitea-delivery", "d-1"),
        ]);
        assert_eq!(delivery_head(&both).map(|head| (head.delivery_id, head.event)), Some(("d-1".into(), "pull_request_comment".into())));
        let family = headers(&[("x-gitea-event", "push"), ("x-gitea-delivery", "d-2")]);
        assert_eq!(delivery_head(&family).map(|head| head.event), Some("push".into()));
        let forgejo =
            headers(&[("x-forgejo-event", "action_run_failure"), ("x-gitea-event", "action_run_failure"), ("x-forgejo-delivery", "d-3")]);
        assert_eq!(delivery_head(&forgejo).map(|head| head.delivery_id), Some("d-3".into()));
        assert_eq!(delivery_head(&headers(&[("x-github-event", "push"), ("x-github-delivery", "d-4")])), None);
        assert_eq!(
            delivery_head(&headers(&[("x-gitea-event", "push"), ("x-gitea-delivery", "")])),
            None,
            "without an id it cannot be told from a repetition"
        );
    }

    #[test]
    fn signatures_follow_the_published_vectors() {
        let key = SecretString::from("It's a Secret to Everybody".to_owned());
        let good = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let other = "3ef76f8f67c2839504b3534592c6f42cabaa13dca21ed349ad19be2f2124b158";
        assert!(verify(&key, &headers(&[("x-gitea-signature", good)]), b"Hello, World!"));
        assert!(verify(&key, &headers(&[("x-forgejo-signature", good)]), b"Hello, World!"));
        assert!(verify(&key, &headers(&[("x-hub-signature-256", &format!("sha256={good}"))]), b"Hello, World!"));
        assert!(verify(&SecretString::from("s3cret".to_owned()), &headers(&[("x-gitea-signature", other)]), br#"{"action":"opened"}"#));
        for (name, value) in [
            ("x-gitea-signature", ""),
            ("x-gitea-signature", other),
            ("x-gitea-signature", &good[..62]),
            ("x-hub-signature-256", good),
            ("x-hub-signature-256", "sha256="),
        ] {
            assert!(!verify(&key, &headers(&[(name, value)]), b"Hello, World!"), "{name}: {value}");
        }
        assert!(!verify(&key, &headers(&[]), b"Hello, World!"));
        assert!(!verify(&key, &headers(&[("x-gitea-signature", good)]), b"Hello, World?"));
        let twin = format!("sha256={good}");
        assert!(
            !verify(&key, &headers(&[("x-gitea-signature", ""), ("x-hub-signature-256", &twin)]), b"Hello, World!"),
            "an empty own signature is no signature"
        );
    }

    #[test]
    fn an_empty_secret_never_passes() {
        let signed_with_nothing = "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad";
        assert!(!verify(&SecretString::from(String::new()), &headers(&[("x-gitea-signature", signed_with_nothing)]), b""));
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        assert!(parse("issues", b"<html>").unwrap_err().contains("`issues`"));
        assert!(parse("issues", br#"{"action":"opened","repository":{"id":1,"full_name":"a/b"}}"#).unwrap_err().contains("no issue"));
        assert!(matches!(parse("dance", b"{}"), Ok(Parsed::Ignored(reason)) if reason.contains("dance")));
    }
}
