//! What has to be right about a forge: the token, its scopes, the version, the clocks, the addresses.

use super::{Ward, abilities, link, repo};
use crate::app::open_forge;
use crate::base::Time;
use crate::cli::forges::{Words, words};
use crate::cli::report::{Report, Verdict};
use crate::config::ForgeSettings;
use crate::config::endings::{WARN_DAYS, days};
use crate::domain::forge::{RepoRef, User};
use crate::forge::{Forge, ForgeError, ForgeFacts};

/// Seconds by which two clocks may differ.
const SKEW: i64 = 30;

pub(super) async fn examine(ward: &Ward<'_>, settings: &ForgeSettings, report: &mut Report) {
    let what = format!("forge {}", settings.id);
    let forge = match open_forge(settings, ward.config.settings.timings.call, None, &ward.clock) {
        Ok(forge) => forge,
        Err(error) => {
            return report.fix(
                what,
                Verdict::Fails,
                error.to_string(),
                "mend the [[forges]] block of this forge in the settings, or use a forge of kind gitea, forgejo, github or gitlab",
            );
        }
    };
    let own = words(settings.kind);
    let bot = match forge.whoami().await {
        Ok(bot) => bot,
        Err(ForgeError::Unauthorized(text)) => {
            let fix = format!("make a new token for the bot's account on {} and put it where the settings say", settings.url);
            return report.fix(what, Verdict::Fails, format!("it does not accept the token: {text}"), fix);
        }
        Err(ForgeError::Forbidden(text)) => {
            return report.fix(
                what,
                Verdict::Fails,
                format!("the token may not even ask whose it is: {text}"),
                scopes_fix(&own, &own.scopes[own.scopes.len() - 1..]),
            );
        }
        Err(error) => {
            return report.fix(
                what,
                Verdict::Unknown,
                error.to_string(),
                format!("check that {} can be reached from here, and that it is a {}", settings.url, own.name),
            );
        }
    };
    report.add(&what, Verdict::Ok, format!("{} accepts the token of @{}", settings.url, bot.login));
    match forge.facts().await {
        Ok(facts) => {
            scopes(&what, &own, &facts, report);
            version(&what, &own, &facts, report);
            expiry(&what, &facts, ward.clock.now(), report);
            skew(&what, &facts, ward.clock.now(), report);
            abilities::tell(&what, forge.as_ref(), &facts.version, report);
        }
        Err(error) => report.fix(&what, Verdict::Unknown, error.to_string(), "run this again when the forge answers"),
    }
    addresses(ward, settings, &what, report);
    projects(ward, settings, forge.as_ref(), &bot, report).await;
    link::examine(ward, settings, forge.as_ref(), &bot, report).await;
}

fn scopes_fix(own: &Words, missing: &[&str]) -> String {
    format!(
        "make a token of the bot's account with the scopes {} and put it in place of this one; missing: {}",
        own.scopes.join(", "),
        missing.join(", ")
    )
}

fn scopes(what: &str, own: &Words, facts: &ForgeFacts, report: &mut Report) {
    let what = format!("{what}, scopes");
    let Some(scopes) = &facts.scopes else {
        return report.fix(what, Verdict::Note, "this forge does not tell the scopes of a token", (own.needs)());
    };
    let has = |scope: &str| scopes.iter().any(|there| there == scope);
    if own.all.is_some_and(has) {
        return report.fix(
            what,
            Verdict::Note,
            "the token may do everything that its account may",
            format!("a token with only {} is safer", own.scopes.join(", ")),
        );
    }
    let missing: Vec<&str> = own.scopes.iter().copied().filter(|needed| !has(needed) && !has(&needed.replace("read:", "write:"))).collect();
    if !missing.is_empty() {
        return report.fix(what, Verdict::Fails, format!("the token has {}", scopes.join(", ")), scopes_fix(own, &missing));
    }
    let more: Vec<&str> = scopes
        .iter()
        .map(String::as_str)
        .filter(|scope| {
            !own.of_use.contains(scope) && !own.scopes.iter().any(|needed| needed == scope || needed.replace("read:", "write:") == *scope)
        })
        .collect();
    match more.is_empty() {
        true => report.add(what, Verdict::Ok, scopes.join(", ")),
        false => report.fix(
            what,
            Verdict::Note,
            format!("the token has more than it needs: {}", more.join(", ")),
            format!("a token with only {} is safer", own.scopes.join(", ")),
        ),
    }
}

fn version(what: &str, own: &Words, facts: &ForgeFacts, report: &mut Report) {
    let what = format!("{what}, version");
    let text = (own.version)(&facts.version);
    let numbers: Vec<u32> = text.split(['.', '-', '+']).map_while(|part| part.parse().ok()).collect();
    match numbers[..] {
        [major, minor, ..] if (major, minor) < own.oldest => {
            report.fix(what, Verdict::Fails, format!("{} is too old", facts.version), own.upgrade)
        }
        _ => report.add(what, Verdict::Ok, &facts.version),
    }
}

/// Tokens of some forges end on a day that was chosen when they were made.
fn expiry(what: &str, facts: &ForgeFacts, now: Time, report: &mut Report) {
    let what = format!("{what}, token");
    let Some(end) = facts.expires_at else { return };
    let day = end.rfc3339()[..10].to_owned();
    let days = days(end, now);
    if days < 0 {
        report.fix(
            what,
            Verdict::Fails,
            format!("it ended on {day}"),
            "make a new token for the bot's account and put it in place of this one",
        );
    } else if days < WARN_DAYS {
        let fix = "make a new token for the bot's account, put it in place of this one, and start the program again";
        report.fix(what, Verdict::Note, format!("it ends on {day}, in {days} days; after that nothing works on this forge"), fix);
    } else {
        report.add(what, Verdict::Ok, format!("it holds until {day}"));
    }
}

fn skew(what: &str, facts: &ForgeFacts, now: Time, report: &mut Report) {
    let what = format!("{what}, clock");
    let Some(theirs) = facts.time else { return report.add(what, Verdict::Note, "the forge does not tell its time") };
    let seconds = theirs.seconds() - now.seconds();
    if seconds.abs() > SKEW {
        let said = format!("the forge's clock is {} seconds {} this one", seconds.abs(), if seconds > 0 { "ahead of" } else { "behind" });
        report.fix(what, Verdict::Fails, said, "let both machines keep their clocks by NTP");
    } else {
        report.add(what, Verdict::Ok, "it agrees with this one");
    }
}

/// Deliveries go to the address in the settings: one that means this machine alone helps only a forge that runs here too.
fn addresses(ward: &Ward<'_>, settings: &ForgeSettings, what: &str, report: &mut Report) {
    let ours = &ward.config.settings.public_url;
    let what = format!("{what}, addresses");
    if is_loopback(ours) && !is_loopback(&settings.url) {
        let said = format!("web hooks go to {ours}, which on the forge's machine means the forge itself");
        report.fix(
            what,
            Verdict::Fails,
            said,
            "set `public_url` to an address of this machine that the forge can reach, and `listen` accordingly",
        );
    } else {
        report.add(what, Verdict::Ok, format!("this program calls {}, web hooks go to {ours}", settings.url));
    }
}

fn is_loopback(url: &str) -> bool {
    let host = reqwest::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    host == "localhost" || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

async fn projects(ward: &Ward<'_>, settings: &ForgeSettings, forge: &dyn Forge, bot: &User, report: &mut Report) {
    let served = &ward.config.settings.projects;
    let is_linked = |path: &str| {
        ward.config.team.projects.iter().any(|project| project.link.as_ref().is_some_and(|link| link.leads_to(&settings.id, path)))
    };
    let mut paths: Vec<String> = match &ward.args.project {
        Some(path) => vec![path.clone()],
        None => served.named().map(str::to_owned).collect(),
    };
    if ward.args.project.is_none()
        && let Some(store) = ward.store
        && let Ok(known) = store.projects().await
    {
        let of_patterns =
            known.into_iter().filter(|project| project.forge == settings.id && served.serves(&project.path)).map(|project| project.path);
        paths.extend(of_patterns.collect::<Vec<_>>());
    }
    // On this forge it is the second place of another project.
    paths.retain(|path| !is_linked(path));
    paths.sort_by_key(|path| path.to_lowercase());
    paths.dedup_by_key(|path| path.to_lowercase());
    if paths.is_empty() {
        let fix = "add repositories to `projects` of the settings file";
        return report.fix(format!("forge {}", settings.id), Verdict::Note, "no repository is served by name", fix);
    }
    let several = ward.config.settings.forges.len() > 1;
    for path in paths {
        match forge.repo(&RepoRef { id: 0, path: path.clone() }).await {
            Ok(found) => repo::Visit { ward, settings, forge, bot, repo: found }.examine(report).await,
            // With several forges a name need not be on each.
            Err(ForgeError::NotFound(_)) if several => {}
            Err(ForgeError::NotFound(_)) => {
                let fix = format!("check the name in `projects`, and make @{} {} there", bot.login, words(settings.kind).member);
                report.fix(path, Verdict::Fails, format!("it is not there, or @{} may not see it", bot.login), fix);
            }
            Err(error) => report.fix(path, Verdict::Unknown, error.to_string(), "run this again when the forge answers"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::forge::ForgeKind;

    #[test]
    fn loopback_addresses() {
        for (url, is) in [
            ("http://127.0.0.1:8620", true),
            ("http://localhost", true),
            ("http://[::1]:1", true),
            ("https://git.example.org", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(is_loopback(url), is, "{url}");
        }
    }

    #[test]
    fn old_servers_and_wrong_clocks_fail() {
        let facts = |version: &str, time| ForgeFacts { version: version.to_owned(), time, scopes: None, expires_at: None };
        for (text, verdict) in [
            ("1.21.11", Verdict::Fails),
            ("1.22.0", Verdict::Ok),
            ("11.0.1+gitea-1.22.0", Verdict::Ok),
            ("7.0.0+gitea-1.21.11", Verdict::Fails),
            ("dev", Verdict::Ok),
        ] {
            let mut report = Report::default();
            version("f", &words(ForgeKind::Gitea), &facts(text, None), &mut report);
            assert_eq!(report.findings[0].verdict, verdict, "{text}");
        }
        let now = Time(1_000_000_000_000_000);
        for (seconds, verdict) in [(0, Verdict::Ok), (29, Verdict::Ok), (-31, Verdict::Fails), (3600, Verdict::Fails)] {
            let mut report = Report::default();
            skew("f", &facts("1.27.1", Some(now.plus_millis(seconds * 1000))), now, &mut report);
            assert_eq!(report.findings[0].verdict, verdict, "{seconds}");
        }
    }

    #[test]
    fn a_token_that_ends_soon_is_told() {
        let now = Time(1_800_000_000_000_000);
        for (days, want) in [(-1, Verdict::Fails), (0, Verdict::Note), (13, Verdict::Note), (14, Verdict::Ok), (300, Verdict::Ok)] {
            let end = now.plus_millis(days * 86_400_000);
            let facts = ForgeFacts { version: "18.0".to_owned(), time: None, scopes: None, expires_at: Some(end) };
            let mut report = Report::default();
            expiry("f", &facts, now, &mut report);
            assert_eq!(report.findings[0].verdict, want, "{days}");
        }
    }
}
