//! The pages for people, played: what they tell to type is typed, and what they quote is looked for where they say it stands.

use super::answers::*;
use super::scenario;
use super::world::{REPO, World, has_reviews};

/// One thing that a page does.
#[derive(Debug)]
enum Deed {
    Play { who: String, what: String, place: String, text: String },
    Read { place: String, lines: Vec<String> },
}

/// The deeds of a page, in order. A comment says what is done; the fenced block or the quotation behind it, with what words.
fn deeds(page: &str) -> Vec<Deed> {
    let mut deeds = Vec::new();
    let mut fenced = false;
    for line in page.lines() {
        if let Some(order) = line.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->")) {
            let (kind, rest) = order.split_once(": ").unwrap_or_else(|| panic!("{line}"));
            let words: Vec<&str> = rest.split(' ').collect();
            deeds.push(match (kind, words[..].first(), words.get(1), words.get(2)) {
                ("play", Some(who), Some(what), place) => Deed::Play {
                    who: (*who).into(),
                    what: (*what).into(),
                    place: place.copied().unwrap_or_default().into(),
                    text: String::new(),
                },
                ("read", Some(place), None, None) => Deed::Read { place: (*place).into(), lines: Vec::new() },
                _ => panic!("{line}"),
            });
            continue;
        }
        if line.starts_with("```") {
            fenced = !fenced;
            continue;
        }
        match deeds.last_mut() {
            Some(Deed::Play { text, .. }) if fenced => *text += line,
            Some(Deed::Read { lines, .. }) => lines.extend(line.strip_prefix("> ").map(str::to_owned)),
            _ => assert!(!fenced && !line.starts_with('>'), "nothing says what becomes of `{line}`"),
        }
    }
    deeds
}

/// Whether the lines stand on a page in this order; `…` stands for anything within a line.
fn missing<'a>(page: &str, lines: &'a [String]) -> Option<&'a str> {
    let mut rest = page.lines();
    let fits = |line: &str, wanted: &str| {
        let pattern: Vec<String> = wanted.split('…').map(regex::escape).collect();
        regex::Regex::new(&pattern.join(".*")).unwrap().is_match(line)
    };
    lines.iter().find(|wanted| !rest.by_ref().any(|line| fits(line, wanted))).map(String::as_str)
}

async fn walk(w: &World, path: &str) {
    let text = std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let (mut issue, mut opened, mut read, mut passed_over) = (0, 0, 0, false);
    for deed in deeds(&text) {
        match deed {
            Deed::Play { who, what, place, text } => {
                let person = match who.as_str() {
                    "alice" => w.alice(),
                    "bob" => w.bob(),
                    "rita" => w.rita(),
                    other => panic!("nobody is called {other}"),
                };
                let number = if place == "pull" { w.pull() } else { issue };
                match what.as_str() {
                    "opens" => {
                        opened += 1;
                        let title = if opened == 1 { "Three items, no discount" } else { "Four items, no discount" };
                        issue = person.opens_issue(title, "The README promises it.").await;
                    }
                    "comments" => {
                        assert!(text.starts_with("/syndarix "), "{path}: {text}");
                        person.comments(number, &text).await;
                    }
                    // Nobody who may only read has a button for it on GitLab.
                    "approves" if who == "rita" && !has_reviews() => passed_over = true,
                    "approves" => person.approves(number).await,
                    "pushes" => person.pushes(number, "late.md", "one more thing\n").await,
                    other => panic!("{path}: nobody {other}"),
                }
                w.settle().await;
            }
            Deed::Read { .. } if std::mem::take(&mut passed_over) => {}
            Deed::Read { place, lines } => {
                assert!(!lines.is_empty(), "{path} quotes nothing");
                let page = w.heard(&w.sandbox.page(REPO, if place == "pull" { w.pull() } else { issue }).unwrap());
                let lost = missing(&page, &lines);
                assert_eq!(lost, None, "{path} quotes what is not there, or not behind what it quotes before:\n{page}");
                read += 1;
            }
        }
    }
    assert!(read >= 6, "{path} is more than {read} quotations long");
}

#[tokio::test]
async fn the_page_for_the_team_member_is_true() {
    scenario(smooth(), async |w| walk(w, "docs/member.md").await).await;
}

#[tokio::test]
async fn the_page_for_the_approver_is_true() {
    scenario(smooth(), async |w| walk(w, "docs/approver.md").await).await;
}

#[test]
fn a_quotation_that_is_not_there_is_noticed() {
    let page = "one two\nthree\nfour five six\n";
    let lines = |all: &[&str]| all.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    for (wanted, lost) in [(&["one", "four … six"][..], None), (&["three", "one"], Some("one")), (&["one … three"], Some("one … three"))]
    {
        assert_eq!(missing(page, &lines(wanted)), lost, "{wanted:?}");
    }
    assert_eq!(deeds("<!-- play: a comments issue -->\n```\nx\n```\n<!-- read: issue -->\n> y\n").len(), 2);
}
