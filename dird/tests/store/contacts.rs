//! Contacts of a list.

use dird::identity::Tenant;
use dird::store::model::{Contact, ContactId, ListId, random_id};
use dird::store::{Imported, Page, StoreError};

use crate::world::{World, book, contact};

on_both_engines!(
    a_contact_is_kept_as_it_was_sent,
    contents_and_identifiers_are_unique,
    edits_keep_the_identifier_and_the_place,
    lists_sort_and_search_every_field,
    pages_by_name_are_the_list_by_name,
    an_import_adds_each_content_once_and_says_what_it_did,
    an_import_that_is_not_committed_leaves_nothing,
    foreign_and_unknown_lists_are_missing,
    writers_of_one_list_take_turns,
);

fn with(fields: &[(&str, Option<&str>)]) -> Contact {
    let fields = fields.iter();
    Contact {
        uuid: ContactId(random_id()),
        fields: fields
            .map(|&(name, value)| (name.into(), value.map(str::to_owned)))
            .collect(),
    }
}

async fn a_contact_is_kept_as_it_was_sent(world: World) {
    let (scope, list) = book(&world).await;
    let sent = with(&[
        ("zz", Some("\u{1f600} \"'\\ \n")),
        ("a%b?c#", Some("")),
        ("nothing", None),
        ("\u{43a}", Some("%")),
    ]);
    world
        .store
        .create_contact(&scope, &list, &sent)
        .await
        .unwrap();
    let found = world
        .store
        .contact(&scope, &list, &sent.uuid)
        .await
        .unwrap();
    let found = found.unwrap();
    assert_eq!(found, sent);
    assert!(found.fields.keys().eq(sent.fields.keys()));
    let unknown = ContactId("a\0".into());
    assert_eq!(
        world.store.contact(&scope, &list, &unknown).await.unwrap(),
        None
    );
}

async fn contents_and_identifiers_are_unique(world: World) {
    let ((scope, list), (other, elsewhere)) = (book(&world).await, book(&world).await);
    let first = contact("Ann", "1");
    world
        .store
        .create_contact(&scope, &list, &first)
        .await
        .unwrap();
    let create = async |scope: &Tenant, list: &ListId, contact: &Contact| {
        world.store.create_contact(scope, list, contact).await
    };
    let same_content = contact("Ann", "1");
    let refused = create(&scope, &list, &same_content).await;
    assert!(matches!(refused, Err(StoreError::Duplicate)));
    create(&other, &elsewhere, &same_content).await.unwrap();
    let same_id = Contact {
        uuid: first.uuid.clone(),
        ..contact("Bob", "2")
    };
    for (scope, list) in [(&scope, &list), (&other, &elsewhere)] {
        let refused = create(scope, list, &same_id).await;
        assert!(matches!(refused, Err(StoreError::Duplicate)));
    }
    create(&scope, &list, &contact("ann", "1")).await.unwrap();
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn edits_keep_the_identifier_and_the_place(world: World) {
    let (scope, list) = book(&world).await;
    let (ann, bob) = (contact("Ann", "1"), contact("Bob", "2"));
    for contact in [&ann, &bob] {
        world
            .store
            .create_contact(&scope, &list, contact)
            .await
            .unwrap();
    }
    let edited = Contact {
        uuid: ann.uuid.clone(),
        ..contact("Zo\u{e9}", "9")
    };
    world
        .store
        .update_contact(&scope, &list, &edited, None)
        .await
        .unwrap();
    world
        .store
        .update_contact(&scope, &list, &edited, None)
        .await
        .unwrap();
    let contents = world.store.contents(&scope, &list).await.unwrap();
    let kept: Vec<&Contact> = contents
        .contacts
        .iter()
        .map(|placed| &placed.contact)
        .collect();
    assert_eq!(kept, [&edited, &bob]);
    let taken = Contact {
        uuid: ann.uuid.clone(),
        fields: bob.fields.clone(),
    };
    let refused = world
        .store
        .update_contact(&scope, &list, &taken, None)
        .await;
    assert!(matches!(refused, Err(StoreError::Duplicate)));
    let refused = world
        .store
        .update_contact(&scope, &list, &contact("x", "y"), None)
        .await;
    assert!(matches!(
        refused,
        Err(StoreError::Missing {
            kind: "contact",
            ..
        })
    ));
    world
        .store
        .delete_contact(&scope, &list, &ann.uuid, None)
        .await
        .unwrap();
    let refused = world
        .store
        .delete_contact(&scope, &list, &ann.uuid, None)
        .await;
    assert!(matches!(
        refused,
        Err(StoreError::Missing {
            kind: "contact",
            ..
        })
    ));
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn lists_sort_and_search_every_field(world: World) {
    let (scope, list) = book(&world).await;
    for (name, number) in [
        ("\u{c3}lberto", "10%"),
        ("bib", "2"),
        ("Bob", "1"),
        ("", "3"),
        ("C\u{e9}line", "5"),
    ] {
        let contact = with(&[("firstname", Some(name)), ("number", Some(number))]);
        world
            .store
            .create_contact(&scope, &list, &contact)
            .await
            .unwrap();
    }
    let contact = with(&[("number", Some("4")), ("note", None)]);
    world
        .store
        .create_contact(&scope, &list, &contact)
        .await
        .unwrap();
    let list_by = async |order, descending, search: Option<&str>, limit, offset| {
        let page = Page {
            order,
            descending,
            limit,
            offset,
            search: search.map(str::to_owned),
            ..Page::default()
        };
        let listed = world
            .store
            .list_contacts(&scope, &list, &page)
            .await
            .unwrap();
        assert_eq!(listed.total, 6);
        let numbers = listed
            .items
            .iter()
            .map(|contact| contact.fields["number"].clone().unwrap());
        (listed.filtered, numbers.collect::<Vec<String>>())
    };
    let all = |numbers: [&str; 6]| (6, numbers.map(str::to_owned).to_vec());
    let sorted = list_by("firstname", false, None, None, 0).await;
    assert_eq!(sorted, all(["10%", "2", "1", "5", "3", "4"]));
    let sorted = list_by("firstname", true, None, None, 0).await;
    assert_eq!(sorted, all(["3", "4", "5", "1", "2", "10%"]));
    let sorted = list_by("number", false, None, None, 0).await;
    assert_eq!(sorted, all(["1", "10%", "2", "3", "4", "5"]));
    let sorted = list_by("position", false, None, None, 0).await;
    assert_eq!(sorted, all(["10%", "2", "1", "3", "5", "4"]));
    let page = list_by("firstname", false, None, Some(2), 1).await;
    assert_eq!(page, (6, vec!["2".to_owned(), "1".to_owned()]));
    let found = |numbers: &[&str]| {
        let numbers: Vec<String> = numbers.iter().map(|&number| number.to_owned()).collect();
        (i64::try_from(numbers.len()).unwrap(), numbers)
    };
    assert_eq!(
        list_by("name", false, Some("B"), None, 0).await,
        found(&["10%", "2", "1"])
    );
    assert_eq!(
        list_by("name", false, Some("celine"), None, 0).await,
        found(&["5"])
    );
    assert_eq!(
        list_by("name", false, Some("%"), None, 0).await,
        found(&["10%"])
    );
    assert_eq!(
        list_by("name", false, Some("b\0"), None, 0).await,
        found(&[])
    );
}

async fn pages_by_name_are_the_list_by_name(world: World) {
    let (scope, list) = book(&world).await;
    let long = "\u{e9}".repeat(150);
    let (later, sooner) = (format!("{long}b"), format!("{long}a"));
    let names = [
        (None, "5"),
        (Some(later.as_str()), "4"),
        (Some("Zo\u{eb}"), "7"),
        (Some(sooner.as_str()), "3"),
        (Some("\u{c1}da"), "1"),
        (Some(""), "6"),
        (Some("ada"), "2"),
        (Some("zoe"), "8"),
    ];
    for (name, number) in names {
        let contact = with(&[("name", name), ("number", Some(number))]);
        let made = world.store.create_contact(&scope, &list, &contact);
        made.await.unwrap();
    }
    let numbers = async |descending, limit, offset| {
        let page = Page {
            order: "name",
            descending,
            limit,
            offset,
            ..Page::default()
        };
        let listed = world.store.list_contacts(&scope, &list, &page);
        let items = listed.await.unwrap().items.into_iter();
        let numbers = items.map(|contact| contact.fields["number"].clone().unwrap());
        numbers.collect::<Vec<String>>()
    };
    let ascending = ["1", "2", "3", "4", "7", "8", "5", "6"];
    assert_eq!(numbers(false, None, 0).await, ascending);
    for (offset, expected) in (0..).zip(ascending) {
        assert_eq!(numbers(false, Some(1), offset).await, [expected]);
    }
    assert_eq!(numbers(false, Some(3), 8).await, [""; 0]);
    let descending = ["5", "6", "7", "8", "4", "3", "1", "2"];
    assert_eq!(numbers(true, None, 0).await, descending);
}

async fn an_import_adds_each_content_once_and_says_what_it_did(world: World) {
    let (scope, list) = book(&world).await;
    let known = contact("Ann", "1");
    world
        .store
        .create_contact(&scope, &list, &known)
        .await
        .unwrap();
    let (bob, again) = (contact("Bob", "2"), contact("Bob", "2"));
    let taken = Contact {
        uuid: known.uuid.clone(),
        ..contact("Cid", "3")
    };
    let mut import = world.store.import_contacts(&scope, &list).await.unwrap();
    let batch = [contact("Ann", "1"), bob.clone(), again, taken];
    let outcomes = import.add(&batch).await.unwrap();
    let expected = [
        Imported::Known(known.uuid.clone()),
        Imported::Created,
        Imported::Known(bob.uuid.clone()),
        Imported::IdTaken,
    ];
    assert_eq!(outcomes, expected);
    let dan = contact("Dan", "4");
    let outcomes = import.add(std::slice::from_ref(&dan)).await.unwrap();
    assert_eq!(outcomes, [Imported::Created]);
    assert_eq!(import.add(&[]).await.unwrap(), []);
    import.commit().await.unwrap();
    let contents = world.store.contents(&scope, &list).await.unwrap();
    let kept: Vec<&Contact> = contents
        .contacts
        .iter()
        .map(|placed| &placed.contact)
        .collect();
    assert_eq!(kept, [&known, &bob, &dan]);
}

async fn an_import_that_is_not_committed_leaves_nothing(world: World) {
    let (scope, list) = book(&world).await;
    let mut import = world.store.import_contacts(&scope, &list).await.unwrap();
    import.add(&[contact("Ann", "1")]).await.unwrap();
    drop(import);
    // The list is free again, and empty.
    let ann = contact("Ann", "1");
    world
        .store
        .create_contact(&scope, &list, &ann)
        .await
        .unwrap();
    let contents = world.store.contents(&scope, &list).await.unwrap();
    assert_eq!(contents.contacts.len(), 1);
}

async fn foreign_and_unknown_lists_are_missing(world: World) {
    let ((scope, _), (_, foreign)) = (book(&world).await, book(&world).await);
    let ann = contact("Ann", "1");
    for list in [foreign, ListId("unknown".into())] {
        let missing = |result: Result<(), StoreError>| {
            assert!(matches!(
                result,
                Err(StoreError::Missing { kind: "list", .. })
            ));
        };
        missing(world.store.create_contact(&scope, &list, &ann).await);
        missing(world.store.update_contact(&scope, &list, &ann, None).await);
        missing(
            world
                .store
                .delete_contact(&scope, &list, &ann.uuid, None)
                .await,
        );
        missing(world.store.clear_contacts(&scope, &list).await);
        missing(world.store.import_contacts(&scope, &list).await.map(drop));
        missing(world.store.contents(&scope, &list).await.map(drop));
        missing(world.store.follow(&scope, &list, 0).await.map(drop));
        assert_eq!(world.store.version(&scope, &list).await.unwrap(), None);
    }
}

async fn writers_of_one_list_take_turns(world: World) {
    let (scope, list) = book(&world).await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..8 {
        let (store, scope, list) = (world.store.clone(), scope.clone(), list.clone());
        writers.spawn(async move {
            for number in 0..5 {
                let added = contact(&writer.to_string(), &number.to_string());
                store.create_contact(&scope, &list, &added).await.unwrap();
            }
        });
    }
    writers.join_all().await;
    let contents = world.store.contents(&scope, &list).await.unwrap();
    assert_eq!(
        (contents.contacts.len(), contents.standing.version),
        (40, 40)
    );
    for writer in 0..8 {
        let own = contents
            .contacts
            .iter()
            .map(|placed| &placed.contact.fields);
        let own = own.filter(|fields| fields["firstname"] == Some(writer.to_string()));
        let numbers: Vec<&str> = own
            .map(|fields| fields["number"].as_deref().unwrap())
            .collect();
        assert_eq!(numbers, ["0", "1", "2", "3", "4"]);
    }
}
