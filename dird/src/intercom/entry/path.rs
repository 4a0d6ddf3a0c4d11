//! Paths to fields (intercom-directory.md §4.3): names joined by dots, each with an index or without.

/// A step of a path.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Segment<'a> {
    /// Name of a field.
    pub(super) name: &'a str,
    /// Place in its array, from 0.
    pub(super) index: Option<usize>,
}

/// The steps of a path; none if it is malformed.
pub(super) fn segments(path: &str) -> Option<Vec<Segment<'_>>> {
    path.split('.').map(segment).collect()
}

fn segment(text: &str) -> Option<Segment<'_>> {
    let Some((name, rest)) = text.split_once('[') else {
        let sound = !text.is_empty() && !text.contains(']');
        return sound.then_some(Segment {
            name: text,
            index: None,
        });
    };
    let digits = rest.strip_suffix(']')?;
    let sound = !name.is_empty()
        && !name.contains(']')
        && !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    // An index that does not fit is beyond every array.
    let index = Some(digits.parse().unwrap_or(usize::MAX));
    sound.then_some(Segment { name, index })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(path: &str) -> Option<Vec<(&str, Option<usize>)>> {
        let segments = segments(path)?;
        Some(
            segments
                .iter()
                .map(|step| (step.name, step.index))
                .collect(),
        )
    }

    #[test]
    fn paths_are_names_with_indexes() {
        assert_eq!(steps("name"), Some(vec![("name", None)]));
        let deep = steps("callPos[1].grouped");
        assert_eq!(deep, Some(vec![("callPos", Some(1)), ("grouped", None)]));
        let far = steps("a[99999999999999999999]");
        assert_eq!(far, Some(vec![("a", Some(usize::MAX))]));
        for malformed in [
            "", ".", "a.", "a[", "a[]", "a[x]", "a[-1]", "[1]", "a]", "a[1]b", "a[1][2]", "a[+1]",
        ] {
            assert_eq!(steps(malformed), None, "{malformed}");
        }
    }
}
