//! The parameters of the deployments that reach the service, and what is taken for each: the table that decides.

/// One parameter, and what the service takes for it.
pub(crate) struct Row {
    /// Its name in the template.
    pub(crate) parameter: &'static str,
    /// Its name in the module; empty where the module's is of another form.
    pub(crate) variable: &'static str,
    /// Other parameters without which it means nothing.
    pub(crate) with: &'static [(&'static str, &'static str)],
    /// Both take these.
    pub(crate) taken: &'static [&'static str],
    /// Neither takes these.
    pub(crate) refused: &'static [&'static str],
    /// Only the service takes these: the same can be said in another way, or it would be of no use in AWS.
    pub(crate) only_service: &'static [&'static str],
}

const PLAIN: Row = Row { parameter: "", variable: "", with: &[], taken: &[], refused: &[], only_service: &[] };
const SECRET: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const LEGACY: &str = r#"[{"name":"legacy","url":"https://a.example","secret_env":"PASSGRANT_DELEGATED_SECRET_1"},{"name":"b","url":"https://b.example","secret_env":"PASSGRANT_DELEGATED_SECRET_3","import":true}]"#;
const THREE_SECRETS: (&str, &str) = (
    "DelegatedSecrets",
    "0123456789abcdef0123456789abcdef,0123456789abcdef0123456789abcdef,0123456789abcdef0123456789abcdef",
);
const ALGORITHMS: &[&str] = &[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "HS256", "HS384", "HS512",
];
const NAME_255: &str = "0123456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-1234";
const ARN: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd";

/// CloudFormation puts the secret in place of what names it, before the service sees it.
const SECRETS_MANAGER: &[&str] = &[
    "arn:aws:secretsmanager:eu-central-1:111122223333:secret:legacy-AbCdEf",
    "arn:aws:secretsmanager:eu-central-1:111122223333:secret:a/b-AbCdEf:SecretString:key:AWSCURRENT:",
];

/// The table that decides.
pub(crate) const ROWS: &[Row] = &[
    Row { parameter: "DelegatedSecret1", taken: SECRETS_MANAGER, ..PLAIN },
    Row { parameter: "DelegatedSecret2", taken: SECRETS_MANAGER, ..PLAIN },
    Row { parameter: "DelegatedSecret3", taken: SECRETS_MANAGER, ..PLAIN },
    Row {
        parameter: "DomainName",
        variable: "domain_name",
        with: &[("CertificateArn", "arn:aws:acm:eu-central-1:111122223333:certificate/1234abcd")],
        taken: &["login.example.com", "a.b", "xn--bcher-kva.example"],
        refused: &[
            "Login.example.com",
            "login.example.com.1",
            "a.0x1",
            "a_b.example",
            "a.b/c",
            "login.example.com:443",
        ],
        ..PLAIN
    },
    Row {
        parameter: "MutualTlsDomainName",
        variable: "mutual_tls_domain_name",
        with: &[
            ("MutualTlsCertificateArn", "arn:aws:acm:eu-central-1:111122223333:certificate/1234abcd"),
            ("MutualTlsTruststoreUri", "s3://truststores/clients.pem"),
        ],
        taken: &["mtls.example.com", "a.b"],
        refused: &["Mtls.example.com", "mtls.example.com.1", "a_b.example", "a.b/c", "mtls.example.com:443"],
        ..PLAIN
    },
    Row {
        parameter: "Issuer",
        variable: "issuer",
        taken: &[
            "https://id.example.com",
            "https://id.example.com/",
            "https://id.example.com/auth",
            "https://id.example.com/a/b.c/..d/.well-known/%41",
            "https://id.example.com:8443/auth",
            "https://id.example.com:1",
            "https://id.example.com:442",
            "https://id.example.com:444",
            "https://id.example.com:65535",
            "https://localhost",
        ],
        refused: &[
            "https://ID.example.com",
            "HTTPS://id.example.com",
            "http://id.example.com",
            "https://id.example.com:443",
            "https://id.example.com:65536",
            "https://id.example.com:0443",
            "https://id.example.com:",
            "https://id.example.com?x",
            "https://id.example.com/#x",
            "https://user@id.example.com",
            "https://id.example.com/a b",
            "https://id.example.com/\u{e9}",
            "https://id.example.com/a/../b",
            "https://id.example.com/.",
            "https://id.example.com/%2e/b",
            "https://1.2.3",
            "https://",
            "id.example.com",
        ],
        only_service: &[
            // The gateway and whatever is in front of it have a name.
            "https://192.0.2.1",
            "https://[2001:db8::1]",
            "http://localhost:8080",
            "https://id.example.com/a//b",
        ],
        ..PLAIN
    },
    Row {
        parameter: "OriginSecrets",
        variable: "origin_secrets",
        taken: &[SECRET, "!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!~,~!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!"],
        refused: &[
            "0123456789abcdef0123456789abcde",
            "0123456789abcdef0123456789abcde ",
            "0123456789abcdef0123456789abcdef,",
            "0123456789abcdef0123456789abcdef,short",
            "0123456789abcdef0123456789abcdef,0123456789abcdef0123456789abcdef,0123456789abcdef0123456789abcdef",
        ],
        ..PLAIN
    },
    Row {
        parameter: "SigningAlgorithm",
        variable: "signing_algorithm",
        taken: ALGORITHMS,
        refused: &["none", "rs256", "ES256K"],
        ..PLAIN
    },
    Row {
        parameter: "SigningKeyArns",
        variable: "signing_key_arns",
        taken: &[ARN],
        refused: &["arn:aws:kms:eu-central-1:111122223333:key/a=none"],
        // The role and the policies of keys are about the keys themselves; and keys of one's own are bound to nothing.
        only_service: &["alias/a", "1234abcd", "arn:aws:kms:eu-central-1:111122223333:key/a=RS256"],
        ..PLAIN
    },
    Row {
        parameter: "PublishedKeyArns",
        variable: "published_key_arns",
        taken: &[ARN],
        only_service: &["alias/a"],
        ..PLAIN
    },
    Row {
        parameter: "WrappingKeyArn",
        variable: "wrapping_key_arn",
        taken: &[ARN],
        refused: &[
            "arn:aws:kms:eu-central-1:1:key/a=b",
            "arn:aws:kms:eu-central-1:1:key/a,b",
            "arn:aws:kms:x:1:key/a b",
        ],
        only_service: &["alias/a", "1234abcd"],
        ..PLAIN
    },
    Row {
        parameter: "EnvelopeKeys",
        variable: "envelope_keys",
        with: &[("WrappingKey", "on")],
        taken: &["envelope:main-2026", "envelope:main=HS512", "envelope:a=RS256,envelope:b=EdDSA"],
        refused: &["envelope:", "envelope:Main", "envelope:a=RS999", "envelope:a=none", "envelope:a=", "envelope:a_b"],
        only_service: &["envelope:a, envelope:b"],
    },
    Row {
        parameter: "PublishedEnvelopeKeys",
        variable: "published_envelope_keys",
        with: &[("WrappingKey", "on")],
        taken: &["envelope:main-2026=RS256"],
        refused: &["envelope:Main", "envelope:a=rs256"],
        ..PLAIN
    },
    Row {
        parameter: "DefaultScope",
        variable: "default_scope",
        taken: &["openid", "a b", "! # [ ] ~"],
        refused: &["a  b", " a", "a ", "a\"", "a\\", "\u{e9}", "a\tb"],
        ..PLAIN
    },
    Row { parameter: "EmptyScope", variable: "empty_scope", taken: &["none"], refused: &["a  b"], ..PLAIN },
    Row {
        parameter: "CorsOrigins",
        variable: "cors_origins",
        taken: &[
            "https://app.example.com",
            "http://localhost:3000",
            "http://127.0.0.1:8080,https://app.example.com:8443",
            "http://[::1]:3000",
            "http://a.example:443",
            "https://a.example:80",
            "https://255.255.255.255",
        ],
        refused: &[
            "https://App.example.com",
            "https://app.example.com/",
            "https://app.example.com:443",
            "http://app.example.com:80",
            "https://app.example.com:65536",
            "https://256.1.1.1",
            "https://1.1.1.01",
            "https://app.example.com?x",
            "https://a@app.example.com",
            "app.example.com",
            "*",
            "null",
        ],
        // No page has an origin of another scheme that could be meant, and a list needs no spaces.
        only_service: &["ftp://app.example.com", "https://a.example, https://b.example", "https://[2001:db8::1]"],
        ..PLAIN
    },
    Row {
        parameter: "UsernameProfile",
        variable: "username_profile",
        taken: &["case_mapped", "case_preserved"],
        refused: &["nickname"],
        ..PLAIN
    },
    Row {
        parameter: "PasswordRangeUrl",
        variable: "password_range_url",
        taken: &["https://api.pwnedpasswords.com/range/", "https://Ranges.example:443/", "https://192.0.2.1/a/b/"],
        refused: &[
            "https://ranges.example",
            "https://ranges.example/range",
            "http://ranges.example/",
            "https://ranges.example/?x/",
            "https://ranges.example/#/",
            "https://a@ranges.example/",
            "https://ranges.example:65536/",
        ],
        only_service: &["http://localhost/", "https://ranges.example/a//"],
        ..PLAIN
    },
    Row {
        parameter: "PasswordRangeAtLogin",
        variable: "password_range_at_login",
        with: &[("PasswordRangeUrl", "https://ranges.example/")],
        taken: &["off", "log", "refuse"],
        refused: &["on"],
        ..PLAIN
    },
    Row { parameter: "PasswordGrant", taken: &["on", "off"], refused: &["true"], ..PLAIN },
    Row {
        parameter: "AttemptsLimit",
        variable: "attempts_limit",
        taken: &["1", "10", "99", "100"],
        refused: &["0", "101", "-1", "1.5", "1e1"],
        only_service: &["010"],
        ..PLAIN
    },
    Row {
        parameter: "AttemptsWindow",
        variable: "attempts_window",
        taken: &["1s", "86399s", "86400s", "1m", "1439m", "1440m", "1h", "23h", "24h", "1d"],
        refused: &["0s", "86401s", "0m", "1441m", "0h", "25h", "48h", "2d", "15", "m", "15 minutes ago"],
        // Whole seconds, and one unit, say everything.
        only_service: &["1000ms", "1h 30m", "1.5h", "15min", "015m"],
        ..PLAIN
    },
    Row {
        parameter: "AttemptsSourceNames",
        variable: "attempts_source_names",
        taken: &["0", "1", "100", "999", "1000", "9999", "10000"],
        refused: &["10001", "99999", "-1", "1.5", "1e3", "many"],
        only_service: &["0100"],
        ..PLAIN
    },
    Row {
        parameter: "AttemptsSparedNetworks",
        variable: "attempts_spared_networks",
        taken: &[
            "192.0.2.0/24",
            "192.0.2.1/32",
            "192.0.2.1/24",
            "0.0.0.0/0",
            "255.255.255.255/9",
            "2001:db8::/32",
            "2001:DB8:1:2:3:4:5:6/128",
            "::/0",
            "::1/128",
            "1:2:3:4:5:6:7::/112",
            "::2:3:4:5:6:7:8/99",
            "192.0.2.0/24,2001:db8::/32",
        ],
        refused: &[
            "192.0.2.1",
            "192.0.2.0/",
            "192.0.2.0/33",
            "192.0.2.0/024",
            "192.0.2/24",
            "256.0.2.0/24",
            "192.0.2.0/-1",
            "192.0.2.0/255.255.255.0",
            "2001:db8::",
            "2001:db8::/129",
            "2001:db8:::/32",
            "2001::db8::/32",
            "1:2:3:4:5:6:7:8:9/64",
            "1:2:3:4:5:6:7/64",
            "12345::/16",
            "fe80::1%eth0/64",
            "[2001:db8::]/32",
            "localhost/8",
            "192.0.2.0/24;198.51.100.0/24",
        ],
        // Zeros in front, `::` for nothing, and IPv4 within IPv6 say nothing that cannot be said without them.
        only_service: &[
            "192.0.2.0/08",
            "192.000.002.000/24",
            "1:2:3:4:5:6:7::8/64",
            "::ffff:192.0.2.0/120",
            "192.0.2.0/24, 198.51.100.0/24",
        ],
        ..PLAIN
    },
    Row {
        parameter: "TrustedHops",
        variable: "trusted_hops",
        with: &[("OriginSecrets", "a-secret-of-thirty-two-characters")],
        taken: &["0", "1", "5"],
        refused: &["6", "-1", "1.5", "10"],
        only_service: &["01"],
    },
    Row {
        parameter: "AuthChain",
        variable: "auth_chain",
        with: &[("AuthChains", "a-_9=legacy;other=directory"), ("DelegatedVerifiers", LEGACY), THREE_SECRETS],
        taken: &["directory", "a-_9", "other"],
        refused: &["Directory", "a b"],
        ..PLAIN
    },
    Row {
        parameter: "AuthChains",
        with: &[("DelegatedVerifiers", LEGACY), THREE_SECRETS],
        taken: &["a=directory", "a=legacy,directory,b;c=b"],
        refused: &["a", "a=", "=legacy", "A=legacy", "a=legacy,", "a=legacy;", "a=directory,legacy,b,c"],
        only_service: &["a=legacy ; b=directory"],
        ..PLAIN
    },
    Row {
        parameter: "DelegatedVerifiers",
        with: &[THREE_SECRETS],
        taken: &[LEGACY],
        refused: &[
            "legacy",
            "[",
            "{}",
            r#"[{"name":"legacy"}]"#,
            r#"[{"name":"Legacy","url":"https://a.example","secret_env":"PASSGRANT_DELEGATED_SECRET_1"}]"#,
            r#"[{"name":"legacy","url":"http://a.example","secret_env":"PASSGRANT_DELEGATED_SECRET_1"}]"#,
            r#"[{"name":"legacy","url":"https://a@a.example","secret_env":"PASSGRANT_DELEGATED_SECRET_1"}]"#,
            r#"[{"name":"legacy","url":"https://a.example/#a","secret_env":"PASSGRANT_DELEGATED_SECRET_1"}]"#,
            r#"[{"name":"legacy","url":"https://a.example","secret_env":"PASSGRANT_DELEGATED_SECRET_4"}]"#,
            r#"[{"name":"legacy","url":"https://a.example","secret_env":"secret"}]"#,
            r#"[{"name":"legacy","url":"https://a.example","secret_env":"PASSGRANT_DELEGATED_SECRET_1","import":"yes"}]"#,
        ],
        // In the order in which it is documented, and to a name.
        only_service: &[
            r#"[{"url":"https://a.example","name":"legacy","secret_env":"PASSGRANT_DELEGATED_SECRET_1"}]"#,
            r#"[{"name":"legacy","url":"https://192.0.2.1","secret_env":"PASSGRANT_DELEGATED_SECRET_1"}]"#,
            "[]",
        ],
        ..PLAIN
    },
    Row {
        parameter: "DelegatedSecrets",
        with: &[(
            "DelegatedVerifiers",
            r#"[{"name":"a","url":"https://a.example","secret_env":"PASSGRANT_DELEGATED_SECRET_1"}]"#,
        )],
        taken: &[SECRET, THREE_SECRETS.1],
        refused: &["0123456789abcdef0123456789abcde", "0123456789abcdef0123456789abcde "],
        ..PLAIN
    },
    Row { parameter: "DetailedErrors", taken: &["on", "off"], refused: &["yes"], ..PLAIN },
    Row {
        parameter: "ClientCache",
        variable: "client_cache",
        taken: &["0s", "0ms", "1ms", "3600000ms", "3599s", "3600s", "0m", "59m", "60m", "0h", "1h"],
        refused: &["3600001ms", "3601s", "61m", "2h", "60", "-1s", "1d"],
        only_service: &["1m 30s", "1.5m", "060s"],
        ..PLAIN
    },
    Row {
        parameter: "Argon2MemoryKiB",
        variable: "argon2_memory_kib",
        taken: &["8", "9", "10", "19456", "999999", "1000000", "1039999", "1040000", "1048499", "1048569", "1048576"],
        refused: &["0", "7", "1048577", "1050000", "2000000", "10000000", "8.5", "-8"],
        ..PLAIN
    },
    Row {
        parameter: "Argon2Iterations",
        variable: "argon2_iterations",
        taken: &["1", "9", "10", "59", "60", "64"],
        refused: &["0", "65", "100", "1.5"],
        ..PLAIN
    },
    Row {
        parameter: "ClientsTableName",
        variable: "clients_table_name",
        taken: &["a-1", "Passgrant_clients.restored", NAME_255],
        refused: &["ab", "a b", "a,b", "\u{e9}\u{e9}\u{e9}"],
        // The role is about a table of this account and region.
        only_service: &["arn:aws:dynamodb:eu-central-1:111122223333:table/a"],
        ..PLAIN
    },
    Row { parameter: "UsersTableName", variable: "users_table_name", taken: &["a-1"], refused: &["ab"], ..PLAIN },
    Row { parameter: "TokensTableName", variable: "tokens_table_name", taken: &["a-1"], refused: &["ab"], ..PLAIN },
    Row {
        parameter: "OtlpEndpoint",
        variable: "otlp_endpoint",
        taken: &[
            "http://127.0.0.1:4318",
            "http://localhost:4318/",
            "http://127.0.0.1",
            "https://collector.example.com",
            "https://Collector.example:443/",
            "https://192.0.2.1:4318/a_b/c-d~e",
        ],
        refused: &[
            "127.0.0.1:4318",
            "http://collector.example.com:4318",
            "http://192.0.2.1:4318",
            "http://127.0.0.1.example",
            "https://a@collector.example",
            "https://collector.example/?key=x",
            "https://collector.example/#x",
            "https://collector.example:65536",
            "grpc://127.0.0.1:4317",
        ],
        only_service: &["http://[::1]:4318", "http://127.0.0.2:4318", "https://collector.example/a.b/c%20d//"],
        ..PLAIN
    },
    Row {
        parameter: "OtlpRatio",
        variable: "otlp_ratio",
        with: &[("OtlpEndpoint", "http://127.0.0.1:4318")],
        taken: &["0", "1", "0.5", "0.000001", "0.999999"],
        refused: &["2", "1.1", "-0.1", "10%", "x", "NaN"],
        only_service: &["1.0", ".5", "1e-3", "0.0000001"],
    },
    Row {
        parameter: "LogLevel",
        variable: "log_level",
        taken: &["error", "warn", "info", "debug"],
        refused: &["trace", "INFO", "off"],
        ..PLAIN
    },
];
