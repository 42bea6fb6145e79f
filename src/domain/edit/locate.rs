//! Finding the one place a hunk means, in steps of growing tolerance.

use std::cell::OnceCell;
use std::collections::HashMap;

use super::merge::{self, Place};
use super::page::{Page, Splice};
use super::parse::Hunk;
use super::reading::{Reading, readings};
use super::{EditError, How, Why, elide, fold, inline, nearest, stale};

/// The lines of a file as numbers: equal lines have equal numbers, under one way of comparing.
pub(super) struct Ids {
    known: HashMap<String, u32>,
    pub lines: Vec<u32>,
    key: fn(&str) -> String,
}

/// The number of a line that is not in the file.
pub(super) const UNKNOWN: u32 = u32::MAX;

impl Ids {
    fn new(page: &Page, key: fn(&str) -> String) -> Ids {
        let mut known: HashMap<String, u32> = HashMap::new();
        let mut lines = Vec::with_capacity(page.lines.len());
        for line in &page.lines {
            let next = u32::try_from(known.len()).unwrap_or(UNKNOWN - 1);
            lines.push(*known.entry(key(line)).or_insert(next));
        }
        Ids { known, lines, key }
    }

    pub fn of(&self, lines: &[String]) -> Vec<u32> {
        lines.iter().map(|line| self.known.get(&(self.key)(line)).copied().unwrap_or(UNKNOWN)).collect()
    }

    /// Where the lines stand one after the other; at most 50 places.
    pub fn places(&self, wanted: &[u32]) -> Vec<usize> {
        if wanted.is_empty() || wanted.contains(&UNKNOWN) || wanted.len() > self.lines.len() {
            return Vec::new();
        }
        self.lines.windows(wanted.len()).enumerate().filter(|(_, window)| *window == wanted).map(|(at, _)| at).take(50).collect()
    }
}

/// The three ways of comparing, each computed when it is needed.
pub(super) struct Index<'p, 't> {
    page: &'p Page<'t>,
    exact: OnceCell<Ids>,
    space: OnceCell<Ids>,
    typo: OnceCell<Ids>,
}

impl<'p, 't> Index<'p, 't> {
    pub fn new(page: &'p Page<'t>) -> Index<'p, 't> {
        Index { page, exact: OnceCell::new(), space: OnceCell::new(), typo: OnceCell::new() }
    }

    fn ids(&self, how: How) -> &Ids {
        match how {
            How::Exact | How::Inline => self.exact.get_or_init(|| Ids::new(self.page, str::to_owned)),
            How::Space => self.space.get_or_init(|| Ids::new(self.page, fold::space_key)),
            _ => self.typo.get_or_init(|| Ids::new(self.page, fold::typo_key)),
        }
    }
}

const STEPS: [How; 6] = [How::Exact, How::Inline, How::Space, How::Typography, How::Elided, How::Stale];

/// The change a hunk makes to the page.
pub(super) fn locate(page: &Page, hunk: &Hunk) -> Result<Place, EditError> {
    let all = readings(hunk, page);
    if all.iter().all(|reading| reading.old.iter().all(|line| line.trim().is_empty())) {
        return fill_empty(page, &all[0]);
    }
    let index = Index::new(page);
    let usable: Vec<&Reading> = all.iter().filter(|reading| reading.old.iter().any(|line| !line.trim().is_empty())).collect();
    for how in STEPS {
        for reading in &usable {
            if let Some(mut place) = step(page, &index, reading, how)? {
                if how != How::Elided {
                    elide::check_new(page, reading)?;
                }
                place.notes.extend(reading.note.map(str::to_owned));
                return Ok(place);
            }
        }
    }
    let inside = usable.iter().find_map(|reading| inline::inside_words(page, reading));
    Err(inside.unwrap_or_else(|| nearest::not_found(page, usable[0])))
}

fn step(page: &Page, index: &Index, reading: &Reading, how: How) -> Result<Option<Place>, EditError> {
    let ids = index.ids(how);
    match how {
        How::Inline => inline::find(page, reading),
        How::Elided => elide::find(page, ids, reading),
        How::Stale => stale::find(page, ids, reading),
        How::Exact | How::Space | How::Typography => whole_lines(page, ids, reading, how),
    }
}

/// The quoted lines one after the other, each the same under this way of comparing.
fn whole_lines(page: &Page, ids: &Ids, reading: &Reading, how: How) -> Result<Option<Place>, EditError> {
    let wanted = ids.of(&reading.old);
    let places = ids.places(&wanted);
    let at = match places.as_slice() {
        [] => return Ok(None),
        [at] => *at,
        // Text and number agree on one of them.
        many => match reading.copied_line.filter(|line| many.contains(&(line - 1))) {
            Some(line) => line - 1,
            None => return Err(nearest::ambiguous(page, reading.old.len(), many)),
        },
    };
    if how != How::Exact && wanted == ids.of(&reading.new) {
        return Err(EditError::new(
            Why::Doubtful,
            format!(
                "The edit would change only white space or typographic characters, but its old text is not exactly what the file has. Copy the lines exactly:\n{}",
                nearest::numbered(at + 1, page.lines[at..at + reading.old.len()].iter().copied())
            ),
        ));
    }
    let map: Vec<Option<usize>> = (at..at + reading.old.len()).map(Some).collect();
    merge::merge(page, reading, &map, how).map(Some)
}

/// Without old text there is a place only in an empty file.
fn fill_empty(page: &Page, reading: &Reading) -> Result<Place, EditError> {
    if page.text.trim().is_empty() && !reading.new.is_empty() {
        let splice = Splice { at: 0, remove: page.lines.len(), lines: reading.new.clone() };
        return Ok(Place { how: How::Exact, splices: vec![splice], quoted: 0..page.lines.len(), notes: Vec::new() });
    }
    Err(EditError::new(
        Why::NotFound,
        "The text to find is empty, so there is no place for the new text. Quote a line next to the place, and repeat it together with the new lines.",
    ))
}
