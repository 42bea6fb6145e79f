//! The last things that changed a story, put together from the journal.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::base::Nano;
use crate::base::ids::{IntentId, RunId};
use crate::domain::command::{self, ParseContext};
use crate::domain::forge::User;
use crate::domain::speech::code;
use crate::domain::workflow::inform::{Asked, RunStep, Step};
use crate::domain::workflow::intent::Receipt;
use crate::domain::workflow::{Intent, StoryEvent};
use crate::engine::agent_run::RUNS;
use crate::engine::turn::{NOTES, Peeked, SUBJECT};
use crate::engine::world::Site;
use crate::engine::{Engine, Result};
use crate::store::{EventRow, IntentRow, ProjectTx};

/// Events of one cause and of the causes before it that are looked through for each thing asked for.
const PER_STEP: i64 = 20;

/// The last `last` steps, newest first.
pub(super) async fn steps(engine: &Engine, site: &Site<'_>, tx: &mut ProjectTx, peeked: &Peeked, last: u32) -> Result<Vec<Step>> {
    let version = tx.version(SUBJECT, peeked.subject.0).await?;
    let rows = tx.events_after(SUBJECT, peeked.subject.0, version - PER_STEP * i64::from(last)).await?;
    let mut groups: Vec<Vec<EventRow>> = Vec::new();
    for row in rows {
        match groups.last_mut() {
            Some(group) if group.last().is_some_and(|before| before.causation == row.causation) => group.push(row),
            _ => groups.push(vec![row]),
        }
    }
    let mut steps = Vec::new();
    for group in groups.into_iter().rev().take(usize::try_from(last).unwrap_or(1)) {
        steps.push(step(engine, site, tx, peeked, &group).await?);
    }
    Ok(steps)
}

async fn step(engine: &Engine, site: &Site<'_>, tx: &mut ProjectTx, peeked: &Peeked, group: &[EventRow]) -> Result<Step> {
    let causation = group.first().and_then(|row| row.causation.clone()).unwrap_or_default();
    let intent = match causation.parse::<IntentId>() {
        Ok(id) => tx.intent(id).await?,
        Err(_) => None,
    };
    let (cause, link) = intent.map_or_else(|| ("it was begun by Syndarix itself".to_owned(), None), |row| cause(site, peeked, &row));
    let notes = tx.caused(NOTES, peeked.subject.0, &causation).await?;
    let mut events = Vec::new();
    for row in group {
        events.push(serde_json::from_value::<StoryEvent>(row.payload.clone())?);
    }
    let named: BTreeSet<RunId> = events
        .iter()
        .filter_map(|event| match event {
            StoryEvent::RunStarted { run, .. } | StoryEvent::RunEnded { run, .. } => Some(*run),
            _ => None,
        })
        .collect();
    let mut runs = Vec::new();
    for run in named {
        runs.extend(run_step(tx, run).await?);
    }
    let entry = match group.last() {
        Some(row) => tx.sealed(row.id).await?,
        None => None,
    };
    Ok(Step {
        at: group.first().map_or_else(|| engine.clock.now(), |row| row.at),
        cause: engine.redactor.mask(&cause),
        link,
        permissions: notes.iter().filter_map(asked).collect(),
        events,
        runs,
        entry,
    })
}

fn asked(note: &EventRow) -> Option<Asked> {
    let text = |key: &str| note.payload.get(key).and_then(Value::as_str).map(str::to_owned);
    (note.kind == "permission").then_some(())?;
    Some(Asked { verb: text("verb")?, role: text("role")?, allowed: note.payload.get("allowed").and_then(Value::as_bool)? })
}

/// What one run has called so far.
async fn run_step(tx: &mut ProjectTx, run: RunId) -> Result<Option<RunStep>> {
    let mut found: Option<RunStep> = None;
    for event in tx.events(RUNS, run.0).await? {
        let word = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or("?").to_owned();
        let step = found.get_or_insert_with(|| RunStep {
            name: word(&event.actor, "name"),
            kind: word(&event.actor, "kind"),
            models: Vec::new(),
            cost: Nano::ZERO,
            price_known: true,
        });
        if let Some(cost) = event.payload.get("cost_nano_usd").and_then(Value::as_str).and_then(|text| text.parse().ok()) {
            step.cost += Nano(cost);
        }
        if event.kind != "model.called" {
            continue;
        }
        step.price_known &= event.payload.get("price_known").and_then(Value::as_bool).unwrap_or(true);
        let model = word(&event.payload, "model");
        match step.models.iter_mut().find(|(known, _)| *known == model) {
            Some((_, calls)) => *calls += 1,
            None => step.models.push((model, 1)),
        }
    }
    Ok(found)
}

/// Who and what, and where it can be seen.
pub(in crate::engine) fn cause(site: &Site<'_>, peeked: &Peeked, row: &IntentRow) -> (String, Option<String>) {
    let user = row.actor.clone().and_then(|actor| serde_json::from_value::<User>(actor).ok());
    let who = user.map_or_else(|| "somebody".to_owned(), |user| code(&user.login));
    let page = |name: String| Some(site.connection.forge.web_url(&site.repo, &name));
    let Ok(intent) = serde_json::from_value::<Intent>(row.payload.clone()) else {
        return ("something that cannot be read any more".into(), None);
    };
    let pull = |number: i64| (format!("pull request {}", crate::domain::forge::mention(number)), page(format!("pulls/{number}")));
    match intent {
        Intent::Commands { place, comment, body, .. } => {
            let parsed = command::parse(&body, &ParseContext { bot_login: &site.connection.bot.login });
            let typed: Vec<String> = parsed.commands.iter().take(5).map(|line| code(&line.raw)).collect();
            let on = if place.is_pull { "pulls" } else { "issues" };
            (format!("{who} typed {}", typed.join(", ")), page(format!("{on}/{}#issuecomment-{comment}", place.number)))
        }
        Intent::Remark { place, comment } => {
            let on = if place.is_pull { "pulls" } else { "issues" };
            (format!("{who} wrote a comment that answered a question"), page(format!("{on}/{}#issuecomment-{comment}", place.number)))
        }
        Intent::LabelsChanged { place } => {
            let on = if place.is_pull { "pulls" } else { "issues" };
            (format!("labels of {} were moved", crate::domain::forge::mention(place.number)), page(format!("{on}/{}", place.number)))
        }
        Intent::IssueClosed => (format!("{who} closed the issue"), page(format!("issues/{}", peeked.number))),
        Intent::IssueReopened => (format!("{who} reopened the issue"), page(format!("issues/{}", peeked.number))),
        Intent::PullClosed { number } => (format!("{who} closed {}", pull(number).0), pull(number).1),
        Intent::PullReopened { number } => (format!("{who} reopened {}", pull(number).0), pull(number).1),
        Intent::PullMerged { number, .. } => (format!("{} was merged", pull(number).0), pull(number).1),
        Intent::Reviewed { number, .. } => (format!("{who} reviewed {}", pull(number).0), pull(number).1),
        Intent::Pushed { branch, after, .. } => (format!("{who} pushed {} to {}", after.short(), code(&branch)), None),
        Intent::BranchDeleted { branch } => (format!("{who} deleted the branch {}", code(&branch)), None),
        Intent::CiChanged { sha, context, state } => {
            (format!("CI said {state:?} for {} on {}", code(&context), sha.short()).to_lowercase(), None)
        }
        Intent::RunEnded { purpose, .. } => (format!("the agent that was to {purpose} finished"), None),
        Intent::RunAsks { .. } => ("an agent asked a question".into(), None),
        Intent::EffectDone { receipt, .. } => (done(&receipt), None),
        Intent::EffectFailed { what, .. } => (format!("{} failed for good", code(&what)), None),
        Intent::Hold { hold, by } => {
            (format!("{} {} all stories of the project", code(&by.login), if hold { "paused" } else { "resumed" }), None)
        }
        Intent::Wake => ("a timer went off".into(), None),
        Intent::BudgetRaised { by } => (format!("{} raised the project's budget", code(&by.login)), None),
        #[allow(unreachable_patterns, reason = "a new intent must not keep this from saying the others")]
        _ => (code(&row.kind), None),
    }
}

fn done(receipt: &Receipt) -> String {
    match receipt {
        Receipt::Pushed { head } => format!("the push of {} arrived", head.short()),
        Receipt::Moved { .. } => "the branch was found where nobody had left it".into(),
        Receipt::PullOpened { number, .. } => format!("pull request {} was opened", crate::domain::forge::mention(*number)),
        Receipt::Merged { number, .. } => format!("the merge of {} was done", crate::domain::forge::mention(*number)),
        Receipt::MergeHeldBack { .. } => "the merge was held back, because something it needs was missing".into(),
        #[allow(unreachable_patterns, reason = "a new receipt must not keep this from saying the others")]
        _ => "an order was carried out".into(),
    }
}
