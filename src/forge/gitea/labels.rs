//! Labels. On Gitea their names are not unique, adding takes names or ids, removing takes ids, and unknown names are ignored in silence.

use reqwest::Method;
use serde_json::json;

use crate::domain::forge::*;
use crate::forge::{ForgeError, Result};

use super::client::Call;
use super::{GiteaForge, convert, wire};

impl GiteaForge {
    pub(super) async fn read_labels(&self, repo: &RepoRef) -> Result<Vec<LabelSpec>> {
        let here: Vec<wire::Label> = self.client.list(repo, &Call::get(&["labels"]), true).await?;
        let spec = |label: wire::Label| LabelSpec {
            color: label.color.trim_start_matches('#').to_lowercase(),
            name: label.name,
            description: label.description,
            exclusive: label.exclusive,
        };
        Ok(here.into_iter().map(spec).collect())
    }

    pub(super) async fn write_labels(&self, repo: &RepoRef, wanted: &[LabelSpec]) -> Result<Vec<String>> {
        let here: Vec<wire::Label> = self.client.list(repo, &Call::get(&["labels"]), true).await?;
        // A label of the organisation counts: adding by name would put both on the issue.
        let above = if wanted.iter().all(|spec| here.iter().any(|label| label.name == spec.name)) {
            Vec::new()
        } else {
            self.org_labels(repo).await?
        };
        let mut changed = Vec::new();
        for spec in wanted {
            let color = format!("#{}", spec.color.trim_start_matches('#').to_lowercase());
            let body = json!({"name": spec.name, "color": color, "description": spec.description, "exclusive": spec.exclusive});
            match here.iter().find(|label| label.name == spec.name) {
                Some(label) if is_like(label, spec) => continue,
                Some(label) => {
                    let mend = json!({"color": color, "description": spec.description, "exclusive": spec.exclusive});
                    self.client.on_repo(repo, &Call::new(Method::PATCH, &["labels", &label.id.to_string()]).json(mend)).await?;
                }
                None if above.iter().any(|label| label.name == spec.name) => continue,
                None => {
                    self.client.on_repo(repo, &Call::new(Method::POST, &["labels"]).json(body)).await?;
                }
            }
            changed.push(spec.name.clone());
        }
        Ok(changed)
    }

    /// Labels of the owning organisation; none when the owner is a person or the token may not look.
    async fn org_labels(&self, repo: &RepoRef) -> Result<Vec<wire::Label>> {
        let path = self.client.path_of(repo);
        let owner = path.split('/').next().unwrap_or_default();
        let mut all = Vec::new();
        for page in 1..=100 {
            let call = Call::get(&["orgs", owner, "labels"]).query("page", page.to_string()).query("limit", "50");
            let labels: Vec<wire::Label> = match self.client.send(&call).await {
                Ok(answer) => answer.json::<Option<_>>()?.unwrap_or_default(),
                Err(ForgeError::NotFound(_) | ForgeError::Forbidden(_)) => return Ok(all),
                Err(error) => return Err(error),
            };
            if labels.is_empty() {
                break;
            }
            all.extend(labels);
        }
        Ok(all)
    }

    pub(super) async fn write_issue_labels(&self, repo: &RepoRef, number: i64, add: &[String], remove: &[String]) -> Result<Vec<String>> {
        let number = number.to_string();
        let all = Call::get(&["issues", &number, "labels"]);
        let mut on_issue: Vec<wire::Label> = if add.is_empty() {
            self.client.on_repo(repo, &all).await?.json::<Option<_>>()?.unwrap_or_default()
        } else {
            let call = Call::new(Method::POST, &["issues", &number, "labels"]).json(json!({"labels": add}));
            self.client.on_repo(repo, &call).await?.json::<Option<_>>()?.unwrap_or_default()
        };
        let missing: Vec<&str> = add.iter().map(String::as_str).filter(|name| !on_issue.iter().any(|label| label.name == *name)).collect();
        let gone: Vec<i64> = on_issue.iter().filter(|label| remove.contains(&label.name)).map(|label| label.id).collect();
        for id in &gone {
            let call = Call::new(Method::DELETE, &["issues", &number, "labels", &id.to_string()]);
            match self.client.on_repo(repo, &call).await {
                // Somebody else was faster.
                Ok(_) | Err(ForgeError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        if !missing.is_empty() {
            return Err(ForgeError::Unprocessable(format!(
                "no label named {} could be put on #{number}: it does not exist in this repository, or another label of the same exclusive scope was asked for at once; `label sync` creates the missing ones",
                missing.join(", ")
            )));
        }
        if !gone.is_empty() {
            on_issue = self.client.on_repo(repo, &all).await?.json::<Option<_>>()?.unwrap_or_default();
        }
        Ok(convert::label_names(&on_issue))
    }
}

fn is_like(label: &wire::Label, spec: &LabelSpec) -> bool {
    let plain = |color: &str| color.trim_start_matches('#').to_lowercase();
    plain(&label.color) == plain(&spec.color) && label.exclusive == spec.exclusive && label.description.trim() == spec.description.trim()
}
