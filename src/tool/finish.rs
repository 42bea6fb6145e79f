//! `finish`: end the run with its outcome.

use serde_json::Value;

use super::{Desk, Outcome, Tool, ToolScope};

pub(super) struct Finish;

impl Tool for Finish {
    fn name(&self) -> &'static str {
        "finish"
    }

    fn description(&self) -> &'static str {
        "End your work and hand over the outcome. Commit first what shall be kept: changes that are not committed are lost."
    }

    fn schema(&self, scope: &ToolScope) -> Value {
        scope.finish_schema.clone()
    }

    fn mutates(&self) -> bool {
        false
    }

    fn call(&self, desk: &mut Desk, args: &Value) -> Outcome {
        match desk.pending() {
            Ok(changes) if !changes.is_empty() => {
                let names: Vec<&str> = changes.iter().take(10).map(|change| change.path.as_str()).collect();
                Outcome::refused(format!(
                    "Files were changed but not committed: {}. Commit them, or undo the changes, and then finish.",
                    names.join(", ")
                ))
            }
            Ok(_) => Outcome::Finish { outcome: args.clone() },
            Err(error) => Outcome::refused(format!("The changes could not be looked at: {error}.")),
        }
    }
}
