//! The page of one issue or pull request: the conversation, the change, and forms for what the viewer may do.

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};

use super::html::{self, chip, escape};
use super::lists::state_word;
use super::session::Viewer;
use super::{diff, markdown};
use crate::sandbox::act::no_such;
use crate::sandbox::problem::Problem;
use crate::sandbox::state::{EventKind, Grant, Issue, Label, Pull, Reaction, Repo, Review, Verdict};
use crate::sandbox::world::World;

/// `.../issues/{n}` and `.../pulls/{n}`, and the patch at `.../pulls/{n}.diff`.
pub async fn page(viewer: Viewer, Path((owner, name, wanted)): Path<(String, String, String)>, uri: axum::http::Uri) -> Response {
    show(&viewer, &owner, &name, &wanted, uri.path()).await.unwrap_or_else(|problem| html::refusal(&problem))
}

async fn show(viewer: &Viewer, owner: &str, name: &str, wanted: &str, path: &str) -> Result<Response, Problem> {
    let repo = viewer.forge.repo_for(viewer.user, owner, name, Grant::Read)?;
    let number: i64 = wanted.trim_end_matches(".diff").trim_end_matches(".patch").parse().map_err(|_| no_such())?;
    let issue = viewer.forge.read(|world| world.issue_at(repo.id, number).cloned()).ok_or_else(no_such)?;
    let patch = match &issue.pull {
        Some(pull) => Some(viewer.forge.git(repo.id).diff(&pull.check.merge_base, &pull.head_sha).await?),
        None => None,
    };
    if let (true, Some(patch)) = (wanted.contains('.'), &patch) {
        return Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], patch.clone()).into_response());
    }
    let kind = if issue.pull.is_some() { "pulls" } else { "issues" };
    let right = format!("/{owner}/{name}/{kind}/{number}");
    if path != right {
        return Ok(Redirect::to(&right).into_response());
    }
    let body = viewer.forge.read(|world| body(world, viewer.user, &repo, &issue, patch.as_deref()));
    Ok(html::page(&format!("{} · {owner}/{name}", issue.title), viewer.login.as_deref(), &body))
}

fn body(world: &World, viewer: Option<i64>, repo: &Repo, issue: &Issue, patch: Option<&str>) -> String {
    let path = escape(&world.path_of(repo));
    let state = state_word(issue);
    let chips: String = world.labels_on(issue).into_iter().map(|label| format!("{} ", chip(label))).collect();
    let mut body = format!(
        "<p class=soft><a href=\"/{path}\">{path}</a></p><h1>{} <span class=soft>#{}</span></h1><p><span class=\"state {state}\">{state}</span> {chips}</p>",
        escape(&issue.title),
        issue.number
    );
    if let Some(pull) = &issue.pull {
        body.push_str(&format!("<p>{}</p>", escape(&intention(world, issue, pull))));
    }
    body.push_str(&article(world, issue.author, "", &issue.body, &issue.reactions, ""));
    body.push_str(&conversation(world, issue));
    if let Some(patch) = patch {
        body.push_str(&format!("<h2>Changes</h2>{}", diff::render(patch)));
    }
    body.push_str(&forms(world, viewer, repo, issue, &path));
    body
}

/// What the pull request is to do, or has done.
fn intention(world: &World, issue: &Issue, pull: &Pull) -> String {
    let plural = if pull.check.ahead == 1 { "" } else { "s" };
    let change = format!("{} commit{plural} from {} into {}", pull.check.ahead, pull.head, pull.base);
    match &pull.merged {
        Some(merged) => format!("{} merged {change}", world.login(merged.by)),
        None => format!("{} wants to merge {change}", world.login(issue.author)),
    }
}

/// Comments, reviews and events in their order.
fn conversation(world: &World, issue: &Issue) -> String {
    let mut entries: Vec<(i64, String)> = Vec::new();
    for comment in world.comments_on(issue.id) {
        entries.push((comment.id, article(world, comment.author, "", &comment.body, &comment.reactions, "")));
    }
    for review in world.reviews_of(issue.id).filter(|review| review.verdict != Verdict::Pending) {
        entries.push((review.id, of_review(world, review)));
    }
    for event in world.events.all().filter(|event| event.issue == issue.id) {
        let words = match &event.kind {
            EventKind::Label { name, added, .. } => labelled(world, issue, name, *added),
            kind => escape(&of_event(world, kind)),
        };
        entries.push((event.id, format!("<p class=event>{} {words}</p>", escape(world.login(event.actor)))));
    }
    entries.sort();
    entries.into_iter().map(|(_, entry)| entry).collect()
}

fn article(world: &World, author: i64, words: &str, text: &str, reactions: &[Reaction], class: &str) -> String {
    let reactions: Vec<String> =
        reactions.iter().map(|one| escape(&format!("{} {}", emoji(&one.content), world.login(one.user)))).collect();
    let reactions = if reactions.is_empty() { String::new() } else { format!("<div class=reactions>{}</div>", reactions.join(" · ")) };
    format!(
        "<article class=\"{class}\"><div class=who><b>{}</b> {}</div><div class=text>{}</div>{reactions}</article>",
        escape(world.login(author)),
        escape(words),
        markdown::render(text)
    )
}

fn emoji(content: &str) -> &str {
    match content {
        "+1" => "👍",
        "-1" => "👎",
        "laugh" => "😄",
        "hooray" => "🎉",
        "confused" => "😕",
        "heart" => "❤️",
        "rocket" => "🚀",
        "eyes" => "👀",
        other => other,
    }
}

fn of_review(world: &World, review: &Review) -> String {
    let (words, class) = match review.verdict {
        Verdict::Approve => ("approved", "approve"),
        Verdict::Reject => ("requested changes", "reject"),
        Verdict::Comment => ("reviewed", ""),
        Verdict::Pending => ("is writing a review", ""),
        Verdict::Requested => ("is asked for a review", ""),
    };
    let marks = [(review.stale, " · stale"), (review.dismissed, " · dismissed")];
    let marks: String = marks.iter().filter(|(holds, _)| *holds).map(|(_, words)| *words).collect();
    let mut text = review.body.clone();
    for line in &review.lines {
        let at = line.new_line.max(line.old_line);
        text.push_str(&format!("\n\n`{}:{at}`\n\n{}", line.path.replace('`', "'"), line.body));
    }
    article(world, review.author, &format!("{words} {}{marks}", review.commit.get(..10).unwrap_or_default()), &text, &[], class)
}

/// A change of labels, with the label as it looks.
fn labelled(world: &World, issue: &Issue, name: &str, added: bool) -> String {
    let verb = if added { "added" } else { "removed" };
    let label = world.labels.all().find(|label| label.repo == issue.repo && label.name == name);
    let shown = label.map_or_else(|| escape(name), chip);
    format!("{verb} {shown}")
}

fn of_event(world: &World, kind: &EventKind) -> String {
    let short = |sha: &str| sha.get(..10).unwrap_or_default().to_owned();
    let put = |added: bool, yes: &str, no: &str| (if added { yes } else { no }).to_owned();
    match kind {
        EventKind::Label { name, added, .. } => format!("{} the label {name}", put(*added, "added", "removed")),
        EventKind::Title { from, to } => format!("changed the title from “{from}” to “{to}”"),
        EventKind::Closed => "closed this".to_owned(),
        EventKind::Reopened => "reopened this".to_owned(),
        EventKind::Merged { sha } => format!("merged this as {}", short(sha)),
        EventKind::Assigned { user, added } => format!("{} {}", put(*added, "assigned", "unassigned"), world.login(*user)),
        EventKind::Milestone { to, .. } => {
            let title = to.and_then(|id| world.milestones.get(id)).map(|row| row.title.as_str());
            title.map_or("took it out of its milestone".to_owned(), |title| format!("put it into the milestone {title}"))
        }
        EventKind::Base { from, to } => format!("changed the target branch from {from} to {to}"),
        EventKind::Pushed { after, .. } => format!("pushed; the head is now {}", short(after)),
        EventKind::ReviewRequest { user, added } => {
            format!("{} a review of {}", put(*added, "asked for", "no longer asks for"), world.login(*user))
        }
        EventKind::Dismissed { message, .. } => format!("dismissed a review: {message}"),
        EventKind::BranchDeleted { name } => format!("deleted the branch {name}"),
    }
}

/// What the viewer may do here.
fn forms(world: &World, viewer: Option<i64>, repo: &Repo, issue: &Issue, path: &str) -> String {
    let Some(me) = viewer else {
        return "<p class=soft><a href=/sandbox/login>Sign in</a> to comment, label, review or merge.</p>".to_owned();
    };
    let writes = world.grant(repo, viewer) >= Grant::Write;
    let merged = issue.pull.as_ref().is_some_and(|pull| pull.merged.is_some());
    let at = format!("/{path}/{}/{}", if issue.pull.is_some() { "pulls" } else { "issues" }, issue.number);
    let mut forms = format!(
        "<h2>Comment</h2><form method=post action=\"{at}/comment\"><textarea name=body aria-label=Comment placeholder=\"Markdown\" required></textarea>\
         <div class=line><button class=go>Comment</button></div></form>"
    );
    if (writes || issue.author == me) && !merged {
        let (word, action) = if issue.closed.is_some() { ("Reopen", "reopen") } else { ("Close", "close") };
        forms.push_str(&format!("<form method=post action=\"{at}/{action}\"><button>{word}</button></form>"));
    }
    if issue.pull.is_some() && issue.closed.is_none() {
        forms.push_str(&review_form(&at, issue.author == me, writes));
    }
    if writes {
        forms.push_str(&label_form(world, repo, issue, &at));
    }
    forms
}

fn review_form(at: &str, own: bool, writes: bool) -> String {
    let verdicts = if own {
        "<span class=soft>Your own pull request: you may only comment.</span>"
    } else {
        "<button class=go name=verdict value=approve>Approve</button><button name=verdict value=reject>Request changes</button>"
    };
    let merge = format!(
        "<form method=post action=\"{at}/merge\"><div class=line><select name=style aria-label=\"How to merge\"><option value=merge>Merge commit</option>\
         <option value=squash>Squash</option><option value=rebase>Rebase</option></select><button class=go>Merge</button></div></form>"
    );
    format!(
        "<h2>Review</h2><form method=post action=\"{at}/review\"><textarea name=body aria-label=Review placeholder=\"Say why; only an approval may go without\"></textarea>\
         <div class=line>{verdicts}<button name=verdict value=comment>Comment</button></div></form>{}",
        if writes { merge.as_str() } else { "" }
    )
}

fn label_form(world: &World, repo: &Repo, issue: &Issue, at: &str) -> String {
    let mut labels: Vec<&Label> = world.labels.all().filter(|label| label.repo == repo.id).collect();
    labels.sort_by(|a, b| a.name.cmp(&b.name));
    let box_of = |label: &&Label| {
        let worn = if issue.labels.contains(&label.id) { "checked" } else { "" };
        format!("<label><input type=checkbox name=label value={} {worn}> {}</label>", label.id, chip(label))
    };
    let boxes: String = labels.iter().map(box_of).collect();
    if boxes.is_empty() {
        return String::new();
    }
    format!(
        "<form method=post action=\"{at}/labels\"><fieldset><legend>Labels</legend><div class=line>{boxes}</div><button>Set labels</button></fieldset></form>"
    )
}
