//! The web hook of a repository: the project's own, or that of a linked one.

use crate::base::text::without_login;
use crate::cli::forges::words;
use crate::cli::report::{Report, Verdict};
use crate::config::{Config, ForgeSettings};
use crate::domain::forge::RepoRef;
use crate::forge::{Forge, ForgeError, NewHook, RepoHook};

use super::OnboardArgs;

/// What is needed to see to one.
pub(super) struct HookStep<'a> {
    pub forge: &'a dyn Forge,
    pub at: RepoRef,
    pub settings: &'a ForgeSettings,
    pub config: &'a Config,
    pub args: &'a OnboardArgs,
    /// What the report calls it.
    pub what: &'a str,
}

impl HookStep<'_> {
    /// Makes it where it is missing, and anew where something is wrong with it. An error: the bot may not look, or may not make one.
    pub async fn take(&self, report: &mut Report) -> Result<(), ForgeError> {
        let url = hook_url(self.config, self.settings);
        let (hooks, events) = (self.forge.hooks(&self.at).await?, self.forge.hook_events().await?);
        let ours: Vec<&RepoHook> = hooks.iter().filter(|hook| hook.url == url).collect();
        let tail = format!("/hooks/{}", self.settings.id);
        for other in hooks.iter().filter(|hook| hook.url != url && hook.url.ends_with(&tail)) {
            let said = format!("there is another one, to {}", without_login(&other.url));
            let fix = format!("remove it in the {}'s settings if it is a former address of this program", words(self.settings.kind).repo);
            report.fix(self.what, Verdict::Note, said, fix);
        }
        let sound = ours.iter().find(|hook| faults(hook, &events).is_empty());
        match sound {
            Some(_) if ours.len() == 1 && !self.args.renew_hook => report.add(self.what, Verdict::Ok, format!("it is there, to {url}")),
            _ if self.args.dry_run => {
                let said =
                    if ours.is_empty() { format!("one to {url} would be made") } else { format!("the one to {url} would be made anew") };
                report.add(self.what, Verdict::Would, said);
            }
            _ => self.make(report, &url, &ours).await?,
        }
        Ok(())
    }

    /// The new one comes first, so that no moment is without any; a delivery that comes through both counts once.
    async fn make(&self, report: &mut Report, url: &str, old: &[&RepoHook]) -> Result<(), ForgeError> {
        let new = NewHook { url: url.to_owned(), secret: self.settings.hook_secret.clone() };
        let made = self.forge.create_hook(&self.at, &new).await?;
        // A forge that has one hook at most of an address gives it the new secret.
        for hook in old.iter().filter(|hook| hook.id != made.id) {
            if let Err(error) = self.forge.delete_hook(&self.at, hook.id).await {
                let verdict = if error.is_transient() { Verdict::Unknown } else { Verdict::Fails };
                let fix = format!("remove the hook number {} to {url} in the {}'s settings", hook.id, words(self.settings.kind).repo);
                report.fix(self.what, verdict, error.to_string(), fix);
                return Ok(());
            }
        }
        let said = if old.is_empty() {
            format!("one to {url}, with the secret of the settings")
        } else {
            format!("the one to {url} anew, with the secret of the settings")
        };
        report.add(self.what, Verdict::Made, said);
        Ok(())
    }
}

/// Where a forge sends its deliveries.
pub fn hook_url(config: &Config, forge: &ForgeSettings) -> String {
    format!("{}/hooks/{}", config.settings.public_url, forge.id)
}

/// What is wrong with a hook of ours, in words.
pub fn faults(hook: &RepoHook, events: &[&str]) -> Vec<String> {
    let mut faults = Vec::new();
    if !hook.active {
        faults.push("it is switched off".to_owned());
    }
    if !hook.json {
        faults.push("it sends forms instead of JSON".to_owned());
    }
    if !hook.branch_filter.is_empty() && hook.branch_filter != "*" {
        faults.push(format!("it is limited to the branches `{}`", hook.branch_filter));
    }
    let missing: Vec<&str> = events.iter().copied().filter(|event| !hook.events.iter().any(|own| own == event)).collect();
    if !missing.is_empty() {
        faults.push(format!("it does not tell of: {}", missing.join(", ")));
    }
    faults
}
