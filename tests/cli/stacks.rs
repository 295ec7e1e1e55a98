//! `--stack` and `--terraform-outputs`: the deployment that the commands work on.

use std::process::Command;

use serde_json::Value;

use crate::cloudformation::{STACK, cloudformation, deployed, operator, outputs, refusing, terraform};
use crate::command::{Ran, run, run_with};
use crate::importing::PASSWORD;
use crate::server::text;

const ISSUER: &str = "https://id.example.com";

/// Says on a command line which deployment it is about.
type Choice<'c> = &'c dyn Fn(&mut Command);

/// What is said of a stack that never was complete, or is going.
const WORKS_NOT: &str = "it is no deployment that works; its events say why. Usable are stacks that are CREATE_COMPLETE, UPDATE_... or IMPORT_..., whose outputs are those of the last deployment that was complete";

fn list(command: &mut Command) -> Ran {
    run(command.args(["user", "list"]))
}

#[test]
fn a_stack_or_the_outputs_of_terraform_say_which_tables_and_how_names_and_passwords_are_kept() {
    let server = deployed(&[]);
    let (stacks, outputs) = (cloudformation("UPDATE_COMPLETE", &outputs(ISSUER)), &outputs(ISSUER));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("outputs.json");
    std::fs::write(&file, terraform(outputs)).expect("a file");

    let by_option = |command: &mut Command| {
        command.args(["--stack", STACK]);
    };
    let by_variable = |command: &mut Command| {
        command.env("PASSGRANT_STACK", STACK);
    };
    let by_file = |command: &mut Command| {
        command.arg("--terraform-outputs").arg(&file);
    };
    let ways: [(&str, Choice<'_>); 3] = [("Ann", &by_option), ("Bob", &by_variable), ("Cy", &by_file)];
    for (name, choose) in ways {
        let mut command = operator(&stacks, Some(&server));
        choose(&mut command);
        run_with(command.args(["user", "create", name, "--password-stdin"]), PASSWORD.as_bytes()).ok();
        let mut command = operator(&stacks, Some(&server));
        choose(&mut command);
        let users = run(command.args(["user", "export", "--with-password-hashes"])).stdout;
        let user: Value = users
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .find(|user: &Value| user["username"] == name)
            .expect(name);
        let hash = user.to_string();
        assert!(hash.contains("m=72,t=4,p=2"), "the parameters are the function's: {hash}");
        let mut command = operator(&stacks, Some(&server));
        choose(&mut command);
        let locked: Value =
            run(command.args(["attempts", "list", "--network", "203.0.113.7", "--output", "json"])).json();
        assert!(locked.is_object(), "the issuer is known, which the digests of addresses are made with");
    }
    let mut command = operator(&stacks, Some(&server));
    let written = terraform(outputs);
    let listed = run_with(command.args(["--terraform-outputs", "-", "user", "list"]), written.as_bytes()).ok();
    for (name, _) in ways {
        assert!(listed.contains(name), "with its capital letter: {listed}");
    }
}

#[test]
fn a_stack_that_cannot_be_worked_on_is_one_line_that_says_why() {
    let complete = cloudformation("CREATE_COMPLETE", &outputs(ISSUER));
    let reason = list(operator(&complete, None).args(["--stack", "passgrant-dev"])).refused();
    assert_eq!(reason, "there is no stack passgrant-dev in eu-central-1");

    for (status, expected) in [
        ("CREATE_IN_PROGRESS", "it has no outputs before it is complete"),
        ("REVIEW_IN_PROGRESS", "it has no outputs before it is complete"),
        ("ROLLBACK_COMPLETE", WORKS_NOT),
        ("DELETE_IN_PROGRESS", WORKS_NOT),
        ("DELETE_FAILED", WORKS_NOT),
        ("CREATE_FAILED", WORKS_NOT),
    ] {
        let reason = list(operator(&cloudformation(status, &outputs(ISSUER)), None).args(["--stack", STACK])).refused();
        assert_eq!(reason, format!("the stack {STACK} is {status}: {expected}"));
    }

    let other = cloudformation("CREATE_COMPLETE", &[("BucketName", "logs".to_owned())].into());
    let reason = list(operator(&other, None).args(["--stack", STACK])).refused();
    assert_eq!(reason, format!("the stack {STACK} is not a deployment of Passgrant: there is no output ClientsTable"));

    let mut earlier = outputs(ISSUER);
    earlier.remove("UsernameProfile");
    let earlier = cloudformation("CREATE_COMPLETE", &earlier);
    let reason = list(operator(&earlier, None).args(["--stack", STACK])).refused();
    assert!(reason.starts_with("PASSGRANT_USERNAME_PROFILE: ") && reason.contains("earlier version"), "{reason}");

    let denied = list(operator(&refusing(403, "AccessDenied"), None).args(["--stack", STACK])).refused();
    assert!(denied.contains("lack cloudformation:DescribeStacks"), "{denied}");
    let expired = list(operator(&refusing(403, "ExpiredToken"), None).args(["--stack", STACK])).refused();
    assert_eq!(expired, format!("the stack {STACK}: CloudFormation answered ExpiredToken: because"));
}

#[test]
fn a_stack_that_was_complete_once_is_usable_whatever_is_done_to_it_or_failed_since() {
    let server = deployed(&[]);
    for status in [
        "CREATE_COMPLETE",
        "UPDATE_IN_PROGRESS",
        "UPDATE_FAILED",
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_FAILED",
        "UPDATE_ROLLBACK_COMPLETE",
        "IMPORT_IN_PROGRESS",
        "IMPORT_COMPLETE",
        "IMPORT_ROLLBACK_IN_PROGRESS",
        "IMPORT_ROLLBACK_FAILED",
        "IMPORT_ROLLBACK_COMPLETE",
    ] {
        let stacks = cloudformation(status, &outputs(ISSUER));
        list(operator(&stacks, Some(&server)).args(["--stack", STACK])).ok();
    }
    let created_by_import = cloudformation("IMPORT_IN_PROGRESS", &[].into());
    let reason = list(operator(&created_by_import, None).args(["--stack", STACK])).refused();
    assert!(reason.ends_with("is IMPORT_IN_PROGRESS: it has no outputs before it is complete"), "{reason}");
}

#[test]
fn a_stack_is_not_looked_for_without_a_region_and_credentials() {
    let stacks = cloudformation("CREATE_COMPLETE", &outputs(ISSUER));
    let reason = list(operator(&stacks, None).env_remove("AWS_REGION").args(["--stack", STACK])).refused();
    assert!(reason.starts_with(&format!("the stack {STACK}: no AWS region is set")), "{reason}");
    let reason = list(operator(&stacks, None).env_remove("AWS_ACCESS_KEY_ID").args(["--stack", STACK])).refused();
    assert!(reason.starts_with(&format!("the stack {STACK}: there are no AWS credentials")), "{reason}");
    let mut away = operator(&stacks, None);
    let reason =
        list(away.env("AWS_ENDPOINT_URL_CLOUDFORMATION", "http://127.0.0.1:1").args(["--stack", STACK])).refused();
    assert_eq!(reason, format!("the stack {STACK}: CloudFormation could not be asked in eu-central-1"));
}

#[test]
fn a_variable_without_its_output_is_refused_only_if_the_deployment_has_no_such_thing() {
    let server = deployed(&[]);
    let range = ("PASSGRANT_PASSWORD_RANGE_URL", "https://ranges.example.com/");
    let this_version = cloudformation("CREATE_COMPLETE", &outputs(ISSUER));
    let reason = list(operator(&this_version, None).env(range.0, range.1).args(["--stack", STACK])).refused();
    let expected = "the deployment has no such thing, since it has no output PasswordRangeUrl: unset it";
    assert_eq!(reason, format!("{}: {expected}", range.0));

    let mut earlier = outputs(ISSUER);
    earlier.remove("Argon2Parallelism");
    let earlier = cloudformation("CREATE_COMPLETE", &earlier);
    let mut command = operator(&earlier, Some(&server));
    command.envs([range, ("PASSGRANT_ARGON2_PARALLELISM", "1")]);
    list(command.args(["--stack", STACK])).ok();
}

#[test]
fn a_variable_that_contradicts_the_stack_is_refused() {
    let stacks = cloudformation("CREATE_COMPLETE", &outputs(ISSUER));
    let mut command = operator(&stacks, None);
    let reason = list(command.env("PASSGRANT_USERS_TABLE", "of-another-stack").args(["--stack", STACK])).refused();
    let expected = "PASSGRANT_USERS_TABLE: the environment has another value than the output UsersTable of the deployment: unset it";
    assert_eq!(reason, expected);
}

#[test]
fn two_deployments_at_once_are_a_wrong_use_and_an_option_wins_over_the_variable() {
    let stacks = cloudformation("CREATE_COMPLETE", &outputs(ISSUER));
    for arguments in [
        &["--stack", STACK, "--data", "x", "user", "list"][..],
        &["user", "list", "--stack", STACK, "--data", "x"],
        &["--stack", STACK, "--terraform-outputs", "x", "user", "list"],
        &["--data", "x", "--terraform-outputs", "x", "user", "list"],
        &["--stack", "", "user", "list"],
        &["--stack", STACK, "serve", "--in-memory"],
        &["--terraform-outputs", "x", "serve", "--in-memory"],
    ] {
        let said = run(operator(&stacks, None).args(arguments)).misused();
        assert!(said.contains("Usage: "), "{arguments:?}: {said}");
    }
    let said = list(operator(&stacks, None).env("PASSGRANT_STACK", STACK).args(["--data", "no-such-folder"])).refused();
    assert!(said.contains("no-such-folder"), "{said}");
    let said = list(operator(&stacks, None).env("PASSGRANT_STACK", "")).refused();
    assert!(said.starts_with("DynamoDB: "), "an empty variable is none: {said}");
}

#[test]
fn standard_input_is_not_taken_for_the_outputs_and_for_something_else() {
    let stacks = cloudformation("CREATE_COMPLETE", &outputs(ISSUER));
    let written = terraform(&outputs(ISSUER));
    for (arguments, other) in [
        (&["user", "create", "ann", "--password-stdin"][..], "--password-stdin"),
        (&["user", "set-password", "ann", "--password-stdin"], "--password-stdin"),
        (&["client", "create", "app", "--secret-stdin"], "--secret-stdin"),
        (&["client", "rotate-secret", "app", "--secret-stdin"], "--secret-stdin"),
        (&["key", "import", "a", "--alg", "HS256", "--secret-stdin"], "--secret-stdin"),
        (&["doctor", "--client", "a", "--user", "b", "--secret-stdin", "--password-stdin"], "-stdin"),
        (&["user", "import", "-", "--format", "jsonl"], "-"),
    ] {
        for first in [true, false] {
            let mut command = operator(&stacks, None);
            let outputs = ["--terraform-outputs", "-"];
            let command =
                if first { command.args(outputs).args(arguments) } else { command.args(arguments).args(outputs) };
            let said = run_with(command, written.as_bytes()).misused();
            assert!(said.contains("'--terraform-outputs -' cannot be used with '"), "{arguments:?}: {said}");
            assert!(said.contains(&format!("{other}'")), "{arguments:?}: {said}");
        }
    }
}

#[test]
fn a_file_that_is_not_of_terraform_is_refused_by_its_name() {
    let stacks = cloudformation("CREATE_COMPLETE", &outputs(ISSUER));
    let folder = tempfile::tempdir().expect("a folder");
    let large = format!("\"{}\"", "x".repeat(1024 * 1024));
    for (content, reason) in [
        ("no JSON", "not what `terraform output -json` writes"),
        ("{}", "not a deployment of Passgrant: there is no output clients_table"),
        (large.as_str(), "too large for the outputs of Terraform"),
    ] {
        let file = folder.path().join("outputs.json");
        std::fs::write(&file, content).expect("a file");
        let said = list(operator(&stacks, None).arg("--terraform-outputs").arg(&file)).refused();
        assert_eq!(said, format!("{}: {reason}", file.display()));
    }
    let missing = folder.path().join("missing.json");
    let said = list(operator(&stacks, None).arg("--terraform-outputs").arg(&missing)).refused();
    assert!(said.contains("missing.json: No such file"), "{said}");
}

#[test]
fn a_local_server_ignores_the_stack_of_the_session() {
    let mut command = crate::command::passgrant();
    command.env("PASSGRANT_STACK", STACK).args(["serve", "--in-memory", "--listen", "127.0.0.1:0"]);
    let server = crate::server::Server::start(&mut command);
    assert!(text(&server.started["url"]).starts_with("http://127.0.0.1:"));
}
