//! The values of an entry, as they are kept: only what differs from the default. Groups have their other members left out, an
//! array is there whole or not at all (intercom-directory.md §4.3). That is also how an answer without chosen fields looks.

use std::fmt;

use serde_json::{Map, Value};

use super::field::{ACCESS, FIELDS, Field, Shape};

/// Values that differ from the template.
#[derive(Clone, Default, PartialEq, Eq)]
pub(in crate::intercom) struct Values(pub(super) Map<String, Value>);

/// Names of fields only: their values may open doors.
impl fmt::Debug for Values {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

impl Values {
    /// Reads what was kept.
    pub(in crate::intercom) fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text).map(Self)
    }

    /// As text to keep.
    pub(in crate::intercom) fn text(&self) -> String {
        Value::Object(self.0.clone()).to_string()
    }

    /// Values that were made whole, reduced to what differs.
    pub(super) fn reduced(whole: &Map<String, Value>) -> Self {
        Self(reduced_group(FIELDS, whole))
    }

    /// Every value.
    pub(super) fn whole(&self) -> Map<String, Value> {
        whole_group(FIELDS, Some(&self.0))
    }

    /// The text of a field; empty if it has its default.
    pub(in crate::intercom) fn text_of(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Sets a text; the empty one is the default of the fields that this is for.
    pub(in crate::intercom) fn set_text(&mut self, name: &str, text: &str) {
        if text.is_empty() {
            self.0.shift_remove(name);
        } else {
            self.0.insert(name.to_owned(), text.into());
        }
    }

    /// Where a destination is called.
    pub(in crate::intercom) fn peer(&self, place: usize) -> &str {
        let peer = self
            .0
            .get("callPos")
            .and_then(|all| all.get(place)?.get("peer"));
        peer.and_then(Value::as_str).unwrap_or_default()
    }

    /// Sets where the destinations are called; empty for nowhere.
    pub(in crate::intercom) fn set_peers(&mut self, peers: [&str; 3]) {
        let mut whole = match FIELDS.iter().find(|field| field.name == "callPos") {
            Some(field) => whole(&field.shape, self.0.get("callPos")),
            None => return,
        };
        for (place, peer) in peers.into_iter().enumerate() {
            whole[place]["peer"] = peer.into();
        }
        let mut all = Map::new();
        all.insert("callPos".into(), whole);
        match reduced_group(FIELDS, &all).shift_remove("callPos") {
            Some(reduced) => self.0.insert("callPos".into(), reduced),
            None => self.0.shift_remove("callPos"),
        };
    }

    /// Takes what opens doors out, as values of its own.
    pub(in crate::intercom) fn take_access(&mut self) -> Option<Self> {
        let access = self.0.shift_remove(ACCESS)?;
        let mut taken = Map::new();
        taken.insert(ACCESS.to_owned(), access);
        Some(Self(taken))
    }

    /// Puts further values in.
    pub(in crate::intercom) fn join(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// The values that are not those of `others`.
    pub(in crate::intercom) fn unlike(&self, others: &Self) -> Self {
        Self(unlike(&self.0, &others.0))
    }

    /// Name of the field whose value takes most room.
    pub(in crate::intercom) fn largest(&self) -> String {
        let mut name = String::new();
        let mut within = &self.0;
        loop {
            let largest = within
                .iter()
                .max_by_key(|(_, value)| value.to_string().len());
            let Some((key, value)) = largest else {
                return name;
            };
            name.extend((!name.is_empty()).then_some('.'));
            name.push_str(key);
            match value {
                Value::Object(members) => within = members,
                _ => return name,
            }
        }
    }
}

fn unlike(members: &Map<String, Value>, others: &Map<String, Value>) -> Map<String, Value> {
    let differing = |(name, value): (&String, &Value)| {
        let differing = match (value, others.get(name)) {
            (value, Some(other)) if value == other => return None,
            (Value::Object(members), Some(Value::Object(others))) => unlike(members, others).into(),
            (value, _) => value.clone(),
        };
        Some((name.clone(), differing))
    };
    members.iter().filter_map(differing).collect()
}

fn whole_group(fields: &[Field], kept: Option<&Map<String, Value>>) -> Map<String, Value> {
    let value = |field: &Field| {
        let kept = kept.and_then(|kept| kept.get(field.name));
        (field.name.to_owned(), whole(&field.shape, kept))
    };
    fields.iter().map(value).collect()
}

fn whole(shape: &Shape, kept: Option<&Value>) -> Value {
    match (shape, kept) {
        (Shape::Group(fields), Some(Value::Object(kept))) => whole_group(fields, Some(kept)).into(),
        (Shape::Groups(count, fields), Some(Value::Array(kept))) => {
            let element = |place| whole_group(fields, kept.get(place).and_then(Value::as_object));
            (0..*count).map(element).collect()
        }
        (Shape::Group(_) | Shape::Groups(..), _) | (_, None) => shape.default(),
        (_, Some(kept)) => kept.clone(),
    }
}

fn reduced_group(fields: &[Field], whole: &Map<String, Value>) -> Map<String, Value> {
    let kept = |field: &Field| {
        let value = whole.get(field.name)?;
        Some((field.name.to_owned(), reduced(&field.shape, value)?))
    };
    fields.iter().filter_map(kept).collect()
}

/// What differs from the default; none if nothing does.
fn reduced(shape: &Shape, value: &Value) -> Option<Value> {
    match (shape, value) {
        (Shape::Group(fields), Value::Object(members)) => {
            let kept = reduced_group(fields, members);
            (!kept.is_empty()).then(|| kept.into())
        }
        (Shape::Groups(_, fields), Value::Array(elements)) => {
            let members = elements.iter().filter_map(Value::as_object);
            let kept: Vec<_> = members.map(|group| reduced_group(fields, group)).collect();
            kept.iter()
                .any(|group| !group.is_empty())
                .then(|| kept.into())
        }
        _ => (*value != shape.default()).then(|| value.clone()),
    }
}
