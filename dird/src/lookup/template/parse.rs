//! From the text of a template to its parts. What Python would refuse at every rendering is refused here once.

use super::{Align, Padding, Part, Placeholder, Step, Template};

/// Widest padding; a template that asks for more is refused rather than obeyed.
const WIDEST: usize = 1024;

/// Parses a template; none if it can only fail.
pub(super) fn parse(text: &str) -> Option<Template> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        literal.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            literal.push_str(brace);
            rest = after;
        } else if brace == "{" {
            let (inside, after) = rest.split_once('}')?;
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            parts.push(Part::Field(placeholder(inside)?));
            rest = after;
        } else {
            return None;
        }
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(Part::Literal(literal));
    }
    Some(Template { parts })
}

fn placeholder(inside: &str) -> Option<Placeholder> {
    let (named, padding) = match split_outside_brackets(inside, ':') {
        (named, None) => (named, None),
        (named, Some(spec)) => (named, padding(spec)?),
    };
    let (path, None | Some("s")) = split_outside_brackets(named, '!') else {
        return None;
    };
    let (field, brackets) = path.find('[').map_or((path, ""), |at| path.split_at(at));
    let positional = field.bytes().all(|byte| byte.is_ascii_digit());
    if positional || field.contains(['.', '{', ']']) {
        return None;
    }
    Some(Placeholder {
        field: field.to_owned(),
        path: steps(brackets)?,
        padding,
    })
}

/// Splits at the first `separator` that is not inside square brackets.
fn split_outside_brackets(text: &str, separator: char) -> (&str, Option<&str>) {
    let mut inside = false;
    for (at, character) in text.char_indices() {
        match character {
            '[' => inside = true,
            ']' => inside = false,
            found if found == separator && !inside => {
                return (&text[..at], Some(&text[at + separator.len_utf8()..]));
            }
            _ => {}
        }
    }
    (text, None)
}

/// Reads `[key][0]`.
fn steps(mut brackets: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    while !brackets.is_empty() {
        let (key, after) = brackets.strip_prefix('[')?.split_once(']')?;
        if key.is_empty() {
            return None;
        }
        let numeric = key.bytes().all(|byte| byte.is_ascii_digit());
        steps.push(if numeric {
            Step::Index(key.parse().ok()?)
        } else {
            Step::Key(key.to_owned())
        });
        brackets = after;
    }
    Some(steps)
}

/// Reads `[[fill]align][width][.cut][s]`; an empty specification asks for nothing.
#[expect(
    clippy::option_option,
    reason = "outer: can it be read; inner: does it ask for anything"
)]
fn padding(spec: &str) -> Option<Option<Padding>> {
    if spec.is_empty() {
        return Some(None);
    }
    let (fill, align, rest) = alignment(spec);
    let rest = rest.strip_suffix('s').unwrap_or(rest);
    let (width, cut) = match rest.split_once('.') {
        None => (rest, None),
        Some((width, cut)) => (width, Some(number(cut)?)),
    };
    let width = if width.is_empty() { 0 } else { number(width)? };
    (width <= WIDEST).then_some(Some(Padding {
        fill,
        align,
        width,
        cut,
    }))
}

fn alignment(spec: &str) -> (char, Align, &str) {
    let mut characters = spec.chars();
    let (first, second) = (characters.next(), characters.next());
    if let (Some(fill), Some(align)) = (first, second.and_then(align_of)) {
        return (fill, align, characters.as_str());
    }
    match first.and_then(align_of) {
        Some(align) => (' ', align, &spec[1..]),
        None => (' ', Align::Left, spec),
    }
}

fn align_of(symbol: char) -> Option<Align> {
    match symbol {
        '<' => Some(Align::Left),
        '>' => Some(Align::Right),
        '^' => Some(Align::Centre),
        _ => None,
    }
}

fn number(digits: &str) -> Option<usize> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}
