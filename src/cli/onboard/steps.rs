//! The steps of onboarding, each told with what was found, made or refused.

use crate::app::repo_on_forge;
use crate::cli::forges::{Words, is_like, words};
use crate::cli::report::{Report, Verdict};
use crate::config::{Config, ForgeSettings};
use crate::domain::forge::{ForgeKind, Repo, RepoRef, State, User};
use crate::forge::{Forge, ForgeError, NewFile, NewPull};

use super::hook::HookStep;
use super::{OnboardArgs, file, link};

pub(super) struct Job<'a> {
    pub forge: &'a dyn Forge,
    pub bot: User,
    pub repo: Repo,
    pub config: &'a Config,
    pub settings: &'a ForgeSettings,
    pub args: &'a OnboardArgs,
}

impl Job<'_> {
    pub async fn all(&self, report: &mut Report) {
        let path = &self.repo.path;
        report.add("account", Verdict::Ok, format!("@{} in {path}", self.bot.login));
        if self.repo.archived {
            report.fix("repository", Verdict::Fails, format!("{path} is archived"), "take it out of the archive first");
            return;
        }
        self.served(report);
        self.labels(report).await;
        self.hook(report).await;
        link::examine(self, report).await;
        self.audit(report).await;
        self.pull(report).await;
        if self.args.protect {
            self.protect(report).await;
        }
    }

    pub(super) fn at(&self) -> RepoRef {
        RepoRef { id: self.repo.id, path: self.repo.path.clone() }
    }

    fn words(&self) -> Words {
        words(self.settings.kind)
    }

    fn admin_fix(&self) -> String {
        self.words().let_administer(&self.bot.login, &self.repo.path)
    }

    pub(super) fn push_fix(&self) -> String {
        self.words().let_push(&self.bot.login, &self.repo.path)
    }

    /// What came of a call that may be refused.
    pub(super) fn refused(&self, report: &mut Report, what: &str, error: &ForgeError, fix: String) {
        let verdict = if error.is_transient() { Verdict::Unknown } else { Verdict::Fails };
        report.fix(what, verdict, error.to_string(), fix);
    }

    fn served(&self, report: &mut Report) {
        let path = &self.repo.path;
        if self.config.settings.serves(path) {
            report.add("projects", Verdict::Ok, format!("the settings serve {path}"));
        } else {
            report.fix(
                "projects",
                Verdict::Note,
                format!("the settings do not serve {path} yet"),
                format!("add \"{path}\" to `projects` of the settings file"),
            );
        }
    }

    async fn labels(&self, report: &mut Report) {
        let wanted = &self.config.team.labels;
        let fix = || format!("{}, and {}", self.push_fix(), self.words().issue_scope);
        let missing = match self.forge.labels(&self.at()).await {
            Ok(here) => wanted.iter().filter(|label| !here.iter().any(|other| is_like(self.forge, label, other))).count(),
            Err(error) => return self.refused(report, "labels", &error, fix()),
        };
        if self.args.dry_run {
            return match missing {
                0 => report.add("labels", Verdict::Ok, format!("all {} are there", wanted.len())),
                count => report.add("labels", Verdict::Would, format!("{count} of {} would be made or mended", wanted.len())),
            };
        }
        match self.forge.ensure_labels(&self.at(), wanted).await {
            Ok(changed) if changed.is_empty() => report.add("labels", Verdict::Ok, format!("all {} are there", wanted.len())),
            Ok(changed) => report.add("labels", Verdict::Made, format!("{} of {} made or mended", changed.len(), wanted.len())),
            Err(error) => self.refused(report, "labels", &error, fix()),
        }
    }

    async fn hook(&self, report: &mut Report) {
        let hook =
            HookStep { forge: self.forge, at: self.at(), settings: self.settings, config: self.config, args: self.args, what: "web hook" };
        if let Err(error) = hook.take(report).await {
            self.refused(report, "web hook", &error, self.admin_fix());
        }
    }

    async fn audit(&self, report: &mut Report) {
        let policy = self.config.team.policy(&self.settings.id, &self.repo.path);
        let owner = self.repo.path.rsplit_once('/').map_or("", |(owner, _)| owner);
        let (path, configured) = match &policy.audit_repo {
            Some(place) => match repo_on_forge(self.settings, place) {
                Some(path) => (path, true),
                None => {
                    return report.add(
                        "record",
                        Verdict::Ok,
                        format!("it goes to {}, as configured", crate::base::text::without_login(place)),
                    );
                }
            },
            None if self.args.no_audit => return report.add("record", Verdict::Note, "it stays in the data directory"),
            None => (self.args.audit.clone().unwrap_or_else(|| format!("{owner}/syndarix-audit")), false),
        };
        let Some((owner, name)) = path.rsplit_once('/') else {
            return report.fix("record", Verdict::Fails, format!("`{path}` is not a repository"), "write it as owner/name");
        };
        match self.forge.repo(&RepoRef { id: 0, path: path.clone() }).await {
            Ok(repo) if !repo.bot_can_push => {
                report.fix(
                    "record",
                    Verdict::Fails,
                    format!("@{} may not push to {path}", self.bot.login),
                    self.words().let_push(&self.bot.login, &path),
                );
            }
            Ok(_) => report.add("record", Verdict::Ok, format!("the {} {path} is there", self.words().repo)),
            Err(ForgeError::NotFound(_)) if self.args.dry_run => {
                report.add("record", Verdict::Would, format!("the private {} {path} would be made", self.words().repo))
            }
            Err(ForgeError::NotFound(_)) => match self.forge.create_repo(owner, name).await {
                Ok(_) => report.add("record", Verdict::Made, format!("the private {} {path}", self.words().repo)),
                Err(error) => {
                    let rights = self.words().let_push(&self.bot.login, &path);
                    let first = match is_taken(&error) {
                        true => format!("it is there, out of sight of @{}: {rights}", self.bot.login),
                        false => format!("make an empty private {} {path} by hand and {rights}", self.words().repo),
                    };
                    let fix = format!("{first}, name another one with --audit, or use --no-audit");
                    return self.refused(report, "record", &error, fix);
                }
            },
            Err(error) => return self.refused(report, "record", &error, "check that the forge can be reached".to_owned()),
        }
        if !configured {
            let url = format!("{}/{path}.git", self.settings.url);
            let said = "it stays in the data directory until it is told where to go";
            report.fix("record", Verdict::Note, said, format!("set `audit_repo = \"{url}\"` under [defaults] of bot-config/policy.toml"));
        }
    }

    async fn pull(&self, report: &mut Report) {
        if self.repo.empty {
            let fix = "push a first commit and run this again";
            let said = format!("the {} is empty, so there is nothing to propose a change of", self.words().repo);
            return report.fix(self.words().pull, Verdict::Note, said, fix);
        }
        if let Err(error) = self.propose(report).await {
            self.refused(report, self.words().pull, &error, self.push_fix());
        }
    }

    async fn propose(&self, report: &mut Report) -> Result<(), ForgeError> {
        let (at, base) = (self.at(), self.repo.default_branch.clone());
        if self.forge.has_file(&at, &base, file::PATH).await? {
            report.add(self.words().pull, Verdict::Ok, format!("{} is on {base} already", file::PATH));
            return Ok(());
        }
        if let Some(pull) = self.forge.pulls_of_branch(&at, file::BRANCH).await?.first() {
            let state = if pull.state == State::Open { "is open" } else { "was closed, and is not opened again" };
            report.add(self.words().pull, Verdict::Ok, format!("{} {state}", crate::domain::forge::mention(pull.number)));
            return Ok(());
        }
        if self.args.dry_run {
            report.add(
                self.words().pull,
                Verdict::Would,
                format!("one that adds {} would be opened; it changes nothing until it is merged", file::PATH),
            );
            return Ok(());
        }
        // A run that was cut off may have left the branch; where branch and commit are made one after the other, without the file.
        let left = self.forge.branch_head(&at, file::BRANCH).await?.is_some();
        let apart = self.settings.kind == ForgeKind::GitHub;
        if !left || (apart && !self.forge.has_file(&at, file::BRANCH, file::PATH).await?) {
            let new = NewFile {
                path: file::PATH.to_owned(),
                content: file::content(&self.repo.path),
                message: format!("{}\n", file::TITLE),
                base: base.clone(),
                branch: file::BRANCH.to_owned(),
            };
            self.forge.commit_file(&at, &new).await?;
        }
        let pull = NewPull {
            title: file::TITLE.to_owned(),
            body: file::body(&self.bot.login, &self.repo.path, &self.words()),
            head: file::BRANCH.to_owned(),
            base,
            draft: false,
        };
        let pull = self.forge.create_pull(&at, &pull).await?;
        report.add(
            self.words().pull,
            Verdict::Made,
            format!("{} adds {}; it changes nothing until it is merged", crate::domain::forge::mention(pull.number), file::PATH),
        );
        Ok(())
    }

    async fn protect(&self, report: &mut Report) {
        let branch = &self.repo.default_branch;
        match self.forge.branch_rules(&self.at(), branch).await {
            Ok(Some(rules)) if !rules.told => {
                report.add("branch", Verdict::Ok, format!("{branch} is protected already, by a rule that only administrators may read"))
            }
            Ok(Some(rules)) if !rules.rule.is_empty() => {
                report.add("branch", Verdict::Ok, format!("{branch} is protected already, by the rule `{}`", rules.rule))
            }
            Ok(None) => {
                report.fix("branch", Verdict::Note, format!("there is no branch {branch} yet"), "push a first commit and run this again")
            }
            Ok(Some(_)) if self.args.dry_run => {
                report.add("branch", Verdict::Would, format!("{branch} would be protected: no pushes, one approval"))
            }
            Ok(Some(_)) => match self.forge.protect_branch(&self.at(), branch, 1).await {
                Ok(()) => report.add("branch", Verdict::Made, format!("{branch} is protected: no pushes, one approval before a merge")),
                Err(error) => self.refused(report, "branch", &error, self.admin_fix()),
            },
            Err(error) => self.refused(report, "branch", &error, self.admin_fix()),
        }
    }
}

/// What a forge says of a name that a repository has already which this account cannot see.
fn is_taken(error: &ForgeError) -> bool {
    let said = |text: &String| text.contains("already exist") || text.contains("already been taken");
    matches!(error, ForgeError::Conflict(text) | ForgeError::Unprocessable(text) if said(text))
}
