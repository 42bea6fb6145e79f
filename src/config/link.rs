//! `[link]` in `projects/*.toml`: a second place in which issues of a project stand.

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::error::{ConfigError, suggest};
use super::project::ProjectFile;
use crate::domain::mirror::{Side, is_workflow};

/// The label by which people let an issue out, where nothing else is configured.
pub const OUTWARD_LABEL: &str = "mirror/outward";

/// Which side wins where two changes carry the same time stamp.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Primary {
    #[default]
    This,
    Linked,
}

impl Primary {
    /// The side that is meant.
    pub fn side(self) -> Side {
        match self {
            Primary::This => Side::Here,
            Primary::Linked => Side::There,
        }
    }
}

/// What the file says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLink {
    forge: Spanned<String>,
    repo: Spanned<String>,
    #[serde(default)]
    primary: Primary,
    #[serde(default = "yes")]
    inward: bool,
    #[serde(default)]
    outward: bool,
    outward_label: Option<Spanned<String>>,
}

fn yes() -> bool {
    true
}

/// A link to a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkConfig {
    /// Id of the project's own forge.
    pub home: String,
    /// Id of the forge in the settings.
    pub forge: String,
    /// `owner/name`.
    pub repo: String,
    pub primary: Primary,
    /// What happens there comes here.
    pub inward: bool,
    /// Issues of the project with the label go there.
    pub outward: bool,
    pub outward_label: String,
    /// Where forge and repository are named, for whoever finds that they cannot be.
    pub(super) forge_at: ConfigError,
    pub(super) repo_at: ConfigError,
}

impl LinkConfig {
    /// Whether this is the linked repository.
    pub fn leads_to(&self, forge: &str, repo: &str) -> bool {
        self.forge == forge && self.repo.eq_ignore_ascii_case(repo)
    }
}

/// Why this is not a repository; `None`: it may be one.
pub(super) fn not_a_repo(repo: &str) -> Option<String> {
    let bad = !repo.contains('/') || repo.starts_with('/') || repo.ends_with('/') || repo.contains("//");
    bad.then(|| format!("`{repo}` is not a repository: write it as owner/name"))
}

/// Checks a link by itself, against the project that names it.
pub(super) fn read(file: &str, text: &str, raw: RawLink, (forge, repo): (&str, &str)) -> Result<LinkConfig, Vec<ConfigError>> {
    let mut errors = Vec::new();
    let at = |span, message: String| ConfigError::at(file, text, span, message);
    let linked = raw.repo.as_ref();
    if let Some(why) = not_a_repo(linked) {
        errors.push(at(raw.repo.span(), why));
    }
    if raw.forge.as_ref() == forge && linked.eq_ignore_ascii_case(repo) {
        errors.push(at(raw.repo.span(), format!("`{linked}` is the project itself; a link names another repository")));
    }
    let label = raw.outward_label.as_ref().map_or(OUTWARD_LABEL, |label| label.as_ref());
    if let Some(span) = raw.outward_label.as_ref().map(Spanned::span)
        && (label.trim().is_empty() || label != label.trim() || is_workflow(label))
    {
        let why = format!("`{label}` cannot let issues out: use a label that means nothing else, such as `{OUTWARD_LABEL}`");
        errors.push(at(span, why));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(LinkConfig {
        home: forge.to_owned(),
        forge_at: at(raw.forge.span(), String::new()),
        repo_at: at(raw.repo.span(), String::new()),
        outward_label: label.to_owned(),
        forge: raw.forge.into_inner(),
        repo: raw.repo.into_inner(),
        primary: raw.primary,
        inward: raw.inward,
        outward: raw.outward,
    })
}

/// Links that do not fit the other files: to a repository that is a project itself, or that another project is linked to.
pub(super) fn tangled(projects: &[ProjectFile]) -> Vec<ConfigError> {
    let mut errors = Vec::new();
    for (nth, link) in projects.iter().enumerate().filter_map(|(nth, project)| Some((nth, project.link.as_ref()?))) {
        let fault = |message: String| ConfigError { message, ..link.repo_at.clone() };
        if projects.iter().any(|project| link.leads_to(&project.forge, &project.repo)) {
            errors.push(fault(format!(
                "`{}` on `{}` is a project itself, with a file of its own; a link leads to a repository in which Syndarix does not work",
                link.repo, link.forge
            )));
        }
        let earlier =
            projects[..nth].iter().find(|other| other.link.as_ref().is_some_and(|other| link.leads_to(&other.forge, &other.repo)));
        if let Some(other) = earlier {
            errors.push(fault(format!(
                "`{}` on `{}` is linked to the project {} already; one link a repository",
                link.repo, link.forge, other.repo
            )));
        }
    }
    errors
}

/// Links that name a forge which the settings do not have, or a repository that they serve as a project.
pub(super) fn strange(projects: &[ProjectFile], known: &[&str], serves: impl Fn(&str) -> bool) -> Vec<ConfigError> {
    let mut errors = Vec::new();
    for link in projects.iter().filter_map(|project| project.link.as_ref()) {
        if !known.is_empty() && !known.contains(&link.forge.as_str()) {
            let message = format!("there is no forge `{}` in the settings; {}", link.forge, suggest(&link.forge, known.iter().copied()));
            errors.push(ConfigError { message, ..link.forge_at.clone() });
        } else if known.len() == 1 && serves(&link.repo) {
            let message = format!(
                "`{}` is served as a project, as `projects` of the settings has it; take it out there with \"!{}\", or link another repository",
                link.repo, link.repo
            );
            errors.push(ConfigError { message, ..link.repo_at.clone() });
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::project::{read_policy, read_project};

    fn file(name: &str, text: &str) -> Result<ProjectFile, String> {
        let defaults = read_policy("policy.toml", "[defaults]\n").unwrap();
        read_project(name, text, &defaults).map_err(|errors| errors.to_string())
    }

    const HEAD: &str = "forge = \"home\"\nrepo = \"acme/shop\"\n[link]\n";

    #[test]
    fn a_link_is_inward_only_unless_it_says_more() {
        let link = file("p.toml", &format!("{HEAD}forge = \"hub\"\nrepo = \"acme/lib\"\n")).unwrap().link.unwrap();
        assert_eq!((link.inward, link.outward, link.primary, link.outward_label.as_str()), (true, false, Primary::This, OUTWARD_LABEL));
    }

    #[test]
    fn mistakes_name_their_place() {
        let rows = [
            ("forge = \"home\"\nrepo = \"Acme/Shop\"\n", "p.toml:5:8: `Acme/Shop` is the project itself; a link names another repository"),
            ("forge = \"hub\"\nrepo = \"lib\"\n", "p.toml:5:8: `lib` is not a repository: write it as owner/name"),
            ("forge = \"hub\"\nrepo = \"a/b\"\nprimary = \"that\"\n", "p.toml:6:11: unknown variant `that`"),
            ("forge = \"hub\"\nrepo = \"a/b\"\noutwards = true\n", "p.toml:6:1: unknown key `outwards`, expected one of "),
            ("forge = \"hub\"\nrepo = \"a/b\"\noutward_label = \"story/design\"\n", "p.toml:6:17: `story/design` cannot let issues out"),
        ];
        for (text, want) in rows {
            let errors = file("p.toml", &format!("{HEAD}{text}")).unwrap_err();
            assert!(errors.starts_with(want), "{errors}\nwanted {want}");
        }
    }

    #[test]
    fn a_repository_is_linked_once_and_is_no_project() {
        let link = "[link]\nforge = \"hub\"\nrepo = \"acme/lib\"\n";
        let project = |name: &str, repo: &str, link: &str| file(name, &format!("forge = \"home\"\nrepo = \"{repo}\"\n{link}")).unwrap();
        let twice = tangled(&[project("a.toml", "acme/a", link), project("b.toml", "acme/b", link)]);
        assert_eq!(twice.len(), 1);
        assert!(
            twice[0].to_string().starts_with("b.toml:5:8: `acme/lib` on `hub` is linked to the project acme/a already"),
            "{}",
            twice[0]
        );
        let own = tangled(&[project("a.toml", "acme/a", ""), project("b.toml", "acme/b", "[link]\nforge = \"home\"\nrepo = \"acme/A\"\n")]);
        assert!(own[0].to_string().starts_with("b.toml:5:8: `acme/A` on `home` is a project itself"), "{}", own[0]);
        let strangers = strange(&[project("a.toml", "acme/a", link)], &["home", "hup"], |_| false);
        assert_eq!(strangers[0].to_string(), "a.toml:4:9: there is no forge `hub` in the settings; did you mean `hup`?");
    }
}
