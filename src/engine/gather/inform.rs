//! What the commands that inform and set look at, as far as the comment at hand asks for it.

use crate::base::ids::SubjectId;
use crate::domain::budget::Caps;
use crate::domain::command::{self, Command, ParseContext};
use crate::domain::forge::User;
use crate::domain::workflow::Intent;
use crate::domain::workflow::facts::Policy;
use crate::domain::workflow::inform::{AgentCard, AgentCost, Inform, Money, ProjectSettings, SetBy};
use crate::domain::workflow::intent::Wanted;
use crate::domain::workflow::label::Autonomy;
use crate::engine::turn::Peeked;
use crate::engine::world::Site;
use crate::engine::{Engine, Result, tightening};
use crate::store::{ProjectTx, SettingRow};

use super::{config, record, steps};

/// The settings always; the rest where a command needs it.
pub(super) async fn inform(engine: &Engine, site: &Site<'_>, peeked: &Peeked, wanted: &Wanted) -> Result<Inform> {
    let asked = asked(site, &wanted.intent);
    let has = |wanted: fn(&Command) -> bool| asked.iter().any(wanted);
    let mut tx = engine.store.begin_read(site.project.id).await?;
    let mut inform = Inform { settings: read_settings(&tx.settings().await?)?, ..Inform::default() };
    if has(|command| matches!(command, Command::Budget { .. })) || matches!(wanted.intent, Intent::BudgetRaised { .. }) {
        inform.money = Some(money(engine, site, &mut tx, peeked.subject).await?);
    }
    if let Some(last) = asked.iter().filter_map(|command| if let Command::Explain { last } = command { Some(*last) } else { None }).max() {
        inform.steps = steps::steps(engine, site, &mut tx, peeked, last).await?;
    }
    tx.rollback().await?;
    if has(|command| matches!(command, Command::Assign { .. })) {
        inform.team = team(site, peeked);
    }
    if has(|command| matches!(command, Command::Config)) {
        let mistakes = tightening::mistakes(engine, site.project.id).await?;
        inform.config = config::lines(engine, site, peeked, &inform.settings, &mistakes);
    }
    if has(|command| matches!(command, Command::Audit)) {
        inform.audit = Some(record::audit(engine, site, peeked).await?);
    }
    Ok(inform)
}

/// The commands that stand in the comment at hand.
fn asked(site: &Site<'_>, intent: &Intent) -> Vec<Command> {
    let Intent::Commands { body, .. } = intent else { return Vec::new() };
    let parsed = command::parse(body, &ParseContext { bot_login: &site.connection.bot.login });
    parsed.commands.into_iter().filter_map(|line| line.command.ok()).collect()
}

/// The project's rules with what was set by command. A level above a ceiling that was lowered since counts as the ceiling.
pub(super) fn policy(site: &Site<'_>, inform: &Inform) -> Policy {
    let mut policy = site.rules.policy.clone();
    if let Some((level, _)) = &inform.settings.autonomy {
        policy.autonomy = (*level).min(policy.ceiling);
    }
    policy
}

/// Stored settings as the domain reads them.
pub(in crate::engine) fn read_settings(rows: &[SettingRow]) -> Result<ProjectSettings> {
    let mut settings = ProjectSettings::default();
    for row in rows {
        let set = SetBy { by: serde_json::from_value::<User>(row.set_by.clone())?, at: row.set_at };
        match row.key.as_str() {
            "autonomy" => settings.autonomy = Some((serde_json::from_value::<Autonomy>(row.value.clone())?, set)),
            "budget" => settings.budget = Some((serde_json::from_value::<Caps>(row.value.clone())?, set)),
            // Written by a newer program that runs beside this one.
            _ => {}
        }
    }
    Ok(settings)
}

async fn money(engine: &Engine, site: &Site<'_>, tx: &mut ProjectTx, subject: SubjectId) -> Result<Money> {
    let now = engine.clock.now();
    let (month, total) = tx.project_spent(now).await?;
    let agents = tx.spent_by_agent(subject).await?.into_iter().map(|row| AgentCost {
        pot: crate::domain::budget::Pot { spent: row.spent, reserved: row.reserved },
        kind: row.kind,
        name: row.name,
        calls: row.calls,
    });
    Ok(Money {
        purse: tx.purse(subject, now).await?,
        configured: site.rules.limits,
        sources: (site.rules.source("soft_usd"), site.rules.source("hard_usd")),
        month: month.into(),
        total: total.into(),
        agents: agents.collect(),
    })
}

fn team(site: &Site<'_>, peeked: &Peeked) -> Vec<AgentCard> {
    let lane = peeked.subject.to_string();
    let cards = site.team.rules.kinds.values().map(|kind| AgentCard {
        kind: kind.name.clone(),
        title: kind.title.clone(),
        name: kind.name_for(&lane).to_owned(),
        pool: kind.names.clone(),
        able: kind.capabilities.clone(),
    });
    cards.collect()
}
