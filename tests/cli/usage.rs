//! Help, usage and the environment.

use passgrant::config::VARIABLES;

use crate::command::{Ran, passgrant, run};

fn ran(arguments: &[&str]) -> Ran {
    run(passgrant().args(arguments))
}

#[test]
fn every_command_has_help() {
    let mut commands = vec![vec!["serve"], vec!["client"], vec!["user"]];
    for verb in ["create", "show", "list", "update", "disable", "enable", "delete", "rotate-secret", "report"] {
        commands.push(vec!["client", verb]);
    }
    for verb in ["create", "show", "list", "set-password", "disable", "enable", "delete", "import", "export", "report"]
    {
        commands.push(vec!["user", verb]);
    }
    commands.push(vec!["table", "copy"]);
    for command in commands {
        let help = ran(&[&command[..], &["--help"]].concat()).ok();
        assert!(
            ["--data", "--stack", "--terraform-outputs", "--output"].iter().all(|option| help.contains(option)),
            "{command:?}: {help}"
        );
    }
}

#[test]
fn the_help_of_the_server_lists_the_environment() {
    for arguments in [&["--help"][..], &["serve", "--help"]] {
        let help = ran(arguments).ok();
        for variable in VARIABLES {
            assert!(help.contains(variable.name), "{}", variable.name);
        }
        assert!(help.contains("Examples:"));
    }
}

#[test]
fn bad_usage_has_an_exit_code_of_its_own() {
    for arguments in [
        &[][..],
        &["nonsense"],
        &["client"],
        &["client", "show"],
        &["client", "list", "x"],
        &["serve", "--listen", "8080"],
        &["serve", "--issuer", "http://example.com"],
        &["--data", "x", "serve", "--in-memory"],
        &["client", "list", "--output", "yaml"],
    ] {
        ran(arguments).misused();
    }
}

#[test]
fn a_bad_variable_is_named() {
    for arguments in [&["serve", "--in-memory"][..], &["client", "list"]] {
        let reason = run(passgrant().env("PASSGRANT_LOG", "loud").args(arguments)).refused();
        assert_eq!(reason, "PASSGRANT_LOG: it must be error, warn, info or debug");
    }
}

#[test]
fn without_aws_the_reason_is_one_line_that_quotes_no_request() {
    let keys = [("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "x")];
    let region = ("AWS_REGION", "eu-central-1");
    let no_metadata = ("AWS_EC2_METADATA_DISABLED", "true");
    for (variables, reason) in [
        (vec![keys[0], keys[1], region, ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1")], "Connection refused"),
        (vec![keys[0], keys[1], region, ("AWS_ENDPOINT_URL_DYNAMODB", "nonsense")], "endpoint must contain scheme"),
        (vec![keys[0], keys[1], no_metadata], "Invalid Configuration: Missing Region"),
        (vec![region, no_metadata], "no credentials found"),
    ] {
        let said = run(passgrant().envs(variables).args(["client", "show", "web"])).refused();
        assert!(said.starts_with("DynamoDB: ") && said.contains(reason) && !said.contains(['{', '"']), "{said}");
    }
}

#[test]
fn a_closed_pipe_is_not_a_failure() {
    let help = std::process::Command::new("sh")
        .args([
            "-c",
            "\"$0\" --help | true; \"$0\" serve --in-memory --listen 256.0.0.1:1 2>/dev/null | true; echo done",
        ])
        .arg(env!("CARGO_BIN_EXE_passgrant"))
        .output()
        .expect("a shell");
    assert_eq!(String::from_utf8_lossy(&help.stdout), "done\n");
    assert_eq!(String::from_utf8_lossy(&help.stderr), "");
}
