//! A stack that uses tables and keys that are there already: the environment, the role and the outputs follow.

#![expect(clippy::expect_used, reason = "a template that cannot be read has failed its test")]

use serde_json::Value;

use crate::rig::template::Stack;

const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd";

/// Which actions the role has on a resource, in order.
fn allowed(stack: &Stack, resource: &str) -> Vec<String> {
    let document = stack.property("FunctionPolicy", "PolicyDocument");
    let statements = document["Statement"].as_array().expect("statements");
    let is_about = |statement: &&Value| match &statement["Resource"] {
        Value::Array(resources) => resources.iter().any(|each| each == resource),
        only => only == resource,
    };
    let actions = |statement: &Value| match &statement["Action"] {
        Value::Array(actions) => actions.clone(),
        only => vec![only.clone()],
    };
    let actions = statements.iter().filter(is_about).flat_map(actions);
    let mut actions: Vec<String> = actions.map(|action| action.as_str().expect("an action").to_owned()).collect();
    actions.sort();
    actions
}

#[test]
fn a_stack_that_adopts_a_table_creates_none_and_its_environment_its_role_and_its_output_follow() {
    for (parameter, resource, variable) in [
        ("ClientsTableName", "ClientsTable", "PASSGRANT_CLIENTS_TABLE"),
        ("UsersTableName", "UsersTable", "PASSGRANT_USERS_TABLE"),
        ("TokensTableName", "TokensTable", "PASSGRANT_TOKENS_TABLE"),
    ] {
        let (own, adopting) = (
            Stack::new(&[("SigningKeys", "A"), ("DelegatedImport", "on")]),
            Stack::new(&[("SigningKeys", "A"), ("DelegatedImport", "on"), (parameter, "restored")]),
        );
        assert!(own.has("Resources", resource) && !adopting.has("Resources", resource), "{resource}");
        for (stack, name, arn) in [
            (&own, resource, format!("{resource}.Arn")),
            (&adopting, "restored", "arn:aws:dynamodb:eu-central-1:111122223333:table/restored".to_owned()),
        ] {
            assert_eq!(stack.environment()[variable], name);
            assert_eq!(stack.output(resource), name);
            assert!(!allowed(stack, &arn).is_empty(), "{arn}");
        }
        let (before, after) = (
            allowed(&own, &format!("{resource}.Arn")),
            allowed(&adopting, "arn:aws:dynamodb:eu-central-1:111122223333:table/restored"),
        );
        assert_eq!(before, after, "{resource}");
        assert_eq!(allowed(&adopting, &format!("{resource}.Arn")), [""; 0], "{resource}");
        assert_eq!(adopting.broken_rules(), [""; 0]);
    }
}

#[test]
fn a_stack_that_adopts_keys_creates_none_and_its_environment_its_role_and_its_outputs_follow() {
    let wrapping = "arn:aws:kms:eu-central-1:111122223333:key/wrapping";
    let stack = Stack::new(&[
        ("SigningKeys", "none"),
        ("SigningKeyArns", KEY),
        ("WrappingKeyArn", wrapping),
        ("EnvelopeKeys", "envelope:main=ES256"),
    ]);
    assert_eq!(stack.broken_rules(), [""; 0]);
    for key in ["SigningKeyA", "SigningKeyB", "EnvelopeKey"] {
        assert!(!stack.has("Resources", key), "{key}");
    }
    let environment = stack.environment();
    assert_eq!(environment["PASSGRANT_SIGNING_KEYS"], format!("envelope:main=ES256,{KEY}"));
    assert_eq!(environment["PASSGRANT_WRAPPING_KEY"], wrapping);
    assert_eq!(stack.output("SigningKeyArn"), KEY);
    assert!(stack.has("Outputs", "WrappingKeyArn"));
    assert_eq!(stack.output("WrappingKeyArn"), wrapping);
    assert_eq!(allowed(&stack, wrapping), ["kms:Decrypt"]);
    assert!(allowed(&stack, KEY).contains(&"kms:Sign".to_owned()));
}

#[test]
fn a_stack_without_wrapped_keys_has_no_wrapping_key() {
    let stack = Stack::new(&[("SigningKeys", "A")]);
    assert!(!stack.environment().contains_key("PASSGRANT_WRAPPING_KEY"));
    assert!(!stack.has("Outputs", "WrappingKeyArn"));
    let own = Stack::new(&[("SigningKeys", "A"), ("WrappingKey", "on")]);
    assert_eq!(own.environment()["PASSGRANT_WRAPPING_KEY"], "EnvelopeKey.Arn");
    assert_eq!(allowed(&own, "EnvelopeKey.Arn"), ["kms:Decrypt"]);
}
