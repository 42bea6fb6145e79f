use proptest::prelude::*;

use super::*;

fn text(edit: &str) -> EditRequest {
    EditRequest { path: None, edits: Edits::Text(edit.to_owned()) }
}

fn pair(old: &str, new: &str) -> EditRequest {
    EditRequest { path: None, edits: Edits::Pairs(vec![Pair { old: old.to_owned(), new: new.to_owned() }]) }
}

fn made(file: &str, request: &EditRequest) -> String {
    apply_edit(file, request).unwrap_or_else(|error| panic!("{error}")).text
}

fn why(file: &str, request: &EditRequest) -> Why {
    apply_edit(file, request).expect_err("it was applied").why
}

#[test]
fn parts_of_lines_are_replaced_as_they_stand() {
    assert_eq!(made("let a = f(1, 2);\n", &pair("f(1, 2)", "g(3)")), "let a = g(3);\n");
    assert_eq!(made("a(x);\r\nb(y);\r\n", &pair("x);\nb(", "z);\nc(")), "a(z);\r\nc(y);\r\n");
    assert_eq!(why("x = 10\n", &pair("x = 1", "x = 2")), Why::Doubtful);
    assert_eq!(why("v = 1.5\n", &pair("v = 1", "v = 2")), Why::Doubtful);
    assert_eq!(why("a b\na c\n", &pair("a", "d")), Why::Ambiguous);
}

#[test]
fn one_line_without_its_indentation_becomes_several() {
    let file = "def f():\n    run()\n    stop()\n";
    assert_eq!(made(file, &pair("run()", "if ready:\n    run()")), "def f():\n    if ready:\n        run()\n    stop()\n");
    assert_eq!(made(file, &pair("run()", "if ready:\n        run()")), "def f():\n    if ready:\n        run()\n    stop()\n");
    assert_eq!(made(file, &pair("run()", "walk()\n    run()")), "def f():\n    walk()\n    run()\n    stop()\n");
}

#[test]
fn tabs_are_kept_where_the_file_has_them() {
    let file = "func a() {\n\tone()\n\ttwo()\n}\n\nfunc b() {\n}\n";
    assert_eq!(
        made(file, &pair("func b() {\n}\n", "func b() {\n    three()\n}\n")),
        "func a() {\n\tone()\n\ttwo()\n}\n\nfunc b() {\n\tthree()\n}\n"
    );
}

#[test]
fn several_parts_are_applied_together_or_not_at_all() {
    let file = "a\nb\nc\nd\n";
    let parts = |pairs: &[(&str, &str)]| EditRequest {
        path: None,
        edits: Edits::Pairs(pairs.iter().map(|(old, new)| Pair { old: (*old).to_owned(), new: (*new).to_owned() }).collect()),
    };
    assert_eq!(made(file, &parts(&[("d\n", "D\n"), ("a\n", "A\n")])), "A\nb\nc\nD\n");
    assert_eq!(made(file, &parts(&[("b\n", "bee\n"), ("bee\nc\n", "bee\nsea\n")])), "a\nbee\nsea\nd\n");
    assert_eq!(why(file, &parts(&[("a\n", "A\n"), ("nowhere\n", "x\n")])), Why::NotFound);
}

#[test]
fn an_empty_file_takes_the_whole_new_text() {
    assert_eq!(made("", &pair("", "a\nb\n")), "a\nb\n");
    assert_eq!(why("a\n", &pair("", "b\n")), Why::NotFound);
    assert_eq!(made("a\nb\nc\n", &pair("b\n", "")), "a\nc\n");
}

#[test]
fn refusals_show_what_is_there() {
    let file = "fn total(items: &[Item]) -> u64 {\n    items.iter().map(|item| item.price).sum()\n}\n";
    let error = apply_edit(file, &pair("items.iter().map(|i| i.price).sum::<u64>()", "0")).unwrap_err();
    assert_eq!(error.why, Why::NotFound);
    assert!(error.message.contains("    2|    items.iter().map(|item| item.price).sum()"), "{}", error.message);
    let error = apply_edit("a = 1\nb = 2\na = 1\n", &pair("a = 1", "a = 3")).unwrap_err();
    assert!(error.message.contains("lines 1, 3"), "{}", error.message);
    assert_eq!(why(file, &text("just words")), Why::NotUnderstood);
    assert_eq!(why(file, &text("")), Why::NotUnderstood);
    assert_eq!(why("<<<\n", &text("<<<<<<< SEARCH\na\n=======\nb\n=======\nc\n>>>>>>> REPLACE")), Why::NotUnderstood);
}

#[test]
fn a_statement_of_three_dots_is_a_statement() {
    let file = "class A:\n    def f(self):\n        pass\n";
    assert_eq!(
        made(file, &pair("    def f(self):\n        pass\n", "    def f(self):\n        ...\n")),
        "class A:\n    def f(self):\n        ...\n"
    );
}

#[test]
fn typographic_text_stays_where_it_is_meant() {
    let file = "She said \u{201c}yes\u{201d}.\nThe end.\n";
    assert_eq!(
        made(file, &pair("She said \u{201c}yes\u{201d}.", "She said \u{201c}no\u{201d} \u{2014} twice.")),
        "She said \u{201c}no\u{201d} \u{2014} twice.\nThe end.\n"
    );
    assert_eq!(made("x = \"a\"\ny = 2\n", &pair("y = 2", "y = \u{201c}b\u{201d}")), "x = \"a\"\ny = \"b\"\n");
}

#[test]
fn large_files_and_long_repetitions_stay_quick() {
    let file = "x\n".repeat(100_000);
    assert_eq!(why(&file, &pair(&"x\n".repeat(3_000), "y\n")), Why::Ambiguous);
    assert_eq!(why(&file, &pair(&(("x\n").repeat(3_000) + "z\n"), "y\n")), Why::NotFound);
    let line = "a".repeat(1 << 20);
    assert!(apply_edit(&line, &pair("b", "c")).is_err());
    assert_eq!(why(&"y".repeat(MOST_BYTES + 1), &pair("y", "z")), Why::TooBig);
}

/// Texts of the pieces that edits and files are made of.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("<<<<<<< SEARCH\n".to_owned()),
        Just("=======\n".to_owned()),
        Just(">>>>>>> REPLACE\n".to_owned()),
        Just("@@ -1,2 +3 @@\n".to_owned()),
        Just("--- a/x\n+++ b/x\n".to_owned()),
        Just("```\n".to_owned()),
        Just("<search>".to_owned()),
        Just("</search>".to_owned()),
        Just("<replace>".to_owned()),
        Just("</replace>".to_owned()),
        Just("...\n".to_owned()),
        Just("// ... existing code ...\n".to_owned()),
        Just("    1|a\n".to_owned()),
        Just("\t".to_owned()),
        Just("  a\n".to_owned()),
        Just("b(\u{201c}x\u{201d})\n".to_owned()),
        Just("b(\"x\")\r\n".to_owned()),
        Just("-a\n".to_owned()),
        Just("+b\n".to_owned()),
        Just(" c\n".to_owned()),
        Just("\n".to_owned()),
        Just("}\n".to_owned()),
        "[ -~é\u{200b}\n]{0,12}",
    ];
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn nothing_panics_and_refusals_speak(file in pieces(), edit in pieces(), new in pieces()) {
        for request in [text(&edit), pair(&edit, &new)] {
            match apply_edit(&file, &request) {
                Ok(edited) => prop_assert_ne!(edited.text, file.clone()),
                Err(error) => prop_assert!(error.message.len() > 20),
            }
        }
    }

    #[test]
    fn an_exact_unique_pair_is_plain_replacement(before in "([a-d]{1,3}\n){0,6}", old in "(old [a-z]{1,8}\n){1,4}", new in "(new [a-z]{1,8}\n){1,4}", after in "([a-d]{1,3}\n){0,6}") {
        let file = format!("{before}{old}{after}");
        if file.matches(old.as_str()).count() == 1 {
            prop_assert_eq!(made(&file, &pair(&old, &new)), format!("{before}{new}{after}"));
        }
    }
}
