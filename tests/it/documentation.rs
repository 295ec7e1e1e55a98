//! The documentation says what the code does, and the deployments set what it reads.

use std::collections::HashSet;

use passgrant::config::VARIABLES;
use passgrant::telemetry::record::Alert;

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

#[test]
fn every_alert_is_documented_with_its_metric_and_those_that_somebody_is_told_of_have_alarms() {
    let (runbook, metrics) = (include_str!("../../docs/operations.md"), include_str!("../../docs/telemetry.md"));
    for alert in Alert::ALL {
        assert!(runbook.contains(&format!("| `{}` | ", alert.as_str())), "{alert:?}");
        assert!(metrics.contains(&format!("`{}`", alert.metric())), "{alert:?}");
    }
    for (file, text) in [
        ("template.yaml", include_str!("../../template.yaml")),
        ("alarms.tf", include_str!("../../infra/terraform/alarms.tf")),
    ] {
        for told in [Alert::UsernameLocked, Alert::UsernameSlowed, Alert::SourceExhausted, Alert::RefreshTokenReused] {
            assert!(text.contains(told.metric()), "{file}: {told:?}");
        }
    }
}
