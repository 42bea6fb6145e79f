//! Writing notes, reactions, labels, states, branches and commit statuses.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;

use crate::domain::forge::*;
use crate::domain::scopes;
use crate::forge::{ForgeError, Reacted, ReactionTarget, Result};

use super::client::Call;
use super::convert::place;
use super::read::odd;
use super::{GitLabForge, convert, speech, wire};

impl GitLabForge {
    pub(super) async fn write_comment(&self, repo: &RepoRef, number: i64, body: &str) -> Result<Comment> {
        self.bot().await?;
        let (list, iid) = place(number);
        let call = Call::new(Method::POST, &[list, &iid, "notes"]).json(json!({"body": speech::outgoing(body)}));
        let note: wire::Note = self.client.on_repo(repo, &call).await?.json()?;
        if note.id <= 0 {
            // 202: the text was taken for quick actions alone.
            return Err(ForgeError::Unprocessable(format!("GitLab made no comment on {} of the text that was sent", mention(number))));
        }
        self.note(note)
    }

    pub(super) async fn write_comment_edit(&self, repo: &RepoRef, number: i64, id: i64, body: &str) -> Result<()> {
        let (list, iid) = place(number);
        let call = Call::new(Method::PUT, &[list, &iid, "notes", &id.to_string()]).json(json!({"body": speech::outgoing(body)}));
        self.client.on_repo(repo, &call).await.map(drop)
    }

    pub(super) async fn write_comment_delete(&self, repo: &RepoRef, number: i64, id: i64) -> Result<()> {
        let (list, iid) = place(number);
        let done = self.client.on_repo(repo, &Call::new(Method::DELETE, &[list, &iid, "notes", &id.to_string()])).await;
        self.gone_is_done(repo, done.map(drop)).await
    }

    pub(super) async fn write_branch_delete(&self, repo: &RepoRef, branch: &str) -> Result<()> {
        let done = self.client.on_repo(repo, &Call::new(Method::DELETE, &["repository", "branches", branch])).await;
        self.gone_is_done(repo, done.map(drop)).await
    }

    /// What is to be deleted and is not there is done, unless the project itself cannot be seen.
    async fn gone_is_done(&self, repo: &RepoRef, done: Result<()>) -> Result<()> {
        match done {
            Err(ForgeError::NotFound(_)) => self.read_repo(repo).await.map(drop),
            other => other,
        }
    }

    pub(super) async fn write_reaction(&self, repo: &RepoRef, target: ReactionTarget, content: &str) -> Result<Reacted> {
        let name = match content {
            "+1" => "thumbsup",
            "-1" => "thumbsdown",
            "hooray" => "tada",
            other => other,
        };
        let (number, note) = match target {
            ReactionTarget::Comment { number, id } => (number, Some(id.to_string())),
            ReactionTarget::Issue(number) => (number, None),
        };
        let (list, iid) = place(number);
        let mut segments = vec![list, iid.as_str()];
        if let Some(id) = &note {
            segments.extend(["notes", id.as_str()]);
        }
        segments.push("award_emoji");
        match self.client.on_repo(repo, &Call::new(Method::POST, &segments).json(json!({"name": name}))).await {
            Ok(_) => Ok(Reacted::Done),
            // Given before: GitLab says 404 with the reason.
            Err(ForgeError::NotFound(text) | ForgeError::Unprocessable(text) | ForgeError::Conflict(text))
                if text.to_lowercase().contains("taken") =>
            {
                Ok(Reacted::Done)
            }
            Err(ForgeError::Forbidden(_) | ForgeError::NotFound(_) | ForgeError::NotAllowed(_) | ForgeError::Unprocessable(_)) => {
                Ok(Reacted::Unsupported)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) async fn write_issue(&self, repo: &RepoRef, title: &str, body: &str) -> Result<Issue> {
        let call = Call::new(Method::POST, &["issues"]).json(json!({"title": title, "description": speech::outgoing(body)}));
        convert::issue(self.client.on_repo(repo, &call).await?.json()?).map_err(ForgeError::Uncertain)
    }

    pub(super) async fn write_issue_edit(&self, repo: &RepoRef, number: i64, title: Option<&str>, body: Option<&str>) -> Result<()> {
        let mut changes = serde_json::Map::new();
        changes.extend(title.map(|title| ("title".to_owned(), json!(title))));
        changes.extend(body.map(|body| ("description".to_owned(), json!(speech::outgoing(body)))));
        if changes.is_empty() {
            return Ok(());
        }
        let (list, iid) = place(number);
        self.client.on_repo(repo, &Call::new(Method::PUT, &[list, &iid]).json(changes.into())).await.map(drop)
    }

    pub(super) async fn write_issue_state(&self, repo: &RepoRef, number: i64, state: State) -> Result<()> {
        let (list, iid) = place(number);
        let event = state_event(state);
        self.client.on_repo(repo, &Call::new(Method::PUT, &[list, &iid]).json(json!({"state_event": event}))).await.map(drop)
    }

    pub(super) async fn read_labels(&self, repo: &RepoRef) -> Result<Vec<LabelSpec>> {
        let spec = |label: wire::Label| {
            let name = scopes::neutral(&label.name, ForgeKind::GitLab).into_owned();
            LabelSpec {
                // GitLab has no such property: what is spelled `scope::value` is exclusive.
                exclusive: label.name.contains("::"),
                name,
                color: plain_color(&label.color),
                description: label.description,
            }
        };
        Ok(self.raw_labels(repo).await?.into_iter().filter(|label| label.is_project_label != Some(false)).map(spec).collect())
    }

    async fn raw_labels(&self, repo: &RepoRef) -> Result<Vec<wire::Label>> {
        self.client.list(repo, &Call::get(&["labels"])).await
    }

    /// Labels of a group above count as there: their colour and description are the group's to choose.
    pub(super) async fn write_labels(&self, repo: &RepoRef, wanted: &[LabelSpec]) -> Result<Vec<String>> {
        let here = self.raw_labels(repo).await?;
        let mut changed = Vec::new();
        for spec in wanted {
            let name = scopes::spelled(&spec.name, ForgeKind::GitLab);
            let color = format!("#{}", plain_color(&spec.color));
            match here.iter().find(|label| label.name == name) {
                Some(label) if label.is_project_label == Some(false) => continue,
                Some(label)
                    if plain_color(&label.color) == plain_color(&spec.color) && label.description.trim() == spec.description.trim() =>
                {
                    continue;
                }
                Some(label) => {
                    let mend = json!({"color": color, "description": spec.description});
                    self.client.on_repo(repo, &Call::new(Method::PUT, &["labels", &label.id.to_string()]).json(mend)).await?;
                }
                None => {
                    let body = json!({"name": name, "color": color, "description": spec.description});
                    match self.client.on_repo(repo, &Call::new(Method::POST, &["labels"]).json(body)).await {
                        // Somebody else was faster.
                        Ok(_) | Err(ForgeError::Conflict(_)) => {}
                        Err(error) => return Err(error),
                    }
                }
            }
            changed.push(spec.name.clone());
        }
        Ok(changed)
    }

    /// One request for both, so that no one sees half of it. The siblings of an exclusive scope come off too, as GitLab itself does only in
    /// its paid editions.
    pub(super) async fn write_issue_labels(&self, repo: &RepoRef, number: i64, add: &[String], remove: &[String]) -> Result<Vec<String>> {
        if !self.seen.unseen(repo.id, add).is_empty() {
            let here: Vec<String> =
                self.raw_labels(repo).await?.iter().map(|label| scopes::neutral(&label.name, ForgeKind::GitLab).into_owned()).collect();
            self.seen.add(repo.id, here.iter().map(String::as_str));
            let missing = self.seen.unseen(repo.id, add);
            if !missing.is_empty() {
                return Err(ForgeError::Unprocessable(format!("the project has no label {}", missing.join(", "))));
            }
        }
        let (list, iid) = place(number);
        let at = [list, iid.as_str()];
        #[derive(serde::Deserialize, Default)]
        #[serde(default)]
        struct Labelled {
            labels: Vec<String>,
        }
        let mut off: BTreeSet<String> = remove.iter().cloned().collect();
        off.extend(add.iter().flat_map(|name| scopes::siblings(name)));
        off.retain(|name| !add.contains(name));
        let call = if add.is_empty() && off.is_empty() {
            Call::get(&at)
        } else {
            let shown = |name: &String| scopes::spelled(name, ForgeKind::GitLab).into_owned();
            let (add, remove): (Vec<String>, Vec<String>) = (add.iter().map(shown).collect(), off.iter().map(shown).collect());
            let mut body = serde_json::Map::new();
            for (key, names) in [("add_labels", add), ("remove_labels", remove)] {
                if !names.is_empty() {
                    body.insert(key.to_owned(), json!(names.join(",")));
                }
            }
            Call::new(Method::PUT, &at).json(body.into())
        };
        let after: Labelled = self.client.on_repo(repo, &call).await?.json()?;
        let after = convert::label_names(after.labels.iter().map(String::as_str));
        let missing: Vec<&str> = add.iter().filter(|name| !after.contains(name)).map(String::as_str).collect();
        if !missing.is_empty() {
            return Err(ForgeError::Unprocessable(format!(
                "no label named {} could be put on {}: another label of the same exclusive scope was asked for at once, or the bot may not make labels here; `label sync` creates the missing ones",
                missing.join(", "),
                mention(number)
            )));
        }
        Ok(after)
    }

    /// The same state once more is refused by GitLab; what counts is that it is there.
    pub(super) async fn write_status(&self, repo: &RepoRef, sha: &Sha, status: &CiStatus) -> Result<()> {
        let mut body = json!({
            "state": convert::ci_state_name(status.state), "name": status.context,
            "description": crate::base::text::clip(&status.description, 250),
        });
        if !status.url.is_empty() {
            body["target_url"] = json!(status.url);
        }
        match self.client.on_repo(repo, &Call::new(Method::POST, &["statuses", &sha.0]).json(body)).await {
            Ok(_) => Ok(()),
            Err(ForgeError::Unprocessable(text)) if text.contains("Cannot transition status") => {
                let there = self.read_ci(repo, sha).await?.into_iter().find(|found| found.context == status.context);
                let word = |state| convert::ci_state_name(state);
                match there {
                    Some(found) if word(found.state) == word(status.state) => Ok(()),
                    Some(found) => {
                        Err(ForgeError::NotAllowed(format!("the status stands at {:?} and cannot go on from there: {text}", found.state)))
                    }
                    None => Err(odd(format!("GitLab refuses to change a status that it does not list: {text}"))),
                }
            }
            Err(error) => Err(error),
        }
    }
}

pub(super) fn state_event(state: State) -> &'static str {
    match state {
        State::Open => "reopen",
        State::Closed => "close",
    }
}

fn plain_color(color: &str) -> String {
    color.trim_start_matches('#').to_lowercase()
}
