//! Everything that the command line does to clients, users, sessions, keys and attempts has its place on the page.

use std::collections::BTreeSet;

use clap::CommandFactory as _;

use crate::CommandLine;

/// The commands, and the address of the page for each.
const PLACES: [(&str, &str); 31] = [
    ("attempts list", "/attempts"),
    ("client create", "/clients/new"),
    ("client delete", "/clients/delete"),
    ("client disable", "/clients/disable"),
    ("client enable", "/clients/enable"),
    ("client list", "/clients"),
    ("client report", "/reports/clients"),
    ("client rotate-secret", "/clients/secret"),
    ("client show", "/clients/one"),
    ("client update", "/clients/change"),
    ("key create", "/keys/create"),
    ("key delete", "/keys/delete"),
    ("key import", "/keys/import"),
    ("key jwks", "/keys"),
    ("key list", "/keys"),
    ("session list", "/users/sessions"),
    ("session report", "/reports/sessions"),
    ("session revoke", "/users/sessions/end"),
    ("user create", "/users/new"),
    ("user delete", "/users/delete"),
    ("user disable", "/users/disable"),
    ("user enable", "/users/enable"),
    ("user export", "/users/export"),
    ("user find", "/users/find"),
    ("user import", "/users/import"),
    ("user list", "/users"),
    ("user report", "/users/report"),
    ("user set-password", "/users/password"),
    ("user show", "/users/user"),
    ("user unlock", "/users/unlock"),
    ("user update", "/users/edit"),
];

#[test]
fn every_command_about_clients_users_sessions_keys_and_attempts_has_its_place_on_the_page() {
    let tree = CommandLine::command();
    let groups = tree.get_subcommands();
    let groups = groups.filter(|group| ["attempts", "client", "key", "session", "user"].contains(&group.get_name()));
    let commands: BTreeSet<String> = groups
        .flat_map(|group| group.get_subcommands().map(|command| format!("{} {}", group.get_name(), command.get_name())))
        .collect();
    let placed: BTreeSet<String> = PLACES.iter().map(|(command, _)| (*command).to_owned()).collect();
    assert_eq!(commands, placed, "a new command belongs on the page, and in this table");
}
