//! Keys that the defaults do not know: mostly typing errors, so each gets a warning with the nearest known key. They are
//! kept (dird-platform.md §2.2, phoned.md §17.2).

use super::node::{Kind, Node, join};

const MAX_DISTANCE: usize = 3;

/// One note for each unknown key of `merged`. Keys whose default is `{}`, and those below a prefix of `open`, accept
/// anything.
pub(super) fn notes(merged: &Node, defaults: &Node, open: &[&str]) -> Vec<String> {
    let mut notes = Vec::new();
    compare(
        merged,
        defaults,
        &mut Walk {
            open,
            notes: &mut notes,
        },
        "",
    );
    notes
}

struct Walk<'a> {
    open: &'a [&'a str],
    notes: &'a mut Vec<String>,
}

fn compare(node: &Node, default: &Node, walk: &mut Walk<'_>, parent: &str) {
    let (Kind::Map(entries), Kind::Map(known)) = (&node.kind, &default.kind) else {
        return;
    };
    if known.is_empty() && !parent.is_empty() || walk.open.contains(&parent) {
        return;
    }
    for (name, child) in entries {
        let key = join(parent, name);
        match known.iter().find(|(known, _)| known == name) {
            Some((_, default)) => compare(child, default, walk, &key),
            None if walk.open.contains(&key.as_str()) => {}
            None => {
                let names = known.iter().map(|(name, _)| name.as_str());
                let hint = nearest(name, names).map_or_else(
                    || ";".to_owned(),
                    |near| format!(", did you mean {}?", join(parent, near)),
                );
                let origin = &child.origin;
                walk.notes
                    .push(format!("{origin}: unknown key {key}{hint} it is kept"));
            }
        }
    }
}

/// The known name that is a typing error away from `name`; a short name must share half its letters.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|known| (distance(name, known), known))
        .filter(|(distance, known)| {
            let longest = name.chars().count().max(known.chars().count());
            *distance <= MAX_DISTANCE.min(longest / 2)
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Levenshtein's distance in characters.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, from) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, to) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_changed_characters() {
        for (left, right, expected) in [
            ("port", "port", 0),
            ("prot", "port", 2),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("clé", "cle", 1),
        ] {
            assert_eq!(distance(left, right), expected, "{left} {right}");
        }
    }

    #[test]
    fn the_nearest_known_name_is_proposed() {
        let known = ["listen", "port", "certificate", "tls"];
        let propose = |name| nearest(name, known.into_iter());
        assert_eq!(propose("prot"), Some("port"));
        assert_eq!(propose("certifcat"), Some("certificate"));
        assert_eq!(
            propose("foo"),
            None,
            "three letters changed are another word"
        );
        assert_eq!(propose("something"), None);
    }
}
