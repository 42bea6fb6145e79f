//! Applying the edits that models really send to the files that really are there.
//!
//! A model quotes the lines it wants to change from memory or from an older view, so the quote is rarely exact: the indentation is
//! shifted, quotes became typographic, a context line is stale, line numbers came along. The engine looks for the one place that was
//! meant, in steps of growing tolerance, and then changes only the lines the model changed: every other line keeps the file's own bytes.
//! What was meant must be certain. Two equally good places, changed lines that are not in the file, an indentation that could be
//! read in two ways: all of these are refused with a sentence that says what to send instead. A wrong edit costs far more than a repeated one.
//!
//! The way of a request: [`parse`] finds the hunks, [`reading`] lists the ways to read one, [`locate`] finds the place, [`merge`] turns
//! it into splices of whole lines, and this file applies them, all or none.

mod diff;
mod elide;
mod fold;
mod indent;
mod inline;
mod locate;
mod merge;
mod nearest;
mod page;
mod parse;
mod reading;
mod stale;
#[cfg(test)]
mod tests;

pub use nearest::numbered;

use merge::Place;
use page::{Page, Splice};

/// An edit of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditRequest {
    /// The file's path, if known: an edit that names another file is refused.
    pub path: Option<String>,
    pub edits: Edits,
}

/// The edit as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edits {
    /// Search/replace blocks, tags or a unified diff, with whatever stands around them.
    Text(String),
    /// Structured pairs.
    Pairs(Vec<Pair>),
}

/// Text to find, and the text to put there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    pub old: String,
    pub new: String,
}

/// The changed file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    pub text: String,
    /// The most tolerant way in which a part of the edit had to be read.
    pub how: How,
    /// What was read differently from how it was written; sentences for the model.
    pub notes: Vec<String>,
}

/// How the place was found, from the strictest to the most tolerant way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// Whole lines, byte for byte.
    Exact,
    /// Part of a line, byte for byte.
    Inline,
    /// But for white space.
    Space,
    /// But for typographic characters in place of plain ones.
    Typography,
    /// With lines left out on both sides.
    Elided,
    /// The changed lines as they are, some of the lines around them not.
    Stale,
}

/// Why an edit was not applied. The message is a sentence for the model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EditError {
    pub why: Why,
    pub message: String,
}

/// The kinds of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Not an edit in any known form.
    NotUnderstood,
    /// The old text is not in the file.
    NotFound,
    /// It is there more than once.
    Ambiguous,
    /// The result would be the file as it is.
    NoChange,
    /// The place is known but not what the lines there should become.
    Doubtful,
    /// The edit names another file.
    OtherFile,
    /// Larger than the engine handles.
    TooBig,
}

impl EditError {
    pub(crate) fn new(why: Why, message: impl Into<String>) -> EditError {
        EditError { why, message: message.into() }
    }
}

/// Largest file and largest edit, in bytes.
pub const MOST_BYTES: usize = 4 << 20;
/// Most hunks in one request.
pub const MOST_HUNKS: usize = 200;

/// Applies the whole request, or nothing.
pub fn apply_edit(old: &str, request: &EditRequest) -> Result<Edited, EditError> {
    check_size(old, request)?;
    let hunks = parse::parse(request)?;
    if hunks.len() > MOST_HUNKS {
        return Err(EditError::new(Why::TooBig, format!("The edit has more than {MOST_HUNKS} parts. Send fewer at a time.")));
    }
    let mut edited = match all_at_once(old, &hunks) {
        Ok(edited) => edited,
        // A later part may quote what an earlier part writes.
        Err(error) if hunks.len() > 1 && matches!(error.why, Why::NotFound | Why::Doubtful) => {
            one_by_one(old, &hunks).map_err(|_| error)?
        }
        Err(error) => return Err(error),
    };
    if edited.text == old {
        return Err(EditError::new(
            Why::NoChange,
            "The edit changes nothing: the text to find and the text to put there are the same. Send the lines as they should become.",
        ));
    }
    edited.notes.dedup();
    Ok(edited)
}

fn check_size(old: &str, request: &EditRequest) -> Result<(), EditError> {
    let sent = match &request.edits {
        Edits::Text(text) => text.len(),
        Edits::Pairs(pairs) => pairs.iter().map(|pair| pair.old.len() + pair.new.len()).sum(),
    };
    if old.len() > MOST_BYTES || sent > MOST_BYTES {
        return Err(EditError::new(Why::TooBig, "The file or the edit is larger than 4 MiB, which is too much to edit this way."));
    }
    Ok(())
}

/// All parts against the file as it is; none may change what another quotes.
fn all_at_once(old: &str, hunks: &[parse::Hunk]) -> Result<Edited, EditError> {
    let page = Page::new(old);
    let mut done = Done::default();
    let mut places: Vec<Place> = Vec::new();
    for (at, hunk) in hunks.iter().enumerate() {
        let place = locate::locate(&page, hunk).map_err(|error| tell_which(error, at, hunks.len()))?;
        if let Some(line) = places.iter().find_map(|other| clash(other, &place).or_else(|| clash(&place, other))) {
            return Err(EditError::new(
                Why::Doubtful,
                format!(
                    "Two parts of the edit change the same place, at line {}. Send them as one part, or one after the other.",
                    line + 1
                ),
            ));
        }
        places.push(place);
    }
    let mut splices = Vec::new();
    for place in places {
        done.add(place.how, place.notes);
        splices.extend(place.splices);
    }
    splices.sort_by_key(|splice: &Splice| (splice.at, splice.remove));
    Ok(Edited { text: page.splice(&splices), how: done.how, notes: done.notes })
}

/// A line that one part changes and the other quotes as it was; or where both put new lines.
fn clash(changing: &Place, quoting: &Place) -> Option<usize> {
    let quoted = &quoting.quoted;
    let inside = |splice: &&Splice| match splice.remove {
        0 => {
            quoted.start < splice.at && splice.at < quoted.end
                || quoting.splices.iter().any(|other| other.remove == 0 && other.at == splice.at)
        }
        _ => splice.at < quoted.end && quoted.start < splice.at + splice.remove,
    };
    changing.splices.iter().find(inside).map(|splice| splice.at)
}

/// Each part against what the parts before it made. What is chained so must be quoted as it stands: an older view would now be wrong.
fn one_by_one(old: &str, hunks: &[parse::Hunk]) -> Result<Edited, EditError> {
    let mut text = old.to_owned();
    let mut done = Done::default();
    for (at, hunk) in hunks.iter().enumerate() {
        let page = Page::new(&text);
        let mut place = locate::locate(&page, hunk)?;
        if place.how > How::Typography {
            return Err(EditError::new(
                Why::Doubtful,
                format!("Part {} of the edit does not quote what the parts before it make.", at + 1),
            ));
        }
        place.splices.sort_by_key(|splice| splice.at);
        let next = page.splice(&place.splices);
        done.add(place.how, place.notes);
        text = next;
    }
    Ok(Edited { text, how: done.how, notes: done.notes })
}

struct Done {
    how: How,
    notes: Vec<String>,
}

impl Default for Done {
    fn default() -> Done {
        Done { how: How::Exact, notes: Vec::new() }
    }
}

impl Done {
    fn add(&mut self, how: How, notes: Vec<String>) {
        self.how = self.how.max(how);
        self.notes.extend(notes);
    }
}

fn tell_which(mut error: EditError, at: usize, of: usize) -> EditError {
    if of > 1 {
        error.message = format!("Part {} of {of} could not be applied, so none was. {}", at + 1, error.message);
    }
    error
}
