//! A whole directory for a mirror, page by page. Contacts show what a live answer shows of them, and are found by every value
//! of the searched columns.

use async_trait::async_trait;

use super::connections::Search;
use super::filter::is_attribute;
use super::source::Directory;
use crate::backends::Asker;
use crate::backends::matching::Equality;
use crate::backends::mirror::{Copied, Fetch, Whole};
use crate::backends::remote::RemoteError;

#[async_trait]
impl Whole for Directory {
    fn numbers(&self) -> Equality {
        Equality::Dialled
    }

    async fn fetch(&self, _mark: Option<&str>, _asker: &Asker) -> Result<Fetch, RemoteError> {
        let filter = self.filters.everybody().ok_or(RemoteError::Defect)?;
        let columns = self.filters.searched.iter().chain(&self.filters.matched);
        let found_by: Vec<&String> = columns.filter(|column| is_attribute(column)).collect();
        let everything = self.attributes.iter().any(|name| name == "*");
        let shown = |name: &String| everything || self.attributes.contains(name);
        let hidden: Vec<String> = found_by
            .iter()
            .filter(|name| !shown(name))
            .map(|&name| name.clone())
            .collect();
        let mut attributes = self.attributes.clone();
        attributes.extend(hidden.iter().cloned());
        let search = Search {
            filter,
            attributes,
            one: false,
        };
        let found = self.connections.search_whole(&search).await?;
        let contact = |(position, found): (usize, &super::entry::Found)| {
            let (mut fields, relations) = found.shown(self.unique.as_ref());
            fields.retain(|name, _| !hidden.contains(name));
            let mut contact = Copied::new(&position.to_string(), fields, relations);
            contact.more = found.texts(&found_by);
            contact
        };
        let contacts = found.iter().enumerate().map(contact).collect();
        Ok(Fetch::Whole(contacts, None))
    }
}
