//! The `[preview]` table of a manifest: what of a document is on the screen of a phone. Data for `crate::preview`, nothing that is
//! sent depends on it.

use serde::Deserialize;

/// How a phone of the make shows its documents, for `phoned preview`. A place is the name of a child element, `@name` for an
/// attribute, or `.` for the text of the element itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreviewRules {
    /// The element with the title.
    #[serde(default)]
    pub title: Option<String>,
    /// Elements that are lines of a list.
    pub lines: Vec<PreviewLine>,
    /// Elements with text of their own: forms and messages.
    #[serde(default)]
    pub texts: Vec<String>,
    /// The element of a soft key, and where its label is.
    #[serde(default)]
    pub key: Option<PreviewLine>,
    /// Soft keys of the phone itself when a document brings none.
    #[serde(default)]
    pub own_keys: Vec<String>,
    /// Screens, the first being the one that is drawn when none is named.
    pub models: Vec<ScreenModel>,
}

/// An element that is shown.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreviewLine {
    /// Its name.
    pub element: String,
    /// Places of what is shown, joined by blanks.
    pub label: Vec<String>,
    /// Place of what is shown at the right, if something is.
    #[serde(default)]
    pub detail: Option<String>,
    /// Place of its position among its kind.
    #[serde(default)]
    pub position: Option<String>,
}

/// The screen of a model.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScreenModel {
    /// Its name for `--model`.
    pub name: String,
    /// Characters of a line.
    pub columns: usize,
    /// Lines of a list.
    pub rows: usize,
    /// Soft keys beside each other; 0 = none.
    #[serde(default)]
    pub keys: usize,
    /// Families of `[[models]]` that it belongs to.
    #[serde(default)]
    pub families: Vec<String>,
}
