//! Deliveries of web hooks: which headers they carry, whether they are genuine, and what they mean. No IO.

use crate::base::text::clip;
use crate::domain::forge::*;

use super::convert::{self, Converted};
use super::wire::{self, Delivered};

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
    let followed: fn(Delivered) -> Converted<Parsed> = match event {
        "issues" => talk::issue,
        "issue_comment" => talk::comment,
        "pull_request" => pulls::pull,
        "pull_request_review" => pulls::review,
        "push" => refs::push,
        "delete" => refs::deleted,
        "status" => ci::status,
        "check_run" => ci::check_run,
        "check_suite" => ci::check_suite,
        "workflow_run" => ci::workflow_run,
        "repository" => repository,
        "" => return ignored("the delivery names no event".to_owned()),
        other => return ignored(format!("no use for the event `{}`", clip(other, 60))),
    };
    let delivery: Delivered =
        serde_json::from_slice(body).map_err(|error| format!("the body of a `{}` delivery cannot be read: {error}", clip(event, 60)))?;
    followed(delivery)
}

/// Events that are known and hold nothing a story needs.
fn not_needed(event: &str) -> Option<&'static str> {
    Some(match event {
        "ping" => "the forge tries whether somebody listens",
        "create" => "a new branch is told by its push, and tags are not followed",
        "pull_request_review_comment" => "comments on lines are read with their review, which is told as well",
        "pull_request_review_thread" => "whether a thread is resolved is not followed",
        "commit_comment" => "comments on commits outside of pull requests are not followed",
        "label" => "labels themselves are compared when they are used",
        "milestone" => "milestones themselves are not followed",
        "release" => "releases are not followed",
        "fork" => "forks are not followed",
        "gollum" => "the wiki is not followed",
        "package" | "registry_package" => "packages are not followed",
        "workflow_job" => "single CI jobs are not followed, only whole runs, checks and commit statuses",
        "deployment" | "deployment_status" => "deployments are not followed",
        "installation" | "installation_repositories" | "installation_target" | "github_app_authorization" => {
            "where the App is installed is asked for when it is needed"
        }
        "member" | "membership" | "team" | "team_add" | "organization" | "org_block" => {
            "permissions are asked for whenever one is needed, so that a change is seen then"
        }
        "star" | "watch" => "who watches is not followed",
        _ => return None,
    })
}

fn repository(delivery: Delivered) -> Converted<Parsed> {
    let action = clip(&delivery.action, 60);
    finish(delivery, EventKind::Repository { action })
}

fn ignored(reason: String) -> Converted<Parsed> {
    Ok(Parsed::Ignored(reason))
}

fn other_action(what: &str, action: &str) -> Converted<Parsed> {
    ignored(format!("no use for the action `{}` of {what}", clip(action, 60)))
}

fn finish(delivery: Delivered, kind: EventKind) -> Converted<Parsed> {
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
        let no_issue = br#"{"action":"opened","repository":{"id":1,"full_name":"a/b"}}"#;
        assert!(parse("issues", no_issue).unwrap_err().contains("no issue"));
        assert!(matches!(parse("dance", b"{}"), Ok(Parsed::Ignored(reason)) if reason.contains("dance")));
        assert!(parse("push", b"payload=%7B%7D").unwrap_err().contains("application/json"));
    }

    #[test]
    fn a_long_mistake_is_said_in_few_words() {
        let body = format!(r#"{{"number":"{}"}}"#, "x".repeat(100_000));
        assert!(parse("issues", body.as_bytes()).unwrap_err().len() < MOST_SAID + 40);
    }
}
