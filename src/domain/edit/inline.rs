//! Finding a text that begins or ends in the middle of a line.

use super::merge::Place;
use super::page::{Page, Splice};
use super::reading::Reading;
use super::{EditError, How, Why, nearest};

/// Where the old text stands: the first line, and the bytes before it there.
#[derive(Clone, Copy, Debug)]
struct Spot {
    line: usize,
    column: usize,
}

/// The splice for the only place; `None` when there is none, or when the quote is a whole line but for its indentation, which is read
/// with care for the indentation instead.
pub(super) fn find(page: &Page, reading: &Reading) -> Result<Option<Place>, EditError> {
    let spots: Vec<Spot> = spots(page, &reading.old).into_iter().filter(|spot| allowed(page, reading, *spot)).collect();
    let [spot] = spots.as_slice() else {
        return match spots.len() {
            0 => Ok(None),
            _ if !reading.inline => Ok(None),
            _ => Err(nearest::ambiguous(page, reading.old.len(), &spots.iter().map(|spot| spot.line).collect::<Vec<_>>())),
        };
    };
    let last = reading.old.len() - 1;
    let before = &page.lines[spot.line][..spot.column];
    let after_from = if last == 0 { spot.column + reading.old[0].len() } else { reading.old[last].len() };
    let after = &page.lines[spot.line + last][after_from..];
    if last == 0 && before.trim().is_empty() && after.trim().is_empty() {
        return Ok(None);
    }
    if reading.old == reading.new {
        return Ok(Some(Place { how: How::Inline, splices: Vec::new(), quoted: spot.line..spot.line + last + 1, notes: Vec::new() }));
    }
    let mut lines = reading.new.clone();
    if lines.is_empty() {
        lines.push(String::new());
    }
    lines[0].insert_str(0, before);
    let end = lines.len() - 1;
    lines[end].push_str(after);
    // A part of a line that goes and leaves only blanks takes the line along.
    if reading.new.is_empty() && lines[0].trim().is_empty() {
        lines.clear();
    }
    Ok(Some(Place {
        how: How::Inline,
        splices: vec![Splice { at: spot.line, remove: last + 1, lines }],
        quoted: spot.line..spot.line + last + 1,
        notes: Vec::new(),
    }))
}

fn spots(page: &Page, old: &[String]) -> Vec<Spot> {
    let mut spots = Vec::new();
    let (first, last) = (&old[0], &old[old.len() - 1]);
    if first.trim().is_empty() && old.len() == 1 {
        return spots;
    }
    for line in 0..page.lines.len().saturating_sub(old.len() - 1) {
        let text = page.lines[line];
        if old.len() == 1 {
            let mut from = 0;
            while let Some(at) = text[from..].find(first.as_str()) {
                spots.push(Spot { line, column: from + at });
                from += at + text[from + at..].chars().next().map_or(1, char::len_utf8);
            }
        } else if text.ends_with(first.as_str())
            && page.lines[line + old.len() - 1].starts_with(last.as_str())
            && (1..old.len() - 1).all(|i| page.lines[line + i] == old[i])
        {
            spots.push(Spot { line, column: text.len() - first.len() });
        }
        if spots.len() > 20 {
            break;
        }
    }
    spots
}

/// Not inside a word; and where only whole lines are meant, after nothing but indentation.
fn allowed(page: &Page, reading: &Reading, spot: Spot) -> bool {
    let (first, last) = (&reading.old[0], &reading.old[reading.old.len() - 1]);
    let before = &page.lines[spot.line][..spot.column];
    let end = if reading.old.len() == 1 { spot.column + first.len() } else { last.len() };
    let after = &page.lines[spot.line + reading.old.len() - 1][end..];
    if !reading.inline {
        return before.trim().is_empty() && after.trim().is_empty() && first.trim_start() == first;
    }
    let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let cut_before = word(before.chars().next_back()) && word(first.chars().next());
    let cut_after = word(after.chars().next()) && word(last.chars().next_back());
    // `1` in `1.5` is not a number of its own.
    let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    let decimal = digit(last.chars().next_back()) && after.starts_with('.') && digit(after.chars().nth(1))
        || digit(first.chars().next()) && before.ends_with('.') && digit(before.chars().rev().nth(1));
    !(cut_before || cut_after || decimal)
}

/// The refusal for a text that stands only inside longer words.
pub(super) fn inside_words(page: &Page, reading: &Reading) -> Option<EditError> {
    if !reading.inline || reading.old.is_empty() {
        return None;
    }
    let spot = *spots(page, &reading.old).first()?;
    let shown = nearest::numbered(spot.line + 1, page.lines[spot.line..].iter().take(reading.old.len()).copied());
    let message = format!("The old text is found only inside a longer word or number. Send the whole line as it is in the file:\n{shown}");
    (!allowed(page, reading, spot)).then(|| EditError::new(Why::Doubtful, message))
}
