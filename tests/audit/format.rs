//! `docs/audit-format.md` is tested: its vectors are read out of the page.

use syndarix::domain::audit::verify_lines;

const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/audit-format.md"));

fn vectors() -> Vec<[&'static str; 3]> {
    let block = PAGE.split("```vectors\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block of vectors");
    let values: Vec<&str> = block.lines().map(|line| line.split_once(' ').expect("a word and its value").1).collect();
    values.chunks_exact(3).map(|row| [row[0], row[1], row[2]]).collect()
}

#[test]
fn the_vectors_of_the_page_hold() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 3);
    for count in 1..=vectors.len() {
        let summary = verify_lines(vectors[..count].iter().map(|row| row[0].as_bytes())).expect("the page's chain holds");
        let [_, hash, root] = vectors[count - 1];
        assert_eq!((summary.head.as_str(), summary.root.as_str()), (hash, root), "line {count}");
    }
}

#[test]
fn the_page_names_the_limits_of_the_code() {
    use syndarix::domain::audit::{entry, segment};
    let with_commas = |number: usize| {
        let digits = number.to_string();
        let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
        groups.join(",")
    };
    for limit in [entry::MAX_LINE, segment::MAX_LINES, segment::MAX_BYTES] {
        assert!(PAGE.contains(&with_commas(limit)), "{limit}");
    }
    for kind in ["person", "bot", "agent", "system", "unknown"] {
        assert!(PAGE.contains(&format!("| `{kind}` |")), "{kind}");
    }
}
