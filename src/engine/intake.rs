//! From a stored delivery to intents on lanes.

use std::borrow::Cow;

use crate::base::ids::{DeliveryId, IntentId, ProjectId};
use crate::base::trace::{Attr, arrival};
use crate::domain::forge::{EventKind, ForgeEvent, Parsed, User};
use crate::domain::workflow::Intent;
use crate::domain::workflow::facts::Policy;
use crate::domain::workflow::interpret::{Draft, Ears, Lane, alias, interpret};
use crate::forge::ForgeError;
use crate::store::{Claim, Delivery, NewIntent, Project, ProjectTx, Source, SubjectRow, WorkKind};

use super::{Connection, Engine, Result, link, manners, reconcile, team, tightening, trace};

/// Reads one delivery. Whatever it is, it leaves the inbox's waiting list with a reason.
pub async fn handle(engine: &Engine, claim: &Claim) -> Result<()> {
    let delivery = engine.store.delivery(DeliveryId(claim.id)).await?;
    if delivery.source == Source::Webhook {
        trace::stands_under(arrival(claim.id));
    }
    trace::tell("source", Attr::Word(delivery.source.as_str()));
    let Some(connection) = engine.connection(&delivery.hook) else {
        let reason = format!("no forge is configured for the hook `{}` any more", delivery.hook);
        return Ok(engine.store.ignore_delivery(claim, &reason).await?);
    };
    match parse(connection, &delivery) {
        Err(error) => Ok(engine.store.fail_delivery(claim, &error).await?),
        Ok(Parsed::Ignored(reason)) => Ok(engine.store.ignore_delivery(claim, &reason).await?),
        Ok(Parsed::Event(event)) => route(engine, claim, connection, &delivery, &event).await,
    }
}

/// What came over HTTP is read by the driver; what the poll found is a neutral event already.
fn parse(connection: &Connection, delivery: &Delivery) -> std::result::Result<Parsed, String> {
    match delivery.source {
        Source::Synthetic => {
            serde_json::from_slice(&delivery.body).map(|event| Parsed::Event(Box::new(event))).map_err(|error| error.to_string())
        }
        Source::Webhook | Source::Internal => connection.forge.parse(&delivery.event, &delivery.body),
    }
}

async fn route(engine: &Engine, claim: &Claim, connection: &Connection, delivery: &Delivery, event: &ForgeEvent) -> Result<()> {
    let is_config = engine.source.as_ref().is_some_and(|source| source.is_told_by(&connection.id, event));
    if is_config {
        if let Some(number) = team::Source::pull_of(event) {
            Box::pin(team::ask(engine, number)).await?;
        }
        Box::pin(team::wake(engine)).await?;
    }
    if let Some(reason) = Box::pin(link::told(engine, connection, event)).await? {
        return Ok(engine.store.ignore_delivery(claim, &reason).await?);
    }
    let Some(project) = engine.store.project_by_repo(&connection.id, event.repo.id).await? else {
        let reason = match is_config {
            true => format!("the repository {} holds the configuration, which is looked at now; it is no project", event.repo.path),
            false => format!("the repository {} is not one of Syndarix's projects", event.repo.path),
        };
        return Ok(engine.store.ignore_delivery(claim, &reason).await?);
    };
    if engine.hot.get().rules.excludes(&project.path) {
        let reason = format!("the settings take {} out of `projects`", project.path);
        return Ok(engine.store.ignore_delivery(claim, &reason).await?);
    }
    if delivery.source == Source::Webhook {
        reconcile::hook_heard(engine, project.id).await?;
    }
    if project.path != event.repo.path && !event.repo.path.is_empty() {
        // A delivery may be old: where the repository is now is asked of the forge.
        engine.store.schedule(WorkKind::Look, project.id.0, Some(project.id), None, None).await?;
    }
    Box::pin(looks_at_file(engine, connection, &project, &event.kind)).await?;
    Box::pin(link::hears(engine, &project, connection, event)).await?;
    let ears = Ears { bot: &connection.bot };
    // Most deliveries are echoes of the bot's own writes: nothing needs to be looked up for them.
    let said = matches!(&event.kind, EventKind::Comment { comment, .. } if comment.author.id != connection.bot.id);
    if let (false, Err(reason)) = (said, interpret(event, ears)) {
        return Ok(engine.store.ignore_delivery(claim, &reason).await?);
    }
    let event = with_branch(engine, connection, project.id, event).await?;
    let mut tx = engine.store.begin(project.id).await?;
    let mut drafts = Vec::new();
    let mut nothing = None;
    for heard in reconcile::hear(&mut tx, &event, &connection.bot).await? {
        match interpret(&heard, ears) {
            Ok(more) => drafts.extend(more),
            Err(reason) => nothing = Some(reason),
        }
    }
    if let (true, Some(reason)) = (drafts.is_empty(), nothing) {
        // What was heard is kept even where nothing follows from it.
        engine.commit(tx).await?;
        return Ok(engine.store.ignore_delivery(claim, &reason).await?);
    }
    let mut routed = 0;
    let policy = engine.hot.get().rules.in_force(&project).policy;
    for draft in drafts {
        if let Some(subject) = lane(&mut tx, &draft.lane).await? {
            routed += i64::from(add(&mut tx, &subject, draft, delivery, (&policy, &connection.bot)).await?);
        }
    }
    let note = match routed {
        0 => "nothing new: no story listens to it, or it was taken up already".to_owned(),
        n => format!("{n} intents"),
    };
    tx.finish_delivery(claim, Some(&note)).await?;
    engine.commit(tx).await
}

/// What may change the repository's own file has it looked at.
async fn looks_at_file(engine: &Engine, connection: &Connection, project: &Project, event: &EventKind) -> Result<()> {
    if let Some(number) = tightening::is_to_be_judged(event, &project.default_branch, &connection.bot) {
        let mut tx = engine.store.begin(project.id).await?;
        tightening::ask(&mut tx, number).await?;
        engine.commit(tx).await?;
    } else if !tightening::is_told_by(event, &project.default_branch) {
        return Ok(());
    }
    tightening::wake(engine, project.id).await
}

/// Not every forge says of a comment on a pull request which branch that is for. A pull request that no lane knows may be one of a story
/// that has not learnt its number yet; a lane of its own would take the number from it.
async fn with_branch<'a>(
    engine: &Engine,
    connection: &Connection,
    project: ProjectId,
    event: &'a ForgeEvent,
) -> Result<Cow<'a, ForgeEvent>> {
    let EventKind::Comment { number, is_pull: true, head_branch: None, .. } = &event.kind else {
        return Ok(Cow::Borrowed(event));
    };
    let mut tx = engine.store.begin_read(project).await?;
    let known = tx.subject_by_alias(&alias::pull(*number)).await?.is_some();
    tx.rollback().await?;
    if known {
        return Ok(Cow::Borrowed(event));
    }
    let branch = match connection.forge.pull(&engine.site_of(project).await?.repo, *number).await {
        Ok(pull) => pull.head.branch,
        Err(ForgeError::NotFound(_)) => return Ok(Cow::Borrowed(event)),
        Err(error) => return Err(error.into()),
    };
    let mut event = event.clone();
    if let EventKind::Comment { head_branch, .. } = &mut event.kind {
        *head_branch = Some(branch);
    }
    Ok(Cow::Owned(event))
}

/// The lane of an intent; `None` when only a story would care and there is none.
async fn lane(tx: &mut ProjectTx, lane: &Lane) -> Result<Option<SubjectRow>> {
    Ok(match lane {
        Lane::Issue(number) => Some(tx.ensure_subject("story", *number, &[alias::issue(*number)]).await?),
        Lane::Known(names) => known(tx, names).await?,
        Lane::Pull { number, branch } => {
            let mut names = vec![alias::pull(*number)];
            names.extend(branch.as_deref().map(alias::branch));
            match known(tx, &names).await? {
                Some(subject) => Some(subject),
                None => Some(tx.ensure_subject("pull", *number, &[alias::pull(*number)]).await?),
            }
        }
    })
}

async fn known(tx: &mut ProjectTx, names: &[String]) -> Result<Option<SubjectRow>> {
    for name in names {
        if let Some(subject) = tx.subject_by_alias(name).await? {
            return Ok(Some(subject));
        }
    }
    Ok(None)
}

async fn add(tx: &mut ProjectTx, subject: &SubjectRow, draft: Draft, delivery: &Delivery, (policy, bot): (&Policy, &User)) -> Result<bool> {
    let actor = draft.actor.clone();
    // A branch may be deleted more than once, and nothing in the event tells one time from another.
    let source_key = match &draft.intent {
        Intent::BranchDeleted { .. } => format!("{}:{}", draft.source_key, delivery.id),
        _ => draft.source_key,
    };
    let new = NewIntent {
        id: IntentId::generate(),
        subject: subject.id,
        source_key,
        kind: "forge".into(),
        actor: draft.actor.map(serde_json::to_value).transpose()?,
        payload: serde_json::to_value(&draft.intent)?,
        at: delivery.received_at,
    };
    let added = tx.add_intent(&new).await?;
    trace::concerns(subject.id);
    if added {
        manners::limit(tx, policy, bot, &new, actor.as_ref()).await?;
    }
    Ok(added)
}
