//! What has to be right about a repository that is linked to a project: seen, written to, no more public than it may be, told of.

use std::cmp::Ordering;

use super::Ward;
use crate::app::open_forge;
use crate::cli::forges::words;
use crate::cli::onboard::{faults, hook_url};
use crate::cli::report::{Report, Verdict};
use crate::config::{ForgeSettings, LinkConfig};
use crate::domain::forge::{Repo, RepoRef, User};
use crate::forge::{Forge, ForgeError};

/// Looks at every link that leads to this forge.
pub(super) async fn examine(ward: &Ward<'_>, settings: &ForgeSettings, forge: &dyn Forge, bot: &User, report: &mut Report) {
    for project in &ward.config.team.projects {
        let Some(link) = project.link.as_ref().filter(|link| link.forge == settings.id) else { continue };
        if ward.args.project.as_ref().is_some_and(|only| !only.eq_ignore_ascii_case(&project.repo)) {
            continue;
        }
        let what = format!("{}, linked to {}", link.repo, project.repo);
        match forge.repo(&RepoRef { id: 0, path: link.repo.clone() }).await {
            Ok(repo) => {
                rights(&what, (link, settings), &repo, bot, report);
                home(ward, &what, (link, &project.repo), &repo, report).await;
                hook(ward, settings, forge, (&what, &project.repo, link), &repo, report).await;
            }
            Err(ForgeError::NotFound(_)) => {
                let fix = format!("check the name in [link] of the project's file, and give @{} access there", bot.login);
                report.fix(what, Verdict::Fails, format!("it is not there, or @{} may not see it; nothing is mirrored", bot.login), fix);
            }
            Err(error) => report.fix(what, Verdict::Unknown, error.to_string(), "run this again when the forge answers"),
        }
    }
}

fn rights(what: &str, (link, settings): (&LinkConfig, &ForgeSettings), repo: &Repo, bot: &User, report: &mut Report) {
    let what = format!("{what}, rights");
    if repo.archived {
        report.fix(
            what,
            Verdict::Fails,
            "it is archived, so nothing can be written there",
            "take it out of the archive, or take [link] out",
        );
    } else if repo.bot_can_push {
        report.add(what, Verdict::Ok, format!("@{} may write there", bot.login));
    } else {
        let verdict = if link.outward { Verdict::Fails } else { Verdict::Note };
        let sentence = format!("@{} may read it, but not change issues there", bot.login);
        report.fix(what, verdict, sentence, words(settings.kind).let_push(&bot.login, &repo.path));
    }
}

/// What has to be right where the project lives.
async fn home(ward: &Ward<'_>, what: &str, (link, path): (&LinkConfig, &str), there: &Repo, report: &mut Report) {
    let Some(home) = ward.config.settings.forges.iter().find(|forge| forge.id == link.home) else { return };
    let at = RepoRef { id: 0, path: path.to_owned() };
    let forge = open_forge(home, ward.config.settings.timings.call, None, &ward.clock).map_err(|error| error.to_string());
    let asked = match &forge {
        Ok(forge) => match (forge.repo(&at).await, forge.labels(&at).await) {
            (Ok(here), Ok(labels)) => Ok((here, labels)),
            (Err(error), _) | (_, Err(error)) => Err(error.to_string()),
        },
        Err(error) => Err(error.clone()),
    };
    let (here, labels) = match asked {
        Ok(asked) => asked,
        Err(error) => return report.fix(format!("{what}, privacy"), Verdict::Unknown, error, "run this again when the forge answers"),
    };
    privacy(what, (link, path), (&here, there), report);
    if link.outward && !labels.iter().any(|label| label.name.eq_ignore_ascii_case(&link.outward_label)) {
        let said = format!("{path} has no label `{}`, so nobody can let an issue out", link.outward_label);
        report.fix(format!("{what}, outward label"), Verdict::Fails, said, format!("run `syndarix onboard {} {path}`", link.home));
    }
}

/// Nothing goes from a more private place to a more public one; who configured it that way is told before anybody waits for it.
fn privacy(what: &str, (link, path): (&LinkConfig, &str), (here, there): (&Repo, &Repo), report: &mut Report) {
    let what = format!("{what}, privacy");
    let fix = "let the same people see both, or switch that direction off in [link]";
    let (own, other) = (here.visibility, there.visibility);
    match own.cmp(&other) {
        Ordering::Greater if link.outward => {
            let sentence =
                format!("{path} is {} and {} is {}, so nothing goes out although `outward` is on", own.word(), there.path, other.word());
            report.fix(what, Verdict::Fails, sentence, fix);
        }
        Ordering::Less if link.inward => {
            let sentence =
                format!("{} is {} and {path} is {}, so nothing comes in although `inward` is on", there.path, other.word(), own.word());
            report.fix(what, Verdict::Fails, sentence, fix);
        }
        _ => report.add(what, Verdict::Ok, "nothing would get to a more public place"),
    }
}

async fn hook(
    ward: &Ward<'_>,
    settings: &ForgeSettings,
    forge: &dyn Forge,
    (what, project, link): (&str, &str, &LinkConfig),
    repo: &Repo,
    report: &mut Report,
) {
    let (what, url) = (format!("{what}, web hook"), hook_url(ward.config, settings));
    let at = RepoRef { id: repo.id, path: repo.path.clone() };
    let slow = "changes there are found by looking, minutes later";
    let mend = format!(
        "run `syndarix onboard {} {project}`, or see to it in the settings of {}, with the hook secret of `{}`",
        link.home, repo.path, settings.id
    );
    match (forge.hooks(&at).await, forge.hook_events().await) {
        (Ok(hooks), Ok(events)) => match hooks.iter().find(|hook| hook.url == url) {
            Some(hook) if faults(hook, &events).is_empty() => report.add(what, Verdict::Ok, format!("it goes to {url}")),
            Some(hook) => report.fix(what, Verdict::Note, format!("{}; {slow}", faults(hook, &events).join("; ")), mend),
            None => report.fix(what, Verdict::Note, format!("none goes to {url}; {slow}"), mend),
        },
        (Err(error), _) | (_, Err(error)) => {
            let fix = format!("look for a hook to {url} in the settings of {}", repo.path);
            report.fix(what, Verdict::Note, format!("whether there is one cannot be asked: {error}"), fix);
        }
    }
}
