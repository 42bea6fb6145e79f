//! Documents that are written from the program's own tables.

use syndarix::config::shape::{FILES, reference, schema::schema};

use crate::program::golden;

#[test]
fn reference_of_the_configuration_is_up_to_date() {
    golden("docs/configuration.md", &reference::page());
}

#[test]
fn reference_schemas_are_up_to_date() {
    for file in FILES {
        let text = serde_json::to_string_pretty(&schema(file)).unwrap() + "\n";
        golden(&format!("docs/schemas/{}.schema.json", file.name), &text);
    }
}
