//! A screen as lines of text, all equally wide.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::Screen;

/// Draws `screen` with a frame around it.
pub fn draw(screen: &Screen) -> Vec<String> {
    let width = screen.columns;
    let line = |left, right| format!("{left}{}{right}", "─".repeat(width + 2));
    let mut drawn = vec![
        line('┌', '┐'),
        row(&fit(&screen.title, width), width),
        line('├', '┤'),
    ];
    for (left, right) in &screen.lines {
        drawn.push(row(&two(left, right, width), width));
    }
    for _ in screen.lines.len()..screen.rows {
        drawn.push(row("", width));
    }
    if screen.hidden > 0 {
        drawn.push(row(&format!("▼ {}", screen.hidden), width));
    }
    if !screen.keys.is_empty() {
        drawn.push(line('├', '┤'));
        drawn.push(row(&keys(&screen.keys, width), width));
    }
    drawn.push(line('└', '┘'));
    drawn
}

/// A text at the left and one at the right; the left one is cut when both do not fit.
pub(super) fn two(left: &str, right: &str, width: usize) -> String {
    if right.is_empty() {
        return fit(left, width);
    }
    let room = width.saturating_sub(right.width() + 1);
    if room < width / 3 {
        return fit(left, width);
    }
    format!("{} {right}", pad(&fit(left, room), room))
}

/// `text` cut at the edge of the screen, as phones do it.
pub(super) fn fit(text: &str, width: usize) -> String {
    let mut kept = String::new();
    let mut used = 0;
    for character in text.chars() {
        used += character.width().unwrap_or(0);
        if used > width {
            break;
        }
        kept.push(character);
    }
    kept
}

fn keys(labels: &[String], width: usize) -> String {
    let cell = (width / labels.len()).max(2);
    let key = |label: &String| pad(&fit(label, cell - 1), cell);
    labels.iter().map(key).collect()
}

fn row(text: &str, width: usize) -> String {
    format!("│ {} │", pad(&fit(text, width), width))
}

fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_line_is_as_wide_as_the_frame(
            title in "\\PC{0,30}", left in "[a-zÀ-ÿ山🍕 ]{0,30}", right in "[0-9]{0,12}", columns in 8_usize..40,
        ) {
            let screen = Screen {
                phone: String::new(),
                title,
                lines: vec![(left, right)],
                hidden: 3,
                keys: vec!["Dial".to_owned(), "Exit".to_owned()],
                columns,
                rows: 2,
            };
            let title = screen.title.chars().all(|c| c.width() == Some(1));
            for line in draw(&screen).iter().skip(if title { 0 } else { 2 }) {
                prop_assert_eq!(line.width(), columns + 4, "{}", line);
            }
        }
    }
}
