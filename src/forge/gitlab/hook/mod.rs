//! Deliveries of web hooks: which headers they carry, whether they are genuine, and what they mean. No IO.

use crate::base::text::clip;
use crate::domain::forge::*;

use super::convert::{self, Converted};
use wire::{Attributes, Delivery};

mod issues;
mod merges;
mod notes;
mod rest;
mod sign;
mod wire;

pub use sign::{delivery, delivery_head, verify};

/// The longest sentence about a delivery that cannot be read, in bytes. What the sender wrote is repeated in it, and it is stored and shown.
const MOST_SAID: usize = 600;

/// Translates a verified delivery.
pub fn parse(event: &str, body: &[u8]) -> Converted<Parsed> {
    read(event, body).map_err(|sentence| clip(&sentence, MOST_SAID))
}

fn read(event: &str, body: &[u8]) -> Converted<Parsed> {
    let delivery: Delivery =
        serde_json::from_slice(body).map_err(|error| format!("the body of a `{}` delivery cannot be read: {error}", clip(event, 60)))?;
    // The body says it most precisely; the header is for people.
    let kind = if delivery.object_kind.is_empty() { delivery.event_name.clone() } else { delivery.object_kind.clone() };
    match kind.as_str() {
        "issue" | "work_item" => issues::issue(event, delivery),
        "note" => notes::note(event, delivery),
        "merge_request" => merges::merge(delivery),
        "push" => rest::push(delivery),
        "pipeline" => rest::pipeline(delivery),
        "project_rename" | "project_transfer" | "project_update" | "project_create" | "project_destroy" => rest::project(&kind, delivery),
        "tag_push" => ignored("tags are not followed".to_owned()),
        "build" => ignored("single CI jobs are not followed, only whole pipelines".to_owned()),
        "emoji" => ignored("a reaction is no word: an approval is given with `/syndarix approve` or GitLab's own button".to_owned()),
        "release" => ignored("releases are not followed".to_owned()),
        "wiki_page" => ignored("the wiki is not followed".to_owned()),
        "deployment" => ignored("deployments are not followed".to_owned()),
        "" => ignored("the delivery names no event".to_owned()),
        other => ignored(format!("no use for the event `{}`", clip(other, 60))),
    }
}

fn ignored(reason: String) -> Converted<Parsed> {
    Ok(Parsed::Ignored(reason))
}

fn other_action(what: &str, action: &str) -> Converted<Parsed> {
    ignored(format!("no use for the action `{}` of {what}", clip(action, 60)))
}

fn attributes(delivery: &mut Delivery, what: &str) -> Converted<Attributes> {
    delivery.object_attributes.take().ok_or_else(|| format!("the delivery holds no {what}"))
}

/// Who did it; GitLab's old versions name no number, and a name alone carries no authority.
fn actor(delivery: &Delivery) -> Option<User> {
    convert::some_user(delivery.user.clone())
}

fn finish(delivery: &Delivery, actor: Option<User>, kind: EventKind) -> Converted<Parsed> {
    let repo = match &delivery.project {
        Some(project) if project.id > 0 && !project.path_with_namespace.is_empty() => {
            RepoRef { id: project.id, path: project.path_with_namespace.clone() }
        }
        _ => return Err("the delivery names no project".to_owned()),
    };
    Ok(Parsed::Event(Box::new(ForgeEvent { repo, actor, kind })))
}

/// An account of which the delivery gives the number alone, with its name where it is the sender's.
fn named(id: i64, sender: Option<&User>) -> User {
    let login = sender.filter(|user| user.id == id).map(|user| user.login.clone()).unwrap_or_default();
    User { id, login }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_said() {
        assert!(parse("Issue Hook", b"<html>").unwrap_err().contains("`Issue Hook`"));
        assert!(parse("Issue Hook", br#"{"object_kind":"issue"}"#).unwrap_err().contains("no issue"));
        assert!(matches!(parse("Dance Hook", br#"{"object_kind":"dance"}"#), Ok(Parsed::Ignored(reason)) if reason.contains("dance")));
    }

    #[test]
    fn a_long_mistake_is_said_in_few_words() {
        let body = format!(r#"{{"project_id":"{}"}}"#, "x".repeat(100_000));
        let said = parse("Issue Hook", body.as_bytes()).unwrap_err();
        assert!(said.len() < MOST_SAID + 40, "{} bytes", said.len());
    }
}
