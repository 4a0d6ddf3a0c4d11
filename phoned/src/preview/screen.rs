//! What of a document is on the screen at once.

use super::tree::Element;
use crate::vendor::manifest::{PreviewLine, PreviewRules, ScreenModel};

/// The screen of a phone, filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Screen {
    /// Make and model.
    pub phone: String,
    /// Title; may be empty.
    pub title: String,
    /// Lines of the list: what is left and what is right.
    pub lines: Vec<(String, String)>,
    /// Lines that do not fit.
    pub hidden: usize,
    /// Soft keys in order.
    pub keys: Vec<String>,
    /// Characters of a line.
    pub columns: usize,
    /// Lines that fit.
    pub rows: usize,
}

impl Screen {
    /// What a phone of the make `name` shows of the document `root`.
    pub(super) fn read(
        root: &Element,
        rules: &PreviewRules,
        name: &str,
        model: &ScreenModel,
    ) -> Self {
        let title = rules.title.as_deref().and_then(|place| root.at(place));
        let mut lines = Vec::new();
        collect(root, rules, &mut lines);
        let hidden = lines.len().saturating_sub(model.rows);
        lines.truncate(model.rows);
        Self {
            phone: format!("{name} {}", model.name),
            title: title.unwrap_or("").to_owned(),
            lines,
            hidden,
            keys: keys(root, rules, model),
            columns: model.columns,
            rows: model.rows,
        }
    }
}

/// The lines of `element`; what is inside a line belongs to it.
fn collect(element: &Element, rules: &PreviewRules, lines: &mut Vec<(String, String)>) {
    if let Some(rule) = rules.lines.iter().find(|rule| rule.element == element.name) {
        lines.push((label(element, rule), detail(element, rule)));
        return;
    }
    if rules.texts.contains(&element.name) && element.text.contains(char::is_alphanumeric) {
        lines.push((element.text.clone(), String::new()));
    }
    for child in &element.children {
        collect(child, rules, lines);
    }
}

fn label(element: &Element, rule: &PreviewLine) -> String {
    let labels = rule.label.iter().filter_map(|place| element.at(place));
    let labels: Vec<&str> = labels.filter(|label| !label.is_empty()).collect();
    labels.join(" ")
}

fn detail(element: &Element, rule: &PreviewLine) -> String {
    let detail = rule.detail.as_deref().and_then(|place| element.at(place));
    detail.unwrap_or("").to_owned()
}

/// Labels of the soft keys that fit below the screen; the phone's own if the document brings none.
fn keys(root: &Element, rules: &PreviewRules, model: &ScreenModel) -> Vec<String> {
    let mut keys: Vec<(usize, String)> = Vec::new();
    if let Some(rule) = &rules.key {
        for element in root
            .all()
            .into_iter()
            .filter(|element| element.name == rule.element)
        {
            let position = rule.position.as_deref().and_then(|place| element.at(place));
            // F1, F2 … or a number.
            let digits = position
                .unwrap_or("")
                .trim_start_matches(|c: char| !c.is_ascii_digit());
            keys.push((digits.parse().unwrap_or(keys.len()), label(element, rule)));
        }
    }
    keys.sort_by_key(|(position, _)| *position);
    let mut labels: Vec<String> = keys.into_iter().map(|(_, label)| label).collect();
    if labels.is_empty() {
        labels.clone_from(&rules.own_keys);
    }
    labels.truncate(model.keys);
    labels
}
