//! The configuration in force, line by line. Texts pass the redactor, and addresses lose what a login may hide in them.

use crate::base::text::without_login;
use crate::config::repository::FILE;
use crate::config::standing::short;
use crate::domain::agent::Purpose;
use crate::domain::command::NOT_YET;
use crate::domain::speech::{code, code_line};
use crate::domain::workflow::inform::{ConfigLine, ProjectSettings, SetBy};
use crate::engine::Engine;
use crate::engine::turn::Peeked;
use crate::engine::world::Site;
use crate::git::AuditRemote;
use crate::tool::DEFAULT_PROTECTED;

/// Most items of a list that are shown.
const MOST: usize = 30;

pub(super) fn lines(engine: &Engine, site: &Site<'_>, peeked: &Peeked, settings: &ProjectSettings, mistakes: &[String]) -> Vec<ConfigLine> {
    let rules = &site.rules;
    let policy = &rules.policy;
    let mut lines = Vec::new();
    let mut add = |key: &str, value: String, source: String| lines.push(ConfigLine { key: code(key), value, source });
    if let Some(source) = &engine.source {
        let now = source.standing.get();
        let commit = site.team.commit.as_ref().map_or_else(|| "none".to_owned(), |commit| format!("commit {}", code(short(&commit.0))));
        let trouble = match now.refused {
            Some((refused, _)) => format!("; the newest commit {} holds mistakes and is not used", code(short(&refused))),
            None => String::new(),
        };
        add("configuration", format!("{commit}{trouble}"), now.place);
    }
    for mistake in mistakes {
        add(FILE, format!("not taken: {}", code_line(mistake)), "the repository's default branch".into());
    }
    let (level, from) = match &settings.autonomy {
        Some((level, set)) => ((*level).min(policy.ceiling), by(set)),
        None => (policy.autonomy, rules.source("autonomy")),
    };
    add("autonomy", code(level.name()), from);
    let ceiling = if rules.sources.contains_key("autonomy_ceiling") { rules.source("autonomy_ceiling") } else { rules.source("autonomy") };
    add("autonomy_ceiling", code(policy.ceiling.name()), ceiling);
    add("one_person_team", code(if policy.one_person_team { "true" } else { "false" }), rules.source("one_person_team"));
    let writers =
        if policy.writers.is_empty() { "nobody; the forge is asked for each permission".to_owned() } else { list(&policy.writers) };
    add("writers", writers, rules.source("writers"));
    add(
        "listed_bots",
        if policy.listed_bots.is_empty() { "none".to_owned() } else { list(&policy.listed_bots) },
        rules.source("listed_bots"),
    );
    add("keep_plan", code(if policy.keep_plan { "true" } else { "false" }), rules.source("keep_plan"));
    add("soft_usd", rules.limits.soft.to_string(), rules.source("soft_usd"));
    add("hard_usd", rules.limits.hard.to_string(), rules.source("hard_usd"));
    let (shared, from) = match &settings.budget {
        Some((caps, set)) => {
            let amount = |cap: Option<crate::base::Nano>| cap.map_or_else(|| "none".to_owned(), |cap| cap.to_string());
            (format!("soft {}, hard {}", amount(caps.soft), amount(caps.hard)), by(set))
        }
        None => ("none".to_owned(), "nobody set one".to_owned()),
    };
    add("budget of all stories, a month", shared, from);
    let own = if rules.protected.is_empty() { String::new() } else { format!("{}, ", list(&rules.protected)) };
    add("protected_paths", format!("{own}and {} patterns that are built in", DEFAULT_PROTECTED.len()), rules.source("protected_paths"));
    add("fix_tries", code(&policy.max_ci_fixes.to_string()), rules.source("fix_tries"));
    add("review rounds", code(&policy.max_review_rounds.to_string()), "built in".into());
    add("no CI on a commit", "does not hold up the merge, and is said in words".into(), "built in".into());
    let (audit, from) = match &rules.audit {
        Some(remote) => (code(&address(remote)), rules.source("audit_repo")),
        None => ("in the data directory".to_owned(), "built in".to_owned()),
    };
    add("audit_repo", audit, from);
    let crew = site.team.rules.crew(&peeked.subject.to_string());
    for purpose in Purpose::ALL {
        let chosen = peeked.story.assigned.get(&purpose);
        let who = chosen.or_else(|| crew.get(&purpose)).map(|(kind, name)| (kind.clone(), name.clone()));
        let (value, from) = match who {
            Some((kind, name)) => {
                let group = site.team.rules.kinds.get(&kind).map_or("?", |kind| kind.model_group.as_str());
                let from = if chosen.is_some() { "set by command for this story".to_owned() } else { format!("agents/{kind}.toml") };
                (format!("{name} ({kind}), model group {}: {}", code(group), models(site, group)), from)
            }
            None => ("nobody".to_owned(), "agents/".to_owned()),
        };
        add(&format!("agent: {purpose}"), value, from);
    }
    add("commands not in this version", NOT_YET.iter().map(|verb| code(verb)).collect::<Vec<_>>().join(", "), "built in".into());
    let mask = |text: &str| engine.redactor.mask(text);
    lines.into_iter().map(|line| ConfigLine { key: mask(&line.key), value: mask(&line.value), source: mask(&line.source) }).collect()
}

fn by(set: &SetBy) -> String {
    format!("set by {}", code(&set.by.login))
}

fn list(items: &[String]) -> String {
    let more = if items.len() > MOST { format!(" and {} more", items.len() - MOST) } else { String::new() };
    format!("{}{more}", items.iter().take(MOST).map(|item| code(item)).collect::<Vec<_>>().join(", "))
}

fn models(site: &Site<'_>, group: &str) -> String {
    let found = site.team.gateway.catalog().groups.get(group);
    let names = found.map(|group| group.models.iter().map(|model| code(&model.to_string())).collect::<Vec<_>>().join(", "));
    names.filter(|names| !names.is_empty()).unwrap_or_else(|| "none".to_owned())
}

/// Path or address without what may stand before its host.
pub(super) fn address(remote: &AuditRemote) -> String {
    let text = match remote {
        AuditRemote::Path(path) => path.display().to_string(),
        AuditRemote::Remote(remote) => remote.url.clone(),
    };
    without_login(&text)
}
