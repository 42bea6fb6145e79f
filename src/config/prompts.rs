//! Prompts: `prompts/system.md` for every agent, `prompts/<agent>/<purpose>.md` for each run. They are templates; a directory laid over the
//! built-in ones may replace each. A template sees a brief only with its texts fenced, and stops at the first name that does not exist.

use std::collections::BTreeMap;
use std::path::Path;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, context};

use super::embedded;
use super::error::{ConfigError, ConfigErrors};
use crate::base::Time;
use crate::base::text::sha256_hex;
use crate::domain::agent::brief::{Brief, ConflictBrief, IssueBrief, OpenFinding, Said, Trust};
use crate::domain::agent::kind::{AgentKind, Purpose};
use crate::domain::agent::outcome::Severity;
use crate::domain::forge::{CiState, CiStatus};

/// Steps that a template may take; an endless loop ends here.
const FUEL: u64 = 200_000;

/// All prompts, compiled.
#[derive(Clone, Debug)]
pub struct Prompts {
    environment: Environment<'static>,
    texts: BTreeMap<String, String>,
}

/// What a run is told, ready to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    pub system: String,
    /// The first message.
    pub user: String,
    /// Invisible characters that were removed from the texts in it.
    pub removed: usize,
    /// Texts of people without write permission that were kept from this agent type.
    pub withheld: usize,
}

impl Prompts {
    /// The built-in prompts, with the files of a directory laid over them.
    pub fn load(directory: Option<&Path>) -> Result<Prompts, ConfigErrors> {
        let mut own = BTreeMap::new();
        if let Some(directory) = directory {
            read_directory(directory, "", &mut own)?;
        }
        Prompts::over(own)
    }

    /// The built-in prompts, with these texts laid over them.
    pub fn over(own: BTreeMap<String, String>) -> Result<Prompts, ConfigErrors> {
        let mut texts: BTreeMap<String, String> =
            embedded::PROMPTS.iter().map(|&(name, text)| (name.to_owned(), text.to_owned())).collect();
        texts.extend(own);
        Prompts::read(texts)
    }

    /// Prompts from their texts, by names such as `engineer/fix.md`.
    pub fn read(texts: BTreeMap<String, String>) -> Result<Prompts, ConfigErrors> {
        let mut environment = environment().map_err(|error| ConfigError::whole("prompts/", error.to_string()))?;
        let mut errors = Vec::new();
        for (name, text) in &texts {
            if let Err(error) = environment.add_template_owned(name.clone(), text.clone()) {
                errors.push(located(&error, name, text));
            }
        }
        if errors.is_empty() { Ok(Prompts { environment, texts }) } else { Err(ConfigErrors(errors)) }
    }

    /// Writes the prompt of a run.
    pub fn render(&self, kind: &AgentKind, brief: &Brief) -> Result<Rendered, ConfigError> {
        let view = brief.view(kind);
        let agent = context! {
            name => brief.agent_name.clone(),
            title => kind.title.clone(),
            kind => kind.name.clone(),
            expertise => kind.expertise.clone(),
            personality => kind.personality.clone(),
            tools => kind.tools.clone(),
            reads_untrusted => kind.reads_untrusted,
        };
        let (removed, withheld) = (view.removed, view.withheld);
        let values = context! { agent, brief => Serde(view), purpose => brief.purpose.as_str() };
        let system = self.text("system.md", &values)?;
        let user = self.text(&name(kind, brief.purpose), &values)?;
        Ok(Rendered { system, user, removed, withheld })
    }

    /// Hash of the texts that a run of this kind is made from, for the record.
    pub fn fingerprint(&self, kind: &AgentKind, purpose: Purpose) -> String {
        let own = self.texts.get(&name(kind, purpose)).map(String::as_str).unwrap_or_default();
        let shared = ["system.md", "story.md"].map(|name| self.texts.get(name).map(String::as_str).unwrap_or_default());
        sha256_hex(format!("{}\0{}\0{own}", shared[0], shared[1]))
    }

    /// Renders every prompt that these types can need, with a bare and with a full brief, so that a mistake shows at the start and not in a story.
    pub fn check<'a>(&self, kinds: impl IntoIterator<Item = &'a AgentKind>) -> Result<(), ConfigErrors> {
        let mut errors = Vec::new();
        for kind in kinds {
            for &purpose in &kind.capabilities {
                let briefs = [sample_brief(purpose), bare_brief(purpose)];
                errors.extend(briefs.iter().filter_map(|brief| self.render(kind, brief).err()));
            }
        }
        errors.dedup();
        if errors.is_empty() { Ok(()) } else { Err(ConfigErrors(errors)) }
    }

    fn text(&self, name: &str, values: &minijinja::Value) -> Result<String, ConfigError> {
        let template =
            self.environment.get_template(name).map_err(|_| ConfigError::whole(format!("prompts/{name}"), "there is no such prompt"))?;
        let text = template.render(values).map_err(|error| self.located(&error, name))?;
        Ok(squeeze(&text))
    }

    fn located(&self, error: &minijinja::Error, name: &str) -> ConfigError {
        let file = error.name().unwrap_or(name).to_owned();
        located(error, &file, self.texts.get(&file).map(String::as_str).unwrap_or_default())
    }
}

fn environment() -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    Ok(environment)
}

fn name(kind: &AgentKind, purpose: Purpose) -> String {
    format!("{}/{purpose}.md", kind.name)
}

/// The place of a template's error, as precise as the engine tells.
fn located(error: &minijinja::Error, name: &str, text: &str) -> ConfigError {
    let message = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    let file = format!("prompts/{name}");
    match (error.range(), error.line()) {
        (Some(range), _) if !text.is_empty() => ConfigError::at(file, text, range, message),
        (_, Some(line)) => ConfigError { file, at: Some((line, 1)), message },
        _ => ConfigError::whole(file, message),
    }
}

/// No more than one empty line in a row outside of fences; texts inside them are left as they are.
fn squeeze(text: &str) -> String {
    let mut out: Vec<&str> = Vec::new();
    let mut closing: Option<String> = None;
    for line in text.lines() {
        match &closing {
            Some(mark) if line == mark => closing = None,
            Some(_) => {}
            None => {
                if let Some(mark) = line.strip_prefix("<<<DATA ").and_then(|rest| rest.split(' ').next()) {
                    closing = Some(format!("DATA {mark}>>>"));
                }
                if line.trim().is_empty() && out.last().is_none_or(|last| last.trim().is_empty()) {
                    continue;
                }
            }
        }
        out.push(line);
    }
    out.join("\n").trim_end().to_owned()
}

fn read_directory(directory: &Path, prefix: &str, texts: &mut BTreeMap<String, String>) -> Result<(), ConfigErrors> {
    let fail = |error: std::io::Error| ConfigError::whole(directory.display().to_string(), format!("cannot be read: {error}"));
    for entry in std::fs::read_dir(directory).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let (path, name) = (entry.path(), format!("{prefix}{}", entry.file_name().to_string_lossy()));
        if path.is_dir() && prefix.is_empty() && !name.starts_with('.') {
            read_directory(&path, &format!("{name}/"), texts)?;
        } else if name.ends_with(".md") {
            texts.insert(name, std::fs::read_to_string(&path).map_err(fail)?);
        }
    }
    Ok(())
}

/// A brief with nothing in it but an issue by a trusted person.
pub fn bare_brief(purpose: Purpose) -> Brief {
    let issue = IssueBrief { number: 1, title: "A title".into(), body: String::new(), author: "ann".into(), trust: Trust::Trusted };
    Brief::new(purpose, "owner/name", "Sam", issue)
}

/// A brief with something in every field.
pub fn sample_brief(purpose: Purpose) -> Brief {
    let said = |author: &str, trust, text: &str| Said { author: author.into(), trust, at: Time(1_700_000_000_000_000), text: text.into() };
    Brief {
        issue: IssueBrief {
            number: 42,
            title: "Totals are off".into(),
            body: "The last row is missing.".into(),
            author: "visitor".into(),
            trust: Trust::Untrusted,
        },
        thread: vec![said("visitor", Trust::Untrusted, "It happens every day."), said("ann", Trust::Trusted, "Only in the weekly report.")],
        criteria: vec!["The weekly total includes the last row.".into(), "A test shows it.".into()],
        plan: Some("Change the loop bound in report.py.".into()),
        constraints: vec![said("ann", Trust::Trusted, "Do not change the file format.")],
        findings: vec![OpenFinding {
            author: "reviewer".into(),
            trust: Trust::Bot,
            path: "report.py".into(),
            line: Some(12),
            severity: Severity::Major,
            message: "The empty list is not handled.".into(),
        }],
        ci: vec![CiStatus { context: "tests".into(), state: CiState::Failure, description: "1 of 20 failed".into(), url: String::new() }],
        focus: Some(said("ann", Trust::Trusted, "the loop first")),
        files: vec!["report.py".into()],
        round: 1,
        conflicts: vec![ConflictBrief {
            path: "report.py".into(),
            what: "both branches changed the same lines".into(),
            text: "<<<<<<< here\na\n=======\nb\n>>>>>>> there\n".into(),
        }],
        ..bare_brief(purpose)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Team;

    fn built_in() -> (Team, Prompts) {
        (Team::load(None).unwrap_or_else(|errors| panic!("{errors}")), Prompts::load(None).unwrap_or_else(|errors| panic!("{errors}")))
    }

    #[test]
    fn every_prompt_renders_for_a_full_and_a_bare_brief() {
        let (team, prompts) = built_in();
        prompts.check(team.agents.values()).unwrap_or_else(|errors| panic!("{errors}"));
        for purpose in Purpose::ALL {
            let kind = team.agent_for(purpose).unwrap();
            let full = prompts.render(kind, &sample_brief(purpose)).unwrap();
            assert!(full.system.contains("Sam") && full.system.contains("`finish`"), "{}", full.system);
            assert!(
                full.user.contains("The weekly total includes the last row.") || purpose == Purpose::Analyse,
                "{purpose}: {}",
                full.user
            );
            assert_eq!(full.user.contains("The last row is missing."), kind.reads_untrusted, "{purpose}: {}", full.user);
            assert_eq!(full.withheld > 0, !kind.reads_untrusted);
            let bare = prompts.render(kind, &bare_brief(purpose)).unwrap();
            for text in [&full.user, &full.system, &bare.user] {
                assert!(!text.contains("none") && !text.contains("{{") && !text.contains("\n\n\n"), "{purpose}: {text}");
            }
        }
    }

    #[test]
    fn no_prompt_holds_a_secret_or_decides_permissions() {
        for (name, text) in embedded::PROMPTS {
            let lower = text.to_lowercase();
            for word in ["api key", "api_key", "password", "secret", "token:", "may approve", "is allowed to merge", "http://", "https://"]
            {
                assert!(!lower.contains(word), "{name} contains `{word}`");
            }
        }
    }

    #[test]
    fn mistakes_in_a_prompt_name_file_and_line() {
        let (team, _) = built_in();
        let with = |name: &str, text: &str| {
            let mut texts: BTreeMap<String, String> =
                embedded::PROMPTS.iter().map(|&(name, text)| (name.to_owned(), text.to_owned())).collect();
            texts.insert(name.to_owned(), text.to_owned());
            Prompts::read(texts).and_then(|prompts| prompts.check(team.agents.values())).unwrap_err().to_string()
        };
        let rows = [
            ("engineer/fix.md", "one\ntwo {{ brief.paln }}\n", "prompts/engineer/fix.md:2:"),
            ("engineer/fix.md", "one\n{% if %}\n", "prompts/engineer/fix.md:2:"),
            ("system.md", "{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}", "prompts/system.md:1:"),
        ];
        for (name, text, want) in rows {
            let errors = with(name, text);
            assert!(errors.starts_with(want), "{errors}\nwanted {want}");
        }
    }

    #[test]
    fn squeezing_leaves_fenced_texts_alone() {
        let text = "a\n\n\n\nb\n<<<DATA 0123 kind=x\none\n\n\ntwo\nDATA 0123>>>\n\n\nc\n\n";
        assert_eq!(squeeze(text), "a\n\nb\n<<<DATA 0123 kind=x\none\n\n\ntwo\nDATA 0123>>>\n\nc");
    }
}
