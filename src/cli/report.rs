//! What a command found or did, item by item, each with what to do about it.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::base::secret::Redactor;
use crate::base::text::visible;

/// One thing that was looked at or done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub what: String,
    pub verdict: Verdict,
    pub said: String,
    /// What to type or change.
    pub fix: Option<String>,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is as it should be.
    Ok,
    /// It was made or mended just now.
    Made,
    /// It would be made.
    Would,
    /// Worth knowing; nothing is wrong.
    Note,
    /// It is not as it should be.
    Fails,
    /// It could not be looked at.
    Unknown,
}

impl Verdict {
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Made => "made",
            Verdict::Would => "would",
            Verdict::Note => "note",
            Verdict::Fails => "fails",
            Verdict::Unknown => "unknown",
        }
    }
}

/// All findings of a command.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub findings: Vec<Finding>,
}

impl Report {
    pub fn add(&mut self, what: impl Into<String>, verdict: Verdict, said: impl Into<String>) {
        self.findings.push(Finding { what: what.into(), verdict, said: said.into(), fix: None });
    }

    pub fn fix(&mut self, what: impl Into<String>, verdict: Verdict, said: impl Into<String>, fix: impl Into<String>) {
        self.findings.push(Finding { what: what.into(), verdict, said: said.into(), fix: Some(fix.into()) });
    }

    pub fn count(&self, verdict: Verdict) -> usize {
        self.findings.iter().filter(|finding| finding.verdict == verdict).count()
    }

    /// 1: something is not as it should be; 2: something could not be looked at; else 0.
    pub fn code(&self) -> u8 {
        match (self.count(Verdict::Fails), self.count(Verdict::Unknown)) {
            (0, 0) => 0,
            (0, _) => 2,
            _ => 1,
        }
    }

    /// One line for each finding, and its fix below it.
    pub fn print(&self, redactor: &Redactor, out: &mut dyn Write) -> io::Result<()> {
        for finding in &self.findings {
            let line = format!("{:8}{}: {}", finding.verdict.word(), finding.what, finding.said);
            writeln!(out, "{}", visible(&redactor.mask(&line)))?;
            if let Some(fix) = &finding.fix {
                writeln!(out, "        -> {}", visible(&redactor.mask(fix)))?;
            }
        }
        Ok(())
    }

    pub fn json(&self, redactor: &Redactor) -> Value {
        let mask = |text: &str| visible(&redactor.mask(text));
        let one = |finding: &Finding| {
            json!({
                "what": mask(&finding.what), "verdict": finding.verdict.word(), "said": mask(&finding.said),
                "fix": finding.fix.as_deref().map(mask),
            })
        };
        json!({"holds": self.code() == 0, "findings": self.findings.iter().map(one).collect::<Vec<_>>()})
    }
}
