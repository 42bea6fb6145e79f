//! Agent types: who there is, what each may do, and where each stops. A type is configuration; nothing here is specific to one of them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::base::Nano;
use crate::base::text::sha256_hex;

/// What a run is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    Analyse,
    Design,
    Implement,
    Fix,
    Review,
    Test,
    /// Resolve what conflicts when the base branch is merged in.
    Merge,
}

impl Purpose {
    /// All of them, in the order of a story.
    pub const ALL: [Purpose; 7] =
        [Purpose::Analyse, Purpose::Design, Purpose::Implement, Purpose::Fix, Purpose::Review, Purpose::Test, Purpose::Merge];

    /// The name used in configuration, prompts and the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Purpose::Analyse => "analyse",
            Purpose::Design => "design",
            Purpose::Implement => "implement",
            Purpose::Fix => "fix",
            Purpose::Review => "review",
            Purpose::Test => "test",
            Purpose::Merge => "merge",
        }
    }

    /// The agent type that does this when nobody is assigned.
    pub fn default_agent(self) -> &'static str {
        match self {
            Purpose::Analyse => "product-owner",
            Purpose::Design => "architect",
            Purpose::Implement | Purpose::Fix | Purpose::Merge => "engineer",
            Purpose::Review => "reviewer",
            Purpose::Test => "tester",
        }
    }

    /// True when the run changes files.
    pub fn writes(self) -> bool {
        matches!(self, Purpose::Implement | Purpose::Fix | Purpose::Merge)
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Purpose {
    type Err = String;
    fn from_str(text: &str) -> Result<Purpose, String> {
        let known = || Purpose::ALL.map(Purpose::as_str).join(", ");
        Purpose::ALL
            .into_iter()
            .find(|purpose| purpose.as_str() == text)
            .ok_or_else(|| format!("`{text}` is not a purpose; there are {}", known()))
    }
}

/// Every tool an agent can be given, and whether it changes anything.
pub const TOOLS: &[(&str, bool)] = &[
    ("list_files", false),
    ("read_file", false),
    ("search_files", false),
    ("show_diff", false),
    ("edit_file", true),
    ("create_file", true),
    ("delete_file", true),
    ("commit", true),
    ("ask_human", false),
    ("finish", false),
];

/// Whether a tool changes the work tree; `None` when there is no such tool.
pub fn is_mutating(tool: &str) -> Option<bool> {
    TOOLS.iter().find(|(name, _)| *name == tool).map(|&(_, mutating)| mutating)
}

/// Where a run stops and a person is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caps {
    /// Model calls of one run.
    pub max_steps: u32,
    /// Minutes of working time of one run; waiting for a person does not count.
    pub max_minutes: u32,
    /// Tokens of one run, prompt and answer of every call together.
    pub max_tokens: u64,
    /// Tokens of one answer.
    pub max_reply_tokens: u32,
    /// Cost of one run.
    pub max_usd: Nano,
}

/// One agent type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentKind {
    /// Its name in configuration and commands, such as `engineer`.
    pub name: String,
    /// What people read, such as `Engineer`.
    pub title: String,
    /// Group of models that its calls go to.
    pub model_group: String,
    /// First names for its instances.
    pub names: Vec<String>,
    /// What it knows best; told to the model.
    pub expertise: Vec<String>,
    /// How it works and writes; told to the model.
    pub personality: String,
    /// What it may be started for.
    pub capabilities: Vec<Purpose>,
    /// Names of the tools it is given.
    pub tools: Vec<String>,
    pub caps: Caps,
    /// True: it is shown texts of people who may not write to the repository. Such a type has no tool that changes files.
    pub reads_untrusted: bool,
}

impl AgentKind {
    /// True when it may be started for this.
    pub fn can(&self, purpose: Purpose) -> bool {
        self.capabilities.contains(&purpose)
    }

    /// True when it is given this tool.
    pub fn has_tool(&self, tool: &str) -> bool {
        self.tools.iter().any(|name| name == tool)
    }

    /// The name of its instance for a subject: the same subject always gets the same name. An empty pool gives the title.
    pub fn name_for(&self, subject: &str) -> &str {
        let hash = u64::from_str_radix(&sha256_hex(format!("{}:{subject}", self.name))[..15], 16).unwrap_or_default();
        let at = usize::try_from(hash % self.names.len().max(1) as u64).unwrap_or_default();
        self.names.get(at).unwrap_or(&self.title)
    }

    /// The first sentence that says why this type breaks a rule, or nothing.
    pub fn fault(&self) -> Option<String> {
        let mutating = self.tools.iter().find(|tool| is_mutating(tool) == Some(true));
        if let (true, Some(tool)) = (self.reads_untrusted, mutating) {
            return Some(format!(
                "agent `{}` reads texts of people without write permission and has the tool `{tool}`, which changes files: set `reads_untrusted = false` or take the tool away",
                self.name
            ));
        }
        if !self.has_tool("finish") {
            return Some(format!("agent `{}` lacks the tool `finish` and so could never end a run", self.name));
        }
        let writer = self.capabilities.iter().find(|purpose| purpose.writes());
        if let (Some(purpose), None) = (writer, mutating) {
            return Some(format!("agent `{}` is to {purpose} but has no tool that changes files", self.name));
        }
        let zero = self.caps.max_steps == 0 || self.caps.max_minutes == 0 || self.caps.max_tokens == 0 || self.caps.max_reply_tokens == 0;
        (zero || self.caps.max_usd.0 <= 0).then(|| format!("agent `{}` has a cap of zero, so it could never work", self.name))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An agent type that keeps all rules.
    pub(crate) fn sample(tools: &[&str]) -> AgentKind {
        AgentKind {
            name: "engineer".into(),
            title: "Engineer".into(),
            model_group: "strong".into(),
            names: ["Dave", "Mia", "Ravi"].map(String::from).to_vec(),
            expertise: vec!["small changes".into()],
            personality: "Calm.".into(),
            capabilities: vec![Purpose::Implement, Purpose::Fix],
            tools: tools.iter().map(|&tool| tool.to_owned()).collect(),
            caps: Caps { max_steps: 10, max_minutes: 10, max_tokens: 1000, max_reply_tokens: 100, max_usd: Nano(1) },
            reads_untrusted: false,
        }
    }

    #[test]
    fn a_reader_of_strangers_texts_cannot_write() {
        let mut kind = sample(&["read_file", "edit_file", "finish"]);
        assert_eq!(kind.fault(), None);
        kind.reads_untrusted = true;
        assert!(kind.fault().is_some_and(|fault| fault.contains("`edit_file`")));
        assert!(sample(&["edit_file"]).fault().is_some_and(|fault| fault.contains("`finish`")));
        assert!(sample(&["read_file", "finish"]).fault().is_some_and(|fault| fault.contains("no tool that changes files")));
    }

    #[test]
    fn names_are_stable_and_spread() {
        let kind = sample(&[]);
        assert_eq!(kind.name_for("sub_1"), kind.name_for("sub_1"));
        let seen: std::collections::BTreeSet<_> = (0..40).map(|n| kind.name_for(&n.to_string()).to_owned()).collect();
        assert_eq!(seen.len(), 3);
        assert_eq!(AgentKind { names: vec![], ..kind }.name_for("x"), "Engineer");
    }

    #[test]
    fn purposes_read_back() {
        for purpose in Purpose::ALL {
            assert_eq!(purpose.as_str().parse(), Ok(purpose));
            assert_eq!(serde_json::to_value(purpose).unwrap(), purpose.as_str());
        }
        assert!("deploy".parse::<Purpose>().is_err());
    }
}
