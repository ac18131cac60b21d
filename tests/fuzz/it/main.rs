//! What was found once, and some thousand bytes by chance. `make fuzz` searches better.

use std::{fs, path::Path};

use hubbub_fuzz::TARGETS;
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};

/// Bytes by chance for each target.
const CHANCES: u32 = 2_000;

#[test]
fn what_was_found_once_is_right_now() {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("found");
    for (name, target) in TARGETS {
        for file in fs::read_dir(found.join(name)).expect("a folder for each target") {
            target(&fs::read(file.expect("a file").path()).expect("its bytes"));
        }
    }
}

#[test]
fn bytes_by_chance_are_taken_as_the_models_take_them() {
    for (_, target) in TARGETS {
        let mut runner = TestRunner::new(ProptestConfig { cases: CHANCES, ..ProptestConfig::default() });
        let tried = runner.run(&likely(), |bytes| {
            target(&bytes);
            Ok(())
        });
        tried.unwrap_or_else(|failure| panic!("{failure}"));
    }
}

/// Bytes of which something might be made.
fn likely() -> impl Strategy<Value = Vec<u8>> {
    let special = prop::sample::select(
        b"\x00\x01\x02\x7e\x7f\x80\x81\x82\x88\x89\xfe\xff\x1e0123456789:+/[\"~,]".to_vec(),
    );
    let text = "(42(/v1,)?\\[\"~\",[0-9]{1,3}\\]|40/v1\\?auth=%7B%7D,|5:1?::\\{\"name\":\"a\"\\}|\\PC{0,30})";
    prop_oneof![
        vec(any::<u8>(), 0..200),
        vec(special, 0..40),
        text.prop_map(String::into_bytes),
        (vec(any::<u8>(), 0..3), "\\PC{0,200}").prop_map(|(head, text)| [head, text.into_bytes()].concat()),
    ]
}
