//! What a run hands back: one shape per purpose, checked against its schema before anything is done with it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::kind::Purpose;

/// The result of a finished run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "purpose", rename_all = "lowercase")]
pub enum Outcome {
    Analyse(Analysis),
    Design(Design),
    Implement(Work),
    Fix(Work),
    Review(ReviewResult),
    Test(TestResult),
    Merge(Resolution),
}

/// What the product owner found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Analysis {
    pub summary: String,
    /// Acceptance criteria, 1 to 20.
    pub criteria: Vec<String>,
    /// Questions that only a person can answer; work waits while there is one.
    pub questions: Vec<String>,
}

/// The architect's plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Design {
    pub summary: String,
    /// The plan as people read it.
    pub plan_markdown: String,
    pub files: Vec<PlannedFile>,
    pub steps: Vec<String>,
    pub risks: Vec<String>,
    pub tests: Vec<String>,
    /// Estimated cost of carrying it out; `None` when the architect cannot say.
    pub estimate_usd: Option<f64>,
}

/// A file that the plan touches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedFile {
    pub path: String,
    pub why: String,
}

/// What the engineer did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    pub summary: String,
    pub answers: Vec<Answer>,
    /// What people should know; may be empty.
    pub notes: String,
}

/// How conflicts with the base branch were resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    pub summary: String,
    /// What people should look at; may be empty.
    pub notes: String,
}

/// The engineer's answer to one finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Number of the finding in the brief, from 1.
    pub finding: u32,
    pub reply: String,
}

/// What the reviewer found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewResult {
    pub summary: String,
    pub findings: Vec<Finding>,
}

/// One finding, on a line of the new file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub path: String,
    /// From 1.
    pub line: u32,
    pub severity: Severity,
    pub message: String,
}

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Minor,
    Major,
    Blocker,
}

/// What the tester saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestResult {
    pub results: Vec<CriterionResult>,
    pub summary: String,
}

/// Whether one acceptance criterion holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CriterionResult {
    /// Number of the criterion in the brief, from 1.
    pub criterion: u32,
    pub met: bool,
    /// What shows it: a file and line, a CI context.
    pub evidence: String,
}

impl Outcome {
    /// Checks what `finish` was called with and makes it an outcome. An error lists every fault, in words for the model that sent it.
    pub fn read(purpose: Purpose, value: &Value) -> Result<Outcome, Vec<String>> {
        let validator = jsonschema::validator_for(&schema(purpose)).map_err(|error| vec![error.to_string()])?;
        let faults: Vec<String> =
            validator.iter_errors(value).take(10).map(|error| fault(&error.instance_path().to_string(), &error.to_string())).collect();
        if !faults.is_empty() {
            return Err(faults);
        }
        let value = value.clone();
        let read = match purpose {
            Purpose::Analyse => serde_json::from_value(value).map(Outcome::Analyse),
            Purpose::Design => serde_json::from_value(value).map(Outcome::Design),
            Purpose::Implement => serde_json::from_value(value).map(Outcome::Implement),
            Purpose::Fix => serde_json::from_value(value).map(Outcome::Fix),
            Purpose::Review => serde_json::from_value(value).map(Outcome::Review),
            Purpose::Test => serde_json::from_value(value).map(Outcome::Test),
            Purpose::Merge => serde_json::from_value(value).map(Outcome::Merge),
        };
        read.map_err(|error| vec![error.to_string()])
    }

    /// What the run was for.
    pub fn purpose(&self) -> Purpose {
        match self {
            Outcome::Analyse(_) => Purpose::Analyse,
            Outcome::Design(_) => Purpose::Design,
            Outcome::Implement(_) => Purpose::Implement,
            Outcome::Fix(_) => Purpose::Fix,
            Outcome::Review(_) => Purpose::Review,
            Outcome::Test(_) => Purpose::Test,
            Outcome::Merge(_) => Purpose::Merge,
        }
    }

    /// The run in its own few words.
    pub fn summary(&self) -> &str {
        match self {
            Outcome::Analyse(Analysis { summary, .. })
            | Outcome::Design(Design { summary, .. })
            | Outcome::Implement(Work { summary, .. })
            | Outcome::Fix(Work { summary, .. })
            | Outcome::Review(ReviewResult { summary, .. })
            | Outcome::Test(TestResult { summary, .. })
            | Outcome::Merge(Resolution { summary, .. }) => summary,
        }
    }
}

/// A fault quotes what was sent, which may be long.
fn fault(path: &str, message: &str) -> String {
    let at = if path.is_empty() { "at the top" } else { path };
    format!("{at}: {}", crate::base::text::clip(message, 300))
}

/// The JSON schema of what a run of this purpose hands to `finish`.
pub fn schema(purpose: Purpose) -> Value {
    match purpose {
        Purpose::Analyse => object(json!({
            "summary": text(2_000, "What is wanted and why, in two or three sentences."),
            "criteria": list(json!({"type": "string", "minLength": 1, "maxLength": 500}), 1, 20, "Acceptance criteria that somebody can check by reading code or a CI result."),
            "questions": list(json!({"type": "string", "minLength": 1, "maxLength": 1_000}), 0, 5, "What only a person can decide. Empty when nothing is missing."),
        })),
        Purpose::Design => object(json!({
            "summary": text(2_000, "The approach in two or three sentences."),
            "plan_markdown": text(30_000, "The whole plan in Markdown, as people will read and comment on it."),
            "files": list(object(json!({"path": text(1_024, "Path from the repository's root."), "why": text(500, "What changes there.")})), 1, 60, "Files to touch."),
            "steps": list(json!({"type": "string", "minLength": 1, "maxLength": 500}), 1, 30, "Steps in order, each one small commit."),
            "risks": list(json!({"type": "string", "minLength": 1, "maxLength": 500}), 0, 20, "What could go wrong."),
            "tests": list(json!({"type": "string", "minLength": 1, "maxLength": 500}), 0, 30, "Tests to add or change, and what each shows."),
            "estimate_usd": {"type": ["number", "null"], "minimum": 0, "maximum": 10_000, "description": "Estimated cost of the model calls in US dollars, or null."},
        })),
        Purpose::Implement | Purpose::Fix => object(json!({
            "summary": text(4_000, "What was changed and why."),
            "answers": list(object(json!({"finding": number("Number of the finding, from 1."), "reply": text(2_000, "The commit or the reason.")})), 0, 200, "One answer for each open finding of the brief."),
            "notes": {"type": "string", "maxLength": 4_000, "description": "What people should know, such as what was left out. May be empty."},
        })),
        Purpose::Review => object(json!({
            "summary": text(4_000, "What was checked and the result."),
            "findings": list(object(json!({
                "path": text(1_024, "Path from the repository's root."),
                "line": number("Line in the new file, from 1."),
                "severity": {"enum": ["blocker", "major", "minor"], "description": "Blocker and major must be answered before the merge."},
                "message": text(4_000, "What is wrong, why, and what would be right."),
            })), 0, 50, "Empty when nothing is wrong."),
        })),
        Purpose::Test => object(json!({
            "results": list(object(json!({
                "criterion": number("Number of the acceptance criterion, from 1."),
                "met": {"type": "boolean"},
                "evidence": text(2_000, "What shows it: file and line, or the CI context."),
            })), 1, 20, "One result for each acceptance criterion."),
            "summary": text(2_000, "The result in one or two sentences."),
        })),
        Purpose::Merge => object(json!({
            "summary": text(4_000, "How each conflict was resolved, and why so."),
            "notes": {"type": "string", "maxLength": 4_000, "description": "What people should look at twice. May be empty."},
        })),
    }
}

/// An object whose properties are all required and the only ones.
fn object(properties: Value) -> Value {
    let names: Vec<&String> = properties.as_object().into_iter().flat_map(|map| map.keys()).collect();
    json!({"type": "object", "required": names, "additionalProperties": false, "properties": properties})
}

fn list(items: Value, least: u32, most: u32, description: &str) -> Value {
    json!({"type": "array", "items": items, "minItems": least, "maxItems": most, "description": description})
}

fn text(most: u32, description: &str) -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": most, "description": description})
}

fn number(description: &str) -> Value {
    json!({"type": "integer", "minimum": 1, "maximum": 1_000_000, "description": description})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(purpose: Purpose) -> Value {
        match purpose {
            Purpose::Analyse => json!({"summary": "s", "criteria": ["a"], "questions": []}),
            Purpose::Design => {
                json!({"summary": "s", "plan_markdown": "# p", "files": [{"path": "a.py", "why": "w"}], "steps": ["1"], "risks": [], "tests": ["t"], "estimate_usd": null})
            }
            Purpose::Implement | Purpose::Fix => json!({"summary": "s", "answers": [{"finding": 1, "reply": "r"}], "notes": ""}),
            Purpose::Review => json!({"summary": "s", "findings": [{"path": "a.py", "line": 3, "severity": "major", "message": "m"}]}),
            Purpose::Test => json!({"results": [{"criterion": 1, "met": true, "evidence": "a.py:3"}], "summary": "s"}),
            Purpose::Merge => json!({"summary": "s", "notes": ""}),
        }
    }

    #[test]
    fn every_purpose_reads_its_own_shape_and_no_other() {
        for purpose in Purpose::ALL {
            let outcome = Outcome::read(purpose, &good(purpose)).unwrap();
            assert_eq!((outcome.purpose(), outcome.summary()), (purpose, "s"));
            for other in Purpose::ALL {
                let same_shape = good(other) == good(purpose);
                assert_eq!(Outcome::read(other, &good(purpose)).is_ok(), same_shape, "{purpose} read as {other}");
            }
        }
    }

    #[test]
    fn faults_say_where() {
        let rows = [
            (Purpose::Analyse, json!({"summary": "s", "criteria": [], "questions": []}), "/criteria"),
            (Purpose::Analyse, json!({"summary": "s", "criteria": vec!["c"; 21], "questions": []}), "/criteria"),
            (
                Purpose::Review,
                json!({"summary": "s", "findings": [{"path": "a", "line": 0, "severity": "bad", "message": "m"}]}),
                "/findings/0/line",
            ),
            (Purpose::Review, json!("not an object"), "at the top"),
            (Purpose::Implement, json!({"summary": "s", "answers": [], "notes": "", "merge": true}), "merge"),
            (Purpose::Design, json!({"summary": "s"}), "plan_markdown"),
        ];
        for (purpose, value, word) in rows {
            let faults = Outcome::read(purpose, &value).unwrap_err();
            assert!(faults.iter().any(|fault| fault.contains(word)), "{word} not in {faults:?}");
        }
        let two = Outcome::read(
            Purpose::Review,
            &json!({"summary": "s", "findings": [{"path": "a", "line": 0, "severity": "bad", "message": "m"}]}),
        )
        .unwrap_err();
        assert_eq!(two.len(), 2, "every fault is listed");
    }

    #[test]
    fn severities_order_by_gravity() {
        assert!(Severity::Blocker > Severity::Major && Severity::Major > Severity::Minor);
    }
}
