use serde_json::json;

use super::source::Documents;
use super::*;

fn read(document: Value) -> Imported {
    let options = Options { service: Some("x".into()), ..Options::default() };
    import(&Documents::of(document).unwrap(), options).unwrap()
}
