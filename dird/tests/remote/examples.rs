//! `config/sources.d`: a body for each backend that a client can send as it is.

use std::path::Path;

use dird::api::sources::body_schemas;
use dird::backends::kinds;
use serde_json::Value;

#[test]
fn every_backend_has_an_example_that_its_schema_takes_whole() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/sources.d");
    for kind in kinds() {
        let file = folder.join(format!("{}.json", kind.name()));
        let text = std::fs::read_to_string(&file)
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let body: Value = serde_json::from_str(&text).unwrap();
        let schemas = body_schemas(kind);
        for schema in &schemas {
            assert!(
                schema.read_body(&body).is_ok(),
                "{}: {:?}",
                kind.name(),
                schema.read_body(&body)
            );
        }
        for name in body.as_object().unwrap().keys() {
            let known = schemas.iter().any(|schema| schema.knows(name));
            assert!(known, "{}: {name} means nothing", kind.name());
        }
    }
}
