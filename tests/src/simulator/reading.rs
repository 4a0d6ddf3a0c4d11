//! What the documents mean to the parsers of each make (phoned-vendors.md §2 to §11).

use anyhow::{Context, Result};

use super::{Make, Sheet};
use crate::phone::{encode, with_parameter};
use crate::xml::Element;

/// The address behind the line that the directory adds to the phone's menu.
pub(super) fn menu(root: &Element) -> Result<String> {
    let line = root.first("MenuItem").context("an empty menu")?;
    Ok(line.text_of("URL")?.to_owned())
}

/// Where the phone goes when `typed` is sent from the form `root`.
pub(super) fn submit(make: Make, root: &Element, typed: &str) -> Result<String> {
    match make {
        Make::Aastra => Ok(with_parameter(
            root.text_of("URL")?,
            root.text_of("Parameter")?,
            typed,
        )),
        Make::Cisco => {
            let item = root.first("InputItem").context("no field")?;
            Ok(with_parameter(
                root.text_of("URL")?,
                item.text_of("QueryStringParam")?,
                typed,
            ))
        }
        Make::Fanvil => {
            let field = root.first("InputField").context("no field")?;
            Ok(with_parameter(
                root.text_of("URL")?,
                field.text_of("Parameter")?,
                typed,
            ))
        }
        Make::Snom => {
            let item = root.first("InputItem").context("no field")?;
            Ok(root
                .text_of("Url")?
                .replace(item.text_of("InputToken")?, &encode(typed)))
        }
        _ => html_form(root, typed),
    }
}

/// A form sent by GET: the text, the hidden fields and the button.
fn html_form(root: &Element, typed: &str) -> Result<String> {
    let form = inside(root, "form").into_iter().next().context("no form")?;
    let mut url = attribute(form, "action").context("no action")?.to_owned();
    for input in inside(form, "input") {
        let name = attribute(input, "name").context("an input without a name")?;
        let value = match attribute(input, "type") {
            Some("text") => typed,
            _ => attribute(input, "value").unwrap_or(""),
        };
        url = with_parameter(&url, name, value);
    }
    Ok(url)
}

/// A page of results of `bytes` bytes.
pub(super) fn sheet(make: Make, root: &Element, bytes: usize) -> Result<Sheet> {
    let mut sheet = Sheet {
        bytes,
        ..Sheet::default()
    };
    match make {
        Make::Aastra => items(root, &mut sheet)?,
        Make::Fanvil => {
            lines(root, "MenuItem", ["Prompt", "URI"], &mut sheet)?;
            keys(root, "SoftKey", "URI", &mut sheet)?;
        }
        Make::Cisco => {
            lines(root, "DirectoryEntry", ["Name", "Telephone"], &mut sheet)?;
            keys(root, "SoftKeyItem", "URL", &mut sheet)?;
        }
        Make::Polycom => anchors(root, &mut sheet),
        Make::Snom => snom(root, &mut sheet)?,
        Make::Gigaset => {
            for entry in root.all("entry") {
                let (first, last) = (entry.text_of("fn")?, entry.text_of("ln")?);
                let name = format!("{first} {last}").trim().to_owned();
                sheet.lines.push((name, entry.text_of("hm")?.to_owned()));
            }
        }
        Make::Grandstream => contacts(root, &mut sheet)?,
        Make::FanvilV2 | Make::Htek | Make::Thomson | Make::Yealink => {
            lines(root, "DirectoryEntry", ["Name", "Telephone"], &mut sheet)?;
        }
    }
    if make == Make::Thomson {
        for (_, number) in &mut sheet.lines {
            *number = number.strip_prefix("Dial:").context("no Dial:")?.to_owned();
        }
    }
    Ok(sheet)
}

/// Lines that can be dialled; one without a number says that there is none.
fn lines(root: &Element, item: &str, [name, number]: [&str; 2], sheet: &mut Sheet) -> Result<()> {
    for element in root.all(item) {
        let number = element.text_of(number)?;
        if !number.is_empty() {
            sheet
                .lines
                .push((element.text_of(name)?.to_owned(), number.to_owned()));
        }
    }
    Ok(())
}

/// Page links on soft keys: the one before Exit leads back, the one behind it on.
fn keys(root: &Element, key: &str, address: &str, sheet: &mut Sheet) -> Result<()> {
    let mut behind_exit = false;
    for element in root.all(key) {
        let address = element.text_of(address)?;
        behind_exit |= address == "SoftKey:Exit";
        let place = if behind_exit {
            &mut sheet.next
        } else {
            &mut sheet.previous
        };
        if address.starts_with("http") {
            *place = Some(address.to_owned());
        }
    }
    Ok(())
}

/// Page links as lines of the list: the one on top leads back, the one at the end on.
fn items(root: &Element, sheet: &mut Sheet) -> Result<()> {
    for item in root.all("MenuItem") {
        let (name, address) = (item.text_of("Prompt")?, item.text_of("URI")?);
        if let Some(number) = address.strip_prefix("Dial:") {
            sheet.lines.push((name.to_owned(), number.to_owned()));
        } else if address.starts_with("http") {
            link(sheet, address);
        }
    }
    Ok(())
}

fn anchors(root: &Element, sheet: &mut Sheet) {
    for anchor in inside(root, "a") {
        let address = attribute(anchor, "href").unwrap_or("");
        match address.strip_prefix("tel://") {
            Some(number) => sheet
                .lines
                .push((anchor.text.clone(), number.replace("%23", "#"))),
            None => link(sheet, address),
        }
    }
}

fn link(sheet: &mut Sheet, address: &str) {
    let place = if sheet.lines.is_empty() {
        &mut sheet.previous
    } else {
        &mut sheet.next
    };
    *place = Some(address.to_owned());
}

fn snom(root: &Element, sheet: &mut Sheet) -> Result<()> {
    for item in root.all("MenuItem") {
        let Some(url) = item.first("Url") else {
            continue;
        };
        let number = url.text.split_once("numberdial=").context("no number")?.1;
        let name = attribute(item, "name").context("no name")?;
        sheet
            .lines
            .push((name.to_owned(), number.replace("%23", "#")));
    }
    for key in root.all("SoftKeyItem") {
        let place = if key.text_of("Name")? == "F2" {
            &mut sheet.previous
        } else {
            &mut sheet.next
        };
        *place = Some(key.text_of("URL")?.to_owned());
    }
    Ok(())
}

/// One line per number, named as the other makes name them.
fn contacts(root: &Element, sheet: &mut Sheet) -> Result<()> {
    for contact in root.all("Contact") {
        let (first, last) = (contact.text_of("FirstName")?, contact.text_of("LastName")?);
        let name = format!("{first} {last}").trim().to_owned();
        for (index, phone) in contact.all("Phone").enumerate() {
            let suffix = if index > 0 { " (mobile)" } else { "" };
            let number = phone.text_of("phonenumber")?.to_owned();
            sheet.lines.push((format!("{name}{suffix}"), number));
        }
    }
    Ok(())
}

fn inside<'a>(element: &'a Element, name: &str) -> Vec<&'a Element> {
    let mut found = Vec::new();
    for child in &element.children {
        if child.name == name {
            found.push(child);
        }
        found.extend(inside(child, name));
    }
    found
}

fn attribute<'a>(element: &'a Element, name: &str) -> Option<&'a str> {
    let attribute = element.attributes.iter().find(|(key, _)| key == name);
    attribute.map(|(_, value)| value.as_str())
}
