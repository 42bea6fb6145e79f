//! Who is speaking, and what may they do. The permission is the forge's live answer for the account's id; nothing here asks, everything is passed in.

use crate::base::Time;
use crate::domain::command::{Command, Place, Where};
use crate::domain::forge::{Role, User};
use crate::domain::refusal::Refusal;
use crate::domain::speech::code;

pub mod token;

#[cfg(test)]
mod tests;

/// How long after it was written a command may still be run, in microseconds: 24 hours.
pub const FRESH_FOR: i64 = 24 * 60 * 60 * 1_000_000;

/// What is known about whoever caused an event.
#[derive(Clone, Debug, Default)]
pub struct ActorFacts<'a> {
    /// `None`: the forge did not say, and the event carries no authority.
    pub user: Option<User>,
    /// The forge's live answer for that user; `None`: the bot may not ask.
    pub role: Option<Role>,
    /// The bot's own account.
    pub is_bot_self: bool,
    /// Another program's account.
    pub is_other_bot: bool,
    /// The configuration lists that program as one to listen to.
    pub listed_bot: bool,
    /// Started the story that is spoken of.
    pub is_requester: bool,
    /// `writers` of the project's configuration, used only while `role` is unknown.
    pub writers: Option<&'a [String]>,
}

impl ActorFacts<'_> {
    /// The permission that counts here. `None`: nobody can tell.
    pub fn standing(&self) -> Option<Role> {
        let user = self.known_user()?;
        let listed = |writers: &[String]| writers.iter().any(|writer| writer.trim_start_matches('@').eq_ignore_ascii_case(&user.login));
        match (self.role, self.writers) {
            (Some(role), _) => Some(role),
            // Whoever comments can read.
            (None, Some(writers)) => Some(if listed(writers) { Role::Writer } else { Role::Reader }),
            (None, None) => None,
        }
    }

    /// The user, unless it is one of the forges' stand-ins for nobody: deleted and built-in accounts have ids below one.
    fn known_user(&self) -> Option<&User> {
        self.user.as_ref().filter(|user| user.id > 0)
    }
}

/// Whether to react to this actor at all. The error is the reason for the inbox; it is not answered, because programs that answer each other never stop.
pub fn listens_to(actor: &ActorFacts<'_>) -> Result<(), String> {
    if actor.is_bot_self {
        return Err("written by the bot itself".to_owned());
    }
    if actor.is_other_bot && !actor.listed_bot {
        let login = actor.user.as_ref().map_or("?", |user| user.login.as_str());
        return Err(format!("written by another bot ({login}) that the configuration does not list"));
    }
    Ok(())
}

/// Whether this actor may run this command here.
pub fn may(command: &Command, actor: &ActorFacts<'_>, place: Place) -> Result<(), Refusal> {
    let spec = command.spec();
    listens_to(actor).map_err(|reason| Refusal::new("ignored-actor", format!("`{}` was not run: {reason}.", spec.name), ""))?;
    let user = actor.known_user().ok_or_else(|| unknown_actor(spec.name))?;
    let least = command.least_role();
    match actor.standing() {
        Some(role) if role >= least => {}
        None if least == Role::Reader => {}
        None => return Err(cannot_ask(spec.name, least)),
        Some(role) => return Err(missing_role(spec.name, user, role, least, actor)),
    }
    if spec.place.allows(place) {
        return Ok(());
    }
    let (here, there) = match spec.place {
        Where::Pull => ("an issue", "pull request"),
        _ => ("a pull request", "issue"),
    };
    Err(Refusal::new("wrong-place", format!("`{}` does not work on {here}.", spec.name), format!("Type it on the {there} it is about.")))
}

/// Whether a plain comment of this actor answers a question that the bot asked: writers may, and whoever started the story.
pub fn may_answer(actor: &ActorFacts<'_>) -> bool {
    let readable = actor.standing().is_none_or(|role| role >= Role::Reader);
    listens_to(actor).is_ok()
        && actor.known_user().is_some()
        && (actor.standing().is_some_and(|role| role >= Role::Writer) || (actor.is_requester && readable))
}

/// Refuses what is first seen more than 24 hours after it was written.
pub fn fresh(written: Time, seen: Time) -> Result<(), Refusal> {
    if seen.0.saturating_sub(written.0) <= FRESH_FOR {
        return Ok(());
    }
    let why = format!("I was away when this was written ({}) and saw it more than 24 hours later, so I did not run it.", written.rfc3339());
    Err(Refusal::new("too-old", why, "If you still want it, type it again."))
}

/// The answer to `whoami`.
pub fn introduce(actor: &ActorFacts<'_>) -> String {
    let Some(user) = actor.known_user() else { return unknown_actor("whoami").to_string() };
    let name = format!("You are {} (account {}).", code(&user.login), user.id);
    let role = match (actor.role, actor.standing()) {
        (Some(role), _) => format!("The forge says your permission here is: {role}."),
        (None, Some(Role::Writer)) => "The project's configuration lists you as a writer.".to_owned(),
        (None, Some(_)) => "The project's configuration does not list you as a writer, so you may ask but not command.".to_owned(),
        (None, None) => cannot_ask("whoami", Role::Reader).to_string(),
    };
    let requester = if actor.is_requester { " You started this story, so you may approve its plan but not its merge." } else { "" };
    format!("{name} {role}{requester}")
}

fn unknown_actor(verb: &str) -> Refusal {
    let why = format!("The forge does not say who asked for `{verb}`, or the account is gone, so it carries no authority.");
    Refusal::new("unknown-actor", why, format!("Type `/syndarix {verb}` in a comment of your own."))
}

fn cannot_ask(verb: &str, least: Role) -> Refusal {
    let why = format!(
        "`{verb}` needs {} permission, and I cannot ask the forge for yours: my account is not an administrator of this repository.",
        named(least)
    );
    Refusal::new(
        "cannot-ask",
        why,
        "A repository administrator can make me one, or list `writers = [\"name\"]` in the project's configuration.",
    )
}

fn missing_role(verb: &str, user: &User, role: Role, least: Role, actor: &ActorFacts<'_>) -> Refusal {
    let login = code(&user.login);
    if role == Role::None {
        return Refusal::new(
            "no-access",
            format!("{login} has no access to this repository any more, so `{verb}` was not run."),
            "Ask a maintainer of the repository for access.",
        );
    }
    let why = match actor.role {
        Some(role) => format!("`{verb}` needs {} permission in this repository; {login} has: {role}.", named(least)),
        None => format!(
            "`{verb}` needs {} permission, and the `writers` of the project's configuration do not give it to {login}.",
            named(least)
        ),
    };
    let way_out = match (least, actor.role, actor.writers) {
        (Role::Writer, None, Some(writers)) if !writers.is_empty() => format!("Ask one of its writers to type it: {}.", some_names(writers)),
        (Role::Writer, ..) => "Ask somebody who may push to this repository to type it, or a maintainer for write permission.".to_owned(),
        (_, None, _) => "Only the forge can tell who is a maintainer: make my account an administrator of this repository, then ask a maintainer to type it.".to_owned(),
        _ => "Ask a maintainer (an administrator of this repository) or its owner to type it.".to_owned(),
    };
    Refusal::new("needs-role", why, way_out)
}

fn named(role: Role) -> &'static str {
    match role {
        Role::None | Role::Reader => "read",
        Role::Writer => "write",
        Role::Maintainer => "maintainer",
        Role::Owner => "owner",
    }
}

/// Up to five names, as code: naming somebody is no reason to notify them.
fn some_names(logins: &[String]) -> String {
    let names: Vec<String> = logins.iter().take(5).map(|login| code(login)).collect();
    let more = if logins.len() > 5 { format!(" and {} more", logins.len() - 5) } else { String::new() };
    format!("{}{more}", names.join(", "))
}
