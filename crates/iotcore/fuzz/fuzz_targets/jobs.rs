#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| marvain_iotcore::fuzzing::jobs(input));
