//! "With this configuration the last 20 events would have done ...": each of them is decided once more, on what the forge shows now, under
//! the rules in force and under the others. The forge is only read, no model is asked, and nothing of it is kept.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::base::Time;
use crate::base::ids::IntentId;
use crate::domain::agent::AgentKind;
use crate::domain::forecast::{Agent, Outcome, Played, differences};
use crate::domain::forge::User;
use crate::domain::speech::code;
use crate::domain::workflow::intent::Wanted;
use crate::domain::workflow::{Decision, Story, StoryEvent, decide};
use crate::store::{IntentRow, Project, ProjectTx};

use super::super::gather;
use super::super::hot::InForce;
use super::super::turn::{Peeked, SUBJECT};
use super::super::world::Site;
use super::super::{Engine, Result};

/// Most events that are decided again.
const EVENTS: usize = 20;
/// How long gathering for one of them may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Decides the last events of all projects again. The newest comes first.
pub async fn play(engine: &Engine, next: InForce) -> Result<Vec<Played>> {
    let (today, then) = (engine.hot.get(), Arc::new(next));
    let mut newest: Vec<(Time, Project, IntentRow)> = Vec::new();
    for project in engine.store.projects().await? {
        if today.rules.excludes(&project.path) || engine.connection(&project.forge).is_none() {
            continue;
        }
        let mut tx = engine.store.begin_read(project.id).await?;
        let rows = tx.recent_intents(i64::try_from(EVENTS).unwrap_or(i64::MAX)).await?;
        tx.rollback().await?;
        newest.extend(rows.into_iter().map(|row| (row.at, project.clone(), row)));
    }
    newest.sort_by_key(|(at, _, row)| std::cmp::Reverse((*at, row.seq)));
    newest.truncate(EVENTS);
    let mut played = Vec::new();
    for (_, project, row) in newest {
        let sites = (engine.site_under(project.id, today.clone()).await?, engine.site_under(project.id, then.clone()).await?);
        played.push(event(engine, &sites, &row).await?);
    }
    Ok(played)
}

async fn event(engine: &Engine, (today, then): &(Site<'_>, Site<'_>), row: &IntentRow) -> Result<Played> {
    let mut tx = engine.store.begin_read(today.project.id).await?;
    let peeked = before(&mut tx, row).await?;
    tx.rollback().await?;
    let (what, _) = gather::cause(today, &peeked, row);
    let place = format!("{}{}", code(&today.project.path), crate::domain::forge::mention(peeked.number));
    let differs = match twice(engine, (today, then), &peeked, row).await {
        Ok(list) => Ok(list),
        Err(error) if error.is_race() => return Err(error),
        Err(error) => Err(engine.redactor.mask(&error.to_string()).lines().next().unwrap_or_default().to_owned()),
    };
    Ok(Played { what: engine.redactor.mask(&what), place, differs })
}

/// The story as it was when this intent was taken up.
async fn before(tx: &mut ProjectTx, row: &IntentRow) -> Result<Peeked> {
    let subject = tx.subject(row.subject).await?;
    let order: BTreeMap<String, i64> =
        tx.intents(row.subject).await?.into_iter().map(|intent: IntentRow| (IntentId::to_string(&intent.id), intent.seq)).collect();
    let mut events = Vec::new();
    for event in tx.events(SUBJECT, row.subject.0).await? {
        let cause = event.causation.as_ref().and_then(|cause| order.get(cause));
        if cause.map_or(event.at <= row.at, |seq| *seq < row.seq) {
            events.push(serde_json::from_value::<StoryEvent>(event.payload)?);
        }
    }
    let story = Story::fold(subject.number, &events);
    Ok(Peeked { subject: row.subject, number: subject.number, is_story: subject.kind == "story", story, intent: None })
}

async fn twice(engine: &Engine, (today, then): (&Site<'_>, &Site<'_>), peeked: &Peeked, row: &IntentRow) -> Result<Vec<String>> {
    let wanted = Wanted {
        intent: serde_json::from_value(row.payload.clone())?,
        actor: row.actor.clone().map(serde_json::from_value::<User>).transpose()?,
        at: row.at,
    };
    let (one, other) = (decided(engine, today, peeked, &wanted).await?, decided(engine, then, peeked, &wanted).await?);
    Ok(differences(&outcome(today, &one), &outcome(then, &other)))
}

async fn decided(engine: &Engine, site: &Site<'_>, peeked: &Peeked, wanted: &Wanted) -> Result<Decision> {
    let gathered = tokio::time::timeout(PATIENCE, Box::pin(gather::facts(engine, site, peeked, wanted))).await;
    let facts = gathered.map_err(|_| crate::forge::ForgeError::Unavailable("it did not answer in time".into()))??;
    Ok(decide(&peeked.story, wanted, &facts))
}

fn outcome<'a>(site: &'a Site<'_>, decision: &'a Decision) -> Outcome<'a> {
    let agents = site.team.rules.kinds.values().map(|kind| (kind.name.clone(), agent(&site.team, kind))).collect();
    Outcome { decision, limits: site.rules.limits, protected: &site.rules.protected, agents }
}

fn agent(team: &InForce, kind: &AgentKind) -> Agent {
    let group = team.gateway.catalog().groups.get(&kind.model_group);
    let models = group.map(|group| group.models.iter().map(|model| code(&model.to_string())).collect::<Vec<_>>().join(", "));
    let told = kind.capabilities.iter().map(|purpose| {
        let character = format!("{:?}", (&kind.title, &kind.expertise, &kind.personality, &kind.tools, kind.reads_untrusted));
        (purpose.as_str().to_owned(), format!("{}{character}", team.rules.prompts.fingerprint(kind, *purpose)))
    });
    Agent { models: format!("{} ({})", code(&kind.model_group), models.unwrap_or_else(|| "none".to_owned())), told: told.collect() }
}
