//! Order, paging and search of lists: what holds of displays, profiles and sources alike.

use dird::identity::Tenant;
use dird::store::{Listed, Page};

use crate::world::{World, by_name, csv, names, profile, tenant};

on_both_engines!(
    names_sort_without_regard_to_case_and_accents,
    pages_together_are_the_list_in_both_directions,
    search_takes_every_character_as_it_is,
    extreme_limits_and_offsets_are_taken,
    filters_are_exact,
);

/// In the order of the list: folded, then by code point.
const NAMES: [&str; 8] = [
    "%",
    "Abe",
    "abe",
    "\u{c1}be",
    "B\\d",
    "b_c",
    "\u{e9}lan",
    "zoe 100%",
];

/// The three lists of a tenant, as total, filtered and names.
type Found = (i64, i64, Vec<String>);

async fn lists(world: &World, scope: &Tenant, page: &Page) -> [Found; 3] {
    let (store, scope) = (&world.store, scope.alone());
    let found = |listed: Listed<String>| {
        let names = names(&listed, |name| name);
        (listed.total, listed.filtered, names)
    };
    [
        found(
            store
                .list_displays(&scope, page)
                .await
                .unwrap()
                .map(|display| display.name),
        ),
        found(
            store
                .list_profiles(&scope, page)
                .await
                .unwrap()
                .map(|profile| profile.name),
        ),
        found(
            store
                .list_sources(&scope, None, page)
                .await
                .unwrap()
                .map(|source| source.name),
        ),
    ]
}

/// A tenant with displays, profiles and sources of these names, put in from both ends.
async fn filled(world: &World) -> Tenant {
    let scope = tenant();
    let (front, back) = NAMES.split_at(4);
    for name in back.iter().chain(front.iter().rev()) {
        world.store.create_display(&scope, name, &[]).await.unwrap();
        world
            .store
            .create_profile(&scope, &profile(&scope, name))
            .await
            .unwrap();
        world
            .store
            .create_source(&scope, &csv(&scope, name))
            .await
            .unwrap();
    }
    scope
}

async fn names_sort_without_regard_to_case_and_accents(world: World) {
    let scope = filled(&world).await;
    for (total, filtered, found) in lists(&world, &scope, &by_name()).await {
        assert_eq!((total, filtered), (8, 8));
        assert_eq!(found, NAMES);
    }
}

async fn pages_together_are_the_list_in_both_directions(world: World) {
    let scope = filled(&world).await;
    for _ in 0..4 {
        world
            .store
            .create_display(&scope, "same", &[])
            .await
            .unwrap();
    }
    for descending in [false, true] {
        let whole = Page {
            descending,
            ..by_name()
        };
        let expected = world
            .store
            .list_displays(&scope.alone(), &whole)
            .await
            .unwrap()
            .items;
        let mut paged = Vec::new();
        for offset in (0..14).step_by(3) {
            let page = Page {
                limit: Some(3),
                offset,
                ..whole.clone()
            };
            let listed = world
                .store
                .list_displays(&scope.alone(), &page)
                .await
                .unwrap();
            assert_eq!((listed.total, listed.filtered), (12, 12));
            paged.extend(listed.items);
        }
        assert_eq!(paged, expected);
        let first = if descending { "zoe 100%" } else { "%" };
        assert_eq!(expected[0].name, first);
    }
}

async fn search_takes_every_character_as_it_is(world: World) {
    let scope = filled(&world).await;
    let cases: [(&str, &[&str]); 6] = [
        ("%", &["%", "zoe 100%"]),
        ("_", &["b_c"]),
        ("\\", &["B\\d"]),
        ("ABE", &["Abe", "abe", "\u{c1}be"]),
        ("\u{c9}LA", &["\u{e9}lan"]),
        ("a%e", &[]),
    ];
    for (search, expected) in cases {
        let page = Page {
            search: Some(search.into()),
            ..by_name()
        };
        for (total, filtered, found) in lists(&world, &scope, &page).await {
            assert_eq!(found, expected, "{search}");
            assert_eq!(
                (total, usize::try_from(filtered).unwrap()),
                (8, expected.len())
            );
        }
    }
}

async fn extreme_limits_and_offsets_are_taken(world: World) {
    let scope = filled(&world).await;
    let cases = [
        (Some(0), 0, 0),
        (Some(i64::MAX), 0, 8),
        (Some(i64::MAX), 6, 2),
        (Some(i64::MAX), i64::MAX, 0),
        (None, i64::MAX, 0),
        (None, 7, 1),
    ];
    for (limit, offset, expected) in cases {
        let page = Page {
            limit,
            offset,
            ..by_name()
        };
        for (total, filtered, found) in lists(&world, &scope, &page).await {
            assert_eq!(found.len(), expected, "limit {limit:?} offset {offset}");
            assert_eq!((total, filtered), (8, 8));
        }
    }
}

async fn filters_are_exact(world: World) {
    let scope = filled(&world).await;
    let cases = [("abe", 1), ("ABE", 0), ("", 0), ("\0", 0), ("%", 1)];
    for (name, expected) in cases {
        let page = Page {
            filters: vec![("name", name.into())],
            ..by_name()
        };
        for (total, filtered, found) in lists(&world, &scope, &page).await {
            assert_eq!(
                (total, filtered, found.len()),
                (8, expected, usize::try_from(expected).unwrap())
            );
        }
    }
    let page = Page {
        filters: vec![("uuid", "unknown".into())],
        ..by_name()
    };
    for (_, filtered, _) in lists(&world, &scope, &page).await {
        assert_eq!(filtered, 0);
    }
}
