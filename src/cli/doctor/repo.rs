//! What has to be right in a repository: rights, hook, deliveries, labels, branches, the record.

use std::time::Duration;

use super::Ward;
use crate::app::repo_on_forge;
use crate::cli::forges::{Words, knows_exclusive, words};
use crate::cli::onboard::{faults, hook_url};
use crate::cli::report::{Report, Verdict};
use crate::config::ForgeSettings;
use crate::domain::forge::{Repo, RepoRef, User};
use crate::domain::scopes;
use crate::forge::{Forge, ForgeError, RepoHook};
use crate::store::{DeliveryFilter, Source, Store};

/// How long a test delivery may take. A forge waits for a moment before it sends one.
const PATIENCE: Duration = Duration::from_secs(12);

pub(super) struct Visit<'a> {
    pub ward: &'a Ward<'a>,
    pub settings: &'a ForgeSettings,
    pub forge: &'a dyn Forge,
    pub bot: &'a User,
    pub repo: Repo,
}

impl Visit<'_> {
    pub async fn examine(&self, report: &mut Report) {
        self.rights(report);
        self.links(report);
        let hook = self.hook(report).await;
        if let Some(hook) = hook {
            self.delivery(&hook, report).await;
        }
        self.labels(report).await;
        self.branches(report).await;
        self.own_branches(report).await;
        self.record(report).await;
    }

    fn words(&self) -> Words {
        words(self.settings.kind)
    }

    /// Asks for what lets the bot push to a repository.
    fn let_push(&self, path: &str) -> String {
        self.words().let_push(&self.bot.login, path)
    }

    fn at(&self) -> RepoRef {
        RepoRef { id: self.repo.id, path: self.repo.path.clone() }
    }

    fn what(&self, check: &str) -> String {
        format!("{}, {check}", self.repo.path)
    }

    fn onboard(&self) -> String {
        format!("`syndarix onboard {} {}`", self.settings.id, self.repo.path)
    }

    fn unknown(&self, report: &mut Report, check: &str, error: &ForgeError) {
        report.fix(self.what(check), Verdict::Unknown, error.to_string(), "run this again when the forge answers");
    }

    fn rights(&self, report: &mut Report) {
        let (path, login) = (&self.repo.path, &self.bot.login);
        let what = self.what("rights");
        let writers = &self.ward.config.team.policy(&self.settings.id, path).writers;
        if !self.ward.config.settings.serves(path) {
            report.fix(
                self.what("settings"),
                Verdict::Note,
                "it is not served",
                format!("add \"{path}\" to `projects` of the settings file"),
            );
        }
        if self.repo.archived {
            report.fix(
                what,
                Verdict::Fails,
                "it is archived, so nothing can be done there",
                "take it out of the archive, or out of `projects`",
            );
        } else if !self.repo.bot_can_push {
            report.fix(what, Verdict::Fails, format!("@{login} may not push"), self.let_push(path));
        } else if self.repo.bot_is_admin {
            report.add(what, Verdict::Ok, format!("@{login} administers it and can ask for the permissions of others"));
        } else if !self.words().admin_asks {
            let fix = format!("to let `syndarix onboard` set up what is missing, {}", self.words().let_administer(login, path));
            let said =
                format!("@{login} may push and can ask for the permissions of others; web hooks and rules of branches it may not see");
            report.fix(what, Verdict::Note, said, fix);
        } else if writers.is_empty() {
            let fix = format!("give @{login} administrator rights in {path}, or list the people in `writers` of the project's policy");
            report.fix(what, Verdict::Fails, format!("@{login} may push, but not ask who may write; nobody's commands would count"), fix);
        } else {
            report.add(what, Verdict::Ok, format!("@{login} may push; commands of {} count, as configured", writers.join(", ")));
        }
    }

    /// The address by which the forge calls itself is the one that people know.
    fn links(&self, report: &mut Report) {
        let what = self.what("links");
        let used = self.settings.public_url.as_ref().unwrap_or(&self.settings.url);
        let own = self.repo.web_url.strip_suffix(&format!("/{}", self.repo.path)).unwrap_or(&self.repo.web_url);
        if own.eq_ignore_ascii_case(used) {
            report.add(what, Verdict::Ok, format!("they begin with {used}, as the forge's own do"));
        } else {
            let fix = format!(
                "set `public_url = \"{own}\"` in the [[forges]] block of `{}`, or the right ROOT_URL on the forge",
                self.settings.id
            );
            report.fix(
                what,
                Verdict::Fails,
                format!("the forge calls itself {own}, and links that this program writes begin with {used}"),
                fix,
            );
        }
    }

    async fn hook(&self, report: &mut Report) -> Option<RepoHook> {
        let (what, url) = (self.what("web hook"), hook_url(self.ward.config, self.settings));
        let (hooks, events) = match (self.forge.hooks(&self.at()).await, self.forge.hook_events().await) {
            (Ok(hooks), Ok(events)) => (hooks, events),
            (Err(error @ (ForgeError::Forbidden(_) | ForgeError::NotFound(_))), _) => {
                let fix = format!(
                    "look for a hook to {url} in the {}'s settings, or give @{} {}",
                    self.words().repo,
                    self.bot.login,
                    self.words().admin
                );
                report.fix(what, Verdict::Unknown, error.to_string(), fix);
                return None;
            }
            (Err(error), _) | (_, Err(error)) => {
                self.unknown(report, "web hook", &error);
                return None;
            }
        };
        let ours: Vec<&RepoHook> = hooks.iter().filter(|hook| hook.url == url).collect();
        let Some(hook) = ours.iter().find(|hook| faults(hook, &events).is_empty()).or(ours.first()) else {
            report.fix(what, Verdict::Fails, format!("none goes to {url}"), self.onboard());
            return None;
        };
        let faults = faults(hook, &events);
        if !faults.is_empty() {
            report.fix(what, Verdict::Fails, faults.join("; "), self.onboard());
            return None;
        }
        if ours.len() > 1 {
            report.fix(what, Verdict::Note, format!("{} of them go to {url}", ours.len()), self.onboard());
        } else {
            report.add(what, Verdict::Ok, format!("it goes to {url} and tells of everything that is needed"));
        }
        Some((*hook).clone())
    }

    /// Has the forge send a delivery and waits for it in the inbox.
    async fn delivery(&self, hook: &RepoHook, report: &mut Report) {
        let what = self.what("delivery");
        if self.ward.args.no_delivery {
            return report.add(what, Verdict::Note, "not tried, as asked");
        }
        let (Some(store), true) = (self.ward.store, self.ward.serving) else {
            let said = if self.ward.serving { "the database cannot be looked into" } else { "no serving process to receive one" };
            return report.fix(what, Verdict::Unknown, said, "start `syndarix serve` and run this again");
        };
        if self.repo.empty {
            let said = format!("a forge sends no test of an empty {}", self.words().repo);
            return report.fix(what, Verdict::Note, said, "push a first commit");
        }
        let (since, refused) = (self.ward.clock.now(), self.refused().await);
        if let Err(error) = self.forge.test_hook(&self.at(), hook.id).await {
            return self.unknown(report, "delivery", &error);
        }
        let mut waited = Duration::ZERO;
        while waited < PATIENCE {
            if self.arrived(store, since).await {
                return report.add(what, Verdict::Ok, "a test delivery of the forge arrived");
            }
            if self.refused().await > refused {
                let fix = format!(
                    "`syndarix onboard {} {} --renew-hook` gives the forge the secret of the settings",
                    self.settings.id, self.repo.path
                );
                return report.fix(what, Verdict::Fails, "a test delivery arrived signed with another secret than the settings have", fix);
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
            waited += Duration::from_millis(500);
        }
        let host = reqwest::Url::parse(&hook.url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
        let fix = (self.words().deliveries)(&host);
        report.fix(what, Verdict::Fails, format!("the forge sent none to {} within {} seconds", hook.url, PATIENCE.as_secs()), fix);
    }

    async fn arrived(&self, store: &Store, since: crate::base::Time) -> bool {
        let filter = DeliveryFilter { hook: Some(self.settings.id.clone()), since: Some(since), ..DeliveryFilter::default() };
        store.list_deliveries(&filter, 50).await.is_ok_and(|all| all.iter().any(|one| one.source == Source::Webhook))
    }

    /// Deliveries that the serving process has refused for their signature, as its metrics tell.
    async fn refused(&self) -> u64 {
        let url = format!("{}/metrics", self.ward.config.settings.public_url);
        let Ok(answer) = self.ward.http.get(url).send().await else { return 0 };
        let text = answer.text().await.unwrap_or_default();
        let name = format!("syndarix_deliveries_refused_total{{hook=\"{}\"}} ", self.settings.id);
        text.lines().find_map(|line| line.strip_prefix(&name)).and_then(|count| count.trim().parse().ok()).unwrap_or(0)
    }

    async fn labels(&self, report: &mut Report) {
        let what = self.what("labels");
        let wanted = &self.ward.config.team.labels;
        match self.forge.labels(&self.at()).await {
            Err(error) => self.unknown(report, "labels", &error),
            Ok(here) => {
                let spelled = |name: &str| scopes::spelled(name, self.settings.kind).into_owned();
                let missing: Vec<String> = wanted
                    .iter()
                    .filter(|label| !here.iter().any(|other| other.name == label.name))
                    .map(|label| spelled(&label.name))
                    .collect();
                let exclusive = knows_exclusive(self.forge);
                let odd: Vec<&str> = wanted
                    .iter()
                    .filter(|_| exclusive)
                    .filter(|label| here.iter().any(|other| other.name == label.name && other.exclusive != label.exclusive))
                    .map(|label| label.name.as_str())
                    .collect();
                let fix = format!("{}, or `/syndarix label sync` under an issue", self.onboard());
                if !missing.is_empty() {
                    report.fix(
                        what,
                        Verdict::Fails,
                        format!("{} of {} are missing: {}", missing.len(), wanted.len(), missing.join(", ")),
                        fix,
                    );
                } else if !odd.is_empty() {
                    report.fix(
                        what,
                        Verdict::Fails,
                        format!("not exclusive as they should be, or the other way round: {}", odd.join(", ")),
                        fix,
                    );
                } else {
                    report.add(what, Verdict::Ok, format!("all {} are there", wanted.len()));
                }
            }
        }
    }

    async fn branches(&self, report: &mut Report) {
        match self.forge.branch_head(&self.at(), "syndarix").await {
            Ok(None) => report.add(self.what("branch names"), Verdict::Ok, "`syndarix/...` is free"),
            Ok(Some(_)) => {
                let fix = "rename or delete the branch `syndarix`; Git cannot have it beside `syndarix/...`";
                report.fix(
                    self.what("branch names"),
                    Verdict::Fails,
                    "a branch named `syndarix` stands in the way of the bot's branches",
                    fix,
                );
            }
            Err(error) => self.unknown(report, "branch names", &error),
        }
        let (what, branch) = (self.what("protection"), &self.repo.default_branch);
        match self.forge.branch_rules(&self.at(), branch).await {
            Ok(None) => report.add(what, Verdict::Note, format!("there is no branch {branch} yet")),
            Ok(Some(rules)) if rules.rule.is_empty() => {
                report.fix(
                    what,
                    Verdict::Note,
                    format!("{branch} is not protected: whoever may push can change it past any review"),
                    format!("{} with --protect", self.onboard()),
                );
            }
            Ok(Some(rules)) if !rules.told => {
                let said = format!("{branch} is protected; what the rule asks is told to administrators alone");
                let fix = format!(
                    "look at the rule in the {}'s settings, or {}",
                    self.words().repo,
                    self.words().let_administer(&self.bot.login, &self.repo.path)
                );
                report.fix(what, Verdict::Note, said, fix);
            }
            Ok(Some(rules)) if !rules.bot_may_merge => {
                let fix =
                    format!("add @{} to those who may merge, in the rule `{}`; or let people merge by hand", self.bot.login, rules.rule);
                report.fix(what, Verdict::Fails, format!("{branch} is protected, and @{} may not merge into it", self.bot.login), fix);
            }
            Ok(Some(rules)) => {
                report.add(what, Verdict::Ok, format!("{branch} is protected by `{}`, {} approvals", rules.rule, rules.required_approvals))
            }
            Err(error) => self.unknown(report, "protection", &error),
        }
    }

    /// A rule made for all branches holds for those of stories as well, and keeps the bot from pushing to its own.
    async fn own_branches(&self, report: &mut Report) {
        let (what, login) = (self.what("own branches"), &self.bot.login);
        match self.forge.rule_for_name(&self.at(), "syndarix/1-any-story").await {
            Ok(None) => report.add(what, Verdict::Ok, "no rule holds for branches named `syndarix/...`"),
            Ok(Some(rule)) if rule.bot_may_push == Some(true) => {
                report.add(what, Verdict::Ok, format!("the rule `{}` holds for `syndarix/...`, and @{login} may push there", rule.rule))
            }
            Ok(Some(rule)) => {
                let fix = format!("let @{login} push in the rule `{0}`, or make `{0}` fit fewer branches", rule.rule);
                let (verdict, said) = match rule.bot_may_push {
                    Some(_) => (Verdict::Fails, format!("and @{login} may not push there: no story could get its branch")),
                    None => (Verdict::Note, format!("and whether @{login} is in one of its teams is not known")),
                };
                report.fix(what, verdict, format!("the rule `{}` holds for `syndarix/...`, {said}", rule.rule), fix);
            }
            Err(error @ (ForgeError::Forbidden(_) | ForgeError::NotFound(_))) => {
                let fix = format!("see that no rule protects branches named `syndarix/...`, or give @{login} {}", self.words().admin);
                report.fix(what, Verdict::Note, format!("its rules cannot be read: {error}"), fix);
            }
            Err(error) => self.unknown(report, "own branches", &error),
        }
    }

    async fn record(&self, report: &mut Report) {
        let what = self.what("record");
        let Some(place) = &self.ward.config.team.policy(&self.settings.id, &self.repo.path).audit_repo else {
            return report.fix(
                what,
                Verdict::Note,
                "it stays in the data directory",
                "set `audit_repo` in bot-config/policy.toml to have it pushed somewhere safe",
            );
        };
        let Some(path) = repo_on_forge(self.settings, place) else {
            return report.add(what, Verdict::Ok, format!("it goes to {}", crate::base::text::without_login(place)));
        };
        match self.forge.repo(&RepoRef { id: 0, path: path.clone() }).await {
            Ok(repo) if repo.bot_can_push => report.add(what, Verdict::Ok, format!("it goes to {path}")),
            Ok(_) => report.fix(what, Verdict::Fails, format!("@{} may not push to {path}", self.bot.login), self.let_push(&path)),
            Err(ForgeError::NotFound(_)) => {
                report.fix(what, Verdict::Fails, format!("{path} is not there, or @{} may not see it", self.bot.login), self.onboard())
            }
            Err(error) => self.unknown(report, "record", &error),
        }
    }
}
