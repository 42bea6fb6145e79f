//! Answers that are asked for again and again. With the tag of the last one a call costs nothing when nothing has changed.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use reqwest::header::{ETAG, HeaderMap, HeaderValue};

/// Most answers that are kept.
const MOST: usize = 256;
/// An answer larger than this, in bytes, is not kept.
const LARGEST: usize = 256 * 1024;

#[derive(Clone)]
pub(super) struct Kept {
    pub tag: HeaderValue,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// The last answers by what was asked, the oldest first to go.
#[derive(Default)]
pub(super) struct Remembered(Mutex<(HashMap<String, Kept>, VecDeque<String>)>);

impl Remembered {
    pub fn get(&self, key: &str) -> Option<Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.get(key).cloned()
    }

    /// Keeps an answer if it has a tag and is not too large.
    pub fn keep(&self, key: &str, headers: &HeaderMap, body: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (by_key, order) = &mut *kept;
        let Some(tag) = headers.get(ETAG).cloned().filter(|_| body.len() <= LARGEST) else {
            by_key.remove(key);
            order.retain(|known| known != key);
            return;
        };
        if by_key.insert(key.to_owned(), Kept { tag, headers: headers.clone(), body: body.to_vec() }).is_none() {
            order.push_back(key.to_owned());
        }
        while order.len() > MOST {
            if let Some(oldest) = order.pop_front() {
                by_key.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_and_forgets_what_lost_its_tag() {
        let remembered = Remembered::default();
        let tagged: HeaderMap = [(ETAG, HeaderValue::from_static("\"a\""))].into_iter().collect();
        for number in 0..MOST + 10 {
            remembered.keep(&number.to_string(), &tagged, b"x");
        }
        assert!(remembered.get("9").is_none() && remembered.get("10").is_some());
        remembered.keep("10", &HeaderMap::new(), b"x");
        remembered.keep("11", &tagged, &vec![0; LARGEST + 1]);
        assert!(remembered.get("10").is_none() && remembered.get("11").is_none());
        let kept = remembered.0.lock().unwrap();
        assert_eq!(kept.0.len(), kept.1.len());
    }
}
