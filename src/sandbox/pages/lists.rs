//! The list of repositories, a repository with its issues and pull requests, and the log of deliveries.

use axum::Json;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};

use super::html::{self, chip, escape};
use super::session::Viewer;
use crate::sandbox::act::pulls::is_draft;
use crate::sandbox::state::{Grant, Issue};
use crate::sandbox::world::World;

/// What state an issue or pull request is in, in one word.
pub fn state_word(issue: &Issue) -> &'static str {
    match &issue.pull {
        Some(pull) if pull.merged.is_some() => "merged",
        _ if issue.closed.is_some() => "closed",
        Some(_) if is_draft(&issue.title) => "draft",
        _ => "open",
    }
}

/// All repositories the viewer may see.
pub async fn home(viewer: Viewer) -> Response {
    let rows = viewer.forge.read(|world| {
        let visible = world.repos.all().filter(|repo| world.grant(repo, viewer.user) > Grant::None);
        visible.map(|repo| format!("<li><a href=\"/{0}\">{0}</a></li>", escape(&world.path_of(repo)))).collect::<String>()
    });
    let body =
        format!("<h1>Repositories</h1><ul class=rows>{}</ul>", if rows.is_empty() { "<li class=soft>None yet.</li>" } else { &rows });
    html::page("Repositories", viewer.login.as_deref(), &body)
}

/// Issues and pull requests of a repository.
pub async fn repo(viewer: Viewer, Path((owner, name)): Path<(String, String)>) -> Response {
    let repo = match viewer.forge.repo_for(viewer.user, &owner, &name, Grant::Read) {
        Ok(repo) => repo,
        Err(problem) => return html::refusal(&problem),
    };
    let (path, lists) = viewer.forge.read(|world| {
        let path = escape(&world.path_of(&repo));
        let lists = [("Pull requests", true), ("Issues", false)].map(|(title, pulls)| {
            let of_kind = world.issues.all().rev().filter(|issue| issue.repo == repo.id && issue.pull.is_some() == pulls);
            let rows: String = of_kind.map(|issue| row(world, &path, issue)).collect();
            let rows = if rows.is_empty() { "<li class=soft>None yet.</li>".to_owned() } else { rows };
            format!("<h2>{title}</h2><ul class=rows>{rows}</ul>")
        });
        (path, lists.concat())
    });
    let new = match viewer.user {
        None => String::new(),
        Some(_) => format!(
            "<h2>New issue</h2><form method=post action=\"/{path}/issues\"><div class=line><input type=text name=title placeholder=Title required maxlength=255></div>\
             <textarea name=body aria-label=Description placeholder=\"Markdown\"></textarea><div class=line><button class=go>Open issue</button></div></form>"
        ),
    };
    let clone = escape(&format!("{}/{owner}/{name}.git", viewer.forge.root));
    let body = format!("<h1>{path}</h1><p class=soft><code>git clone {clone}</code></p>{lists}{new}");
    html::page(&format!("{owner}/{name}"), viewer.login.as_deref(), &body)
}

fn row(world: &World, path: &str, issue: &Issue) -> String {
    let kind = if issue.pull.is_some() { "pulls" } else { "issues" };
    let chips: String = world.labels_on(issue).into_iter().map(|label| format!(" {}", chip(label))).collect();
    let (state, number, title, author) = (state_word(issue), issue.number, escape(&issue.title), escape(world.login(issue.author)));
    format!(
        "<li><span class=\"state {state}\">{state}</span> <a href=\"/{path}/{kind}/{number}\">#{number} {title}</a>{chips} <span class=soft>by {author}</span></li>"
    )
}

/// The deliveries finished since the start, as JSON, for those signed in.
pub async fn deliveries(viewer: Viewer) -> Response {
    match viewer.me() {
        Ok(_) => html::guarded(Json(viewer.forge.deliveries.log()).into_response()),
        Err(problem) => html::refusal(&problem),
    }
}
