//! The house rules: who may look at whom, which licences and libraries are in, and how files are kept.

mod docs;
mod imports;
mod libraries;
mod source;
mod words;
