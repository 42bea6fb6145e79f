//! What holds for one project: the defaults of `policy.toml`, and over them `projects/*.toml`.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::error::{ConfigError, ConfigErrors, parse_as};
use super::link::{self, LinkConfig, RawLink, not_a_repo};
use super::models::Dollars;
use super::shape;
use crate::domain::budget::Limits;
use crate::domain::guard::GuardLimits;
use crate::domain::path::glob::Glob;
pub use crate::domain::workflow::label::Autonomy;

/// The rules in force for one project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProjectPolicy {
    pub autonomy: Autonomy,
    /// Requesters and authors may approve: there is nobody else.
    pub one_person_team: bool,
    /// Logins that count as writers where the bot may not ask the forge.
    pub writers: Vec<String>,
    /// Logins of other bots that may give commands.
    pub listed_bots: Vec<String>,
    /// The plan file stays in the repository after the merge.
    pub keep_plan: bool,
    /// Cost limits of one story.
    pub budget: Limits,
    /// Paths that agents change only with a person's approval: a file, `dir/**`, or `*.ext` at any depth.
    pub protected_paths: Vec<String>,
    /// Where the audit record is pushed: a local path or an address; `None` keeps it in the data directory.
    pub audit_repo: Option<String>,
    /// Tries to turn a red CI green before a person is asked.
    pub fix_tries: u32,
    /// How much may happen before a person has to look.
    pub limits: GuardLimits,
    /// Logins of programs, beside those that a forge marks as such.
    pub bots: Vec<String>,
    /// Logins of people who are never taken for programs.
    pub people: Vec<String>,
    /// Most stories between the start of their implementation and their merge at once; 0: as many as there are.
    pub max_stories: u32,
    /// The loosest level that a maintainer may set by command; `None`: the configured one.
    pub autonomy_ceiling: Option<Autonomy>,
    /// The file that sets a key; what is missing is built in.
    #[serde(skip)]
    pub sources: BTreeMap<&'static str, String>,
}

/// What a file sets; what it leaves out stays as it was.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Overlay {
    autonomy: Option<Autonomy>,
    autonomy_ceiling: Option<Spanned<Autonomy>>,
    one_person_team: Option<bool>,
    writers: Option<Vec<String>>,
    listed_bots: Option<Vec<String>>,
    keep_plan: Option<bool>,
    soft_usd: Option<Spanned<Dollars>>,
    hard_usd: Option<Spanned<Dollars>>,
    protected_paths: Option<Vec<Spanned<String>>>,
    audit_repo: Option<String>,
    fix_tries: Option<u32>,
    limits: BTreeMap<String, Spanned<i64>>,
    bots: Option<Vec<String>>,
    people: Option<Vec<String>>,
    max_stories: Option<u32>,
}

impl ProjectPolicy {
    /// The loosest level that a maintainer may set by command. What is configured is always allowed.
    pub fn ceiling(&self) -> Autonomy {
        self.autonomy_ceiling.unwrap_or(self.autonomy).max(self.autonomy)
    }
}

/// Why this cannot protect anything; `None`: it can.
pub(super) fn not_a_path(path: &str) -> Option<String> {
    if path.is_empty() || path.starts_with('/') {
        return Some(format!("`{path}` is not a path from the repository's root, such as `.gitea/workflows/**`"));
    }
    Glob::new(path).err().map(|error| error.to_string())
}

impl Overlay {
    /// The keys that this file sets.
    fn keys(&self) -> Vec<&'static str> {
        let set = [
            ("autonomy", self.autonomy.is_some()),
            ("autonomy_ceiling", self.autonomy_ceiling.is_some()),
            ("one_person_team", self.one_person_team.is_some()),
            ("writers", self.writers.is_some()),
            ("listed_bots", self.listed_bots.is_some()),
            ("keep_plan", self.keep_plan.is_some()),
            ("soft_usd", self.soft_usd.is_some()),
            ("hard_usd", self.hard_usd.is_some()),
            ("protected_paths", self.protected_paths.is_some()),
            ("audit_repo", self.audit_repo.is_some()),
            ("fix_tries", self.fix_tries.is_some()),
        ];
        set.into_iter().filter_map(|(key, set)| set.then_some(key)).collect()
    }

    /// Lays this over a policy. `fault` gets everything that does not fit, with its place.
    fn over(self, mut policy: ProjectPolicy, fault: &mut dyn FnMut(Range<usize>, String)) -> ProjectPolicy {
        let limit_span = self.hard_usd.as_ref().or(self.soft_usd.as_ref()).map(Spanned::span);
        policy.budget.soft = self.soft_usd.map_or(policy.budget.soft, |usd| usd.into_inner().0);
        policy.budget.hard = self.hard_usd.map_or(policy.budget.hard, |usd| usd.into_inner().0);
        if let Some(span) = limit_span
            && policy.budget.soft > policy.budget.hard
        {
            fault(span, format!("the soft limit ({}) is above the hard limit ({})", policy.budget.soft, policy.budget.hard));
        }
        if let Some(paths) = self.protected_paths {
            for path in &paths {
                if let Some(why) = not_a_path(path.as_ref()) {
                    fault(path.span(), why);
                }
            }
            policy.protected_paths = paths.into_iter().map(Spanned::into_inner).collect();
        }
        for (key, value) in self.limits {
            if let Err(message) = policy.limits.set(&key, *value.as_ref()) {
                fault(value.span(), message);
            }
        }
        let autonomy = self.autonomy.unwrap_or(policy.autonomy);
        let ceiling = self.autonomy_ceiling.as_ref().map(|level| *level.as_ref());
        if let (Some(level), Some(span)) = (ceiling, self.autonomy_ceiling.as_ref().map(Spanned::span))
            && level < autonomy
        {
            fault(span, format!("`autonomy_ceiling` is tighter than `autonomy` ({})", autonomy.word()));
        }
        ProjectPolicy {
            autonomy,
            autonomy_ceiling: ceiling.or(policy.autonomy_ceiling),
            one_person_team: self.one_person_team.unwrap_or(policy.one_person_team),
            writers: self.writers.unwrap_or(policy.writers),
            listed_bots: self.listed_bots.unwrap_or(policy.listed_bots),
            keep_plan: self.keep_plan.unwrap_or(policy.keep_plan),
            audit_repo: self.audit_repo.or(policy.audit_repo),
            fix_tries: self.fix_tries.unwrap_or(policy.fix_tries),
            bots: self.bots.unwrap_or(policy.bots),
            people: self.people.unwrap_or(policy.people),
            max_stories: self.max_stories.unwrap_or(policy.max_stories),
            ..policy
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPolicy {
    defaults: Overlay,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProject {
    forge: Spanned<String>,
    repo: Spanned<String>,
    #[serde(default)]
    policy: Overlay,
    link: Option<RawLink>,
}

/// A project's own file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectFile {
    /// Id of the forge in the settings.
    pub forge: String,
    /// `owner/name`.
    pub repo: String,
    pub policy: ProjectPolicy,
    /// A second place in which its issues stand.
    pub link: Option<LinkConfig>,
    /// Where the forge is named, for whoever finds that there is no such forge.
    pub(super) forge_at: ConfigError,
}

/// What holds where `policy.toml` says nothing.
fn strictest() -> ProjectPolicy {
    ProjectPolicy {
        autonomy: Autonomy::Milestone,
        one_person_team: false,
        writers: Vec::new(),
        listed_bots: Vec::new(),
        keep_plan: false,
        budget: Limits { soft: crate::base::Nano::from_usd(2.0), hard: crate::base::Nano::from_usd(5.0) },
        protected_paths: Vec::new(),
        audit_repo: None,
        fix_tries: 3,
        limits: GuardLimits::default(),
        bots: Vec::new(),
        people: Vec::new(),
        max_stories: 10,
        autonomy_ceiling: None,
        sources: BTreeMap::new(),
    }
}

/// Reads `policy.toml`: the defaults of all projects.
pub fn read_policy(file: &str, text: &str) -> Result<ProjectPolicy, ConfigErrors> {
    let raw: RawPolicy = parse_as(file, text, shape::named("policy").map_or(&[], |file| file.keys))?;
    lay(file, text, raw.defaults, strictest())
}

/// Reads one file of `projects/`.
pub fn read_project(file: &str, text: &str, defaults: &ProjectPolicy) -> Result<ProjectFile, ConfigErrors> {
    let raw: RawProject = parse_as(file, text, shape::named("projects").map_or(&[], |file| file.keys))?;
    let repo = raw.repo.as_ref();
    if let Some(message) = not_a_repo(repo) {
        return Err(ConfigError::at(file, text, raw.repo.span(), message).into());
    }
    let link = raw.link.map(|own| link::read(file, text, own, (raw.forge.as_ref(), repo))).transpose().map_err(ConfigErrors)?;
    let policy = lay(file, text, raw.policy, defaults.clone())?;
    let forge_at = ConfigError::at(file, text, raw.forge.span(), String::new());
    Ok(ProjectFile { forge: raw.forge.into_inner(), repo: raw.repo.into_inner(), policy, link, forge_at })
}

fn lay(file: &str, text: &str, overlay: Overlay, policy: ProjectPolicy) -> Result<ProjectPolicy, ConfigErrors> {
    let mut errors = Vec::new();
    let keys = overlay.keys();
    let mut policy = overlay.over(policy, &mut |span, message| errors.push(ConfigError::at(file, text, span, message)));
    policy.sources.extend(keys.into_iter().map(|key| (key, file.to_owned())));
    if errors.is_empty() { Ok(policy) } else { Err(ConfigErrors(errors)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_changes_only_what_it_names() {
        let defaults = read_policy("policy.toml", "[defaults]\nwriters = [\"ann\"]\nhard_usd = 9\n").unwrap();
        let project =
            read_project("p.toml", "forge = \"home\"\nrepo = \"acme/shop\"\n[policy]\nautonomy = \"full-control\"\n", &defaults).unwrap();
        let sources =
            [("autonomy", "p.toml"), ("hard_usd", "policy.toml"), ("writers", "policy.toml")].map(|(key, file)| (key, file.to_owned()));
        assert_eq!(project.policy, ProjectPolicy { autonomy: Autonomy::FullControl, sources: BTreeMap::from(sources), ..defaults });
        assert!(Autonomy::FullControl < Autonomy::Milestone && Autonomy::Milestone < Autonomy::Autonomous);
    }

    #[test]
    fn the_ceiling_is_the_level_itself_unless_it_is_named() {
        let rows = [
            ("", "", Autonomy::Milestone),
            ("", "autonomy = \"full-control\"", Autonomy::FullControl),
            ("autonomy_ceiling = \"autonomous\"", "autonomy = \"full-control\"", Autonomy::Autonomous),
            ("", "autonomy_ceiling = \"autonomous\"", Autonomy::Autonomous),
            ("autonomy_ceiling = \"milestone\"", "autonomy = \"autonomous\"", Autonomy::Autonomous),
        ];
        for (defaults, own, ceiling) in rows {
            let defaults = read_policy("policy.toml", &format!("[defaults]\n{defaults}\n")).unwrap();
            let project = read_project("p.toml", &format!("forge = \"home\"\nrepo = \"a/b\"\n[policy]\n{own}\n"), &defaults).unwrap();
            assert_eq!(project.policy.ceiling(), ceiling, "{own}");
        }
    }

    #[test]
    fn mistakes_name_their_place() {
        let rows = [
            ("[defaults]\nautonomy_ceiling = \"full-control\"\n", "p.toml:2:20: `autonomy_ceiling` is tighter than `autonomy` (milestone)"),
            ("[defaults]\nsoft_usd = 6\n", "p.toml:2:12: the soft limit ($6.00) is above the hard limit ($5.00)"),
            ("[defaults]\nhard_usd = -1\n", "p.toml:2:12: -1 is not an amount"),
            ("[defaults]\nautonomy = \"milestones\"\n", "p.toml:2:12: unknown variant `milestones`, "),
            ("[defaults]\nprotected_paths = [\"a\", \"/etc\"]\n", "p.toml:2:25: `/etc` is not a path from"),
            ("[defaults]\nprotected_paths = [\"{a\"]\n", "p.toml:2:20: the pattern `{a` cannot be used: a brace is not closed"),
            ("[defaults.limits]\nstory_run = 3\n", "p.toml:2:13: unknown limit `story_run`; there are story_comments_per_hour, "),
            ("[defaults.limits]\nstory_runs = 0\n", "p.toml:2:14: `story_runs` must be at least 1"),
            ("[defaults]\nkeep_plans = true\n", "p.toml:2:1: unknown key `keep_plans`, "),
        ];
        for (text, want) in rows {
            let errors = read_policy("p.toml", text).unwrap_err().to_string();
            assert!(errors.starts_with(want), "{errors}\nwanted {want}");
        }
        let error = read_project("p.toml", "forge = \"home\"\nrepo = \"shop\"\n", &strictest()).unwrap_err().to_string();
        assert_eq!(error, "p.toml:2:8: `shop` is not a repository: write it as owner/name");
    }
}
