use serde_json::{Value, json};

use super::*;
use crate::domain::path::RepoPath;
use crate::tree::WorkTree;

fn all() -> Vec<String> {
    registry().iter().map(|tool| tool.name().to_owned()).collect()
}

fn outcome_schema() -> Value {
    json!({
        "type": "object",
        "properties": {"summary": {"type": "string", "minLength": 5}, "risk": {"enum": ["low", "high"]}},
        "required": ["summary", "risk"],
        "additionalProperties": false
    })
}

struct Room {
    dir: tempfile::TempDir,
    desk: Desk,
}

impl Room {
    fn new(files: &[(&str, &str)]) -> Room {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let tree = WorkTree::open(dir.path()).unwrap();
        let desk = Desk::new(tree, PathPolicy::new(true), Limits::default(), outcome_schema()).unwrap();
        Room { dir, desk }
    }

    fn call(&mut self, name: &str, args: Value) -> Outcome {
        call(&mut self.desk, &all(), name, &args)
    }

    fn text(&mut self, name: &str, args: Value) -> String {
        match self.call(name, args) {
            Outcome::Text(text) | Outcome::Changed { text, .. } => text,
            other => panic!("{name} answered {other:?}"),
        }
    }

    fn refusal(&mut self, name: &str, args: Value) -> String {
        match self.call(name, args) {
            Outcome::Refused { reason, rule: None } | Outcome::Malformed { reason, .. } => reason,
            other => panic!("{name} answered {other:?}"),
        }
    }

    fn denial(&mut self, name: &str, args: Value) -> String {
        match self.call(name, args) {
            Outcome::Refused { reason, rule: Some(_) } => reason,
            other => panic!("{name} answered {other:?}"),
        }
    }

    fn file(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.dir.path().join(name)).ok()
    }
}

const MAIN: &str = "fn main() {\n    let name = \"world\";\n    println!(\"hello {name}\");\n}\n";

#[test]
fn a_day_at_the_desk() {
    let mut room = Room::new(&[("src/main.rs", MAIN), ("README.md", "# hello\n")]);
    assert_eq!(room.text("list_files", json!({})), format!("README.md (8 bytes)\nsrc/main.rs ({} bytes)\n", MAIN.len()));
    assert_eq!(
        room.text("read_file", json!({"path": "src/main.rs", "start_line": 2, "end_line": 2})),
        "    2|    let name = \"world\";\n… `src/main.rs` has 4 lines."
    );
    assert_eq!(room.text("search_files", json!({"pattern": "hello", "files": "*.rs"})), "src/main.rs:3|    println!(\"hello {name}\");\n");
    assert!(room.refusal("commit", json!({"message": "main: greet"})).contains("nothing to commit"));

    let edited = room.call("edit_file", json!({"path": "src/main.rs", "old": "let name = \"world\";", "new": "let name = \"Mira\";"}));
    let Outcome::Changed { changes, .. } = edited else { panic!("{edited:?}") };
    assert_eq!(changes[0].content.as_deref(), Some(MAIN.replace("world", "Mira").as_bytes()));
    room.text("create_file", json!({"path": "docs/a.md", "content": "a\n"}));
    room.text("delete_file", json!({"path": "README.md"}));
    let diff = room.text("show_diff", json!({}));
    assert!(
        diff.contains("--- a/src/main.rs\n+++ b/src/main.rs\n") && diff.contains("-    let name = \"world\";\n+    let name = \"Mira\";"),
        "{diff}"
    );
    assert!(diff.contains("--- /dev/null\n+++ b/docs/a.md") && diff.contains("--- a/README.md\n+++ /dev/null"), "{diff}");

    assert!(room.refusal("finish", json!({"summary": "greets Mira", "risk": "low"})).contains("not committed"));
    assert_eq!(room.call("commit", json!({"message": "main: greet Mira"})), Outcome::Commit { message: "main: greet Mira".to_owned() });
    assert_eq!(room.desk.pending().unwrap().len(), 3);
    room.desk.committed();
    assert!(room.desk.pending().unwrap().is_empty());
    assert_eq!(room.desk.since_base().unwrap().len(), 3);
    let outcome = json!({"summary": "greets Mira", "risk": "low"});
    assert_eq!(room.call("finish", outcome.clone()), Outcome::Finish { outcome });
}

#[test]
fn recorded_changes_make_the_same_files_again() {
    let files = [("a.txt", "one\ntwo\n"), ("b/c.txt", "three\n"), ("d.txt", "four\n")];
    let mut room = Room::new(&files);
    let calls = [
        ("edit_file", json!({"path": "a.txt", "old": "two", "new": "2"})),
        ("create_file", json!({"path": "x/y.txt", "content": "new\n"})),
        ("delete_file", json!({"path": "b/c.txt"})),
        ("edit_file", json!({"path": "x/y.txt", "edit": "<<<<<<< SEARCH\nnew\n=======\nnewer\n>>>>>>> REPLACE"})),
        ("create_file", json!({"path": "d.txt", "content": "4\n", "overwrite": true})),
    ];
    let mut recorded = Vec::new();
    for (name, args) in calls {
        let Outcome::Changed { changes, .. } = room.call(name, args) else { panic!("{name} changed nothing") };
        recorded.extend(changes);
    }
    let recorded: Vec<FileChange> = serde_json::from_str(&serde_json::to_string(&recorded).unwrap()).unwrap();
    let mut again = Room::new(&files);
    again.desk.replay(&recorded).unwrap();
    for name in ["a.txt", "b/c.txt", "d.txt", "x/y.txt"] {
        assert_eq!(room.file(name), again.file(name), "{name}");
    }
    assert_eq!(room.desk.pending().unwrap(), again.desk.pending().unwrap());
}

#[test]
fn protected_files_need_a_person() {
    let mut room = Room::new(&[("AGENTS.md", "be kind\n"), (".github/workflows/ci.yml", "on: push\n"), (".env", "KEY=canary\n")]);
    for path in [
        "bot-config/x.toml",
        "prompts/a.md",
        ".gitea/workflows/x.yml",
        ".GitHub/workflows/x.yml",
        ".forgejo/x",
        ".gitlab-ci.yml",
        ".syndarix.toml",
        "agents.md",
        "sub/CLAUDE.md",
        ".claude/settings.json",
        ".cursorrules",
        ".gitmodules",
        "a/.gitattributes",
        "certs/server.PEM",
        "deploy/id_rsa",
        ".env.local",
    ] {
        let reason = room.denial("create_file", json!({"path": path, "content": "x"}));
        assert!(reason.contains("a person must approve") && reason.contains("ask_human"), "{reason}");
        assert!(room.file(path).is_none());
    }
    room.denial("edit_file", json!({"path": "AGENTS.md", "old": "kind", "new": "rude"}));
    room.denial("delete_file", json!({"path": ".github/workflows/ci.yml"}));
    room.denial("read_file", json!({"path": ".env"}));
    assert!(!room.text("search_files", json!({"pattern": "canary"})).contains("KEY"));
    room.desk.approve(["AGENTS.md", ".env"].map(|path| RepoPath::parse(path).unwrap()));
    room.denial("create_file", json!({"path": ".cursorrules", "content": "x"}));
    room.text("edit_file", json!({"path": "AGENTS.md", "old": "kind", "new": "very kind"}));
    room.denial("read_file", json!({"path": ".env"}));
    room.text("create_file", json!({"path": ".env", "content": "x", "overwrite": true}));
    assert!(!room.text("show_diff", json!({})).contains("canary"));

    let mut reader = Room::new(&[("a.txt", "a\n")]);
    reader.desk.policy.writable = false;
    assert!(reader.denial("delete_file", json!({"path": "a.txt"})).contains("only reads"));
}

#[test]
fn no_tool_leads_out_of_the_tree() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("in/a")).unwrap();
    std::fs::write(dir.path().join("secret"), "canary\n").unwrap();
    std::os::unix::fs::symlink(dir.path(), dir.path().join("in/link")).unwrap();
    std::os::unix::fs::symlink("../secret", dir.path().join("in/link2")).unwrap();
    let tree = WorkTree::open(dir.path().join("in")).unwrap();
    let mut desk = Desk::new(tree, PathPolicy::new(true), Limits::default(), outcome_schema()).unwrap();
    let paths = [
        "../secret",
        "a/../../secret",
        "..\\secret",
        "%2e%2e/secret",
        "..\u{0}",
        "/etc/passwd",
        "//etc/passwd",
        "~/.ssh/id_rsa",
        "$HOME/x",
        "file:///etc/passwd",
        "C:\\x",
        "\\\\srv\\x",
        "./.git/config",
        ".GIT/config",
        ".git./config",
        "git~1/config",
        ".git\u{200c}/config",
        ".git /config",
        "a/.git/hooks/pre-commit",
        "/proc/self/environ",
        "/proc/self/fd/3",
        "/proc/1/root/etc",
        "/dev/stdin",
        "/dev/full",
        "link/secret",
        "link/in/x",
        "link2",
        "a\nb",
        "a\u{1b}[2Jb",
        "-rf",
        "--upload-pack=x",
        &"x".repeat(300),
        &"x/".repeat(2049),
        "CON",
        "a.",
        "a ",
        "",
        ".",
        "..",
        "*",
    ];
    for path in paths {
        let calls = [
            ("list_files", json!({"path": path})),
            ("read_file", json!({"path": path})),
            ("search_files", json!({"pattern": "canary", "path": path})),
            ("edit_file", json!({"path": path, "old": "canary", "new": "gone"})),
            ("create_file", json!({"path": path, "content": "x", "overwrite": true})),
            ("delete_file", json!({"path": path})),
            ("show_diff", json!({"path": path})),
        ];
        for (name, args) in calls {
            let answer = format!("{:?}", call(&mut desk, &all(), name, &args));
            assert!(!answer.contains("root:") && !answer.contains("canary\\n"), "{name} {path:?}: {answer}");
            assert_eq!(std::fs::read_to_string(dir.path().join("secret")).unwrap(), "canary\n", "{name} {path:?}");
            let mut names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            assert_eq!(names, ["in", "secret"], "{name} {path:?}");
        }
    }
}

#[test]
fn malformed_calls_are_answered_with_a_sentence() {
    let mut room = Room::new(&[("a.txt", "a\n")]);
    assert_eq!(
        room.refusal("read_fil", json!({})),
        "There is no tool `read_fil`. Did you mean `read_file`? The tools are: list_files, read_file, search_files, edit_file, create_file, delete_file, show_diff, commit, ask_human, finish."
    );
    let allowed = ["read_file".to_owned()];
    assert!(matches!(
        call(&mut room.desk, &allowed, "delete_file", &json!({"path": "a.txt"})),
        Outcome::Refused { rule: Some(Rule::ToolNotGiven), .. }
    ));
    assert!(room.refusal("read_file", json!("{\"path\": \"a.t")).contains("not JSON"));
    assert!(room.text("read_file", json!("{\"path\": \"a.txt\"}")).contains("1|a"));
    assert!(room.refusal("read_file", json!([1])).contains("must be a JSON object"));
    let reason = room.refusal("read_file", json!({"path": "a.txt", "start_line": "one"}));
    assert!(reason.contains("`start_line`: \"one\" is not of type \"integer\""), "{reason}");
    assert!(room.refusal("read_file", json!({"file": "a.txt"})).contains("\"path\" is a required property"));
    assert!(room.refusal("edit_file", json!({"path": "a.txt", "old": "a"})).contains("`new` is missing"));
    assert!(room.refusal("create_file", json!({"path": "b", "content": "x".repeat(10 << 20)})).contains("MiB"));
    let reason = room.refusal("finish", json!({"summary": "abc", "risk": "none", "more": 1}));
    assert!(reason.contains("`summary`") && reason.contains("`risk`") && reason.contains("more"), "{reason}");
    assert!(room.refusal("search_files", json!({"pattern": "(a"})).contains("literal"));
    assert!(room.refusal("search_files", json!({"pattern": "(a{1000}){1000}"})).contains("cannot be used"));
}

#[test]
fn deep_nesting_does_not_exhaust_the_stack() {
    let mut deep = json!(1);
    for _ in 0..10_000 {
        deep = Value::Array(vec![deep]);
    }
    let mut args = json!({"path": "a.txt"});
    args["start_line"] = deep;
    let mut room = Room::new(&[]);
    let outcome = call(&mut room.desk, &all(), "read_file", &args);
    // Taking it apart level by level: dropping it whole would recurse.
    let mut rest = args["start_line"].take();
    while let Value::Array(mut items) = rest {
        rest = items.pop().unwrap_or(Value::Null);
    }
    assert!(matches!(outcome, Outcome::Malformed { reason, .. } if reason.contains("nested deeper")));
}

#[test]
fn answers_are_bounded_and_clean() {
    let long: String = (0..5_000).map(|i| format!("line {i} of a long file\n")).collect();
    let minified = "x".repeat(500_000);
    let mut room = Room::new(&[
        ("long.txt", &long),
        ("min.js", &minified),
        ("hidden.md", "pl\u{200b}an\u{202e}\rmore\nnext\n"),
        ("bin", "a\u{0}b"),
        ("empty", ""),
    ]);
    let text = room.text("read_file", json!({"path": "long.txt"}));
    assert!(text.len() < 25_000 && text.contains("read on with `start_line`"), "{}", text.len());
    assert!(room.text("read_file", json!({"path": "min.js"})).len() < 3_000);
    assert!(room.text("search_files", json!({"pattern": "x|line"})).len() < 26_000);
    assert_eq!(room.text("read_file", json!({"path": "hidden.md"})), "    1|plan more\n    2|next\n");
    assert!(room.text("read_file", json!({"path": "bin"})).contains("binary"));
    assert!(room.text("read_file", json!({"path": "empty"})).contains("empty"));
    assert!(room.refusal("read_file", json!({"path": "long.txt", "start_line": 9_999})).contains("has 5000 lines"));
    room.text("create_file", json!({"path": "long.txt", "content": long.replace("line", "row"), "overwrite": true}));
    assert!(room.text("show_diff", json!({})).len() < 25_000);
}

#[test]
fn new_names_are_portable_and_no_twins() {
    let mut room = Room::new(&[("src/Main.rs", "x\n")]);
    for path in ["src/main.rs", "SRC/other.rs", "src/con", "-x", "a*b"] {
        room.refusal("create_file", json!({"path": path, "content": "x"}));
    }
    room.text("create_file", json!({"path": "src/other.rs", "content": "x"}));
    assert!(room.refusal("create_file", json!({"path": "src/other.rs", "content": "y"})).contains("exists already"));
    assert!(RepoPath::parse("src/main.rs").is_ok());
}

#[test]
fn commit_messages_close_no_issue_and_claim_no_author() {
    let mut room = Room::new(&[]);
    room.text("create_file", json!({"path": "a", "content": "x"}));
    for message in
        ["fix: a\n\nFixes #12", "closes owner/repo#3", "Resolved: #9", "add x\n\nCo-authored-by: A <a@b.c>", "add x\n\nSyndarix-Run: 1"]
    {
        room.denial("commit", json!({ "message": message }));
    }
    room.refusal("commit", json!({ "message": "y".repeat(101) }));
    for message in ["fix: a\n\nRefs #12", "fixes the total of an empty basket", "close the file #after use"] {
        assert!(matches!(room.call("commit", json!({ "message": message })), Outcome::Commit { .. }), "{message}");
    }
}

#[test]
fn the_specs_are_those_allowed() {
    let scope = ToolScope { finish_schema: outcome_schema() };
    let names: Vec<String> =
        specs(&["finish".to_owned(), "read_file".to_owned(), "nonsense".to_owned()], &scope).into_iter().map(|spec| spec.name).collect();
    assert_eq!(names, ["read_file", "finish"]);
    assert_eq!(unknown_tools(&["finish".to_owned(), "nonsense".to_owned()]), ["nonsense"]);
    for spec in specs(&all(), &scope) {
        assert_eq!(spec.schema["type"], "object", "{}", spec.name);
        assert!(spec.description.len() > 30);
    }
    assert!(registry().iter().filter(|tool| tool.mutates()).map(|tool| tool.name()).eq(["edit_file", "create_file", "delete_file"]));
}
