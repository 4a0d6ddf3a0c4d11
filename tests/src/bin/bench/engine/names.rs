//! Names of invented people, the same in every run: pronounceable, and nearly all different. None has an x, y or z but for those
//! that are there to be searched by one, two or three letters.

const SYLLABLES: [&str; 40] = [
    "ba", "bel", "bri", "cam", "co", "da", "den", "do", "el", "fa", "fer", "gi", "gor", "ha",
    "hil", "in", "ka", "kol", "la", "lem", "lo", "ma", "mir", "mon", "na", "nor", "o", "pa", "pet",
    "ri", "ro", "sa", "sen", "ste", "ta", "tor", "ul", "va", "vin", "we",
];

/// Scatters numbers, so that neighbours have nothing in common.
fn scattered(number: u32) -> u64 {
    let mixed = (u64::from(number) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 29)
}

fn syllables(mut seed: u64, count: usize) -> String {
    let mut name = String::new();
    for _ in 0..count {
        let place = usize::try_from(seed % 40).unwrap_or_default();
        name.push_str(SYLLABLES[place]);
        seed /= 40;
    }
    name
}

/// First name of the contact with this number; every one has an `a`.
pub(crate) fn first(number: u32) -> String {
    format!("{}a", syllables(scattered(number), 2))
}

/// Its last name: one in 100 ends with `x`, one in 1,000 with `xy`, one in 10,000 with `xyz`.
pub(crate) fn last(number: u32) -> String {
    let ending = match number {
        number if number % 10_000 == 0 => "xyz",
        number if number % 1_000 == 0 => "xy",
        number if number % 100 == 0 => "x",
        _ => "",
    };
    format!("{}{ending}", syllables(scattered(number) >> 16, 3))
}

/// Its number.
pub(crate) fn phone(number: u32) -> String {
    format!("+1555{number:07}")
}
