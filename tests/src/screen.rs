//! A drawing of a Cisco 7960-like screen, made from a parsed page alone.

use crate::phone::Results;

/// Inner width of the screen in character cells.
const WIDTH: usize = 38;
/// Lines of entries that fit.
const ROWS: usize = 8;
/// What such a phone offers by itself when a directory page brings no soft keys.
const OWN_KEYS: [&str; 3] = ["Dial", "EditDial", "Exit"];

/// The screen as lines of text, all equally wide.
pub fn draw(title: &str, page: &Results) -> Vec<String> {
    let mut lines = vec![frame('┌', '┐'), row(&fit(title, WIDTH)), frame('├', '┤')];
    for (index, (name, number)) in page.entries.iter().take(ROWS).enumerate() {
        lines.push(row(&entry(index + 1, name, number)));
    }
    for _ in page.entries.len()..ROWS {
        lines.push(row(""));
    }
    if page.entries.len() > ROWS {
        lines.push(row(&format!("   ▼ {} more", page.entries.len() - ROWS)));
    }
    lines.push(frame('├', '┤'));
    lines.push(row(&keys(page)));
    lines.push(frame('└', '┘'));
    lines
}

/// Two texts side by side: the left one wrapped at `width`, nothing lost.
pub fn beside(left: &str, right: &[String], width: usize) -> String {
    let left: Vec<String> = left.lines().flat_map(|line| wrap(line, width)).collect();
    let mut text = String::new();
    for index in 0..left.len().max(right.len()) {
        let line = left.get(index).map_or("", String::as_str);
        let drawn = right.get(index).map_or("", String::as_str);
        text.push_str(format!("{}  {drawn}", pad(line, width)).trim_end());
        text.push('\n');
    }
    text
}

fn entry(position: usize, name: &str, number: &str) -> String {
    let room = WIDTH.saturating_sub(width_of(number) + 4);
    format!("{position:>2} {} {number}", pad(&fit(name, room), room))
}

fn keys(page: &Results) -> String {
    let mut labels: Vec<(u32, &str)> = page
        .soft_keys
        .iter()
        .map(|key| (key.position, key.name.as_str()))
        .collect();
    if labels.is_empty() {
        labels = (1..).zip(OWN_KEYS).collect();
    }
    labels.sort_by_key(|(position, _)| *position);
    let cell = WIDTH / 4;
    labels
        .iter()
        .map(|(_, label)| pad(&fit(label, cell - 1), cell))
        .collect()
}

fn frame(left: char, right: char) -> String {
    format!("{left}{}{right}", "─".repeat(WIDTH + 2))
}

fn row(text: &str) -> String {
    format!("│ {} │", pad(text, WIDTH))
}

fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(width_of(text))))
}

fn fit(text: &str, width: usize) -> String {
    if width_of(text) <= width {
        return text.to_owned();
    }
    let mut cut = String::new();
    for c in text.chars() {
        if width_of(&cut) + cells(c) + 1 > width {
            break;
        }
        cut.push(c);
    }
    format!("{cut}.")
}

fn wrap(line: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for c in line.chars() {
        if used + cells(c) > width {
            lines.push(String::new());
            used = 0;
        }
        used += cells(c);
        if let Some(last) = lines.last_mut() {
            last.push(c);
        }
    }
    lines
}

fn width_of(text: &str) -> usize {
    text.chars().map(cells).sum()
}

/// Cells a character takes in a terminal: East Asian scripts are two wide, combining marks none.
fn cells(c: char) -> usize {
    match u32::from(c) {
        0x0300..=0x036F | 0x200B..=0x200F => 0,
        0x1100..=0x115F
        | 0x2E80..=0xA4CF
        | 0xAC00..=0xD7A3
        | 0xF900..=0xFAFF
        | 0xFE30..=0xFE6F
        | 0xFF00..=0xFF60 => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phone::SoftKey;

    fn page(entries: &[(&str, &str)], keys: &[&str]) -> Results {
        let soft_keys = keys.iter().zip(1..).map(|(name, position)| SoftKey {
            name: (*name).to_owned(),
            url: String::new(),
            position,
        });
        Results {
            source: String::new(),
            entries: entries
                .iter()
                .map(|(name, number)| ((*name).to_owned(), (*number).to_owned()))
                .collect(),
            soft_keys: soft_keys.collect(),
        }
    }

    #[test]
    fn entries_are_numbered_and_every_line_is_equally_wide() {
        let drawn = draw(
            "Directory",
            &page(&[("Élodie Çelik", "2042"), ("佐藤 さくら", "2001")], &[]),
        );
        assert!(drawn[3].starts_with("│  1 Élodie Çelik"), "{}", drawn[3]);
        assert!(drawn[3].ends_with("2042 │"), "{}", drawn[3]);
        assert!(
            drawn.iter().all(|line| width_of(line) == WIDTH + 4),
            "{drawn:#?}"
        );
        assert!(drawn.iter().any(|line| line.contains("EditDial")));
    }

    #[test]
    fn keys_of_the_page_replace_the_phones_own() {
        let drawn = draw(
            "Directory",
            &page(&[], &["Dial", "PrevPage", "Exit", "NextPage"]),
        )
        .join("\n");
        assert!(
            drawn.contains("NextPage") && !drawn.contains("EditDial"),
            "{drawn}"
        );
    }

    #[test]
    fn long_lines_are_wrapped_and_lose_nothing() {
        let text = beside("abcdef\ng", &["X".to_owned()], 4);
        assert_eq!(text, "abcd  X\nef\ng\n");
    }
}
