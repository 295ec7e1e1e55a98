//! What IAM allows, as far as the policies of a deployment go: exact actions and resources, and a few conditions. Whatever
//! else a policy says fails the test.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// What is asked of AWS.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    /// As in `kms:Sign`.
    pub(super) action: String,
    /// An ARN.
    pub(super) resource: String,
    /// The condition keys that the request has, with their values.
    pub(super) context: BTreeMap<String, String>,
}

/// The statements of a policy, in the one form that `infra/check` gives them.
pub(super) struct Policy(Vec<Statement>);

struct Statement {
    sid: String,
    allows: bool,
    /// Whom it is about; nobody in a policy of a role, which is about the role.
    principals: Vec<String>,
    actions: Vec<String>,
    resources: Vec<String>,
    conditions: Vec<Condition>,
}

struct Condition {
    operator: String,
    key: String,
    values: Vec<String>,
}

/// What a policy says about a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// These statements allow it, by their names.
    Allowed(Vec<String>),
    /// This statement denies it, whatever else allows it.
    Denied(String),
    /// Nothing is said about it.
    Nothing,
}

impl Policy {
    pub(super) fn read(statements: &Value) -> Self {
        let statements = statements.as_object().expect("statements by their names");
        Self(statements.iter().map(|(sid, statement)| Statement::read(sid, statement)).collect())
    }

    /// The verdict on a request of `principal`, and, of a policy of the role itself, of anybody.
    pub(super) fn verdict(&self, principal: &str, asked: &Asked) -> Verdict {
        let (allowing, denying): (Vec<_>, Vec<_>) = self
            .0
            .iter()
            .filter(|statement| statement.applies(principal, asked))
            .partition(|statement| statement.allows);
        match denying.first() {
            Some(statement) => Verdict::Denied(statement.sid.clone()),
            None if allowing.is_empty() => Verdict::Nothing,
            None => Verdict::Allowed(allowing.into_iter().map(|statement| statement.sid.clone()).collect()),
        }
    }

    /// Each action that is allowed, with the statement that does.
    pub(super) fn allowed(&self) -> BTreeSet<(String, String)> {
        let allowing = self.0.iter().filter(|statement| statement.allows);
        let of_one = |statement: &Statement| {
            let sid = statement.sid.clone();
            statement.actions.iter().map(move |action| (sid.clone(), action.clone())).collect::<Vec<_>>()
        };
        allowing.flat_map(of_one).collect()
    }
}

impl Statement {
    fn read(sid: &str, statement: &Value) -> Self {
        let known = ["Effect", "Action", "Resource", "Principal", "Condition"];
        let members = statement.as_object().expect("a statement");
        assert!(members.keys().all(|name| known.contains(&name.as_str())), "{sid}: {members:?}");
        let actions = texts(&statement["Action"]);
        assert!(!actions.iter().any(|action| action.contains('*')), "{sid}: every action by its name");
        let resources = texts(&statement["Resource"]);
        let is_whole =
            |resource: &String| resource == "*" || !resource.contains('*') || resource.starts_with("arn:aws:logs:");
        assert!(resources.iter().all(is_whole), "{sid}: every resource by its name");
        let conditions = statement["Condition"].as_object().expect("conditions").iter().flat_map(|(operator, keys)| {
            let keys = keys.as_object().expect("condition keys").iter();
            keys.map(|(key, values)| Condition { operator: operator.clone(), key: key.clone(), values: texts(values) })
        });
        Self {
            sid: sid.to_owned(),
            allows: match statement["Effect"].as_str() {
                Some("Allow") => true,
                Some("Deny") => false,
                other => panic!("{sid}: no effect {other:?}"),
            },
            principals: statement["Principal"].as_object().expect("principals").values().flat_map(texts).collect(),
            actions,
            resources,
            conditions: conditions.collect(),
        }
    }

    fn applies(&self, principal: &str, asked: &Asked) -> bool {
        let own = |named: &String| named == "*" || account(named).is_some_and(|root| account(principal) == Some(root));
        (self.principals.is_empty() || self.principals.iter().any(own))
            && self.actions.contains(&asked.action)
            && self.resources.iter().any(|resource| resource == "*" || *resource == asked.resource)
            && self.conditions.iter().all(|condition| condition.holds(&asked.context))
    }
}

impl Condition {
    /// A key that the request lacks equals nothing.
    fn holds(&self, context: &BTreeMap<String, String>) -> bool {
        let equals = context.get(&self.key).is_some_and(|value| self.values.contains(value));
        match self.operator.as_str() {
            "StringEquals" | "ArnEquals" => equals,
            "StringNotEquals" | "ArnNotEquals" => !equals,
            other => panic!("the operator {other} is not known here"),
        }
    }
}

/// The account of which a principal is the root, or a role.
fn account(principal: &str) -> Option<&str> {
    let (account, resource) = principal.strip_prefix("arn:aws:iam::")?.split_once(':')?;
    (resource == "root" || resource.starts_with("role/")).then_some(account)
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().expect("a list").iter().map(|text| text.as_str().expect("text").to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ROLE: &str = "arn:aws:iam::123456789012:role/function";

    fn asked(action: &str, resource: &str, context: &[(&str, &str)]) -> Asked {
        let context = context.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Asked { action: action.to_owned(), resource: resource.to_owned(), context }
    }

    fn statement(effect: &str, principal: &Value, condition: &Value) -> Value {
        json!({
            "Effect": effect, "Action": ["kms:Sign"], "Resource": ["key"], "Principal": principal, "Condition": condition,
        })
    }

    #[test]
    fn only_the_named_action_on_the_named_resource_is_allowed() {
        let policy = Policy::read(&json!({ "Sign": statement("Allow", &json!({}), &json!({})) }));
        let verdict = |action, resource| policy.verdict(ROLE, &asked(action, resource, &[]));
        assert_eq!(verdict("kms:Sign", "key"), Verdict::Allowed(vec!["Sign".to_owned()]));
        for (action, resource) in [("kms:Sign", "key2"), ("kms:sign", "key"), ("kms:Verify", "key")] {
            assert_eq!(verdict(action, resource), Verdict::Nothing);
        }
        assert_eq!(policy.allowed(), BTreeSet::from([("Sign".to_owned(), "kms:Sign".to_owned())]));
    }

    #[test]
    fn all_conditions_must_hold_and_a_key_that_is_missing_equals_nothing() {
        let condition = json!({ "StringEquals": { "a": ["1", "2"], "b": ["3"] } });
        let policy = Policy::read(&json!({ "Sign": statement("Allow", &json!({}), &condition) }));
        let is_allowed = |context: &[(&str, &str)]| {
            matches!(policy.verdict(ROLE, &asked("kms:Sign", "key", context)), Verdict::Allowed(_))
        };
        assert!(is_allowed(&[("a", "2"), ("b", "3"), ("c", "4")]));
        for context in [[("a", "3"), ("b", "3")].as_slice(), &[("a", "1")], &[("b", "3")], &[]] {
            assert!(!is_allowed(context), "{context:?}");
        }
    }

    #[test]
    fn a_denial_outweighs_whatever_allows() {
        let others = json!({ "ArnNotEquals": { "aws:PrincipalArn": [ROLE] } });
        let policy = Policy::read(&json!({
            "Root": statement("Allow", &json!({ "AWS": ["arn:aws:iam::123456789012:root"] }), &json!({})),
            "NobodyElse": statement("Deny", &json!({ "AWS": ["*"] }), &others),
        }));
        let verdict = |principal: &str, own: &str| {
            policy.verdict(principal, &asked("kms:Sign", "key", &[("aws:PrincipalArn", own)]))
        };
        assert_eq!(verdict(ROLE, ROLE), Verdict::Allowed(vec!["Root".to_owned()]));
        assert_eq!(verdict(ROLE, "arn:aws:iam::123456789012:role/x"), Verdict::Denied("NobodyElse".to_owned()));
        assert_eq!(policy.verdict(ROLE, &asked("kms:Sign", "key", &[])), Verdict::Denied("NobodyElse".to_owned()));
        assert_eq!(verdict("arn:aws:iam::210987654321:role/function", ROLE), Verdict::Nothing, "another account");
    }

    #[test]
    #[should_panic(expected = "the operator StringLike is not known here")]
    fn a_condition_that_is_not_understood_fails() {
        let condition = json!({ "StringLike": { "a": ["*"] } });
        let policy = Policy::read(&json!({ "Sign": statement("Allow", &json!({}), &condition) }));
        policy.verdict(ROLE, &asked("kms:Sign", "key", &[]));
    }

    #[test]
    #[should_panic(expected = "every action by its name")]
    fn an_action_with_a_wildcard_fails() {
        let mut statement = statement("Allow", &json!({}), &json!({}));
        statement["Action"] = json!(["kms:*"]);
        Policy::read(&json!({ "All": statement }));
    }
}
