//! Labels. On GitHub they are known by name, whatever the case; a name that nobody has made is made when it is put on an issue; scopes do
//! not exist.

use reqwest::Method;
use serde_json::json;

use crate::domain::forge::*;
use crate::forge::{ForgeError, Result};

use super::call::Call;
use super::{GitHubForge, convert, wire};

/// The longest description of a label, in characters.
const DESCRIPTION: usize = 100;

/// The description as GitHub can keep it.
fn short(description: &str) -> String {
    description.trim().chars().take(DESCRIPTION).collect::<String>().trim_end().to_owned()
}

fn plain(color: &str) -> String {
    color.trim_start_matches('#').to_lowercase()
}

fn has(names: &[wire::Label], name: &str) -> bool {
    names.iter().any(|label| label.name.eq_ignore_ascii_case(name))
}

impl GitHubForge {
    async fn raw_labels(&self, repo: &RepoRef) -> Result<Vec<wire::Label>> {
        self.client.list(repo, &Call::get(&["labels"])).await
    }

    pub(super) async fn read_labels(&self, repo: &RepoRef) -> Result<Vec<LabelSpec>> {
        let spec = |label: wire::Label| LabelSpec {
            color: plain(&label.color),
            name: label.name,
            description: label.description,
            exclusive: false,
        };
        Ok(self.raw_labels(repo).await?.into_iter().map(spec).collect())
    }

    pub(super) async fn write_labels(&self, repo: &RepoRef, wanted: &[LabelSpec]) -> Result<Vec<String>> {
        let here = self.raw_labels(repo).await?;
        let mut changed = Vec::new();
        for spec in wanted {
            let (color, description) = (plain(&spec.color), short(&spec.description));
            match here.iter().find(|label| label.name.eq_ignore_ascii_case(&spec.name)) {
                Some(label) if label.name == spec.name && plain(&label.color) == color && label.description.trim() == description => {
                    continue;
                }
                Some(label) => {
                    let mend = json!({"new_name": spec.name, "color": color, "description": description});
                    self.client.on_repo(repo, &Call::new(Method::PATCH, &["labels", &label.name]).json(mend)).await?;
                }
                None => {
                    let body = json!({"name": spec.name, "color": color, "description": description});
                    match self.client.on_repo(repo, &Call::new(Method::POST, &["labels"]).json(body)).await {
                        // Somebody else was faster.
                        Err(ForgeError::Unprocessable(text)) if text.contains("already_exists") => continue,
                        made => made?,
                    };
                }
            }
            changed.push(spec.name.clone());
        }
        Ok(changed)
    }

    pub(super) async fn write_issue_labels(&self, repo: &RepoRef, number: i64, add: &[String], remove: &[String]) -> Result<Vec<String>> {
        if !self.seen.unseen(repo.id, add).is_empty() {
            self.seen.add(repo.id, self.raw_labels(repo).await?.iter().map(|label| label.name.as_str()));
            let missing = self.seen.unseen(repo.id, add);
            if !missing.is_empty() {
                return Err(ForgeError::Unprocessable(format!("the repository has no label {}", missing.join(", "))));
            }
        }
        let number = number.to_string();
        let all = Call::get(&["issues", &number, "labels"]);
        let mut on_issue: Vec<wire::Label> = if add.is_empty() {
            self.client.list(repo, &all).await?
        } else {
            let call = Call::new(Method::POST, &["issues", &number, "labels"]).json(json!({"labels": add}));
            self.client.on_repo(repo, &call).await?.json::<Option<_>>()?.unwrap_or_default()
        };
        let missing: Vec<&str> = add.iter().map(String::as_str).filter(|name| !has(&on_issue, name)).collect();
        if !missing.is_empty() {
            return Err(ForgeError::Unprocessable(format!("the forge did not put {} on #{number}", missing.join(", "))));
        }
        let gone: Vec<String> = on_issue
            .iter()
            .map(|label| label.name.clone())
            .filter(|name| remove.iter().any(|other| other.eq_ignore_ascii_case(name)))
            .collect();
        for name in &gone {
            let call = Call::new(Method::DELETE, &["issues", &number, "labels", name]);
            match self.client.on_repo(repo, &call).await {
                // Somebody else was faster.
                Ok(_) | Err(ForgeError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        if !gone.is_empty() {
            on_issue = self.client.list(repo, &all).await?;
        }
        Ok(convert::label_names(&on_issue))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_cut_by_characters() {
        assert_eq!(short(&"ä".repeat(120)).chars().count(), 100);
        assert_eq!(short(&format!("{} tail", "a".repeat(99))), "a".repeat(99));
    }
}
