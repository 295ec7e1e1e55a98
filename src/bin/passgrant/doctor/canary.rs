//! A whole flow with a client and a user that exist for it: a token, its signature, and everything that is done with it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use clap::error::ErrorKind;
use http::Method;
use passgrant::clock::Clock as _;
use passgrant::issuer::path;
use passgrant::jose::algorithm::Algorithm;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::doctor::Patient;
use crate::doctor::contract::cause;
use crate::doctor::metadata::Key;
use crate::doctor::report::Finding;
use crate::failure::Failure;
use crate::secret_input::SecretInput;
use crate::wire::Answer;
use crate::wire::caller::{Authentication, Caller, authorization};

/// What the whole flow is tried with.
#[derive(Args)]
pub(super) struct Canary {
    /// Try a whole flow, as this client
    #[arg(long, value_name = "ID", requires = "user")]
    client: Option<String>,
    /// The user who logs in
    #[arg(long, value_name = "USERNAME", requires = "client")]
    user: Option<String>,
    /// The scope that is asked for [default: none, and so the client's]
    #[arg(long, value_name = "SCOPE", requires = "client")]
    scope: Option<String>,
    /// The client is public, and has no secret
    #[arg(long, requires = "client", conflicts_with = "secret_stdin")]
    public_client: bool,
    /// Take the client's secret from standard input, one line
    #[arg(long, requires = "client")]
    secret_stdin: bool,
    /// Take the password from standard input, one line; after that of the secret, if both are there
    #[arg(long, requires = "client")]
    password_stdin: bool,
}

/// The credentials of the canary.
pub(super) struct Credentials {
    client: Caller,
    username: String,
    password: Zeroizing<String>,
    scope: Option<String>,
}

impl Canary {
    /// The credentials, if a flow is to be tried: from standard input or prompts.
    pub(super) fn credentials(self, secrets: &SecretInput) -> Result<Option<Credentials>, Failure> {
        let (Some(client), Some(username)) = (self.client, self.user) else {
            return Ok(None);
        };
        let has_secret = !self.public_client;
        let typed = (has_secret && !self.secret_stdin) || !self.password_stdin;
        if typed && !secrets.is_typed() {
            let message = "there is no terminal to ask on: give the client's secret and the password on standard input with \
                           '--secret-stdin' (or '--public-client') and '--password-stdin'";
            return Err(Failure::usage("doctor", ErrorKind::MissingRequiredArgument, message));
        }
        let (authentication, password) = match (has_secret, self.secret_stdin && self.password_stdin) {
            (false, _) => (Authentication::None, secrets.line("password")?),
            (true, false) => (Authentication::Basic(secrets.line("secret")?), secrets.line("password")?),
            (true, true) => {
                let [secret, password] = secrets.two_lines("secret", "password")?;
                (Authentication::Basic(secret), password)
            }
        };
        let client = Caller { id: client, authentication };
        Ok(Some(Credentials { client, username, password, scope: self.scope }))
    }
}

/// Tries the whole flow. What depends on a step that failed is left out.
pub(super) async fn examine(
    patient: &Patient<'_>,
    keys: Option<&[Key]>,
    credentials: Option<Credentials>,
) -> Vec<Finding> {
    let Some(credentials) = credentials else {
        return vec![Finding::skipped("login", "no flow is tried without --client and --user")];
    };
    let flow = Flow { patient, keys, credentials };
    let tokens = match flow.login().await {
        Ok(tokens) => tokens,
        Err(reason) => return vec![Finding::failed("login", reason), Finding::skipped("flow", "there is no token")],
    };
    let mut findings =
        vec![Finding::ok("login", format!("a token of scope {} for {}", tokens["scope"], flow.credentials.username))];
    let access_token = tokens["access_token"].as_str().unwrap_or_default();
    findings.push(flow.verify(access_token));
    findings.push(flow.userinfo(&tokens).await);
    findings.push(flow.introspect(access_token).await);
    findings.extend(flow.refresh_and_revoke(&tokens).await);
    findings
}

struct Flow<'f, 'c> {
    patient: &'f Patient<'c>,
    /// The published keys, if they are known.
    keys: Option<&'f [Key]>,
    credentials: Credentials,
}

impl Flow<'_, '_> {
    async fn post(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Answer, String> {
        let (headers, form) = self.credentials.client.request(parameters);
        let answer = self.patient.wire.post(&self.patient.url(path), headers, form).await;
        answer.map_err(|trouble| format!("POST {path}: {trouble}"))
    }

    /// The answer of the token endpoint, which must be tokens that may not be stored.
    async fn tokens(&self, parameters: &[(&str, &str)]) -> Result<Value, String> {
        let answer = self.post(path::TOKEN, parameters).await?;
        let Some(tokens) = answer.json().filter(|_| answer.status.is_success()) else {
            return Err(format!("answered with {}: {}", answer.status.as_u16(), cause(&answer)));
        };
        let has = |member: &str| tokens[member].as_str().is_some_and(|value| !value.is_empty());
        let is_by_contract = has("access_token") && tokens["token_type"] == "Bearer" && tokens["expires_in"].is_u64();
        if !is_by_contract {
            return Err("the answer is not that of RFC 6749, section 5.1".to_owned());
        }
        if !answer.header("cache-control").is_some_and(|value| value.contains("no-store")) {
            return Err("tokens come without Cache-Control: no-store: caches may keep them".to_owned());
        }
        Ok(tokens)
    }

    async fn login(&self) -> Result<Value, String> {
        let Credentials { username, password, scope, .. } = &self.credentials;
        let mut parameters = vec![("grant_type", "password"), ("username", username), ("password", password)];
        parameters.extend(scope.as_deref().map(|scope| ("scope", scope)));
        self.tokens(&parameters).await
    }

    /// Whether a verifier that has only the published keys accepts the token.
    fn verify(&self, token: &str) -> Finding {
        const CHECK: &str = "token-signature";

        let Some((signed, header, claims, signature)) = taken_apart(token) else {
            return Finding::skipped(CHECK, "the token is opaque: only introspection tells about it");
        };
        let Some(algorithm) = header["alg"].as_str().and_then(|name| name.parse::<Algorithm>().ok()) else {
            return Finding::failed(CHECK, "the token names no algorithm");
        };
        if !algorithm.is_of_key_pair() {
            return Finding::skipped(CHECK, format!("{algorithm} is verified with a secret, which is not published"));
        }
        let Some(keys) = self.keys else {
            return Finding::skipped(CHECK, "the published keys are not known: `keys` says why");
        };
        let Some(key) = keys.iter().find(|key| header["kid"] == key.kid.as_str()) else {
            return Finding::failed(CHECK, "the key that signed the token is not published");
        };
        let fits = key.alg.is_none_or(|bound| bound == algorithm);
        if !fits || !key.public.verify(algorithm, signed.as_bytes(), &signature) {
            return Finding::failed(CHECK, format!("the published key {} does not verify the token", key.kid));
        }
        let now = self.patient.context.clock.now().as_unix();
        let problem = match () {
            () if header["typ"] != "at+jwt" => "its typ is not at+jwt (RFC 9068)",
            () if claims["iss"] != self.patient.issuer.as_str() => "its iss is not the issuer",
            () if claims["client_id"] != self.credentials.client.id.as_str() => "its client_id is not the client",
            () if claims["exp"].as_u64().is_none_or(|exp| exp <= now) => "it has expired, by this machine's clock",
            () if claims["nbf"].as_u64().is_some_and(|nbf| nbf > now + 60) => {
                "it is not valid yet, by this machine's clock"
            }
            () => return Finding::ok(CHECK, format!("{algorithm}, by the published key {}", key.kid)),
        };
        Finding::failed(CHECK, format!("a verifier refuses the token: {problem}"))
    }

    async fn userinfo(&self, tokens: &Value) -> Finding {
        const CHECK: &str = "claims";

        if !tokens["scope"].as_str().is_some_and(|scope| scope.split(' ').any(|token| token == "openid")) {
            return Finding::skipped(CHECK, "openid was not granted: --scope asks for it");
        }
        let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap_or_default());
        let headers = authorization(&bearer).into_iter().collect();
        let answer = self.patient.wire.ask(Method::GET, &self.patient.url(path::USERINFO), headers).await;
        match answer {
            Err(trouble) => Finding::failed(CHECK, format!("GET {}: {trouble}", path::USERINFO)),
            Ok(answer)
                if answer.status.is_success() && answer.json().is_some_and(|claims| claims["sub"].is_string()) =>
            {
                Finding::ok(CHECK, "the token gets the claims of its user")
            }
            Ok(answer) => {
                Finding::failed(CHECK, format!("answered with {}: {}", answer.status.as_u16(), cause(&answer)))
            }
        }
    }

    async fn introspect(&self, token: &str) -> Finding {
        const CHECK: &str = "token-active";

        if self.credentials.client.is_public() {
            return Finding::skipped(CHECK, "a public client may not introspect");
        }
        match self.post(path::INTROSPECT, &[("token", token)]).await {
            Err(reason) => Finding::failed(CHECK, reason),
            Ok(answer) => match (answer.status.as_u16(), answer.json()) {
                (200, Some(told)) if told["active"] == true => Finding::ok(CHECK, "introspection says that it is"),
                (200, Some(told)) if told["active"] == false => {
                    Finding::failed(CHECK, "introspection says that a fresh token is not active")
                }
                (_, Some(told)) if told["error"] == "unauthorized_client" => {
                    Finding::skipped(CHECK, "the client may not introspect: `--capability introspect` lets it")
                }
                (status, _) => Finding::failed(CHECK, format!("answered with {status}: {}", cause(&answer))),
            },
        }
    }

    /// A session of the canary's that stayed would be one more each time.
    async fn refresh_and_revoke(&self, tokens: &Value) -> Vec<Finding> {
        let Some(refresh_token) = tokens["refresh_token"].as_str() else {
            return vec![Finding::skipped("refresh", "the client gets no refresh token")];
        };
        let refreshed = self.tokens(&[("grant_type", "refresh_token"), ("refresh_token", refresh_token)]).await;
        let successor = refreshed.as_ref().ok().and_then(|tokens| tokens["refresh_token"].as_str());
        let last = successor.unwrap_or(refresh_token).to_owned();
        let refresh = match refreshed {
            Ok(_) if last == refresh_token => Finding::failed("refresh", "the refresh token was not replaced"),
            Ok(_) => Finding::ok("refresh", "a new token, and a new refresh token"),
            Err(reason) => Finding::failed("refresh", reason),
        };
        vec![refresh, Finding::of("revoke", self.revoke(&last).await)]
    }

    async fn revoke(&self, token: &str) -> Result<String, String> {
        let answer = self.post(path::REVOKE, &[("token", token), ("token_type_hint", "refresh_token")]).await?;
        if !answer.status.is_success() {
            return Err(format!("answered with {}: {}", answer.status.as_u16(), cause(&answer)));
        }
        let after = self.post(path::TOKEN, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await?;
        match after.json() {
            Some(body) if body["error"] == "invalid_grant" => Ok("the session has ended".to_owned()),
            _ => Err(format!("a revoked refresh token was answered with {}", after.status.as_u16())),
        }
    }
}

/// What was signed, the header, the claims and the signature of a JWT; none of an opaque token.
fn taken_apart(token: &str) -> Option<(&str, Value, Value, Vec<u8>)> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let json = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
    Some((signed, json(header)?, json(claims)?, URL_SAFE_NO_PAD.decode(signature).ok()?))
}
