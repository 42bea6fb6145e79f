//! Which labels of a repository are missing or were changed, and the report about mending them.

use std::fmt::Write as _;

use crate::domain::forge::{ForgeKind, LabelSpec};
use crate::domain::speech::code;

/// What a look at a repository's labels found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    pub missing: Vec<String>,
    /// Names, and what differs, in words.
    pub wrong: Vec<(String, Vec<&'static str>)>,
    /// Number of those that are as they should be.
    pub right: usize,
    /// Names that stand there more than once.
    pub doubled: Vec<String>,
}

impl Survey {
    /// Something is to be done about this label.
    pub fn differs(&self, name: &str) -> bool {
        self.missing.iter().any(|missing| missing == name) || self.wrong.iter().any(|(wrong, _)| wrong == name)
    }
}

/// Compares what should be there with what is there. `exclusive`: the forge keeps that property, so that a difference can be mended.
pub fn survey(wanted: &[LabelSpec], there: &[LabelSpec], exclusive: bool) -> Survey {
    let mut survey = Survey::default();
    for spec in wanted {
        let mut same = there.iter().filter(|label| label.name == spec.name);
        match same.next().map(|label| faults(spec, label, exclusive)) {
            None => survey.missing.push(spec.name.clone()),
            Some(faults) if faults.is_empty() => survey.right += 1,
            Some(faults) => survey.wrong.push((spec.name.clone(), faults)),
        }
        if same.next().is_some() {
            survey.doubled.push(spec.name.clone());
        }
    }
    survey
}

fn faults(wanted: &LabelSpec, there: &LabelSpec, exclusive: bool) -> Vec<&'static str> {
    let plain = |color: &str| color.trim_start_matches('#').to_lowercase();
    let differs = [
        ("colour", plain(&wanted.color) != plain(&there.color)),
        ("description", wanted.description.trim() != there.description.trim()),
        ("exclusive", exclusive && wanted.exclusive != there.exclusive),
    ];
    differs.into_iter().filter_map(|(what, differs)| differs.then_some(what)).collect()
}

/// What was done, for the person who asked. `made` are the names that the forge was told to create or change.
pub fn report(survey: &Survey, made: &[String], kind: ForgeKind, again: bool) -> String {
    let (created, elsewhere): (Vec<_>, Vec<_>) = survey.missing.iter().partition(|name| made.contains(name));
    let mut said = match (created.len(), survey.wrong.len()) {
        (0, 0) => format!("All {} labels are as they should be; nothing was changed.", survey.right + elsewhere.len()),
        (created, repaired) => format!("Labels: {created} created, {repaired} repaired, {} already right.", survey.right),
    };
    if !(created.is_empty() && survey.wrong.is_empty() && elsewhere.is_empty() && survey.doubled.is_empty()) || again {
        said.push('\n');
    }
    if !created.is_empty() {
        let _ = write!(said, "\n- Created: {}", list(created.iter().map(|name| name.as_str())));
    }
    for (name, what) in &survey.wrong {
        let _ = write!(said, "\n- Repaired: {} ({})", code(name), what.join(", "));
    }
    if !elsewhere.is_empty() {
        let _ = write!(said, "\n- Kept by the organisation, so not made here: {}", list(elsewhere.iter().map(|name| name.as_str())));
    }
    if !survey.doubled.is_empty() {
        let names = list(survey.doubled.iter().map(String::as_str));
        let _ = write!(
            said,
            "\n- There twice, which confuses people: {names}. I never delete a label; remove the one that is not in use by hand."
        );
    }
    if again {
        said.push_str("\n- An earlier try was interrupted; what it had done counts as already right.");
    }
    let _ = write!(said, "\n\n{}", limits(kind));
    said
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(code).collect::<Vec<_>>().join(", ")
}

/// What the forge itself does and does not do about labels.
fn limits(kind: ForgeKind) -> &'static str {
    match kind {
        ForgeKind::Gitea | ForgeKind::Forgejo => {
            "This forge keeps labels with the same word before the `/` exclusive by itself. It allows two labels of one name, and archived ones stay archived."
        }
        ForgeKind::GitHub => {
            "This forge knows no exclusive labels: Syndarix takes the siblings off itself. Names have at most 50 characters and descriptions 100."
        }
        ForgeKind::GitLab => {
            "This forge keeps labels with the same word before `::` exclusive by itself, in its paid editions; elsewhere Syndarix takes the siblings off."
        }
    }
}

/// The forge does not let the bot change labels.
pub fn refused(answer: &str) -> String {
    format!(
        "**Not done:** the forge does not let me change the labels of this repository. It answered: {}. An administrator can give my account write permission for issues and their labels, or create the labels by hand; then type `/syndarix label sync` again.",
        code(answer)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(name: &str, color: &str, description: &str, exclusive: bool) -> LabelSpec {
        LabelSpec { name: name.into(), color: color.into(), description: description.into(), exclusive }
    }

    #[test]
    fn a_survey_tells_missing_wrong_right_and_doubled() {
        let wanted = [spec("a/1", "0e8a16", "One", true), spec("a/2", "0e8a16", "Two", true), spec("b", "0e8a16", "B", false)];
        let there = [
            spec("a/1", "#0E8A16", "One ", true),
            spec("b", "ffffff", "Bee", true),
            spec("b", "0e8a16", "B", false),
            spec("bug", "0", "", false),
        ];
        let found = survey(&wanted, &there, true);
        assert_eq!(found.missing, ["a/2"]);
        assert_eq!(found.wrong, [("b".to_owned(), vec!["colour", "description", "exclusive"])]);
        assert_eq!(survey(&wanted, &there, false).wrong, [("b".to_owned(), vec!["colour", "description"])]);
        assert_eq!((found.right, found.doubled.as_slice()), (1, &["b".to_owned()][..]));
        assert!(found.differs("a/2") && found.differs("b") && !found.differs("a/1"));
        let report = report(&found, &["a/2".into(), "b".into()], ForgeKind::Gitea, false);
        assert!(report.starts_with("Labels: 1 created, 1 repaired, 1 already right.\n\n- Created: `a/2`\n- Repaired: `b` (colour, description, exclusive)\n- There twice"), "{report}");
    }

    #[test]
    fn nothing_to_do_is_said_and_so_is_what_the_organisation_keeps() {
        let wanted = [spec("a/1", "0e8a16", "One", true), spec("a/2", "0e8a16", "Two", true)];
        let found = survey(&wanted, &wanted, true);
        assert!(report(&found, &[], ForgeKind::GitHub, false).starts_with("All 2 labels are as they should be"));
        let found = survey(&wanted, &wanted[..1], true);
        assert!(report(&found, &[], ForgeKind::GitLab, true).contains("- Kept by the organisation, so not made here: `a/2`"));
    }
}
