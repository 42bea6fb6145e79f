//! What differs between the protocols when hooks are told: the bodies, and the headers that name and sign them.

use super::deliver::{Message, signature};
use super::gitea;
use super::github;
use super::gitlab;
use super::state::{Hook, Skin};
use super::told::Told;
use super::world::World;
use crate::base::Time;

impl Skin {
    /// All protocols.
    pub const ALL: [Skin; 3] = [Skin::Gitea, Skin::GitHub, Skin::GitLab];

    /// What settings call a forge that speaks it.
    pub fn name(self) -> &'static str {
        match self {
            Skin::Gitea => "gitea",
            Skin::GitHub => "github",
            Skin::GitLab => "gitlab",
        }
    }

    /// The protocol of this name.
    pub fn named(name: &str) -> Option<Skin> {
        Skin::ALL.into_iter().find(|skin| skin.name() == name)
    }

    /// The messages for what happened, as it is at this moment. One event is one message or, where the forge tells in smaller pieces, several.
    /// `act`: all that happened in the same act, `told` among it.
    pub fn messages(self, world: &World, root: &str, told: &Told, act: &[Told]) -> Vec<Message> {
        match self {
            Skin::Gitea => gitea::payload::message(world, root, told).into_iter().collect(),
            Skin::GitHub => github::payload::messages(world, root, told, act),
            Skin::GitLab => gitlab::payload::messages(world, root, told, act),
        }
    }
}

/// The headers of a delivery, those of its content and of the hook's own authorization left out.
/// `at` is the moment of sending, `root` the address of the forge.
pub fn headers(hook: &Hook, id: &str, message: &Message, at: Time, root: &str) -> Vec<(String, String)> {
    match hook.skin {
        Skin::Gitea => of_gitea(hook, id, message),
        Skin::GitHub => github::sign::headers(hook, id, message),
        Skin::GitLab => gitlab::sign::headers(hook, id, message, at, root),
    }
}

/// The message as this hook gets it.
pub fn addressed(world: &World, hook: &Hook, message: Message) -> Message {
    if hook.skin == Skin::GitHub { github::sign::addressed(world, hook, message) } else { message }
}

fn of_gitea(hook: &Hook, id: &str, message: &Message) -> Vec<(String, String)> {
    let signed = signature(&hook.secret, &message.body);
    let target = if hook.repo.is_some() { "repository" } else { "system" };
    let mut headers = vec![
        ("X-Gitea-Hook-Installation-Target-Type".to_owned(), target.to_owned()),
        ("X-Hub-Signature-256".to_owned(), format!("sha256={signed}")),
    ];
    for forge in ["Gitea", "Gogs", "GitHub"] {
        headers.push((format!("X-{forge}-Delivery"), id.to_owned()));
        headers.push((format!("X-{forge}-Event"), message.event.to_owned()));
        headers.push((format!("X-{forge}-Event-Type"), message.event_type.to_owned()));
    }
    for forge in ["Gitea", "Gogs"] {
        headers.push((format!("X-{forge}-Signature"), signed.clone()));
    }
    headers
}
