//! Users and sessions by the hundred thousand, put into the database of a server that does not run.

use std::collections::HashMap;
use std::path::Path;

use dynoxide::{AttributeValue, Database, ImportOptions, Item};
use passgrant::config::Config;

use crate::server::user_name;

/// How many items are written in one transaction.
const BATCH: usize = 20_000;

/// Fills the tables of the folder `data` up to `count` users and `count` sessions. They are copies of those that are
/// there, so that each user has the password of all the others.
pub(crate) fn fill(data: &Path, count: usize) {
    let tables = Config::read(&|_| None).expect("the configuration without an environment").tables;
    let path = data.join("dynamodb.sqlite");
    let database = Database::new(path.to_str().expect("UTF-8")).expect("nobody uses the database");
    let user = first(&database, &tables.users, |key| key.starts_with("user-"), "username");
    let session = first(&database, &tables.tokens, |key| key.starts_with("s#"), "id");
    for from in (0..count).step_by(BATCH) {
        let numbers = from..(from + BATCH).min(count);
        let users = numbers.clone().map(|number| with(&user, "username", user_name(number)));
        import(&database, &tables.users, users.collect());
        // Scattered over the table, as digests are.
        let sessions = numbers.map(|number| with(&session, "id", format!("s#{:016x}", scattered(number))));
        import(&database, &tables.tokens, sessions.collect());
    }
}

fn first(database: &Database, table: &str, wanted: impl Fn(&str) -> bool, key: &str) -> Item {
    let request = serde_json::from_value(serde_json::json!({ "TableName": table, "Limit": 100 })).expect("a request");
    let items = database.scan(request).expect("the table").items.unwrap_or_default();
    let is_wanted = |item: &Item| matches!(item.get(key), Some(AttributeValue::S(value)) if wanted(value));
    items.into_iter().find(is_wanted).expect("one to copy")
}

fn with(item: &Item, key: &str, value: String) -> Item {
    let mut item: HashMap<_, _> = item.clone();
    item.insert(key.to_owned(), AttributeValue::S(value));
    item
}

fn import(database: &Database, table: &str, items: Vec<Item>) {
    let options = ImportOptions { record_streams: false, set_cached_at: false };
    database.import_items(table, items, options).expect("it is written");
}

/// A number that looks random, a different one for each `number` (`SplitMix64`).
const fn scattered(number: usize) -> u64 {
    let mut mixed = (number as u64).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
