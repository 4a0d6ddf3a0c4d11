//! Screens as a picture: SVG, alone or in a web page.

use std::fmt::Write;

use unicode_width::UnicodeWidthStr;

use super::{
    Screen,
    draw::{fit, two},
};
use crate::vendor::xml;

/// Pixels of a character, of a line, and of the case around a screen.
const CHARACTER: usize = 8;
const LINE: usize = 18;
const CASE: usize = 16;
/// Phones beside each other.
const ACROSS: usize = 3;

const STYLE: &str = "text{font:13px 'DejaVu Sans Mono',monospace;fill:#1d2b1f}.name{fill:#444}.case{fill:#3b3f46}\
    .screen{fill:#dfe8d8}.title{fill:#b7c9b0}.key{fill:#c9d6c3;stroke:#8aa083}";

/// All `screens` in one picture, a few in a row.
pub fn picture(screens: &[Screen]) -> String {
    let mut body = String::new();
    let (mut x, mut y, mut highest, mut widest) = (CASE, CASE, 0, 0);
    for (index, screen) in screens.iter().enumerate() {
        if index > 0 && index % ACROSS == 0 {
            (x, y, highest) = (CASE, y + highest + CASE, 0);
        }
        let (width, height) = size(screen);
        phone(&mut body, screen, x, y);
        x += width + CASE;
        widest = widest.max(x);
        highest = highest.max(height);
    }
    let height = y + highest + CASE;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{widest}\" height=\"{height}\" viewBox=\"0 0 {widest} {height}\">\n\
         <style>{STYLE}</style>\n{body}</svg>\n"
    )
}

/// A web page with that picture.
pub fn page(screens: &[Screen]) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>phoned preview</title>\n</head>\n<body>\n{}</body>\n</html>\n",
        picture(screens)
    )
}

/// Width and height of a phone with its name.
fn size(screen: &Screen) -> (usize, usize) {
    let lines = 1 + screen.rows + 2;
    (
        screen.columns * CHARACTER + 3 * CASE,
        lines * LINE + 2 * CASE + LINE,
    )
}

fn phone(body: &mut String, screen: &Screen, x: usize, y: usize) {
    let (width, height) = size(screen);
    let inner = width - 2 * CASE;
    let mut top = y + LINE;
    text(body, "name", x, y + LINE - 5, &screen.phone);
    rect(body, "case", [x, top, width, height - LINE], 10);
    top += CASE;
    let left = x + CASE;
    rect(
        body,
        "screen",
        [left, top, inner, height - LINE - 2 * CASE],
        2,
    );
    rect(body, "title", [left, top, inner, LINE], 2);
    text(
        body,
        "",
        left + CASE / 2,
        top + LINE - 5,
        &fit(&screen.title, screen.columns),
    );
    for (number, name) in screen.lines.iter().enumerate() {
        let baseline = top + (number + 2) * LINE - 5;
        let shown = two(&name.0, &name.1, screen.columns);
        text(body, "", left + CASE / 2, baseline, &shown);
    }
    let last = top + (screen.rows + 2) * LINE;
    if screen.hidden > 0 {
        let more = format!("▼ {}", screen.hidden);
        text(body, "", left + CASE / 2, last - 5, &more);
    }
    keys(body, screen, left, last, inner);
}

fn keys(body: &mut String, screen: &Screen, left: usize, top: usize, inner: usize) {
    let Some(width) = inner.checked_div(screen.keys.len()) else {
        return;
    };
    for (number, label) in screen.keys.iter().enumerate() {
        let at = left + number * width;
        rect(body, "key", [at, top, width, LINE], 2);
        let label = fit(label, (width / CHARACTER).saturating_sub(1));
        let indent = width.saturating_sub(label.width() * CHARACTER) / 2;
        text(body, "", at + indent, top + LINE - 5, &label);
    }
}

fn rect(body: &mut String, class: &str, [x, y, width, height]: [usize; 4], round: usize) {
    // Writing to a string cannot fail.
    let _ = writeln!(
        body,
        "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"{round}\"/>"
    );
}

fn text(body: &mut String, class: &str, x: usize, y: usize, shown: &str) {
    let mut escaped = String::new();
    // Writing to a string cannot fail.
    let _ = xml::escape(shown, &mut escaped);
    let _ = writeln!(
        body,
        "<text class=\"{class}\" x=\"{x}\" y=\"{y}\" xml:space=\"preserve\">{escaped}</text>"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vendor::check::well_formed;

    #[test]
    fn the_picture_is_well_formed_whatever_is_on_the_screen() {
        let screen = Screen {
            phone: "m <1>".to_owned(),
            title: "a & b".to_owned(),
            lines: vec![("Zoë <b>\u{1}".to_owned(), "1".to_owned())],
            hidden: 2,
            keys: vec!["\"Dial\"".to_owned()],
            columns: 20,
            rows: 4,
        };
        let screens = vec![screen; 4];
        assert_eq!(well_formed(&picture(&screens)), Ok(()));
        assert!(page(&screens).contains(&picture(&screens)));
    }
}
