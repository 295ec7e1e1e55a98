//! What a deployment says about itself in its outputs: those of a CloudFormation stack, or of the Terraform module.
//!
//! The command line works on the tables of a deployment, and has to prepare usernames, hash passwords and list keys as its
//! function does. It takes from the outputs what the function has in its environment.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use crate::config::Config;
use crate::config::source::environment;
use crate::config::variables::ConfigError;

/// One output.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// Its name in the stack.
    pub stack: &'static str,
    /// Its name in the Terraform module.
    pub terraform: &'static str,
    /// The variable whose value it has.
    pub variable: &'static str,
    /// Whether a deployment without it has no such thing. All others are in every deployment of this version.
    pub is_optional: bool,
}

impl Output {
    const fn new(stack: &'static str, terraform: &'static str, variable: &'static str) -> Self {
        Self { stack, terraform, variable, is_optional: false }
    }

    const fn optional(stack: &'static str, terraform: &'static str, variable: &'static str) -> Self {
        Self { stack, terraform, variable, is_optional: true }
    }
}

/// The outputs that are values of variables.
pub const OUTPUTS: [Output; 15] = [
    Output::new("ClientsTable", "clients_table", "PASSGRANT_CLIENTS_TABLE"),
    Output::new("UsersTable", "users_table", "PASSGRANT_USERS_TABLE"),
    Output::new("TokensTable", "tokens_table", "PASSGRANT_TOKENS_TABLE"),
    Output::new("Issuer", "issuer", "PASSGRANT_ISSUER"),
    Output::new("ListedKeys", "listed_keys", "PASSGRANT_SIGNING_KEYS"),
    Output::optional("WrappingKeyArn", "wrapping_key_arn", "PASSGRANT_WRAPPING_KEY"),
    Output::new("SigningAlgorithm", "signing_algorithm", "PASSGRANT_SIGNING_ALGORITHM"),
    Output::new("UsernameProfile", "username_profile", "PASSGRANT_USERNAME_PROFILE"),
    Output::new("Argon2MemoryKiB", "argon2_memory_kib", "PASSGRANT_ARGON2_MEMORY_KIB"),
    Output::new("Argon2Iterations", "argon2_iterations", "PASSGRANT_ARGON2_ITERATIONS"),
    Output::new("Argon2Parallelism", "argon2_parallelism", "PASSGRANT_ARGON2_PARALLELISM"),
    Output::new("AttemptsLimit", "attempts_limit", "PASSGRANT_ATTEMPTS_LIMIT"),
    Output::new("AttemptsWindow", "attempts_window", "PASSGRANT_ATTEMPTS_WINDOW"),
    Output::new("AttemptsSourceNames", "attempts_source_names", "PASSGRANT_ATTEMPTS_SOURCE_NAMES"),
    Output::optional("PasswordRangeUrl", "password_range_url", "PASSGRANT_PASSWORD_RANGE_URL"),
];

/// The outputs without which a deployment is none of this service.
const TABLES: [Output; 3] = [OUTPUTS[0], OUTPUTS[1], OUTPUTS[2]];

/// Outputs that are none of a deployment of this service.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OutputsError {
    /// It is something else.
    #[error("not a deployment of Passgrant: there is no output {0}")]
    NotOurs(&'static str),
    /// It is not what `terraform output -json` writes.
    #[error("not what `terraform output -json` writes")]
    NotTerraform,
}

/// The outputs of a deployment.
#[derive(Clone, Debug)]
pub struct Outputs {
    names: fn(&Output) -> &'static str,
    values: BTreeMap<String, String>,
}

impl Outputs {
    /// The outputs of a CloudFormation stack, by their names.
    ///
    /// # Errors
    /// [`OutputsError::NotOurs`] if there are no tables among them.
    pub fn of_stack(values: BTreeMap<String, String>) -> Result<Self, OutputsError> {
        Self { names: |output| output.stack, values }.ours()
    }

    /// The outputs of the Terraform module, as `terraform output -json` writes them.
    ///
    /// # Errors
    /// [`OutputsError`] if it is anything else, or there are no tables among them.
    pub fn of_terraform(json: &[u8]) -> Result<Self, OutputsError> {
        #[derive(Deserialize)]
        struct Written {
            value: Value,
        }

        let written: BTreeMap<String, Written> =
            serde_json::from_slice(json).map_err(|_| OutputsError::NotTerraform)?;
        let text = |(name, Written { value }): (String, Written)| match value {
            Value::String(text) => Some((name, text)),
            Value::Number(number) => Some((name, number.to_string())),
            _ => None,
        };
        Self { names: |output| output.terraform, values: written.into_iter().filter_map(text).collect() }.ours()
    }

    fn ours(self) -> Result<Self, OutputsError> {
        match TABLES.iter().map(self.names).find(|name| !self.values.contains_key(*name)) {
            Some(missing) => Err(OutputsError::NotOurs(missing)),
            None => Ok(self),
        }
    }

    /// The value of an output, by its name in the stack and its name in the Terraform module.
    #[must_use]
    pub fn named(&self, stack: &'static str, terraform: &'static str) -> Option<&str> {
        let name = (self.names)(&Output::new(stack, terraform, ""));
        self.values.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The outputs that every deployment of this version has and this one lacks. If there are any, it is of an earlier version.
    pub fn missing(&self) -> impl Iterator<Item = &'static str> {
        let required = OUTPUTS.iter().filter(|output| !output.is_optional).map(self.names);
        required.filter(|name| !self.values.contains_key(*name))
    }

    /// Whether the deployment says what `output` is: that it has no such thing is said by leaving out an optional one.
    #[must_use]
    pub fn tell(&self, output: &Output) -> bool {
        self.values.contains_key((self.names)(output)) || (output.is_optional && self.missing().next().is_none())
    }

    /// The value of `variable`: that of the output, beside which the environment must not say anything else.
    ///
    /// A variable that was exported for another deployment must not lead a command to that one's tables, nor be overruled
    /// without a word.
    fn value(&self, variable: &str, given: Option<String>) -> Result<Option<String>, ConfigError> {
        let Some(output) = OUTPUTS.iter().find(|output| output.variable == variable) else {
            return Ok(given);
        };
        let (given, name) = (given.filter(|value| !value.is_empty()), (self.names)(output));
        let refuse = |reason| Err(ConfigError::named(output.variable, reason));
        let value = match self.values.get(name) {
            Some(value) => value.as_str(),
            // An earlier version may have such a thing, and not say so.
            None if given.is_some() && (!output.is_optional || self.missing().next().is_some()) => return Ok(given),
            None if given.is_some() => {
                return refuse(format!("the deployment has no such thing, since it has no output {name}: unset it"));
            }
            None if output.is_optional => "",
            None => {
                return refuse(format!(
                    "the deployment is of an earlier version, and has no output {name}: deploy this version, or set the variable"
                ));
            }
        };
        match given {
            Some(given) if given != value => {
                refuse(format!("the environment has another value than the output {name} of the deployment: unset it"))
            }
            _ => Ok(Some(value.to_owned())),
        }
    }
}

impl Config {
    /// Reads the configuration of the deployment that has `outputs`, and from this process's environment what they do not
    /// say.
    ///
    /// # Errors
    /// As [`Config::from_env`]; for a variable that has another value than the output; for an output that is missing, since
    /// it came with a later version than that of the deployment, unless its variable is set.
    pub fn of_deployment(outputs: &Outputs) -> Result<Self, ConfigError> {
        Self::of_outputs(outputs, &environment)
    }

    fn of_outputs(outputs: &Outputs, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut values = BTreeMap::new();
        for output in &OUTPUTS {
            values.insert(output.variable, outputs.value(output.variable, lookup(output.variable))?);
        }
        Self::read(&|name| values.get(name).map_or_else(|| lookup(name), Clone::clone))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> BTreeMap<String, String> {
        [
            ("ClientsTable", "clients"),
            ("UsersTable", "users"),
            ("TokensTable", "tokens"),
            ("Issuer", "https://id.example.com"),
            ("ListedKeys", "alias/a"),
            ("SigningAlgorithm", "ES256"),
            ("UsernameProfile", "case_preserved"),
            ("Argon2MemoryKiB", "65536"),
            ("Argon2Iterations", "3"),
            ("Argon2Parallelism", "1"),
            ("AttemptsLimit", "5"),
            ("AttemptsWindow", "1h"),
            ("AttemptsSourceNames", "0"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    fn read(values: BTreeMap<String, String>, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let outputs = Outputs::of_stack(values).expect("ours");
        let lookup =
            |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Config::of_outputs(&outputs, &lookup)
    }

    #[test]
    fn a_deployment_is_configured_by_its_outputs() {
        let config = read(values(), &[("PASSGRANT_PASSWORD_MIN_LENGTH", "12")]).expect("sound");
        assert_eq!((config.tables.clients.as_str(), config.tables.tokens.as_str()), ("clients", "tokens"));
        assert_eq!(config.issuer.as_ref().map(ToString::to_string).as_deref(), Some("https://id.example.com"));
        assert_eq!((config.signing_keys.len(), config.wrapping_key), (1, None));
        assert_eq!(config.password_min_length, 12, "what the outputs do not say, the environment does");
    }

    #[test]
    fn the_environment_must_not_contradict_a_deployment() {
        for (variable, value) in [
            ("PASSGRANT_USERS_TABLE", "others"),
            ("PASSGRANT_USERNAME_PROFILE", "case_mapped"),
            ("PASSGRANT_WRAPPING_KEY", "alias/of-another-deployment"),
            ("PASSGRANT_ARGON2_PARALLELISM", "4"),
        ] {
            let error = read(values(), &[(variable, value)]).expect_err(variable).to_string();
            assert!(error.starts_with(&format!("{variable}: ")) && error.contains("unset it"), "{error}");
        }
        let error = read(values(), &[("PASSGRANT_WRAPPING_KEY", "alias/of-another-deployment")]).expect_err("a key");
        let reason = "the deployment has no such thing, since it has no output WrappingKeyArn: unset it";
        assert_eq!(error.to_string(), format!("PASSGRANT_WRAPPING_KEY: {reason}"));
        assert!(read(values(), &[("PASSGRANT_USERS_TABLE", "users"), ("PASSGRANT_ISSUER", "")]).is_ok());
    }

    #[test]
    fn what_an_earlier_version_did_not_say_is_never_guessed() {
        let mut values = values();
        values.remove("UsernameProfile");
        let error = read(values.clone(), &[]).expect_err("no profile").to_string();
        assert!(error.starts_with("PASSGRANT_USERNAME_PROFILE: ") && error.contains("UsernameProfile"), "{error}");
        assert!(read(values, &[("PASSGRANT_USERNAME_PROFILE", "case_mapped")]).is_ok());
    }

    #[test]
    fn what_an_earlier_version_may_have_and_did_not_say_is_taken_from_the_environment() {
        let mut values = values();
        values.remove("Argon2Parallelism");
        let range = ("PASSGRANT_PASSWORD_RANGE_URL", "https://ranges.example.com/");
        let config = read(values.clone(), &[range, ("PASSGRANT_ARGON2_PARALLELISM", "1")]).expect("sound");
        assert!(config.password_range_url.is_some());
        let outputs = Outputs::of_stack(values.clone()).expect("ours");
        assert_eq!(outputs.missing().collect::<Vec<_>>(), ["Argon2Parallelism"]);
        let told = |outputs: &Outputs| OUTPUTS.iter().filter(|output| outputs.tell(output)).count();
        assert_eq!(told(&outputs), OUTPUTS.len() - 3, "neither that one nor the optional ones");
        values.insert("Argon2Parallelism".to_owned(), "1".to_owned());
        assert_eq!(told(&Outputs::of_stack(values).expect("ours")), OUTPUTS.len());
    }

    #[test]
    fn another_kind_of_deployment_is_refused() {
        let mut values = values();
        values.remove("TokensTable");
        assert_eq!(Outputs::of_stack(values).err(), Some(OutputsError::NotOurs("TokensTable")));
        for json in ["", "[]", "{\"clients_table\":\"clients\"}", "null"] {
            assert_eq!(Outputs::of_terraform(json.as_bytes()).err(), Some(OutputsError::NotTerraform), "{json}");
        }
        assert_eq!(Outputs::of_terraform(b"{}").err(), Some(OutputsError::NotOurs("clients_table")));
    }

    #[test]
    fn the_outputs_of_terraform_say_the_same() {
        let written: serde_json::Map<String, Value> = OUTPUTS
            .iter()
            .map(|output| {
                let value = match values().get(output.stack) {
                    Some(text) => text.parse::<u32>().map_or_else(|_| Value::from(text.as_str()), Value::from),
                    None => Value::Null,
                };
                (
                    output.terraform.to_owned(),
                    serde_json::json!({ "sensitive": false, "type": "string", "value": value }),
                )
            })
            .collect();
        let outputs = Outputs::of_terraform(&serde_json::to_vec(&written).expect("JSON")).expect("ours");
        let config = Config::of_outputs(&outputs, &|_| None).expect("sound");
        assert_eq!(format!("{config:?}"), format!("{:?}", read(values(), &[]).expect("sound")));
        assert_eq!(outputs.named("Issuer", "issuer"), Some("https://id.example.com"));
    }
}
