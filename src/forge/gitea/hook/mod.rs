//! Deliveries of web hooks: which headers they carry, whether they are genuine, and what they mean. No IO.

use crate::base::text::clip;
use crate::domain::forge::*;

use super::convert::{self, Converted};
use super::wire::Delivery;

mod ci;
mod pulls;
mod refs;
mod sign;
mod talk;

pub use sign::{delivery_head, verify};

/// The longest sentence about a delivery that cannot be read, in bytes. What the sender wrote is repeated in it, and it is stored and shown.
const MOST_SAID: usize = 600;

/// Translates a verified delivery.
pub fn parse(event: &str, body: &[u8]) -> Converted<Parsed> {
    read(event, body).map_err(|sentence| clip(&sentence, MOST_SAID))
}

fn read(event: &str, body: &[u8]) -> Converted<Parsed> {
    if let Some(reason) = not_needed(event) {
        return Ok(Parsed::Ignored(reason.to_owned()));
    }
    if body.starts_with(b"payload=") {
        return Err("the body is a form: set the web hook's content type to application/json and deliver it again".to_owned());
    }
    let delivery: Delivery =
        serde_json::from_slice(body).map_err(|error| format!("the body of a `{}` delivery cannot be read: {error}", clip(event, 60)))?;
    match event {
        "issues" | "issue_assign" | "issue_label" | "issue_milestone" => talk::issue(delivery),
        "issue_comment" => talk::comment(delivery),
        // As a type it is a comment, as a family a review; the content tells which name was read.
        "pull_request_comment" if delivery.comment.is_some() => talk::comment(delivery),
        "pull_request_comment"
        | "pull_request_approved"
        | "pull_request_rejected"
        | "pull_request_review_approved"
        | "pull_request_review_rejected"
        | "pull_request_review_comment" => pulls::review(delivery),
        "pull_request"
        | "pull_request_sync"
        | "pull_request_assign"
        | "pull_request_label"
        | "pull_request_milestone"
        | "pull_request_review_request" => pulls::pull(delivery),
        "push" => refs::push(delivery),
        "create" => refs::created(delivery),
        "delete" => refs::deleted(delivery),
        "status" => ci::status(delivery),
        // Gitea 1.23 sends commit statuses without a name.
        "" if !delivery.context.is_empty() && !delivery.sha.is_empty() => ci::status(delivery),
        "workflow_run" => ci::workflow_run(delivery),
        "action_run_success" | "action_run_failure" | "action_run_recover" => ci::action_run(delivery),
        "repository" => {
            let action = clip(&delivery.action, 60);
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
        "schedule" => "scheduled CI runs are not followed by their start, only by their result",
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

fn sha(text: &str) -> Sha {
    Sha(text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_said() {
        assert!(parse("issues", b"<html>").unwrap_err().contains("`issues`"));
        assert!(parse("issues", br#"{"action":"opened","repository":{"id":1,"full_name":"a/b"}}"#).unwrap_err().contains("no issue"));
        assert!(matches!(parse("dance", b"{}"), Ok(Parsed::Ignored(reason)) if reason.contains("dance")));
        assert!(parse("push", b"payload=%7B%7D").unwrap_err().contains("application/json"));
    }

    #[test]
    fn a_long_mistake_is_said_in_few_words() {
        let body = format!(r#"{{"number":"{}"}}"#, "x".repeat(100_000));
        let said = parse("issues", body.as_bytes()).unwrap_err();
        assert!(said.len() < MOST_SAID + 40, "{} bytes", said.len());
    }

    #[test]
    fn a_long_body_is_read() {
        let body = format!(
            r#"{{"action":"opened","issue":{{"number":1,"state":"open","body":"{}"}},"repository":{{"id":1,"full_name":"a/b"}}}}"#,
            "long ".repeat(20_000)
        );
        assert!(matches!(parse("issues", body.as_bytes()), Ok(Parsed::Event(_))));
    }
}
