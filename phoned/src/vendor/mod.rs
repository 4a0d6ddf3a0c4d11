//! The makes of phones. Each is a folder of the template directory: `vendor.toml` (`manifest.rs`) and the templates of its
//! documents. `registry.rs` loads and checks all of them, `render.rs` fills them in, `xml.rs` escapes, `check.rs` reads strictly.
//! No make is named in this code; templates/README.md says how to add one.

mod appearance;
pub mod check;
pub mod files;
mod habits;
pub mod lines;
pub mod manifest;
pub mod proof;
pub mod registry;
pub mod render;
pub mod trace;
pub mod traits;
pub mod xml;
