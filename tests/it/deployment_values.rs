//! What the deployments take, the service takes, and the other way round: each parameter of `template.yaml` and each variable
//! of the Terraform module at its limits, through [`Config`].

#![expect(clippy::expect_used, reason = "a deployment that cannot be read has failed its test")]

use std::collections::{BTreeMap, BTreeSet};

use passgrant::config::Config;
use serde_json::Value;

use crate::rig::parameters::{LEGACY, ROWS, Row};
use crate::rig::pattern::Pattern;
use crate::rig::template::{self, Stack};

/// The parameters that are in the function's environment but not as they were given.
const CHOICES: [&str; 5] =
    ["SigningKeyAlgorithmA", "SigningKeyAlgorithmB", "SigningKeys", "WrappingKey", "SigningKeySpecA"];

/// Whether the template takes a value, by what it says about the parameter.
fn template_takes(parameter: &str, value: &str) -> bool {
    let declared = &template::parameters()[parameter];
    if let Some(values) = declared["AllowedValues"].as_array() {
        return values.iter().any(|allowed| allowed == value);
    }
    Pattern::new(declared["AllowedPattern"].as_str().expect("a pattern")).takes(value)
}

/// What the template takes for a parameter, at the limits.
fn extremes(parameter: &str) -> Vec<String> {
    let declared = &template::parameters()[parameter];
    if let Some(values) = declared["AllowedValues"].as_array() {
        return values.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    }
    Pattern::new(declared["AllowedPattern"].as_str().expect("a pattern")).extremes()
}

/// Whether an instance starts with what the template makes of a parameter.
fn service_takes(row: &Row, value: &str) -> Result<(), String> {
    // What belongs to a parameter is not given where the parameter is not.
    let with = if ["", "none"].contains(&value) { &[] } else { row.with };
    let mut given = [&[("SigningKeys", "A")], with].concat();
    given.push((row.parameter, value));
    let stack = Stack::new(&given);
    if let Some(broken) = stack.broken_rules().into_iter().find(|rule| !rule.contains("fits SigningAlgorithm")) {
        return Err(format!("a rule: {broken}"));
    }
    let environment = started(&stack.environment());
    let config = Config::read(&|name| environment.get(name).cloned()).map_err(|error| error.to_string())?;
    config.required_issuer().map_err(|error| error.to_string())?;
    config.required_signing_keys().map(|_| ()).map_err(|error| error.to_string())
}

/// The environment, with attributes of resources as AWS has them.
fn started(environment: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let known = [("HttpApi.ApiEndpoint", "https://a1b2c3.execute-api.eu-central-1.amazonaws.com")];
    let known = |value: &String| known.iter().fold(value.clone(), |value, (name, known)| value.replace(name, known));
    environment.iter().map(|(name, value)| (name.clone(), known(value))).collect()
}

/// What the module's validations say about a variable.
fn module_takes(variable: &str, value: &str) -> bool {
    let text = include_str!("../../infra/terraform/variables.tf");
    let (_, block) = text.split_once(&format!("variable \"{variable}\" {{")).expect("a variable");
    let (block, _) = block.split_once("\n}\n").expect("an end");
    let is_list = block.contains("type        = list(string)") && !block.contains("join(\",\"");
    let is_number = block.contains("type        = number");
    let values: Vec<&str> = if is_list { value.split(',').collect() } else { vec![value] };
    let conditions: Vec<&str> =
        block.lines().filter_map(|line| line.trim().strip_prefix("condition")).map(str::trim).collect();
    assert!(!conditions.is_empty(), "nothing validates {variable}");
    values.iter().all(|value| conditions.iter().all(|condition| holds(condition, value, is_number)))
}

/// Whether a condition in one of the three forms that the module has holds for a value.
fn holds(condition: &str, value: &str, is_number: bool) -> bool {
    if let Some((_, quoted)) = condition.split_once("regex(\"") {
        let (pattern, _) = quoted.split_once("\", ").expect("an end");
        return Pattern::new(&pattern.replace("\\\"", "\"").replace("\\\\", "\\")).takes(value);
    }
    if let Some((_, list)) = condition.split_once("contains([") {
        let (list, _) = list.split_once(']').expect("an end");
        return list.split(", ").any(|allowed| allowed.trim_matches('"') == value);
    }
    assert!(is_number, "{condition}");
    let Ok(number) = value.parse::<f64>() else {
        return false;
    };
    let bound = |relation: &str| {
        let (_, bound) = condition.split_once(relation).expect("a bound");
        bound.split(' ').next().and_then(|bound| bound.parse::<f64>().ok()).expect("a number")
    };
    let whole = condition.contains("floor(") && number.fract() == 0.0;
    whole && number >= bound(">= ") && number <= bound("<= ")
}

#[test]
fn an_instance_starts_with_whatever_the_template_takes_at_its_limits() {
    for row in ROWS {
        let extremes = extremes(row.parameter);
        assert!(!extremes.is_empty(), "{}", row.parameter);
        for value in extremes {
            // That it is one of the chains is for a rule.
            if (row.parameter == "AuthChain" && value != "directory") || names_one_twice(&value) {
                continue;
            }
            let value = only_known_verifiers(row, value);
            assert_eq!(service_takes(row, &value), Ok(()), "{} = {value:?}", row.parameter);
        }
    }
}

/// A pattern cannot see that a wrapped key is listed twice, with two algorithms, or that two verifiers have one name.
fn names_one_twice(value: &str) -> bool {
    let mut names: Vec<&str> = value.split("\"name\"").skip(1).filter_map(|rest| rest.split('"').nth(1)).collect();
    names.extend(value.split(',').filter(|key| key.starts_with("envelope:")).filter_map(|key| key.split('=').next()));
    names.iter().collect::<BTreeSet<_>>().len() < names.len()
}

/// A pattern cannot know which verifiers there are, nor that a name is taken.
fn only_known_verifiers(row: &Row, value: String) -> String {
    if row.parameter != "AuthChains" {
        return value;
    }
    let mut names = 0;
    let chain = |chain: &str| {
        names += 1;
        let (_, verifiers) = chain.split_once('=').unwrap_or_default();
        let verifiers = ["directory", "legacy", "b"].into_iter().take(verifiers.split(',').count());
        format!("chain-{names}={}", verifiers.collect::<Vec<_>>().join(","))
    };
    if value.is_empty() { value } else { value.split(';').map(chain).collect::<Vec<_>>().join(";") }
}

#[test]
fn the_template_takes_what_the_service_takes_and_refuses_what_stops_an_instance() {
    for row in ROWS {
        for (values, by_template, by_service) in
            [(row.taken, true, true), (row.refused, false, false), (row.only_service, false, true)]
        {
            for value in values {
                let name = row.parameter;
                assert_eq!(template_takes(name, value), by_template, "{name} = {value:?} by the template");
                // What is not a domain name is not the service's business, and an issuer may have a port.
                if row.parameter.ends_with("DomainName") && !by_template {
                    continue;
                }
                let taken = service_takes(row, value);
                assert_eq!(taken.is_ok(), by_service, "{name} = {value:?} by the service: {taken:?}");
            }
        }
    }
}

#[test]
fn the_terraform_module_takes_what_the_template_takes() {
    for row in ROWS.iter().filter(|row| !row.variable.is_empty()) {
        let extremes = extremes(row.parameter);
        let extremes = extremes.iter().map(String::as_str).filter(|value| !value.is_empty() && *value != "none");
        for value in extremes.chain(row.taken.iter().copied()) {
            assert!(module_takes(row.variable, value), "{} = {value:?}", row.variable);
        }
        for value in row.refused.iter().chain(row.only_service) {
            // To the module, which has numbers, another spelling of a number is the same number.
            let is_spelling =
                value.parse::<f64>().is_ok_and(|number| number.fract() == 0.0 && number.to_string() != *value);
            assert!(!module_takes(row.variable, value) || is_spelling, "{} = {value:?}", row.variable);
        }
    }
}

#[test]
fn every_parameter_that_reaches_the_service_is_in_the_table() {
    let variables = serde_json::to_string(template::variables()).expect("JSON");
    let words: BTreeSet<&str> = variables.split(|character: char| !character.is_ascii_alphanumeric()).collect();
    let reaching = template::parameters().keys().map(String::as_str).filter(|name| words.contains(name));
    for name in reaching {
        let is_known = ROWS.iter().any(|row| row.parameter == name) || CHOICES.contains(&name);
        assert!(is_known, "{name} is not in the table");
    }
}

#[test]
fn the_defaults_are_sound_and_break_no_rule() {
    let stack = Stack::new(&[("SigningKeys", "A")]);
    assert_eq!(stack.broken_rules(), [""; 0]);
    let environment = started(&stack.environment());
    let config = Config::read(&|name| environment.get(name).cloned()).expect("a sound configuration");
    assert!(config.required_signing_keys().is_ok());
}

#[test]
fn parameters_that_stop_an_instance_only_together_break_a_rule() {
    for (given, rule) in [
        (&[("AuthChain", "migrating")][..], "AuthChain must be directory or one of AuthChains."),
        (&[("DelegatedVerifiers", LEGACY)], "DelegatedVerifiers need DelegatedSecrets or DelegatedSecret1."),
        (&[("TrustedHops", "1")], "TrustedHops needs OriginSecrets."),
        (&[("PasswordRangeAtLogin", "log")], "PasswordRangeAtLogin needs PasswordRangeUrl."),
        (
            &[("EnvelopeKeys", "envelope:main")],
            "EnvelopeKeys and PublishedEnvelopeKeys need WrappingKey \"on\" or WrappingKeyArn.",
        ),
        (
            &[("WrappingKey", "on"), ("WrappingKeyArn", "arn:aws:kms:eu-central-1:1:key/a")],
            "With WrappingKeyArn there is no WrappingKey \"on\".",
        ),
        (&[("SigningKeys", "none")], "With SigningKeys \"none\" there must be SigningKeyArns or EnvelopeKeys."),
    ] {
        assert!(Stack::new(given).broken_rules().contains(&rule), "{given:?}");
    }
    let chains = [("AuthChain", "migrating"), ("AuthChains", "migrating=directory"), ("SigningKeys", "A")];
    assert_eq!(Stack::new(&chains).broken_rules(), [""; 0]);
}

#[test]
fn what_the_outputs_append_to_an_issuer_comes_after_one_slash() {
    for (issuer, base) in [
        ("https://id.example.com", "https://id.example.com"),
        ("https://id.example.com/", "https://id.example.com"),
        ("https://id.example.com/auth/", "https://id.example.com/auth"),
    ] {
        let stack = Stack::new(&[("Issuer", issuer)]);
        assert_eq!(stack.output("Issuer"), issuer);
        assert_eq!(stack.output("TokenEndpoint"), format!("{base}/oauth2/token"));
        assert_eq!(stack.output("JwksUri"), format!("{base}/oauth2/jwks"));
    }
}
