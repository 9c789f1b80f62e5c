#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::proxy_v2(data));
