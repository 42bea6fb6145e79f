//! What becomes of a comment: every case of `comments.txt` is parsed and judged, and the outcome is compared with `comments.golden`.
//! `UPDATE_GOLDEN=1` writes the golden file and the command page anew; the diff is then read like code.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use syndarix::domain::access::{ActorFacts, listens_to, may};
use syndarix::domain::command::{self, COMMANDS, Command, MAX_COMMANDS, MAX_COMMENT, ParseContext, ParsedComment, Place, Verdict};
use syndarix::domain::forge::{Role, User};
use syndarix::domain::speech::{Manners, quote_safe};

/// The account of a GitHub App.
const APP: ParseContext<'_> = ParseContext { bot_login: "syndarix-for-acme[bot]" };

#[test]
fn a_github_app_is_called_with_and_without_its_ending() {
    for line in ["@syndarix-for-acme[bot] ping", "@syndarix-for-acme ping", "@Syndarix-for-Acme[bot]: ping", "/syndarix ping"] {
        let parsed = command::parse(line, &APP);
        assert!(matches!(parsed.commands[..], [command::Line { command: Ok(_), .. }]), "{line}: {parsed:?}");
    }
    for line in
        ["@syndarix-for ping", "@syndarix-for-acme[bot]x ping", "@syndarix-for-acmex ping", "`@syndarix-for-acme[bot] ping`", "@ ping"]
    {
        assert!(command::parse(line, &APP).commands.is_empty(), "{line}");
    }
    assert!(command::parse("@ ping", &ParseContext { bot_login: "" }).commands.is_empty());
    assert_eq!(command::parse("@syndarix-for-acme[bot] ping\n\n[bot]: https://example.org", &APP).commands.len(), 0, "a link is no name");
}

const BOT: ParseContext<'_> = ParseContext { bot_login: "syndarix" };

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Compares a file with what it should hold, or writes it when asked to.
fn golden(path: &Path, actual: &str) {
    #[expect(clippy::disallowed_methods, reason = "a test's own switch")]
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    if update {
        std::fs::write(path, actual).expect("write golden file");
        return;
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        expected == actual,
        "{} is not up to date; run with UPDATE_GOLDEN=1 and read the diff\n{}",
        path.display(),
        diff(&expected, actual)
    );
}

fn diff(expected: &str, actual: &str) -> String {
    let diff = similar::TextDiff::from_lines(expected, actual);
    diff.unified_diff().context_radius(4).to_string()
}

/// A case: `=== name`, optional `? key=value ...`, the body; `--- before` separates the text before an edit.
struct Case {
    name: String,
    facts: String,
    before: Option<String>,
    body: String,
}

fn cases() -> Vec<Case> {
    let text = include_str!("comments.txt");
    let blocks = text.split("\n=== ").skip(1);
    let case = |block: &str| {
        let (name, mut body) = block.split_once('\n').expect("a case has a body");
        let mut facts = String::new();
        if let Some(rest) = body.strip_prefix("? ") {
            let (line, rest) = rest.split_once('\n').unwrap_or((rest, ""));
            (facts, body) = (line.to_owned(), rest);
        }
        let (before, body) = match body.split_once("\n--- edited to\n") {
            Some((before, body)) => (Some(decoded(before)), body),
            None => (None, body),
        };
        Case { name: name.to_owned(), facts, before, body: decoded(body.trim_end_matches('\n')) }
    };
    blocks.map(case).collect()
}

/// Characters that cannot be seen or kept in a text file are written `⟦200b⟧` (a code point) or `⟦500x text⟧` (repeated).
fn decoded(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('⟦') {
        let (inner, after) = after.split_once('⟧').expect("closing bracket");
        out.push_str(before);
        match inner.split_once("x ") {
            Some((times, unit)) => out.push_str(&unit.replace("\\n", "\n").repeat(times.parse().expect("number"))),
            None => out.push(char::from_u32(u32::from_str_radix(inner, 16).expect("hex")).expect("character")),
        }
        rest = after;
    }
    out + rest
}

struct Facts {
    actor: ActorFacts<'static>,
    place: Place,
}

fn facts(line: &str) -> Facts {
    let mut facts = Facts {
        actor: ActorFacts { user: Some(User { id: 7, login: "alice".to_owned() }), role: Some(Role::Writer), ..ActorFacts::default() },
        place: Place::Issue,
    };
    for word in line.split_whitespace() {
        match word {
            "reader" => facts.actor.role = Some(Role::Reader),
            "maintainer" => facts.actor.role = Some(Role::Maintainer),
            "former-member" => facts.actor.role = Some(Role::None),
            "role-unknown" => facts.actor.role = None,
            "nobody" => facts.actor.user = None,
            "deleted-user" => facts.actor.user = Some(User { id: -1, login: "Ghost".to_owned() }),
            "own" => facts.actor.is_bot_self = true,
            "other-bot" => facts.actor.is_other_bot = true,
            "listed-bot" => (facts.actor.is_other_bot, facts.actor.listed_bot) = (true, true),
            "pull" => facts.place = Place::Pull,
            other => panic!("unknown fact {other}"),
        }
    }
    facts
}

fn outcome(case: &Case) -> String {
    let Facts { actor, place } = facts(&case.facts);
    if let Err(reason) = listens_to(&actor) {
        return format!("ignored: {reason}\n");
    }
    let parsed = match &case.before {
        Some(before) => command::new_commands(before, &case.body, &BOT),
        None => command::parse(&case.body, &BOT),
    };
    let mut out = String::new();
    for (line, verdict) in parsed.verdicts() {
        let _ = match verdict {
            Verdict::Run(command) => match may(command, &actor, place) {
                Ok(()) => writeln!(out, "{} run {command:?}", line.index),
                Err(refusal) => writeln!(out, "{} refused ({}) {refusal}", line.index, refusal.code),
            },
            Verdict::HeldBack(refusal) => writeln!(out, "{} held back ({}) {refusal}", line.index, refusal.code),
            Verdict::Refused(refusal) => writeln!(out, "{} error ({}) {refusal}", line.index, refusal.code),
        };
    }
    if out.is_empty() {
        out.push_str(if parsed.plain { "plain\n" } else { "nothing new\n" });
    }
    out
}

#[test]
fn comments_become_what_the_golden_file_says() {
    let cases = cases();
    assert!(cases.len() >= 60, "only {} cases", cases.len());
    let mut names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), cases.len(), "two cases share a name");
    let page: String = cases.iter().map(|case| format!("=== {}\n{}\n", case.name, outcome(case))).collect();
    golden(&root().join("tests/commands/comments.golden"), &page);
}

#[test]
fn the_command_page_is_what_the_table_says() {
    golden(&root().join("docs/commands.md"), &command::docs_page());
}

#[test]
fn every_example_of_the_table_runs_and_the_help_is_no_command() {
    for spec in COMMANDS {
        for example in spec.examples.iter().chain([&spec.name]) {
            let line = if example.starts_with('/') { (*example).to_owned() } else { format!("/SX {}", example.to_uppercase()) };
            let parsed = command::parse(&line, &BOT);
            let [(_, command)] = parsed.runnable()[..] else { panic!("{line}: {parsed:?}") };
            assert_eq!(command.spec().name, spec.name, "{line}");
        }
        assert!(command::parse(&command::help::text(Some(spec.name)), &BOT).plain);
    }
    assert!(command::parse(&command::help::text(None), &BOT).plain);
    assert!(command::parse(&command::docs_page(), &BOT).plain);
}

#[test]
fn no_answer_to_a_comment_is_itself_a_command() {
    for case in cases() {
        for (_, verdict) in command::parse(&case.body, &BOT).verdicts() {
            if let Verdict::HeldBack(refusal) | Verdict::Refused(refusal) = verdict {
                assert!(command::parse(&refusal.to_string(), &BOT).plain, "{}: {refusal}", case.name);
                assert!(!refusal.sentence.is_empty() && !refusal.way_out.is_empty(), "{}", case.name);
            }
        }
    }
}

#[test]
fn long_comments_are_read_and_longer_ones_answered() {
    let text = "All work and no play.\n".repeat(64 * 1024 / 22);
    let parsed = command::parse(&format!("{text}\n/sx ping\n\n{text}"), &BOT);
    assert_eq!(parsed.runnable().len(), 1);
    let parsed = command::parse(&format!("{}\n/sx ping", "x".repeat(MAX_COMMENT)), &BOT);
    assert_eq!(codes(&parsed), ["comment-too-long"]);
    assert!(command::parse(&"x ".repeat(MAX_COMMENT), &BOT).plain);
    let parsed = command::parse(&"/sx ping\n".repeat(500), &BOT);
    assert_eq!(codes(&parsed), ["too-many"]);
    assert_eq!((parsed.commands.len(), parsed.runnable().len()), (1, 0));
    let parsed = command::parse(&"/sx retry\n".repeat(MAX_COMMANDS), &BOT);
    assert_eq!(parsed.runnable().len(), MAX_COMMANDS);
}

fn codes(parsed: &ParsedComment) -> Vec<&'static str> {
    parsed.commands.iter().filter_map(|line| line.command.as_ref().err()).map(|error| error.refusal().code).collect()
}

#[test]
fn the_rest_is_what_was_written_besides_commands() {
    let parsed = command::parse("Please keep the format.\r\n\r\n  /sx revise\r\nIt is public.\r\n-- \r\nAlice", &BOT);
    assert_eq!(parsed.rest, "Please keep the format.\n\nIt is public.\n");
    assert_eq!(command::parse("no command", &BOT).rest, "no command");
    assert_eq!(command::parse("/sx ping", &BOT).rest, "");
}

#[test]
fn keys_are_stable_and_differ_by_place_and_text() {
    let parsed = command::parse("/sx ping\n/sx ping\n/sx status", &BOT);
    let keys: Vec<String> = parsed.commands.iter().map(|line| line.source_key(9)).collect();
    assert!(keys[0].starts_with("comment:9:0:") && keys[1].starts_with("comment:9:1:"));
    assert_eq!(parsed.commands[0].hash, parsed.commands[1].hash);
    assert_ne!(parsed.commands[1].hash, parsed.commands[2].hash);
    let again = command::parse("  /sx ping  \r\n/sx ping\r\n/sx status", &BOT);
    assert_eq!(keys, again.commands.iter().map(|line| line.source_key(9)).collect::<Vec<_>>());
}

#[test]
fn commands_survive_being_stored() {
    let all =
        [Command::Help { verb: None }, Command::Ping, Command::Approve { hash: Some("0123abc".to_owned()) }, Command::Pause { all: true }];
    for command in all {
        let json = serde_json::to_string(&command).expect("json");
        assert_eq!(serde_json::from_str::<Command>(&json).expect(&json), command);
    }
}

/// Text that makes careless Markdown readers slow, 64 kB each. Doubling the length must not much more than double the time; the limit here is only there to
/// catch an explosion, since a shared machine has no exact clock.
#[test]
fn hostile_markdown_is_read_in_time() {
    let units = [
        ">",
        "> ",
        "[",
        "![",
        "[a](",
        "*a ",
        "_a*",
        "**a",
        "`",
        "``a`",
        "<",
        "<a ",
        "<!--",
        "</",
        "&",
        "- ",
        "-\n",
        "1. ",
        "|",
        "|-",
        "[^1]:",
        "~~a",
        "\\",
        "<b>",
        "<details>\n",
        "</details>\n",
        "</div>\n",
        "--\n",
        "/sx ping\n",
        "\u{200b}",
        "/sx \u{200b}",
        "\" ",
        "/sx plan \"",
        "a  ",
        "\r",
        "@syndarix\n",
        "> a\n/sx ping\n",
        "- a\n/sx ping\n",
        "```\n",
        "[a]: b\n",
        "/sy ",
        "'",
        "\t",
    ];
    for unit in units {
        let body = unit.repeat(64 * 1024 / unit.len());
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let count = command::parse(&body, &BOT).commands.len();
            let spoken = quote_safe(&body, &Manners { links: &[], max: 32 * 1024 });
            sender.send((count, spoken.len()))
        });
        let parsed = receiver.recv_timeout(std::time::Duration::from_secs(20));
        assert!(parsed.is_ok(), "{unit:?} takes too long");
    }
    let nested: String = (1..350).map(|depth| format!("{}x\n", "> ".repeat(depth.min(90)))).collect();
    assert!(command::parse(&nested, &BOT).plain);
}

fn pieces() -> impl Strategy<Value = String> {
    let pieces = [
        "/syndarix",
        "/sx",
        "@syndarix",
        "／sx",
        "/syndаrix",
        " ",
        "\n",
        "\r\n",
        "\0",
        "\u{200b}",
        "\u{202e}",
        "\u{a0}",
        "plan",
        "approve",
        "pause",
        "help",
        "--all",
        "—all",
        "--",
        "=",
        "\"",
        "“",
        "'",
        "`",
        "```\n",
        "> ",
        "- ",
        "# ",
        "| ",
        "|---|",
        "<details>",
        "</details>",
        "<!--",
        "-->",
        "[",
        "](x)",
        "~~",
        "\\",
        "    ",
        "\t",
        "é",
        "日",
        "-- ",
        ":",
        ",",
        "0123abcd",
        "fix",
        "plna",
    ];
    proptest::collection::vec(proptest::sample::select(pieces.to_vec()), 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(800))]

    #[test]
    fn any_comment_gets_an_outcome(body in prop_oneof![pieces(), "(\\PC|[\n\r\\x00]){0,80}"]) {
        let parsed = command::parse(&body, &BOT);
        prop_assert_eq!(parsed.plain, parsed.commands.is_empty());
        prop_assert_eq!(parsed.verdicts().len(), parsed.commands.len());
        let wrong = parsed.commands.iter().any(|line| line.command.is_err());
        for (line, command) in parsed.runnable() {
            prop_assert!(!(wrong && command.changes()));
            prop_assert!(line.raw.trim_start().starts_with(['/', '@']));
        }
        for line in &parsed.commands {
            if let Err(error) = &line.command {
                prop_assert!(command::parse(&error.refusal().to_string(), &BOT).plain);
            }
        }
    }

    #[test]
    fn an_edit_runs_only_what_is_new(old in pieces(), new in pieces()) {
        prop_assert!(command::new_commands(&new, &new, &BOT).commands.is_empty());
        let added = command::new_commands(&old, &new, &BOT);
        let approves = added.runnable().iter().any(|(_, command)| matches!(command, Command::Approve { .. }));
        prop_assert!(!approves);
        let before: Vec<String> = command::parse(&old, &BOT).commands.into_iter().map(|line| line.raw).collect();
        for line in &added.commands {
            let (earlier, now) = (before.iter().filter(|raw| **raw == line.raw).count(), command::parse(&new, &BOT).commands.iter().filter(|other| other.raw == line.raw).count());
            prop_assert!(now > earlier, "{:?}", line.raw);
        }
    }

    #[test]
    fn code_and_quotes_are_never_run(body in pieces()) {
        let line = body.replace(['\n', '\r'], " ");
        for hidden in [format!("> /sx approve {line}"), format!("    /sx approve {line}"), format!("# /sx approve {line}"), format!("- /sx approve {line}")] {
            prop_assert!(command::parse(&hidden, &BOT).runnable().is_empty(), "{hidden}");
        }
        let fenced = format!("`````\n{}\n`````", body.replace('`', "'"));
        prop_assert!(command::parse(&fenced, &BOT).plain, "{fenced}");
    }
}
