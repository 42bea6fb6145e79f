//! What a person is told when something is not done: what happened and why, and what to type next.

use std::fmt;

use serde::Serialize;

/// Nothing was done. Every refusal is a sentence with a way out; the code is for tests, metrics and the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Stable short name of the rule, such as `needs-role`.
    pub code: &'static str,
    /// What was not done and why. One or two full sentences, safe to post on a forge.
    pub sentence: String,
    /// What to type or do next, and who can do it. A full sentence.
    pub way_out: String,
}

impl Refusal {
    /// A refusal by the rule `code`.
    pub fn new(code: &'static str, sentence: impl Into<String>, way_out: impl Into<String>) -> Refusal {
        Refusal { code, sentence: sentence.into(), way_out: way_out.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.way_out.is_empty() { f.write_str(&self.sentence) } else { write!(f, "{} {}", self.sentence, self.way_out) }
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_reads_as_two_sentences() {
        let refusal = Refusal::new("needs-role", "`plan` needs write permission.", "Ask a writer to type it.");
        assert_eq!(refusal.to_string(), "`plan` needs write permission. Ask a writer to type it.");
        assert_eq!(Refusal::new("x", "No.", "").to_string(), "No.");
    }
}
