//! A patch as a table with line numbers.

use super::html::escape;

/// Most lines shown; the rest is left to `git`.
const MOST_LINES: usize = 5000;

/// The patch as HTML.
pub fn render(patch: &str) -> String {
    let mut rows = String::new();
    let (mut old, mut new, mut in_hunk) = (0_u64, 0_u64, false);
    for line in patch.lines().take(MOST_LINES) {
        let (class, left, right) = match line.as_bytes().first() {
            _ if line.starts_with("diff --git ") => {
                in_hunk = false;
                let name = line.rsplit_once(" b/").map_or(line, |(_, name)| name);
                rows.push_str(&format!("<tr class=file><td colspan=3>{}</td></tr>", escape(name)));
                continue;
            }
            Some(b'@') => {
                (old, new) = starts(line);
                in_hunk = true;
                ("hunk", None, None)
            }
            _ if !in_hunk => continue,
            Some(b'+') => ("add", None, Some(&mut new)),
            Some(b'-') => ("del", Some(&mut old), None),
            _ => ("", Some(&mut old), Some(&mut new)),
        };
        rows.push_str(&format!(
            "<tr class=\"{class}\"><td class=n>{}</td><td class=n>{}</td><td>{}</td></tr>",
            count(left),
            count(right),
            escape(line)
        ));
    }
    if patch.lines().nth(MOST_LINES).is_some() {
        rows.push_str(
            "<tr class=hunk><td class=n></td><td class=n></td><td>The rest is not shown: the change is too long for a page.</td></tr>",
        );
    }
    format!("<table class=diff>{rows}</table>")
}

/// The number of this line; the next one has the next number.
fn count(line: Option<&mut u64>) -> String {
    line.map(|line| {
        let shown = line.to_string();
        *line += 1;
        shown
    })
    .unwrap_or_default()
}

/// First line numbers from `@@ -3,4 +5,6 @@`.
fn starts(line: &str) -> (u64, u64) {
    let number = |mark: char| {
        let text = line.split(' ').find_map(|word| word.strip_prefix(mark)).unwrap_or("0");
        text.split(',').next().and_then(|text| text.parse().ok()).unwrap_or(0)
    };
    (number('-'), number('+'))
}

#[cfg(test)]
mod tests {
    use super::render;

    #[test]
    fn lines_are_numbered_and_escaped() {
        let html = render("diff --git a/x b/x\nindex 1..2\n--- a/x\n+++ b/x\n@@ -3,2 +5,2 @@ fn\n same\n-<old>\n+<new>\n");
        assert!(html.contains("<tr class=file><td colspan=3>x</td></tr><tr class=\"hunk\">"), "{html}");
        assert!(html.contains("<td class=n>3</td><td class=n>5</td><td> same</td>"), "{html}");
        assert!(html.contains("<td class=n>4</td><td class=n></td><td>-&lt;old&gt;</td>"), "{html}");
        assert!(html.contains("<td class=n></td><td class=n>6</td><td>+&lt;new&gt;</td>"), "{html}");
    }
}
