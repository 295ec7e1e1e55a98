//! The documentation says what the code does, and the deployments set what it reads.

use std::collections::HashSet;

use passgrant::config::VARIABLES;

/// The variables that the deployments leave at their defaults.
const NOT_DEPLOYED: [&str; 3] = [
    // Only the command line sets passwords.
    "PASSGRANT_PASSWORD_MIN_LENGTH",
    "PASSGRANT_PASSWORD_BLOCKLIST",
    // An instance of the function serves one request at a time: nothing waits.
    "PASSGRANT_VERIFY_QUEUE",
];

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

#[test]
fn the_deployments_set_every_variable() {
    for (deployment, text) in
        [("SAM", include_str!("../../template.yaml")), ("Terraform", include_str!("../../infra/terraform/function.tf"))]
    {
        let words: HashSet<_> = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
        for name in VARIABLES.iter().map(|variable| variable.name) {
            assert_ne!(words.contains(name), NOT_DEPLOYED.contains(&name), "{deployment}: {name}");
        }
    }
}

#[test]
fn the_metric_of_wrong_client_secrets_counts_the_line_that_is_logged() {
    const LINE: &str = "a client secret is wrong";
    for (file, text) in [
        ("client.rs", include_str!("../../src/authenticate/client.rs")),
        ("template.yaml", include_str!("../../template.yaml")),
        ("function.tf", include_str!("../../infra/terraform/function.tf")),
    ] {
        assert!(text.contains(LINE), "{file}");
    }
}

/// The names of all alerts, as the log has them.
fn alerts() -> Vec<&'static str> {
    let source = include_str!("../../src/telemetry/record.rs");
    let names = source.lines().filter_map(|line| line.trim().strip_prefix("Self::")?.split_once(" => \""));
    names.filter_map(|(_, rest)| rest.strip_suffix("\",")).collect()
}

#[test]
fn every_alert_is_documented_and_counted_and_those_that_somebody_is_told_of_exist() {
    let (alerts, documented) = (alerts(), include_str!("../../docs/operations.md"));
    assert!(alerts.len() >= 7, "{alerts:?}");
    for alert in &alerts {
        assert!(documented.contains(&format!("| `{alert}` | ")), "{alert}");
    }
    for (file, text) in [
        ("template.yaml", include_str!("../../template.yaml")),
        ("alerts.tf", include_str!("../../infra/terraform/alerts.tf")),
    ] {
        assert!(text.contains("{ $.alert = * }"), "{file}");
        for told in ["username_slowed", "source_exhausted"] {
            assert!(text.contains(told) && alerts.contains(&told), "{file}: {told}");
        }
    }
}
