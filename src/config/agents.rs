//! `agents/*.toml`: one file per agent type; the file's name is the type's.

use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::error::{ConfigError, ConfigErrors, parse_as, suggest};
use super::models::Dollars;
use super::shape;
use crate::domain::agent::kind::{AgentKind, Caps, Purpose, TOOLS, is_mutating};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    title: String,
    model_group: Spanned<String>,
    names: Spanned<Vec<String>>,
    expertise: Vec<String>,
    personality: String,
    capabilities: Vec<Purpose>,
    tools: Vec<Spanned<String>>,
    reads_untrusted: bool,
    caps: RawCaps,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCaps {
    max_steps: u32,
    max_minutes: u32,
    max_tokens: u64,
    max_reply_tokens: u32,
    max_usd: Dollars,
}

/// Reads and checks one agent type; `groups` are the model groups there are.
pub fn read<'a>(file: &str, text: &str, name: &str, groups: impl IntoIterator<Item = &'a str> + Clone) -> Result<AgentKind, ConfigErrors> {
    let raw: Raw = parse_as(file, text, shape::named("agents").map_or(&[], |file| file.keys))?;
    let mut errors = Vec::new();
    let mut wrong = |span: Range<usize>, message: String| errors.push(ConfigError::at(file, text, span, message));
    if !groups.clone().into_iter().any(|group| group == raw.model_group.as_ref()) {
        wrong(
            raw.model_group.span(),
            format!("there is no model group `{}` in models.toml; {}", raw.model_group.as_ref(), suggest(raw.model_group.as_ref(), groups)),
        );
    }
    if raw.names.as_ref().is_empty() {
        wrong(raw.names.span(), "an agent type needs at least one name for its instances".to_owned());
    }
    if let Some(name) = raw.names.as_ref().iter().find(|name| !is_name(name)) {
        wrong(raw.names.span(), format!("`{name}` cannot be the name of an agent: use letters, spaces, dots and dashes, at most 40"));
    }
    for (at, tool) in raw.tools.iter().enumerate() {
        let known = TOOLS.iter().map(|(name, _)| *name);
        if is_mutating(tool.as_ref()).is_none() {
            wrong(tool.span(), format!("there is no tool `{}`; {}", tool.as_ref(), suggest(tool.as_ref(), known)));
        } else if raw.tools[..at].iter().any(|earlier| earlier.as_ref() == tool.as_ref()) {
            wrong(tool.span(), format!("the tool `{}` is named twice", tool.as_ref()));
        }
    }
    if !errors.is_empty() {
        return Err(ConfigErrors(errors));
    }
    let kind = raw.into_kind(name);
    match kind.fault() {
        Some(fault) => Err(ConfigError::whole(file, fault).into()),
        None => Ok(kind),
    }
}

impl Raw {
    fn into_kind(self, name: &str) -> AgentKind {
        let caps = Caps {
            max_steps: self.caps.max_steps,
            max_minutes: self.caps.max_minutes,
            max_tokens: self.caps.max_tokens,
            max_reply_tokens: self.caps.max_reply_tokens,
            max_usd: self.caps.max_usd.0,
        };
        AgentKind {
            name: name.to_owned(),
            title: self.title,
            model_group: self.model_group.into_inner(),
            names: self.names.into_inner(),
            expertise: self.expertise,
            personality: self.personality,
            capabilities: self.capabilities,
            tools: self.tools.into_iter().map(Spanned::into_inner).collect(),
            caps,
            reads_untrusted: self.reads_untrusted,
        }
    }
}

/// Names go into comments, commit trailers and prompts.
fn is_name(name: &str) -> bool {
    let length = name.chars().count();
    (1..=40).contains(&length) && name.trim() == name && name.chars().all(|c| c.is_alphabetic() || " .-'’".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"title = "Engineer"
model_group = "strong"
names = ["Dave", "Zoë"]
expertise = ["small changes"]
personality = "Calm."
capabilities = ["implement", "fix"]
tools = ["read_file", "edit_file", "finish"]
reads_untrusted = false
[caps]
max_steps = 40
max_minutes = 30
max_tokens = 500000
max_reply_tokens = 8000
max_usd = 2.5
"#;

    #[test]
    fn a_type_reads_whole() {
        let kind = read("agents/engineer.toml", GOOD, "engineer", ["strong"]).unwrap();
        assert_eq!((kind.name.as_str(), kind.caps.max_usd.0), ("engineer", 2_500_000_000));
        assert!(kind.can(Purpose::Fix) && !kind.can(Purpose::Review));
    }

    #[test]
    fn mistakes_name_their_place() {
        let rows = [
            ("edit_file", "edt_file", "a.toml:7:23: there is no tool `edt_file`; did you mean `edit_file`?"),
            ("\"edit_file\"", "\"read_file\"", "a.toml:7:23: the tool `read_file` is named twice"),
            ("strong", "storng", "a.toml:2:15: there is no model group `storng` in models.toml; did you mean `strong`?"),
            ("max_steps", "max_step", "a.toml:10:1: unknown key `max_step`, "),
            ("\"fix\"", "\"fxi\"", "a.toml:6:30: unknown variant `fxi`, "),
            ("Dave", "Dave`\\n", "cannot be the name of an agent"),
            (
                "reads_untrusted = false",
                "reads_untrusted = true",
                "a.toml: agent `engineer` reads texts of people without write permission",
            ),
            ("max_steps = 40", "max_steps = 0", "a.toml: agent `engineer` has a cap of zero"),
            ("title = \"Engineer\"\n", "", "missing key `title`"),
        ];
        for (from, to, want) in rows {
            let errors = read("a.toml", &GOOD.replacen(from, to, 1), "engineer", ["strong"]).unwrap_err().to_string();
            assert!(errors.contains(want), "{errors}\nwanted {want}");
        }
    }
}
