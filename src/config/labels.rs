//! `labels.toml`: colour and description of every label that Syndarix keeps. Which labels there are is fixed by the workflow.

use serde::Deserialize;
use toml::Spanned;

use super::error::{ConfigError, ConfigErrors, parse_as, suggest};
use super::shape;
use crate::domain::forge::LabelSpec;

pub use crate::domain::scopes::SCOPES;
/// Flags: never exclusive, several at once.
pub const FLAGS: &[&str] = &["syndarix/waiting", "syndarix/paused", "syndarix/halted", "syndarix/blocked", "syndarix/over-budget"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    labels: Vec<RawLabel>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLabel {
    name: Spanned<String>,
    color: Spanned<String>,
    description: String,
}

/// Every label there is, `scope/value`, and whether its scope is exclusive.
fn all() -> Vec<(String, bool)> {
    let scoped = SCOPES.iter().flat_map(|(scope, values)| values.iter().map(move |value| (format!("{scope}/{value}"), true)));
    scoped.chain(FLAGS.iter().map(|flag| ((*flag).to_owned(), false))).collect()
}

/// Reads `labels.toml`. Every label must be there exactly once.
pub fn read(file: &str, text: &str) -> Result<Vec<LabelSpec>, ConfigErrors> {
    let raw: Raw = parse_as(file, text, shape::named("labels").map_or(&[], |file| file.keys))?;
    let known = all();
    let mut errors = Vec::new();
    let mut labels: Vec<LabelSpec> = Vec::new();
    for label in &raw.labels {
        let name = label.name.as_ref();
        let mut wrong = |span, message| errors.push(ConfigError::at(file, text, span, message));
        let color = label.color.as_ref().to_lowercase();
        if color.len() != 6 || !color.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            wrong(label.color.span(), format!("`{color}` is not a colour: write six hex digits without `#`, such as 0e8a16"));
        }
        match known.iter().find(|(known, _)| known == name) {
            None => wrong(
                label.name.span(),
                format!("`{name}` is not a label of Syndarix; {}", suggest(name, known.iter().map(|(name, _)| name.as_str()))),
            ),
            Some(_) if labels.iter().any(|earlier| earlier.name == *name) => {
                wrong(label.name.span(), format!("the label `{name}` is described twice"))
            }
            Some(&(_, exclusive)) => {
                labels.push(LabelSpec { name: name.clone(), color, description: label.description.clone(), exclusive })
            }
        }
    }
    let missing: Vec<String> =
        known.into_iter().map(|(name, _)| name).filter(|name| !labels.iter().any(|label| label.name == *name)).collect();
    if errors.is_empty() && !missing.is_empty() {
        errors.push(ConfigError::whole(file, format!("these labels are not described: {}", missing.join(", "))));
    }
    if errors.is_empty() { Ok(labels) } else { Err(ConfigErrors(errors)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workflow_finds_each_of_its_labels_described() {
        use crate::domain::workflow::label::Label;
        let known = all();
        let kept = known.iter().filter(|(name, _)| !name.starts_with("priority/") && !name.starts_with("sprint/"));
        for (name, exclusive) in kept {
            let label = Label::parse(name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(matches!(label, Label::Flag(_)), !exclusive, "{name}");
        }
    }

    #[test]
    fn mistakes_name_their_place() {
        let rows = [
            (
                "[[labels]]\nname = \"story/desing\"\ncolor = \"0e8a16\"\ndescription = \"\"\n",
                "l.toml:2:8: `story/desing` is not a label of Syndarix; did you mean `story/design`?",
            ),
            ("[[labels]]\nname = \"story/design\"\ncolor = \"#0e8a16\"\ndescription = \"\"\n", "l.toml:3:9: `#0e8a16` is not a colour"),
            (
                "[[labels]]\nname = \"story/design\"\ncolor = \"0e8a16\"\ndescription = \"\"\n",
                "l.toml: these labels are not described: story/analysis, ",
            ),
        ];
        for (text, want) in rows {
            let errors = read("l.toml", text).unwrap_err().to_string();
            assert!(errors.starts_with(want), "{errors}\nwanted {want}");
        }
    }
}
