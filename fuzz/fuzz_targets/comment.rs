#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| syndarix_fuzz::comment(data));
