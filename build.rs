//! Makes cargo notice a new migration: the files are embedded by a macro that only sees those it already knew.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=migrations");
}
