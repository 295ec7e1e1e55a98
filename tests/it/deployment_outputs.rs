//! What `passgrant --stack` and `--terraform-outputs` take from a deployment is what its function has in its environment.

#![expect(clippy::panic, reason = "a deployment that cannot be read has failed its test")]

use passgrant::config::outputs::OUTPUTS;

use crate::rig::template::Stack;

#[test]
fn every_output_that_the_command_line_reads_has_the_value_that_the_function_has() {
    let key = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd";
    for given in [
        &[("SigningKeys", "A")][..],
        &[
            ("SigningKeys", "B,A"),
            ("PublishedKeyArns", key),
            ("WrappingKey", "on"),
            ("EnvelopeKeys", "envelope:main=ES256"),
        ],
        &[
            ("SigningKeys", "none"),
            ("SigningKeyArns", key),
            ("SigningAlgorithm", "PS256"),
            ("UsernameProfile", "case_preserved"),
            ("Argon2MemoryKiB", "65536"),
            ("Argon2Iterations", "3"),
            ("AttemptsLimit", "5"),
            ("AttemptsWindow", "1h"),
            ("AttemptsSourceNames", "0"),
            ("PasswordRangeUrl", "https://ranges.example.com/"),
            ("Issuer", "https://id.example.com/auth"),
        ],
    ] {
        let stack = Stack::new(given);
        let environment = stack.environment();
        for output in &OUTPUTS {
            let variable = environment.get(output.variable).map_or("", String::as_str);
            let is_there = stack.has("Outputs", output.stack);
            assert!(is_there || output.is_optional, "{} must be in every stack", output.stack);
            let value = if is_there { stack.output(output.stack) } else { "".into() };
            assert_eq!(value, variable, "{} with {given:?}", output.stack);
        }
    }
}

/// What a line of HCL gives to `name`.
fn given<'t>(text: &'t str, name: &str) -> &'t str {
    let line = text.lines().find_map(|line| line.trim().strip_prefix(name)?.trim_start().strip_prefix("= "));
    line.unwrap_or_else(|| panic!("nothing is given to {name}")).trim()
}

#[test]
fn the_terraform_module_has_the_same_outputs() {
    let outputs = include_str!("../../infra/terraform/outputs.tf");
    let function = include_str!("../../infra/terraform/function.tf");
    for output in &OUTPUTS {
        let block = outputs.split_once(&format!("output \"{}\" {{", output.terraform));
        let block = block.and_then(|(_, rest)| rest.split_once("\n}")).expect(output.terraform).0;
        // Without a wrapping key there may still be the name of one.
        let expected = match output.variable {
            "PASSGRANT_WRAPPING_KEY" => "local.has_wrapping_key ? local.wrapping_key_arn : null",
            variable => given(function, variable),
        };
        assert_eq!(given(block, "value"), expected, "{}", output.terraform);
    }
}

#[test]
fn every_deployment_has_a_log_group_for_the_changes_of_operators_which_outlives_it_and_which_they_may_only_write_to() {
    let stack = Stack::new(&[("SigningKeys", "A")]);
    assert!(stack.has("Outputs", "AuditLogGroupName"));
    let template = include_str!("../../template.yaml");
    let group = template.split("\n  AuditLogGroup:\n").nth(1).and_then(|rest| rest.split("\n\n").next());
    let group = group.unwrap_or_else(|| panic!("a log group"));
    assert!(group.contains("DeletionPolicy: RetainExceptOnCreate") && group.contains("UpdateReplacePolicy: Retain"));
    let module = include_str!("../../infra/terraform/outputs.tf");
    assert!(module.contains("output \"audit_log_group_name\""));
    let command_line = include_str!("../../src/bin/passgrant/audit.rs");
    assert!(command_line.contains("(\"AuditLogGroupName\", \"audit_log_group_name\")"));
    let operator = include_str!("../../infra/policies/operator.json");
    let rights: Vec<&str> = operator.split('"').filter(|word| word.starts_with("logs:")).collect();
    assert_eq!(rights, ["logs:CreateLogStream", "logs:PutLogEvents"]);
}
