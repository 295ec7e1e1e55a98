//! The documentation tells what the code does.

use passgrant::config::VARIABLES;

#[test]
fn every_variable_is_documented_as_the_help_prints_it() {
    let documented = include_str!("../../docs/configuration.md");
    let rows: Vec<_> = documented.lines().filter(|line| line.starts_with("| `PASSGRANT_")).collect();
    let expected: Vec<_> = VARIABLES
        .iter()
        .map(|variable| {
            let default = variable.default.filter(|default| !default.is_empty());
            let default = default.map(|default| format!("`{default}`")).unwrap_or_default();
            format!("| `{}` | {default} | {} |", variable.name, variable.description)
        })
        .collect();
    assert_eq!(rows, expected);
}
