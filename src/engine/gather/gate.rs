//! The merge gate's view of a pull request.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::approval::{GateFacts, Person};
use crate::domain::forge::{CommitInfo, Pull, Review, Sha, Verdict};
use crate::domain::path::{RepoPath, glob};
use crate::domain::workflow::Story;
use crate::domain::workflow::label::Flag;
use crate::domain::workflow::loops::UnnamedPush;
use crate::engine::world::Site;
use crate::engine::{Engine, EngineError, Result};
use crate::tool::PathPolicy;

/// The gate's view of a pull request, read now.
pub async fn gate_facts(engine: &Engine, site: &Site<'_>, story: &Story, pull: Pull) -> Result<GateFacts> {
    let forge = &site.connection.forge;
    let (reviews, commits, ci) = tokio::try_join!(
        forge.reviews(&site.repo, pull.number),
        forge.pull_commits(&site.repo, pull.number),
        forge.ci(&site.repo, &pull.head.sha),
    )?;
    let people = people(site, story, &reviews).await?;
    let head = story.head.clone().unwrap_or_else(|| pull.head.sha.clone());
    let protected = protected_paths(engine, site, &pull, &head).await?;
    Ok(GateFacts {
        autonomy: story.autonomy,
        authors: authors(&commits, &people, site.connection.bot.id).union(&story.pushers).copied().collect(),
        people,
        head,
        reviews,
        commands: story.votes.clone(),
        plan_head: story.plan.as_ref().map(|plan| plan.head.clone()),
        requester: story.requester.clone(),
        one_person_team: site.rules.policy.one_person_team,
        ci,
        stopped: !story.may_run() || story.flags.contains(&Flag::OverBudget),
        open_findings: story.open_findings,
        protected,
        base_branch: story.base_branch.clone(),
        nameless: nameless(&commits, &story.loops.unnamed, &site.connection.bot.login),
        pull,
    })
}

async fn people(site: &Site<'_>, story: &Story, reviews: &[Review]) -> Result<Vec<Person>> {
    let speakers = reviews.iter().filter(|review| matches!(review.verdict, Verdict::Approved | Verdict::ChangesRequested));
    let users: BTreeMap<i64, _> =
        speakers.map(|review| &review.author).chain(story.votes.iter().map(|(user, _)| user)).map(|user| (user.id, user)).collect();
    let mut people = Vec::new();
    for user in users.into_values() {
        people.push(site.person(user).await?);
    }
    Ok(people)
}

/// Everybody who made a commit: author, committer, and those whom a trailer names as co-author.
fn authors(commits: &[CommitInfo], people: &[Person], bot: i64) -> BTreeSet<i64> {
    let mut ids: BTreeSet<i64> =
        commits.iter().flat_map(|commit| commit.author.iter().chain(&commit.committer)).map(|user| user.id).collect();
    for person in people {
        let named = commits
            .iter()
            .flat_map(|commit| commit.message.lines())
            .filter_map(co_author)
            .any(|mailbox| belongs_to(&mailbox, &person.user.login));
        if named {
            ids.insert(person.user.id);
        }
    }
    ids.remove(&bot);
    ids
}

/// A commit of a push without a named pusher whose author is no account of the forge. Where every author is one, those are known well enough.
fn nameless(commits: &[CommitInfo], pushes: &[UnnamedPush], bot: &str) -> Option<Sha> {
    let at = |sha: &Sha| commits.iter().position(|commit| commit.sha == *sha);
    let own = format!("{bot}@noreply.invalid");
    pushes.iter().find_map(|push| {
        // What is not on the branch any more needs no author.
        let to = at(&push.to)?;
        let from = push.from.as_ref().and_then(at);
        let pushed = &commits[from.map_or(0, |from| from + 1).min(to)..=to];
        let is_own = |commit: &&CommitInfo| from.is_none() && commit.author_email == own;
        pushed.iter().filter(|commit| !is_own(commit)).find(|commit| commit.author.is_none()).map(|commit| commit.sha.clone())
    })
}

fn co_author(line: &str) -> Option<String> {
    let (key, value) = line.split_once(':')?;
    key.trim().eq_ignore_ascii_case("co-authored-by").then(|| value.trim().to_lowercase())
}

/// Forges give people no-reply addresses made of id and login; a display name equal to the login counts as well.
fn belongs_to(mailbox: &str, login: &str) -> bool {
    let login = login.to_lowercase();
    let (name, address) = mailbox.split_once('<').unwrap_or(("", mailbox));
    let local = address.trim_end_matches('>').split('@').next().unwrap_or_default();
    name.trim() == login || local == login || local.rsplit_once('+').is_some_and(|(_, user)| user == login)
}

/// Paths that the branch changes and that are protected.
async fn protected_paths(engine: &Engine, site: &Site<'_>, pull: &Pull, head: &Sha) -> Result<Vec<String>> {
    let mirror = engine.mirror(site.project.id).await?;
    let base = match mirror.merge_base(&pull.base.sha, head).await {
        Ok(base) => base,
        // The base moved since the last fetch.
        Err(_) => {
            mirror.fetch(&site.remote()).await?;
            mirror.merge_base(&pull.base.sha, head).await?
        }
    };
    let Some(base) = base else { return Ok(Vec::new()) };
    let changed = mirror.changed_paths(&base, head).await?;
    let guarded = PathPolicy::new(true).protect(&site.rules.protected).map_err(|error| EngineError::Setup(error.to_string()))?.protected;
    let hit = |path: &String| RepoPath::parse(path).map_or(true, |path| glob::first_match(&guarded, &path).is_some());
    Ok(changed.into_iter().filter(hit).collect())
}
