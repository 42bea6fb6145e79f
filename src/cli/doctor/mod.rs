//! `syndarix doctor`: looks at everything that has to be right around the program, and says what to do where it is not.

mod abilities;
mod forge;
mod here;
mod link;
mod repo;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;

use super::report::{Report, Verdict};
use crate::base::Clock;
use crate::base::secret::Redactor;
use crate::config::Config;
use crate::store::Store;

/// Arguments of `syndarix doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// The settings file of `syndarix serve`; by default the one that SYNDARIX_CONFIG names, or `syndarix-settings.toml` here.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Ask no forge for a test delivery.
    #[arg(long)]
    no_delivery: bool,
    /// Look at this repository alone.
    #[arg(long, value_name = "OWNER/REPO")]
    project: Option<String>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// What the checks share.
struct Ward<'a> {
    config: &'a Config,
    store: Option<&'a Store>,
    args: &'a DoctorArgs,
    http: reqwest::Client,
    clock: Clock,
    /// The serving process answers under its public address.
    serving: bool,
}

/// Runs all checks: 0 all holds, 1 something does not, 2 something could not be checked.
pub async fn run(args: DoctorArgs) -> Result<u8> {
    let mut report = Report::default();
    let redactor = match Config::load(&super::environment(), args.config.as_deref()) {
        Ok(config) => {
            report.add("configuration", Verdict::Ok, "it holds together");
            let redactor = config.redactor();
            let config = here::team(config, &mut report).await;
            examine(&config, &args, &mut report).await?;
            redactor
        }
        Err(errors) => {
            for error in errors.0 {
                report.fix("configuration", Verdict::Fails, error.to_string(), "mend it there; `syndarix config check` looks again");
            }
            Redactor::default()
        }
    };
    let mut answer = Vec::new();
    if args.json {
        answer = format!("{}\n", report.json(&redactor)).into_bytes();
    } else {
        report.print(&redactor, &mut answer)?;
        let (fails, unknown) = (report.count(Verdict::Fails), report.count(Verdict::Unknown));
        let closing = match (fails, unknown) {
            (0, 0) => "All is well.\n".to_owned(),
            _ => format!("{fails} to mend, {unknown} could not be checked.\n"),
        };
        answer.extend(closing.into_bytes());
    }
    super::print(&answer)?;
    Ok(report.code())
}

async fn examine(config: &Config, args: &DoctorArgs, report: &mut Report) -> Result<()> {
    let clock = Clock::System;
    let http = reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(10))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()?;
    here::git(report).await;
    here::disk(config, report);
    let store = here::database(config, report, clock.clone()).await;
    here::models(config, report).await;
    report.add("mail", Verdict::Note, "not configured: this version sends none");
    let serving = here::serving(config, &http, report).await;
    let ward = Ward { config, store: store.as_ref(), args, http, clock, serving };
    if config.settings.forges.is_empty() {
        report.fix(
            "forges",
            Verdict::Fails,
            "the settings name no forge",
            "add a [[forges]] block to the settings file; `syndarix init` writes a commented one",
        );
    }
    for settings in &config.settings.forges {
        forge::examine(&ward, settings, report).await;
    }
    if let Some(store) = &store {
        store.close().await;
    }
    Ok(())
}
