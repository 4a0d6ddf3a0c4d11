//! The index against a model of the rule that shares no code with it, and against names that people write in many ways.

use std::collections::HashSet;
use std::sync::Arc;

use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;

use super::{SearchIndex, TableBuilder};

fn index(rows: &[Vec<(&str, &str)>]) -> SearchIndex {
    let mut builder = TableBuilder::default();
    for row in rows {
        let fields = row.iter().map(|&(name, value)| (name, Some(value)));
        builder.push(fields).unwrap();
    }
    let searched = ["name".to_owned(), "number".to_owned()];
    SearchIndex::build(Arc::new(builder.build()), &searched).unwrap()
}

fn finds(term: &str, value: &str) -> bool {
    index(&[vec![("name", value)]]).search(term) == [0]
}

/// Letters and digits of a text without case and accents, as far as the alphabet of the properties needs it.
fn bare(text: &str) -> String {
    let decomposed = text.nfd().flat_map(char::to_lowercase);
    let plain = decomposed.flat_map(|character| match character {
        '\u{df}' => vec!['s', 's'],
        '\u{f8}' => vec!['o'],
        other if other.is_ascii() => vec![other],
        _ => vec![],
    });
    plain.collect()
}

fn without_punctuation(text: &str) -> String {
    let kept: String = text
        .chars()
        .map(|character| {
            if character.is_ascii_whitespace() {
                ' '
            } else {
                character
            }
        })
        .filter(|character| character.is_ascii_alphanumeric() || *character == ' ')
        .collect();
    let numeric = !kept
        .chars()
        .any(|character| character.is_ascii_alphabetic());
    let words: Vec<&str> = kept.split_whitespace().collect();
    words.join(if numeric { "" } else { " " })
}

fn one_vowel(text: &str) -> String {
    let mut characters = text.chars().peekable();
    let mut collapsed = String::new();
    while let Some(character) = characters.next() {
        collapsed.push(character);
        let next = characters.peek().copied();
        let doubled = matches!(
            (character, next),
            ('a' | 'o' | 'u', Some('e')) | ('a', Some('a'))
        );
        if doubled {
            characters.next();
        }
    }
    collapsed
}

/// The rule, for one contact.
fn matches(term: &str, values: &[&str]) -> bool {
    if term.is_empty() {
        return !values.is_empty();
    }
    let words: Vec<String> = bare(term).split_whitespace().map(str::to_owned).collect();
    let told: Vec<&String> = words
        .iter()
        .filter(|word| !without_punctuation(word).is_empty())
        .collect();
    if told.is_empty() {
        return values.iter().any(|value| value.contains(term));
    }
    let mut texts: HashSet<String> = HashSet::new();
    for value in values {
        let text = without_punctuation(&bare(value));
        texts.insert(one_vowel(&text));
        texts.insert(text);
    }
    let somewhere = |part: &str| texts.iter().any(|text| text.contains(part));
    told.iter().all(|word| {
        let whole = without_punctuation(word);
        let parts = word
            .split(['-', '\'', '.', ',', '/', '&'])
            .map(without_punctuation);
        let parts: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
        somewhere(&whole)
            || somewhere(&one_vowel(&whole))
            || parts.len() > 1 && parts.iter().all(|part| somewhere(part))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_index_answers_as_the_rule_does(
        rows in prop::collection::vec(
            prop::collection::vec(("name|number|note", "[aáAßøeub' %1+-]{0,9}"), 0..3), 0..40),
        term in "[aáAßøeub' %1+-]{0,6}",
    ) {
        let rows: Vec<Vec<(&str, &str)>> = rows
            .iter()
            .map(|row| row.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect())
            .collect();
        let index = index(&rows);
        let expected: Vec<u32> = (0..)
            .zip(0..rows.len())
            .filter(|&(_, row)| {
                let row = index.table().row(row);
                let values: Vec<&str> = ["name", "number"].iter().filter_map(|name| row.get(name)).collect();
                matches(&term, &values)
            })
            .map(|(row, _)| row)
            .collect();
        prop_assert_eq!(index.search(&term), expected);
    }

    #[test]
    fn what_the_contract_finds_is_found(before in "\\PC{0,8}", part in "\\PC{1,8}", after in "\\PC{0,8}") {
        let value = format!("{before}{part}{after}");
        prop_assert!(finds(&part, &value), "{:?} in {:?}", part, value);
    }
}

/// Each line: a name, and terms that must find it.
const ALIKE: &[(&str, &[&str])] = &[
    (
        "M\u{fc}ller",
        &[
            "mueller",
            "muller",
            "M\u{dc}LLER",
            "m\u{fc}l",
            "Mu\u{308}ller",
        ],
    ),
    ("Mueller", &["m\u{fc}ller", "muller", "MUELLER", "uell"]),
    ("Muller", &["m\u{fc}ller", "mueller"]),
    (
        "S\u{f8}ren",
        &["soren", "soeren", "S\u{d8}REN", "s\u{f6}ren"],
    ),
    ("Soeren", &["s\u{f8}ren", "soren"]),
    ("\u{c5}rhus", &["arhus", "aarhus", "\u{e5}rhus"]),
    ("Aarhus", &["\u{e5}rhus", "arhus"]),
    (
        "J\u{f6}rg Wei\u{df}",
        &[
            "joerg",
            "jorg",
            "weiss",
            "wei\u{df}",
            "WEISS J\u{d6}RG",
            "weiss jorg",
        ],
    ),
    ("Wei\u{df}", &["weis", "WEISS"]),
    ("\u{141}ukasz", &["lukasz", "\u{142}ukasz", "LUKASZ"]),
    ("Ho\u{142}d\u{f3}wna", &["holdowna", "ho\u{142}d"]),
    ("\u{17b}\u{f3}\u{142}\u{107}", &["zolc", "\u{17b}O\u{141}C"]),
    ("Pe\u{f1}a", &["pena", "PE\u{d1}A", "Pen\u{303}a"]),
    ("Mu\u{f1}oz", &["munoz", "mun"]),
    (
        "Bj\u{f6}rk Gu\u{f0}mundsd\u{f3}ttir",
        &["bjork", "bjoerk", "gudmundsdottir"],
    ),
    ("\u{de}\u{f3}r", &["thor", "\u{fe}\u{f3}r"]),
    (
        "Nguy\u{1ec5}n V\u{103}n Th\u{1ecb}nh",
        &[
            "nguyen",
            "van thinh",
            "NGUYE\u{302}\u{303}N",
            "thinh nguyen",
        ],
    ),
    ("\u{110}\u{1eb7}ng", &["dang", "\u{111}ang"]),
    (
        "Tr\u{1ea7}n H\u{1b0}ng \u{110}\u{1ea1}o",
        &["tran hung dao", "hung tran"],
    ),
    (
        "\u{418}\u{432}\u{430}\u{43d}\u{43e}\u{432}",
        &["ivanov", "\u{438}\u{432}\u{430}\u{43d}", "IVAN"],
    ),
    (
        "\u{41e}\u{43b}\u{44c}\u{433}\u{430}",
        &["olga", "\u{43e}\u{43b}\u{44c}\u{433}\u{430}"],
    ),
    (
        "Ivanov",
        &[
            "\u{438}\u{432}\u{430}\u{43d}\u{43e}\u{432}",
            "\u{418}\u{432}\u{430}\u{43d}",
        ],
    ),
    (
        "\u{413}\u{43e}\u{440}\u{431}\u{430}\u{447}\u{451}\u{432}",
        &[
            "gorbach",
            "\u{433}\u{43e}\u{440}\u{431}\u{430}\u{447}\u{435}\u{432}",
        ],
    ),
    (
        "\u{3a0}\u{3b1}\u{3c0}\u{3b1}\u{3b4}\u{3cc}\u{3c0}\u{3bf}\u{3c5}\u{3bb}\u{3bf}\u{3c2}",
        &[
            "papadop",
            "\u{3c0}\u{3b1}\u{3c0}\u{3b1}\u{3b4}\u{3bf}\u{3c0}",
            "\u{3a0}\u{391}\u{3a0}\u{391}",
        ],
    ),
    (
        "\u{393}\u{3b9}\u{3ce}\u{3c1}\u{3b3}\u{3bf}\u{3c2}",
        &[
            "giorgos",
            "\u{3b3}\u{3b9}\u{3c9}\u{3c1}\u{3b3}\u{3bf}\u{3c3}",
        ],
    ),
    (
        "Sin\u{e9}ad O'Brien",
        &[
            "obrien",
            "o'brien",
            "o\u{2019}brien",
            "O BRIEN",
            "brien sinead",
            "o`brien",
        ],
    ),
    ("O\u{2019}Neill", &["o'neill", "oneill", "neill"]),
    ("OBrien", &["o'brien", "o\u{2019}brien"]),
    ("D'Angelo", &["dangelo", "d\u{2019}angelo", "angelo"]),
    (
        "Jean-Luc Picard",
        &["jean luc", "jeanluc", "jean-luc", "picard jean", "luc"],
    ),
    ("Jean Luc", &["jean-luc", "luc jean", "jean\u{2011}luc"]),
    ("Smith-Jones", &["smith jones", "jones-smith", "smithjones"]),
    ("Anne Marie", &["anne-marie", "marie"]),
    (
        "Ren\u{e9}e",
        &["renee", "rene", "REN\u{c9}E", "Rene\u{301}e"],
    ),
    (
        "Fran\u{e7}ois",
        &["francois", "FRAN\u{c7}OIS", "franc\u{327}ois"],
    ),
    (
        "\u{c9}lodie \u{c7}elik",
        &["elodie celik", "celik elodie", "ELODIE", "E\u{301}LODIE"],
    ),
    ("Zo\u{eb}", &["zoe", "ZO\u{cb}"]),
    ("No\u{eb}l", &["noel", "nol"]),
    (
        "P\u{131}nar \u{15e}ahin",
        &["pinar", "sahin", "PINAR \u{15e}AH\u{130}N"],
    ),
    ("\u{130}brahim", &["ibrahim", "\u{130}BRAH\u{130}M"]),
    ("G\u{f6}khan", &["gokhan", "goekhan"]),
    ("Dvo\u{159}\u{e1}k", &["dvorak", "DVO\u{158}\u{c1}K"]),
    ("\u{160}\u{165}astn\u{fd}", &["stastny"]),
    (
        "Kov\u{e1}cs Gy\u{151}z\u{151}",
        &["kovacs", "gyozo", "gyozo kovacs"],
    ),
    (
        "\u{218}tef\u{103}nescu",
        &["stefanescu", "\u{15e}tefanescu"],
    ),
    ("\u{10c}apek", &["capek", "\u{10d}ap"]),
    ("\u{d0}or\u{111}e", &["dorde"]),
    ("Ob\u{1eb9}", &["obe"]),
    (
        "\u{738b}\u{4f1f}",
        &["wang", "\u{738b}", "\u{4f1f}", "\u{738b}\u{4f1f}"],
    ),
    ("\u{5c71}\u{7530}", &["\u{5c71}\u{7530}", "\u{5c71}"]),
    ("\u{30bf}\u{30ca}\u{30ab}", &["tanaka", "\u{30bf}\u{30ca}"]),
    ("\u{ae40}", &["gim", "\u{ae40}"]),
    (
        "\u{645}\u{62d}\u{645}\u{62f}",
        &["\u{645}\u{62d}\u{645}\u{62f}", "\u{645}\u{62d}"],
    ),
    ("\u{5d3}\u{5d5}\u{5d3}", &["\u{5d3}\u{5d5}\u{5d3}"]),
    ("\u{fb01}scher", &["fischer", "\u{fb01}sch"]),
    ("\u{c6}gir", &["aegir", "\u{e6}gir"]),
    ("\u{152}uvre", &["oeuvre", "\u{153}uvre"]),
    ("\u{ff21}\u{ff22}\u{ff23}", &["abc", "\u{ff41}\u{ff42}"]),
    ("Van der Berg", &["berg van", "van der", "der"]),
    ("de la Cruz", &["cruz", "la cruz", "cruz de"]),
    (
        "+33 (0)1 23-45",
        &["0123", "012345", "33 01", "+3301", "23 45"],
    ),
    ("01.23.45.67.89", &["0123456789", "01 23 45", "01-23"]),
    ("A & B GmbH", &["a & b", "gmbh", "a b"]),
    ("R&D", &["rd", "r&d", "r & d"]),
    ("C++ Team", &["c++", "team"]),
    ("100 %", &["%", "100%", "100 %"]),
    ("3M", &["3m", "3-m"]),
    ("Gro\u{df}mann", &["grossmann", "GRO\u{df}", "mann gross"]),
    ("\u{d6}zt\u{fc}rk", &["ozturk", "oeztuerk", "\u{f6}zt"]),
    ("H\u{e9}l\u{e8}ne", &["helene", "HELENE", "he\u{301}l"]),
    ("Am\u{e9}lie", &["amelie", "ame\u{301}lie"]),
    ("W\u{f3}jcik", &["wojcik", "W\u{d3}J"]),
    ("Y\u{131}lmaz", &["yilmaz", "YILMAZ"]),
    (
        "\u{411}\u{43e}\u{440}\u{438}\u{441}",
        &["boris", "\u{431}\u{43e}\u{440}"],
    ),
    (
        "\u{39d}\u{3af}\u{3ba}\u{3bf}\u{3c2}",
        &["nikos", "\u{3bd}\u{3b9}\u{3ba}"],
    ),
    ("Cha\u{bb}ca", &["chaca"]),
    ("Le\u{f3}n", &["leon", "LEO\u{301}N", "l\u{e9}on"]),
];

/// Each line: a name, and terms that must not find it.
const APART: &[(&str, &[&str])] = &[
    (
        "M\u{fc}ller",
        &[
            "miller",
            "moeller",
            "mulier",
            "mlr",
            "mueler",
            "xm\u{fc}ller",
        ],
    ),
    ("Meier", &["maier", "meyer", "meir", "mayer"]),
    ("Schmidt", &["schmitt", "smith", "schmid t x", "shmidt"]),
    ("S\u{f8}ren", &["saren", "sren", "seren"]),
    ("\u{141}ukasz", &["wukasz", "tukasz", "luksz"]),
    ("Wei\u{df}", &["weib", "weiz", "wies"]),
    ("Pe\u{f1}a", &["penya", "pera", "peina"]),
    (
        "\u{418}\u{432}\u{430}\u{43d}\u{43e}\u{432}",
        &["petrov", "ivanova", "\u{43f}\u{435}\u{442}\u{440}"],
    ),
    ("\u{41e}\u{43b}\u{44c}\u{433}\u{430}", &["helga", "olya"]),
    (
        "\u{393}\u{3b9}\u{3ce}\u{3c1}\u{3b3}\u{3bf}\u{3c2}",
        &["petros", "\u{3c0}\u{3b5}\u{3c4}"],
    ),
    ("\u{738b}\u{4f1f}", &["li", "\u{674e}", "zhang"]),
    ("\u{ae40}", &["bak", "\u{bc15}"]),
    (
        "\u{645}\u{62d}\u{645}\u{62f}",
        &["\u{639}\u{644}\u{64a}", "ali"],
    ),
    ("Nguy\u{1ec5}n", &["tran", "nguyet", "nguen"]),
    ("O'Brien", &["o'bryan", "brian", "o'reilly", "briens"]),
    (
        "Jean-Luc Picard",
        &[
            "jean marc",
            "lucien",
            "jean-paul",
            "picard paul",
            "picardjean",
        ],
    ),
    ("Anna", &["hanna", "annab", "ann a b", "nana"]),
    ("Bob", &["%", "_", "*", ".", "'", "b%b", "b_b_x", "bo*x"]),
    ("100 %", &["\u{2026}", "$", "101", "100 $$ x"]),
    ("+33 1 23", &["44", "331234", "0033", "2 41"]),
    ("Elodie", &["elodiec", "melodie", "elodi x"]),
    ("Ren\u{e9}", &["renn", "renee", "rend"]),
    ("Zo\u{eb}", &["zooey", "zoey", "chloe"]),
    ("Kov\u{e1}cs", &["kovats", "kowacs", "kovacsne"]),
    ("Dvo\u{159}\u{e1}k", &["dvorsky", "dworak"]),
    ("\u{15e}ahin", &["shahin", "sahan", "cahin"]),
    ("Van der Berg", &["vandenberg", "burg", "von"]),
    ("Smith-Jones", &["smith-johns", "jonas", "smithson"]),
    ("Fran\u{e7}ois", &["franzois", "francis", "francoise"]),
    ("Bj\u{f6}rk", &["bjark", "berk", "bj\u{f8}rg"]),
    ("\u{130}brahim", &["abraham", "ibrahem"]),
    (
        "\u{c9}lodie \u{c7}elik",
        &["elodie kelik", "elodie\ncelik x", "elodiec"],
    ),
    ("R&D", &["rnd", "r and d", "rad"]),
    ("3M", &["m3", "3n", "33m"]),
    ("A & B GmbH", &["ab gmbh x", "a & c", "gmbhh"]),
    ("Tanaka", &["tanaga", "\u{5c71}", "takana"]),
    ("de la Cruz", &["de los", "cruise", "la cruz maria"]),
    ("Mart\u{ed}n", &["mart\u{ed}nez", "marten", "merlin"]),
    ("Mart\u{ed}nez", &["martinz", "ramirez"]),
    ("L\u{e9}a", &["leah", "lia", "leo"]),
    ("Ingeborg", &["inge x", "borg inga", "ingaborg"]),
    ("Bauer", &["brauer", "bower", "bayer"]),
    ("Vogt", &["voigt", "vogd", "fogt"]),
    ("Thomas", &["tomas x", "thoma b", "tommas"]),
    ("Katarzyna", &["katarina", "katharzyna", "kasia"]),
    ("Jos\u{e9}", &["josef", "josep", "joze"]),
    ("Chlo\u{e9}", &["chloee x", "kloe", "cloe"]),
    ("Quentin", &["kventin", "quintin", "quantin"]),
    ("R\u{f3}is\u{ed}n", &["roisen", "rosin", "roi sin x"]),
    ("Amélie", &["emilie", "amelia", "am\u{e9}lier"]),
    ("Yılmaz", &["yalmaz", "ylmaz", "yilmas"]),
    ("Wójcik", &["wojtek", "vojcik", "wujcik"]),
    ("Hélène", &["helena", "elenna", "hel\u{e8}nne"]),
    ("Ólafur", &["olaff", "olafsson", "olavur"]),
    ("Wanjiru", &["wanjiku", "wanijru", "vanjiru"]),
    ("Giorgos", &["georgos", "giorgio", "yorgos"]),
    ("Gro\u{df}mann", &["grosman b", "gruesmann", "grobmann"]),
    ("\u{d6}zt\u{fc}rk", &["ozdurk", "uzturk"]),
    ("Boris", &["\u{431}\u{430}\u{440}", "norris", "b oris x"]),
    ("\u{39d}\u{3af}\u{3ba}\u{3bf}\u{3c2}", &["nikolai", "mikos"]),
    ("Le\u{f3}n", &["leone", "lean", "noel"]),
    ("Aarhus", &["orhus", "aarhuis"]),
    ("Dimitri", &["demetri", "dmitri", "dimitrios"]),
    ("Fatma", &["fatima", "fatmir"]),
    ("Vojt\u{11b}ch", &["voytech", "wojtech", "vojtek"]),
    ("\u{cd}\u{f1}igo", &["inigho", "indigo"]),
];

#[test]
fn names_are_found_however_they_are_written() {
    let pairs = ALIKE
        .iter()
        .flat_map(|(name, terms)| terms.iter().map(move |term| (term, name)));
    let missed: Vec<_> = pairs.filter(|(term, name)| !finds(term, name)).collect();
    assert!(missed.is_empty(), "{missed:?}");
    let pairs: usize = ALIKE.iter().map(|(_, terms)| terms.len()).sum();
    assert!(pairs >= 200, "{pairs} pairs");
}

#[test]
fn other_names_are_not_found() {
    let pairs = APART
        .iter()
        .flat_map(|(name, terms)| terms.iter().map(move |term| (term, name)));
    let wrong: Vec<_> = pairs.filter(|(term, name)| finds(term, name)).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    let pairs: usize = APART.iter().map(|(_, terms)| terms.len()).sum();
    assert!(pairs >= 200, "{pairs} pairs");
}

#[test]
fn words_may_be_in_any_order_and_column() {
    let index = index(&[
        vec![
            ("name", "\u{c9}lodie \u{c7}elik"),
            ("number", "+33 1"),
            ("note", "secret"),
        ],
        vec![("name", "Sin\u{e9}ad"), ("number", "20 33")],
        vec![("note", "no searched column")],
    ]);
    for (term, expected) in [
        ("celik elodie", vec![0]),
        ("33 celik", vec![0]),
        ("33", vec![0, 1]),
        ("", vec![0, 1]),
        ("secret", vec![]),
        ("celik sinead", vec![]),
        ("celik\nsinead", vec![]),
    ] {
        assert_eq!(index.search(term), expected, "{term:?}");
    }
}
