//! What the scripted model answers. A scenario lists the runs it expects; an answer that nobody asks for fails it.

use serde_json::{Value, json};
use syndarix::llm::scripted::{Rule, ScriptedTurn};

fn rule(agent: &str, purpose: &str, replies: Vec<ScriptedTurn>) -> Rule {
    Rule { agent: agent.into(), purpose: purpose.into(), round: None, replies }
}

fn finish(arguments: Value) -> ScriptedTurn {
    ScriptedTurn::call("finish", arguments)
}

/// Only for the run of this number, from 0.
pub fn round(number: u32, rule: Rule) -> Rule {
    Rule { round: Some(number), ..rule }
}

/// The product owner has what it needs.
pub fn analyses() -> Rule {
    let criteria = ["A cart with exactly three items gets the discount."];
    rule(
        "product-owner",
        "analyse",
        vec![finish(json!({"summary": "Three items miss the discount.", "criteria": criteria, "questions": []}))],
    )
}

/// The product owner asks first.
pub fn analyses_and_asks(question: &str) -> Rule {
    let criteria = ["A cart with exactly three items gets the discount."];
    let asked = json!({"summary": "One thing is not said.", "criteria": criteria, "questions": [question]});
    rule("product-owner", "analyse", vec![finish(asked)])
}

/// The architect plans; the word makes two plans differ.
pub fn designs(word: &str) -> Rule {
    let plan = json!({
        "summary": "Compare with `>=`.", "plan_markdown": format!("# The {word} plan\n\n1. In `shop/cart.py`, compare with `>=`.\n"),
        "files": [{"path": "shop/cart.py", "why": "holds the comparison"}], "steps": ["compare with >="], "risks": [], "tests": [],
        "estimate_usd": 0.02,
    });
    rule("architect", "design", vec![finish(plan)])
}

/// A commit that makes a file of this name.
fn commits(path: &str) -> Vec<ScriptedTurn> {
    vec![
        ScriptedTurn::call("create_file", json!({"path": path, "content": format!("{path} was here\n")})),
        ScriptedTurn::call("commit", json!({"message": format!("add {path}")})),
    ]
}

/// The engineer carries out the plan with one commit.
pub fn implements(path: &str) -> Rule {
    let done = finish(json!({"summary": format!("Added `{path}`."), "answers": [], "notes": ""}));
    rule("engineer", "implement", commits(path).into_iter().chain([done]).collect())
}

/// The engineer asks a person before going on with the same run.
pub fn implements_and_asks(question: &str, path: &str) -> Rule {
    let mut rule = implements(path);
    rule.replies.insert(0, ScriptedTurn::call("ask_human", json!({"question": question})));
    rule
}

/// The engineer mends what was found, with one commit.
pub fn fixes(path: &str, findings: &[u32]) -> Rule {
    let answers: Vec<Value> = findings.iter().map(|number| json!({"finding": number, "reply": format!("Mended by `{path}`.")})).collect();
    let done = finish(json!({"summary": format!("Added `{path}`."), "answers": answers, "notes": ""}));
    rule("engineer", "fix", commits(path).into_iter().chain([done]).collect())
}

/// The engineer looks, and finds nothing to change.
pub fn shrugs() -> Rule {
    rule("engineer", "fix", vec![finish(json!({"summary": "Nothing to change here.", "answers": [], "notes": ""}))])
}

/// The engineer forgets a finding at first.
pub fn forgets_then_fixes(path: &str) -> Rule {
    let mut rule = fixes(path, &[1]);
    let hasty = finish(json!({"summary": "Done.", "answers": [], "notes": ""}));
    rule.replies.insert(2, hasty);
    rule
}

/// The engineer asks the same twice, then goes on.
pub fn implements_and_asks_twice(question: &str, path: &str) -> Rule {
    let mut rule = implements_and_asks(question, path);
    rule.replies.insert(0, ScriptedTurn::call("ask_human", json!({"question": question})));
    rule
}

/// The engineer reaches for a file that decides what runs, is refused, and does the rest.
pub fn implements_past_a_protected_path(protected: &str, path: &str) -> Rule {
    let mut rule = implements(path);
    rule.replies.insert(0, ScriptedTurn::call("create_file", json!({"path": protected, "content": "on: push\n"})));
    rule
}

/// The engineer never finds the right form.
pub fn never_finishes() -> Rule {
    rule("engineer", "implement", (0..4).map(|_| finish(json!({"summary": 7}))).collect())
}

/// The reviewer has nothing to say against it.
pub fn accepts() -> Rule {
    rule("reviewer", "review", vec![finish(json!({"summary": "Fits the plan.", "findings": []}))])
}

/// The same in other words.
pub fn accepts_saying(words: &str) -> Rule {
    rule("reviewer", "review", vec![finish(json!({"summary": words, "findings": []}))])
}

/// The reviewer finds something on the first line of a file.
pub fn finds(path: &str, message: &str) -> Rule {
    let finding = json!({"path": path, "line": 1, "severity": "major", "message": message});
    rule("reviewer", "review", vec![finish(json!({"summary": "One thing is missing.", "findings": [finding]}))])
}

/// The tester finds the criterion met.
pub fn tests() -> Rule {
    let result = json!({"criterion": 1, "met": true, "evidence": "read on the main branch"});
    rule("tester", "test", vec![finish(json!({"summary": "By reading.", "results": [result]}))])
}

/// The tester finds the criterion not met.
pub fn tests_in_vain() -> Rule {
    let result = json!({"criterion": 1, "met": false, "evidence": "the comparison is still `>`"});
    rule("tester", "test", vec![finish(json!({"summary": "By reading.", "results": [result]}))])
}

/// A story without any trouble.
pub fn smooth() -> Vec<Rule> {
    vec![analyses(), designs("first"), implements("one.md"), accepts(), tests()]
}

/// The same, as far as the plan.
pub fn to_the_plan() -> Vec<Rule> {
    vec![analyses(), designs("first")]
}

/// The same, as far as the review that finds nothing.
pub fn to_the_review() -> Vec<Rule> {
    vec![analyses(), designs("first"), implements("one.md"), accepts()]
}

/// The engineer resolves what conflicts in a file by writing it anew.
pub fn resolves(path: &str, content: &str) -> Rule {
    let replies = vec![
        ScriptedTurn::call("delete_file", json!({"path": path})),
        ScriptedTurn::call("create_file", json!({"path": path, "content": content})),
        ScriptedTurn::call("commit", json!({"message": "merge the base branch"})),
        finish(json!({"summary": format!("Kept both sides of `{path}`."), "notes": ""})),
    ];
    rule("engineer", "merge", replies)
}

/// The engineer says it is done while markers are left, is told so, and resolves them then.
pub fn resolves_at_last(path: &str, content: &str) -> Rule {
    let mut rule = resolves(path, content);
    let early = [
        finish(json!({"summary": "Done.", "notes": ""})),
        ScriptedTurn::call("create_file", json!({"path": "other.md", "content": "x\n"})),
        ScriptedTurn::call("commit", json!({"message": "merge, half done"})),
        ScriptedTurn::call("delete_file", json!({"path": "other.md"})),
    ];
    rule.replies.splice(0..0, early);
    rule
}

/// The engineer leaves everything as the merge laid it out.
pub fn takes_the_merge_as_it_is(summary: &str) -> Rule {
    rule("engineer", "merge", vec![finish(json!({"summary": summary, "notes": ""}))])
}
