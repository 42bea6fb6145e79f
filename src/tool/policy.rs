//! Which files an agent may see and change.

use std::collections::BTreeSet;

use crate::domain::path::RepoPath;
use crate::domain::path::glob::{BadGlob, Glob, first_match};

use super::Rule;

/// Files that steer people's tools, other agents, the continuous integration or this bot: changing one can run code or change rules
/// outside of what is reviewed as code, so it needs a person's approval beforehand.
pub const DEFAULT_PROTECTED: &[&str] = &[
    "/bot-config/**",
    "/prompts/**",
    "/.syndarix.toml",
    ".gitea/**",
    "**/.gitea/**",
    "**/.forgejo/**",
    "**/.github/**",
    "**/.gitlab/**",
    "**/.circleci/**",
    "**/.woodpecker/**",
    "{.gitlab-ci,.woodpecker,.drone,.travis,azure-pipelines,bitbucket-pipelines}.{yml,yaml}",
    "Jenkinsfile",
    "CODEOWNERS",
    "{AGENTS,AGENT,CLAUDE,GEMINI}.md",
    "{.cursorrules,.windsurfrules,.clinerules,.aider.conf.yml,.mcp.json}",
    "**/{.claude,.cursor,.gemini,.codex,.continue,.roo,.windsurf,.clinerules}/**",
    "**/{.vscode,.idea,.devcontainer,.husky,.githooks}/**",
    "{.gitmodules,.gitattributes,.lfsconfig,.mailmap,.envrc,.pre-commit-config.yaml}",
    "**/.cargo/**",
    "{.npmrc,.yarnrc,.yarnrc.yml,.pypirc,pip.conf}",
    "*.{pem,key,p12,pfx,jks,keystore,kdbx}",
    "{id_rsa,id_dsa,id_ecdsa,id_ed25519}*",
    "{.env,.env.*,.netrc,.git-credentials}",
];

/// Files that commonly hold secrets: not shown to a model at all.
pub const DEFAULT_READ_DENIED: &[&str] = &[
    "*.{pem,key,p12,pfx,jks,keystore,kdbx}",
    "{id_rsa,id_dsa,id_ecdsa,id_ed25519}",
    "{.env,.netrc,.git-credentials,.pypirc}",
    ".env.{local,production,staging,development}",
];

/// What the paths of one run are checked against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPolicy {
    /// Refused for writing until a person approved it.
    pub protected: Vec<Glob>,
    /// Never shown.
    pub read_denied: Vec<Glob>,
    /// False for agents that only read.
    pub writable: bool,
    /// Protected files that a person let this run change, by name.
    pub approved: BTreeSet<RepoPath>,
}

/// Why a path is out of bounds, as a sentence with the way out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Denial {
    reason: String,
    /// The rule it follows from.
    pub rule: Rule,
}

impl PathPolicy {
    /// The default lists.
    pub fn new(writable: bool) -> PathPolicy {
        let globs = |list: &[&str]| list.iter().filter_map(|pattern| Glob::new(pattern).ok()).collect();
        PathPolicy { protected: globs(DEFAULT_PROTECTED), read_denied: globs(DEFAULT_READ_DENIED), writable, approved: BTreeSet::new() }
    }

    /// Adds protected patterns; a configuration can tighten the defaults, never loosen them.
    pub fn protect(mut self, patterns: &[String]) -> Result<PathPolicy, BadGlob> {
        for pattern in patterns {
            self.protected.push(Glob::new(pattern)?);
        }
        Ok(self)
    }

    /// Whether the file may be shown.
    pub fn may_read(&self, path: &RepoPath) -> Result<(), Denial> {
        match first_match(&self.read_denied, path) {
            None => Ok(()),
            Some(glob) => Err(Denial {
                rule: Rule::SecretFile,
                reason: format!(
                    "`{path}` may hold secrets (it matches `{}`), so its content is not shown to agents. Work without it, or use ask_human.",
                    glob.as_str()
                ),
            }),
        }
    }

    /// Whether the file may be made, changed or deleted.
    pub fn may_write(&self, path: &RepoPath) -> Result<(), Denial> {
        if !self.writable {
            let reason = "This agent only reads; it may not change files. Describe the change in your outcome instead.".to_owned();
            return Err(Denial { rule: Rule::ReadOnly, reason });
        }
        if self.approved.contains(path) {
            return Ok(());
        }
        match first_match(&self.protected, path) {
            None => Ok(()),
            Some(glob) => Err(Denial {
                rule: Rule::Protected,
                reason: format!(
                    "`{path}` is protected (it matches `{}`): it can change how code is built, run or reviewed, so a person must approve that first, \
                     by approving a plan that names the file. Do the rest of the work without it, and use ask_human to say which change it needs and why.",
                    glob.as_str()
                ),
            }),
        }
    }
}
