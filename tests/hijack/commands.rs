//! The table of places and disguises in which a command can stand, and whether it runs. The words of every answer are in
//! `tests/commands/comments.golden`; places beside a comment (titles, descriptions, commits, reviews) are played in `votes.rs`.

use syndarix::domain::access::{ActorFacts, listens_to, may};
use syndarix::domain::command::{self, Command, ParseContext, Place, Verdict};
use syndarix::domain::forge::{Role, User};

/// What becomes of a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Becomes {
    /// So many commands run.
    Runs(usize),
    /// Nothing runs, and its writer is told why.
    Refused,
    /// It is only text.
    Text,
}

use Becomes::{Refused, Runs, Text};

const ROWS: &[(&str, &str, Becomes)] = &[
    ("at the start of a line", "/syndarix approve", Runs(1)),
    ("after a line of text", "I agree.\n\n/syndarix approve", Runs(1)),
    ("after spaces", "   /syndarix approve", Runs(1)),
    ("in the middle of a line", "please /syndarix approve", Text),
    ("in a quote", "> /syndarix approve", Text),
    ("in a quote of a quote", "> > /syndarix approve", Text),
    ("joined to a quote", "> as said\n/syndarix approve", Refused),
    ("in a fence", "```\n/syndarix approve\n```", Text),
    ("in a fence of tildes", "~~~sh\n/syndarix approve\n~~~", Text),
    ("in a fence without an end", "```\n/syndarix approve", Text),
    ("indented by four", "    /syndarix approve", Text),
    ("after a tab", "\t/syndarix approve", Text),
    ("in inline code", "`/syndarix approve`", Text),
    ("in a suggestion", "```suggestion\n/syndarix approve\n```", Text),
    ("in a comment of HTML", "<!--\n/syndarix approve\n-->", Text),
    ("in a comment of HTML on one line", "<!-- /syndarix approve -->", Text),
    ("in details", "<details><summary>x</summary>\n\n/syndarix approve\n\n</details>", Text),
    ("in a block of HTML", "<div>\n/syndarix approve\n</div>", Text),
    ("in a footnote", "see[^1]\n\n[^1]: /syndarix approve", Text),
    ("in a cell of a table", "| a |\n|---|\n| /syndarix approve |", Text),
    ("in a list", "- /syndarix approve", Text),
    ("in a numbered list", "1. /syndarix approve", Text),
    ("in a list of tasks", "- [ ] /syndarix approve", Text),
    ("in a heading", "# /syndarix approve", Text),
    ("as the text of a link", "[/syndarix approve](https://evil.example/)", Text),
    ("struck", "~~/syndarix approve~~", Text),
    ("with a hidden character in the verb", "/syndarix app\u{200b}rove", Refused),
    ("with a hidden character in the name", "/synd\u{200b}arix approve", Refused),
    ("with a hidden character before it", "\u{200b}/syndarix approve", Refused),
    ("with a full-width slash", "\u{ff0f}syndarix approve", Refused),
    ("with a Cyrillic letter", "/syndаrix approve", Refused),
    ("with a direction override", "\u{202e}/syndarix approve", Refused),
    ("with tag characters behind", "/syndarix approve\u{e0061}\u{e0062}", Refused),
    ("two of them", "/syndarix pause\n/syndarix resume", Runs(2)),
    ("five hundred", "<500>", Refused),
    ("with 60 kB of text", "<60k>", Runs(1)),
    ("with CRLF", "/syndarix approve\r\n", Runs(1)),
    ("with NUL in the verb", "/syndarix app\u{0}rove", Refused),
    ("with a shell behind it", "/syndarix status ; rm -rf /", Refused),
    ("with a shell stuck to the verb", "/syndarix approve;rm", Refused),
    ("with an option that sets the configuration", "/syndarix plan --config.token=x", Refused),
    ("with a team", "/syndarix approve @acme/owners", Refused),
    ("with a line separator", "/syndarix status\u{2028}/syndarix cancel", Refused),
    ("escaped", "\\/syndarix approve", Text),
    ("misspelt", "/syndarix aprove", Refused),
    ("below a signature", "thanks\n\n-- \n/syndarix approve", Text),
    ("by a mention", "@syndarix approve", Runs(1)),
    ("by the mention of somebody else", "@victim approve", Text),
    ("one wrong among two", "/syndarix approve\n/syndarix explode", Refused),
];

fn spelt(body: &str) -> String {
    match body {
        "<500>" => "/syndarix ping\n".repeat(500),
        "<60k>" => format!("/syndarix status\n\n{}", "word ".repeat(12_000)),
        body => body.to_owned(),
    }
}

fn becomes(body: &str) -> Becomes {
    let parsed = command::parse(body, &ParseContext { bot_login: "syndarix" });
    let (mut runs, mut refused) = (0, 0);
    for (_, verdict) in parsed.verdicts() {
        match verdict {
            Verdict::Run(_) => runs += 1,
            Verdict::HeldBack(_) | Verdict::Refused(_) => refused += 1,
        }
    }
    match (runs, refused) {
        (0, 0) => Text,
        (runs, 0) => Runs(runs),
        (_, _) => Refused,
    }
}

#[test]
fn g5_what_becomes_of_a_comment() {
    assert!(ROWS.len() >= 40);
    let wrong: Vec<String> = ROWS
        .iter()
        .map(|(place, body, wanted)| (place, becomes(&spelt(body)), wanted))
        .filter(|(_, got, wanted)| got != *wanted)
        .map(|(place, got, wanted)| format!("{place}: {got:?} instead of {wanted:?}"))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn g5_whose_words_are_no_command() {
    let user = |id: i64, login: &str| Some(User { id, login: login.to_owned() });
    let person = ActorFacts { user: user(7, "alice"), role: Some(Role::Writer), ..ActorFacts::default() };
    let rows = [
        ("a writer", person.clone(), true),
        ("the bot itself", ActorFacts { is_bot_self: true, ..person.clone() }, false),
        ("another bot", ActorFacts { is_other_bot: true, ..person.clone() }, false),
        ("a bot that is listed", ActorFacts { is_other_bot: true, listed_bot: true, ..person.clone() }, true),
        ("a deleted user", ActorFacts { user: user(-1, "Ghost"), role: None, ..person.clone() }, false),
        ("nobody", ActorFacts { user: None, ..person.clone() }, false),
    ];
    for (who, facts, heard) in rows {
        let runs = listens_to(&facts).is_ok() && may(&Command::Cancel, &facts, Place::Issue).is_ok();
        assert_eq!(runs, heard, "{who}");
    }
}

/// A command that an edit adds to an old comment runs only where its table says so, and never those that approve.
#[test]
fn g5_an_edit_approves_nothing() {
    let cx = ParseContext { bot_login: "syndarix" };
    let edited = command::new_commands("looks good", "looks good\n\n/syndarix approve", &cx);
    assert!(edited.verdicts().iter().all(|(_, verdict)| !matches!(verdict, Verdict::Run(_))));
    let same = command::new_commands("/syndarix approve", "/syndarix approve", &cx);
    assert_eq!(same.verdicts().len(), 0);
}
