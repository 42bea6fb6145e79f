//! A file as lines, and changes of whole lines.

/// The file's lines, each with its own line end.
pub(super) struct Page<'a> {
    /// Contents without line ends.
    pub lines: Vec<&'a str>,
    ends: Vec<&'static str>,
    /// The line end most lines have.
    end: &'static str,
    /// The whole text.
    pub text: &'a str,
}

/// From line `at`, `remove` lines go and `lines` come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Splice {
    pub at: usize,
    pub remove: usize,
    pub lines: Vec<String>,
}

impl<'a> Page<'a> {
    pub fn new(text: &'a str) -> Page<'a> {
        let (mut lines, mut ends) = (Vec::new(), Vec::new());
        for piece in text.split_inclusive('\n') {
            let (line, end) = match piece.strip_suffix("\r\n") {
                Some(line) => (line, "\r\n"),
                None => piece.strip_suffix('\n').map_or((piece, ""), |line| (line, "\n")),
            };
            lines.push(line);
            ends.push(end);
        }
        let windows = ends.iter().filter(|end| **end == "\r\n").count();
        let end = if windows * 2 > ends.len() { "\r\n" } else { "\n" };
        Page { lines, ends, end, text }
    }

    /// The text after the splices, which are sorted and do not overlap. Whether the file ends in a line end stays as it is.
    pub fn splice(&self, splices: &[Splice]) -> String {
        let mut out: Vec<(&str, &'static str)> = Vec::new();
        let mut next = 0;
        for splice in splices {
            let at = splice.at.min(self.lines.len());
            out.extend((next..at).map(|i| (self.lines[i], self.ends[i])));
            let end = self.ends.get(splice.at).filter(|end| splice.remove > 0 && !end.is_empty()).copied().unwrap_or(self.end);
            out.extend(splice.lines.iter().map(|line| (line.as_str(), end)));
            next = (at + splice.remove).min(self.lines.len());
        }
        out.extend((next..self.lines.len()).map(|i| (self.lines[i], self.ends[i])));
        let open_ended = self.ends.last().is_some_and(|end| end.is_empty());
        let last = out.len().saturating_sub(1);
        let mut text = String::with_capacity(self.text.len() + 256);
        for (i, (line, end)) in out.into_iter().enumerate() {
            text.push_str(line);
            let end = if end.is_empty() { self.end } else { end };
            text.push_str(if i == last && open_ended { "" } else { end });
        }
        text
    }
}

/// The lines of a text that was sent: one line end at its end closes the last line and opens no other.
pub(super) fn sent_lines(text: &str) -> Vec<String> {
    let text = text.replace("\r\n", "\n");
    if text.is_empty() {
        return Vec::new();
    }
    text.strip_suffix('\n').unwrap_or(&text).split('\n').map(str::to_owned).collect()
}

/// The white space a line begins with, and the rest.
pub(super) fn split_indent(line: &str) -> (&str, &str) {
    line.split_at(line.len() - line.trim_start().len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_stay_as_they_are() {
        let splice = |text: &str, at, remove, lines: &[&str]| {
            Page::new(text).splice(&[Splice { at, remove, lines: lines.iter().map(|l| (*l).to_owned()).collect() }])
        };
        assert_eq!(splice("a\r\nb\r\nc\r\n", 1, 1, &["x", "y"]), "a\r\nx\r\ny\r\nc\r\n");
        assert_eq!(splice("a\nb", 1, 1, &["x"]), "a\nx");
        assert_eq!(splice("a\nb", 2, 0, &["x"]), "a\nb\nx");
        assert_eq!(splice("a\nb\n", 2, 0, &["x"]), "a\nb\nx\n");
        assert_eq!(splice("", 0, 0, &["x"]), "x\n");
        assert_eq!(splice("a\n", 0, 1, &[]), "");
        assert_eq!(splice("a\r\nb\nc\n", 1, 1, &["x"]), "a\r\nx\nc\n");
    }
}
