//! The steps of a bootstrap, each told with what was found or made.

use anyhow::{Context, Result, bail};

use super::{Job, secret_of};
use crate::app::open_forge;
use crate::base::Clock;
use crate::base::secret::{ExposeSecret, Redactor, SecretString};
use crate::cli::files::{put, replace};
use crate::cli::onboard::{self, OnboardArgs};
use crate::cli::report::{Report, Verdict};
use crate::cli::{environment, init};
use crate::config::{Config, ForgeSettings};
use crate::domain::forge::ForgeKind;
use crate::forge::{Account, ForgeError};

/// Name of the bot's token on the forge.
const TOKEN: &str = "syndarix";
/// Name of the repository for the record, beside those that are served.
const RECORD: &str = "syndarix-audit";

fn verdict(made: bool) -> Verdict {
    if made { Verdict::Made } else { Verdict::Ok }
}

impl Job<'_> {
    /// A refusal in the words of who acts here, which is not the bot.
    fn told<T>(&self, result: Result<T, ForgeError>, what: impl FnOnce() -> String) -> Result<T> {
        result.map_err(|error| match error {
            ForgeError::Unauthorized(text) | ForgeError::Forbidden(text) => {
                anyhow::anyhow!("{}: @{} may not do this: {text}", what(), self.args.admin)
            }
            error => anyhow::anyhow!("{}: {error}", what()),
        })
    }

    /// The bot's account, and a token of it in DIR/token that works.
    pub(super) async fn account(&self, report: &mut Report) -> Result<()> {
        let bot = &self.args.bot;
        let account = self.told(self.host.ensure_account(bot).await, || format!("the account @{bot} could not be made"))?;
        report.add("account", verdict(account == Account::Made), format!("@{bot}"));
        let file = self.home.join("token");
        let file_shown = file.display();
        if file.exists() {
            let token = secret_of(&file)?;
            match self.whose(&token).await {
                Ok(login) if login.eq_ignore_ascii_case(bot) => {
                    report.add("token", Verdict::Ok, format!("the one in {file_shown} is of @{bot}"));
                    return Ok(());
                }
                Ok(login) => bail!("the token in {file_shown} is of @{login}, not of @{bot}: give --bot {login}, or take the file away"),
                Err(ForgeError::Unauthorized(_)) => {}
                Err(error) => return Err(error).with_context(|| format!("the token in {file_shown} could not be tried")),
            }
        }
        if account == Account::Foreign {
            bail!(
                "there is an account @{bot} that may be a person's, and no token of it in {file_shown}: give --bot another name, or put a token of this account there"
            );
        }
        let token = self.told(self.host.new_token(bot, TOKEN).await, || format!("a token of @{bot} could not be made"))?;
        replace(&file, token.expose_secret().as_bytes(), 0o600).with_context(|| format!("{file_shown} cannot be written"))?;
        report.add("token", Verdict::Made, format!("a new one of @{bot}, in {file_shown}"));
        Ok(())
    }

    async fn whose(&self, token: &SecretString) -> Result<String, ForgeError> {
        let settings = ForgeSettings {
            id: self.args.init.forge_id.clone(),
            kind: ForgeKind::Gitea,
            url: self.forge_url.to_owned(),
            public_url: None,
            token: token.clone(),
            app: None,
            hook_secret: SecretString::default(),
        };
        let forge = open_forge(&settings, std::time::Duration::from_secs(30), None, &Clock::System)
            .map_err(|error| ForgeError::Unprocessable(error.to_string()))?;
        forge.whoami().await.map(|user| user.login)
    }

    /// A repository and the one for its record, with the bot in both.
    pub(super) async fn repository(&self, owner: &str, name: &str, report: &mut Report) -> Result<()> {
        let bot = &self.args.bot;
        let made = self.told(self.host.ensure_owner(owner).await, || format!("the organisation {owner} could not be made"))?;
        report.add("owner", verdict(made), owner);
        for (name, administers) in [(name, true), (RECORD, false)] {
            let path = format!("{owner}/{name}");
            let made = self.host.ensure_repo(owner, name).await;
            let made = self.told(made, || format!("the repository {path} could not be made"))?;
            let part = self.host.ensure_part(owner, name, bot, administers).await;
            self.told(part, || format!("@{bot} could not be let into {path}"))?;
            report.add(
                "repository",
                verdict(made),
                format!("{path}, and @{bot} may {} it", if administers { "administer" } else { "write to" }),
            );
        }
        self.sample(owner, name, report).await
    }

    #[cfg(feature = "demo")]
    async fn sample(&self, owner: &str, name: &str, report: &mut Report) -> Result<()> {
        use crate::sandbox::seed::{SAMPLE, SAMPLE_ISSUE, SAMPLE_TITLE};
        if !self.args.sample {
            return Ok(());
        }
        let files = self.host.ensure_files(owner, name, SAMPLE, "Add a shop\n").await;
        let files = self.told(files, || "the sample program could not be committed".to_owned())?;
        report.add("sample", verdict(files), if files { "a small program" } else { "the repository has commits already" });
        let issue = self.host.ensure_issue(owner, name, SAMPLE_TITLE, SAMPLE_ISSUE).await;
        let issue = self.told(issue, || "the sample issue could not be opened".to_owned())?;
        report.add("sample", verdict(issue), if issue { "an issue to begin with" } else { "the repository has issues already" });
        Ok(())
    }

    #[cfg(not(feature = "demo"))]
    async fn sample(&self, _: &str, _: &str, _: &mut Report) -> Result<()> {
        Ok(())
    }

    /// What `init` writes, where the record of each repository goes, and the address of the database.
    pub(super) fn files(&self, report: &mut Report) -> Result<()> {
        let made = init::write(&self.args.init, &mut Vec::new())?;
        report.add("settings", verdict(made > 0), format!("{} files made in {}", made, self.home.display()));
        let (forge, url) = (&self.args.init.forge_id, self.forge_url.trim_end_matches('/'));
        for (owner, name) in &self.repos {
            let text = format!(
                "# What holds for this repository alone. What is left out stands in policy.toml.\nforge = {forge:?}\nrepo = \"{owner}/{name}\"\n\n\
                 [policy]\naudit_repo = \"{url}/{owner}/{RECORD}.git\"\n"
            );
            let file = self.home.join("bot-config/projects").join(format!("{owner}-{name}.toml").to_lowercase());
            put(&file, text.as_bytes(), 0o644).with_context(|| format!("{} cannot be written", file.display()))?;
        }
        let (Some(address), Some(password)) = (&self.args.database, &self.args.database_password_file) else { return Ok(()) };
        let mut address =
            reqwest::Url::parse(address).context("--database is not an address such as postgres://syndarix@host:5432/syndarix")?;
        let set = address.set_password(Some(secret_of(password)?.expose_secret()));
        set.map_err(|()| anyhow::anyhow!("--database has no host; write it like postgres://syndarix@host:5432/syndarix"))?;
        let file = self.home.join("store-url");
        replace(&file, address.as_str().as_bytes(), 0o600).with_context(|| format!("{} cannot be written", file.display()))?;
        report.add(
            "database",
            Verdict::Ok,
            format!("its address is in {}; SYNDARIX_STORE_URL_FILE names this file to `serve`", file.display()),
        );
        Ok(())
    }

    /// Labels, web hook and introduction, by the bot itself.
    pub(super) async fn onboard(&self, report: &mut Report) -> Result<()> {
        let config = Config::load(&environment(), Some(&self.home.join("syndarix-settings.toml")))?;
        for (owner, name) in &self.repos {
            let args = OnboardArgs::of(&self.args.init.forge_id, format!("{owner}/{name}"));
            report.findings.extend(onboard::carry_out(&config, &args).await?.findings);
        }
        if config.settings.keys.is_empty() {
            let fix = "set SYNDARIX_ANTHROPIC_API_KEY or SYNDARIX_OPENAI_API_KEY for `serve`, or let its Ollama pull a model; `syndarix doctor` says which can be asked";
            report.fix("models", Verdict::Note, "there is no key of a provider here, and nothing is made up in its place", fix);
        }
        // What onboarding said is masked by its own secrets as well.
        let mask = config.redactor();
        mask_all(report, &mask);
        Ok(())
    }
}

fn mask_all(report: &mut Report, redactor: &Redactor) {
    for finding in &mut report.findings {
        finding.said = redactor.mask(&finding.said);
        finding.fix = finding.fix.as_deref().map(|fix| redactor.mask(fix));
    }
}
