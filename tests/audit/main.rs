//! The record against those who would change it: the shipped verifier and the independent one in Python must reach the same verdict on every case.

mod cli;
mod fixture;
mod format;
mod python;
mod tamper;
