//! What a project needs that is linked to a second repository: the web hook there, and the label by which issues go out.

use crate::app::open_forge;
use crate::base::Clock;
use crate::cli::report::{Report, Verdict};
use crate::config::LinkConfig;
use crate::domain::forge::{LabelSpec, RepoRef};
use crate::forge::ForgeError;

use super::hook::HookStep;
use super::steps::Job;

/// Sees to both, where the project's file has a `[link]`.
pub(super) async fn examine(job: &Job<'_>, report: &mut Report) {
    let own = job
        .config
        .team
        .projects
        .iter()
        .find(|project| project.forge == job.settings.id && project.repo.eq_ignore_ascii_case(&job.repo.path));
    let Some(link) = own.and_then(|project| project.link.as_ref()) else { return };
    if link.outward {
        label(job, link, report).await;
    }
    hook(job, link, report).await;
}

/// The label is for people of the project to put on its issues.
async fn label(job: &Job<'_>, link: &LinkConfig, report: &mut Report) {
    const WHAT: &str = "outward label";
    let name = &link.outward_label;
    let done = match job.forge.labels(&job.at()).await {
        Ok(here) if here.iter().any(|label| label.name.eq_ignore_ascii_case(name)) => {
            return report.add(WHAT, Verdict::Ok, format!("`{name}` is there"));
        }
        Ok(_) if job.args.dry_run => return report.add(WHAT, Verdict::Would, format!("`{name}` would be made")),
        Ok(_) => {
            let description = format!("Issues with it are copied to {}", link.repo);
            let spec = LabelSpec { name: name.clone(), color: "5319e7".to_owned(), description, exclusive: false };
            job.forge.ensure_labels(&job.at(), &[spec]).await
        }
        Err(error) => Err(error),
    };
    match done {
        Ok(_) => report.add(WHAT, Verdict::Made, format!("`{name}`: issues that carry it are copied to {}", link.repo)),
        Err(error) => {
            let fix = format!("{}, or make the label `{name}` by hand", job.push_fix());
            job.refused(report, WHAT, &error, fix);
        }
    }
}

/// Whoever may not make a hook there goes without: what changes is then found by looking.
async fn hook(job: &Job<'_>, link: &LinkConfig, report: &mut Report) {
    let Some(settings) = job.config.settings.forge(&link.forge) else { return };
    let what = format!("{}, linked, web hook", link.repo);
    let made = match open_forge(settings, job.config.settings.timings.call, None, &Clock::System) {
        Ok(forge) => match forge.repo(&RepoRef { id: 0, path: link.repo.clone() }).await {
            Ok(repo) => {
                let at = RepoRef { id: repo.id, path: repo.path };
                HookStep { forge: forge.as_ref(), at, settings, config: job.config, args: job.args, what: &what }.take(report).await
            }
            Err(ForgeError::NotFound(_)) => {
                let fix =
                    format!("check the name in [link] of the project's file, and give the bot's account on `{}` access there", link.forge);
                return report.fix(what, Verdict::Fails, format!("{} is not there, or the bot's account may not see it", link.repo), fix);
            }
            Err(error) => Err(error),
        },
        Err(error) => {
            return report.fix(what, Verdict::Unknown, error.to_string(), format!("mend the block of `{}` in the settings", link.forge));
        }
    };
    match made {
        Ok(()) => {}
        Err(error) if error.is_transient() => {
            report.fix(what, Verdict::Unknown, error.to_string(), format!("check that {} can be reached from here", settings.url));
        }
        Err(error) => {
            let said = format!("the bot may not make one there ({error}); polling does it then, and changes arrive some minutes later");
            let url = super::hook_url(job.config, settings);
            let fix = format!(
                "for changes at once, have somebody make one to {url} in the settings of {}, with the hook secret of `{}`",
                link.repo, link.forge
            );
            report.fix(what, Verdict::Note, said, fix);
        }
    }
}
