//! Any text as a model file: it is refused with a message, or it is a model.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use yolo_bundle as _;
use yolo_host::model::{Model, Spec};
use yolo_host::plugin::Registry;

thread_local! {
    static BLOCKS: Registry = Registry::linked().expect("the registry is sound");
}

fuzz_target!(|text: &str| -> Corpus {
    if text.len() > 4096 {
        return Corpus::Reject;
    }
    let model =
        Spec::parse(text, "fuzz.yaml").and_then(|spec| BLOCKS.with(|blocks| Model::build(spec, blocks)));
    match model {
        Ok(model) => assert_eq!(model.layers.len(), model.spec.rows.len()),
        Err(error) => assert!(error.to_string().contains("fuzz.yaml")),
    }
    Corpus::Keep
});
