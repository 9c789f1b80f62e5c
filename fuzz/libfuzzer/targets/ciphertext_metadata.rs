#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::ciphertext_metadata(data));
