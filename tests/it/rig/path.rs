//! Hostile paths: there is no endpoint at any of them.

/// Those that can be sent over HTTP. Most would reach the token endpoint of a server that decodes or normalises paths.
pub(crate) const HOSTILE: [&str; 26] = [
    "/",
    "//",
    "//oauth2/token",
    "/oauth2//token",
    "/oauth2/%74oken",
    "/oauth2%2ftoken",
    "/oauth2/token/",
    "/./oauth2/token",
    "/%2e/oauth2/token",
    "/oauth2/../oauth2/token",
    "/oauth2/%2e%2e/oauth2/token",
    "/oauth2/token;x=y",
    "/oauth2;x/token",
    "/oauth2/token%00",
    "/oauth2/token%20",
    "/oauth2/token%0d%0aset-cookie:x",
    "/oauth2/token%3fx",
    "/oauth2\\token",
    "/OAuth2/Token",
    "/oauth2/tok\u{e9}n",
    "/\u{fc}",
    "/%",
    "http://x//oauth2/token",
    "http://x/oauth2/../oauth2/token",
    "*",
    "x:80",
];

/// Those that only an event can hold: over HTTP they are malformed, or another target.
pub(crate) const HOSTILE_IN_EVENTS: [&str; 14] = [
    "",
    "/a b",
    "/\"<>",
    "/?a b",
    "/#",
    "/\n",
    "\\",
    "oauth2/token",
    "/oauth2/token\0",
    "/oauth2/token\r\nx: injected",
    "http://id.example.com/oauth2/token",
    "http://[/",
    ":99999",
    "@[:",
];
