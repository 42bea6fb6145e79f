//! What the team's configuration comes to once it is ready for use.

use std::collections::BTreeMap;

use anyhow::Result;

use super::models::gateway;
use super::{Options, repo_on_forge};
use crate::base::Nano;
use crate::config::{Config, ProjectPolicy};
use crate::domain::budget::Limits;
use crate::domain::forge::{GitRemote, RepoRef, Sha};
use crate::domain::workflow::facts::Policy;
use crate::engine::Connection;
use crate::engine::hot::InForce;
use crate::engine::world::{ProjectRules, Rules};
use crate::git::AuditRemote;

/// What stays the same while the team's configuration changes.
pub(super) struct Made {
    pub(super) connections: Vec<Connection>,
    pub(super) options: Options,
    /// `owner/name` of the followed configuration, and the folder in it.
    pub(super) config_repo: Option<(String, String)>,
}

impl Made {
    /// A configuration, ready for use.
    pub(super) fn in_force(&self, config: &Config, commit: Option<&Sha>) -> Result<InForce> {
        let mut rules = rules(config, &self.connections, self.options.max_usd);
        if let Some((path, folder)) = &self.config_repo {
            // What changes the configuration is critical at every level, where agents work on it.
            let own = rules.projects.get(path).unwrap_or(&rules.default).clone();
            let guarded = ProjectRules { protected: own.protected.iter().cloned().chain([guarded_by(folder)]).collect(), ..own };
            rules.projects.insert(path.clone(), guarded);
        }
        Ok(InForce { rules, gateway: gateway(config, &self.options)?, commit: commit.cloned() })
    }
}

/// The pattern of everything below a folder of a repository; empty: all of it.
fn guarded_by(folder: &str) -> String {
    if folder.is_empty() { "**".to_owned() } else { format!("{folder}/**") }
}

fn rules(config: &Config, connections: &[Connection], max_usd: Option<f64>) -> Rules {
    let team = &config.team;
    let remote = |place: &str| audit_remote(config, connections, place);
    let project_rules = |policy: &ProjectPolicy| project_rules(policy, &remote, max_usd);
    let mut projects = BTreeMap::new();
    for file in &team.projects {
        projects.insert(file.repo.clone(), ProjectRules { link: file.link.clone(), ..project_rules(&file.policy) });
    }
    Rules {
        projects,
        default: project_rules(&team.defaults),
        served: config.settings.projects.without(&audit_repos(config)),
        kinds: team.agents.clone(),
        prompts: config.prompts.clone(),
        labels: team.labels.clone(),
    }
}

/// A repository on a configured forge is pushed to with the bot's token, another address as it is; everything else is a path of this machine.
fn audit_remote(config: &Config, connections: &[Connection], place: &str) -> AuditRemote {
    for (settings, connection) in config.settings.forges.iter().zip(connections) {
        if let Some(path) = repo_on_forge(settings, place) {
            return AuditRemote::Remote(connection.forge.git_remote(&RepoRef { id: 0, path }));
        }
    }
    match place.contains("://") {
        true => AuditRemote::Remote(GitRemote { url: place.to_owned(), header: None }),
        false => AuditRemote::Path(place.into()),
    }
}

/// Repositories that hold the record. They are never served: each push of the record would be told, recorded and pushed again.
fn audit_repos(config: &Config) -> Vec<String> {
    let team = &config.team;
    let places = team.projects.iter().map(|file| &file.policy).chain([&team.defaults]).filter_map(|policy| policy.audit_repo.as_ref());
    places.flat_map(|place| config.settings.forges.iter().filter_map(move |forge| repo_on_forge(forge, place))).collect()
}

fn project_rules(policy: &ProjectPolicy, remote: &dyn Fn(&str) -> AuditRemote, max_usd: Option<f64>) -> ProjectRules {
    let limits = match max_usd.map(Nano::from_usd) {
        Some(hard) => Limits { soft: policy.budget.soft.min(hard), hard },
        None => policy.budget,
    };
    let mut sources = policy.sources.clone();
    if max_usd.is_some() {
        sources.extend(["soft_usd", "hard_usd"].map(|key| (key, "`--max-usd`".to_owned())));
    }
    ProjectRules {
        policy: Policy {
            autonomy: policy.autonomy,
            one_person_team: policy.one_person_team,
            writers: policy.writers.clone(),
            listed_bots: policy.listed_bots.clone(),
            keep_plan: policy.keep_plan,
            soft_budget: Some(limits.soft),
            hard_budget: Some(limits.hard),
            max_ci_fixes: policy.fix_tries,
            limits: policy.limits.clone(),
            bots: policy.bots.clone(),
            people: policy.people.clone(),
            max_stories: policy.max_stories,
            ceiling: policy.ceiling(),
            most_budget: max_usd.map(Nano::from_usd),
            ..Policy::default()
        },
        protected: policy.protected_paths.clone(),
        limits,
        sources,
        audit: policy.audit_repo.as_deref().map(remote),
        link: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_a_followed_configuration_needs_a_person() {
        let rows = [
            ("", "policy.toml", true),
            ("", "prompts/engineer/fix.md", true),
            ("team", "team/agents/a.toml", true),
            ("team", "README.md", false),
        ];
        for (folder, path, guarded) in rows {
            let all = [guarded_by(folder)];
            let policy = crate::tool::PathPolicy::new(true).protect(&all).unwrap().protected;
            let path = crate::domain::path::RepoPath::parse(path).unwrap();
            assert_eq!(
                policy.iter().any(|glob| all.contains(&glob.as_str().to_owned()) && glob.matches(&path)),
                guarded,
                "{folder} {path}"
            );
        }
    }
}
