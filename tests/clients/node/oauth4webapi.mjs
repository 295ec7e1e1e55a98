import assert from "node:assert/strict";
import * as oauth from "oauth4webapi";
import { audience, clients, issuer, refused, rules, scope, user, wrongPassword } from "./service.mjs";

const discovery = async (algorithm) =>
    oauth.processDiscoveryResponse(new URL(issuer), await oauth.discoveryRequest(new URL(issuer), { algorithm }));

// Only OpenID Connect insists on an authorization endpoint, which is there to refuse.
const { authorization_endpoint, ...server } = await discovery("oidc");
assert.equal(authorization_endpoint, `${issuer}/oauth2/authorize`);
assert.deepEqual({ ...(await discovery("oauth2")) }, server);
rules("oauth4webapi")("both metadata documents are accepted, and are one but for the authorization endpoint");

const { private_key: jwk, ...assertion } = clients.assertion;
const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
const key = await crypto.subtle.importKey("jwk", jwk, algorithm, false, ["sign"]);

const ways = {
    client_secret_basic: [clients.basic, oauth.ClientSecretBasic(clients.basic.client_secret)],
    "client_secret_basic, form-encoded": [clients.special, oauth.ClientSecretBasic(clients.special.client_secret)],
    client_secret_post: [clients.post, oauth.ClientSecretPost(clients.post.client_secret)],
    private_key_jwt: [assertion, oauth.PrivateKeyJwt({ key, kid: jwk.kid })],
    none: [clients.public, oauth.None()],
};

for (const [way, [{ client_id }, authentication]] of Object.entries(ways)) {
    const holds = rules(`oauth4webapi, ${way}`);
    const client = { client_id };

    const login = async (password) => {
        const parameters = { username: user.username, password, scope };
        const answer = await oauth.genericTokenEndpointRequest(server, client, authentication, "password", parameters);
        const tokens = await oauth.processGenericTokenEndpointResponse(server, client, answer);
        await oauth.validateApplicationLevelSignature(server, answer);
        return tokens;
    };
    const refresh = async (token) => {
        const answer = await oauth.refreshTokenGrantRequest(server, client, authentication, token);
        return oauth.processRefreshTokenResponse(server, client, answer);
    };

    await refused(login(wrongPassword), oauth.ResponseBodyError, { error: "invalid_grant", status: 400 });
    holds("a wrong password is a ResponseBodyError invalid_grant");

    const tokens = await login(user.password);
    assert.equal(tokens.scope, scope);
    const { sub, name } = oauth.getValidatedIdTokenClaims(tokens);
    assert.equal(name, user.name);
    holds("a password is exchanged for tokens, and the ID token is verified");

    const call = new Request(audience, { headers: { authorization: `Bearer ${tokens.access_token}` } });
    const claims = await oauth.validateJwtAccessToken(server, call, audience);
    assert.deepEqual([claims.sub, claims.client_id, claims.scope], [sub, client_id, scope]);
    holds("a resource server verifies the access token (RFC 9068)");

    const info = await oauth.userInfoRequest(server, client, tokens.access_token);
    const { email } = await oauth.processUserInfoResponse(server, client, sub, info);
    assert.equal(email, user.username);
    holds("userinfo is the user's");

    const refreshed = await refresh(tokens.refresh_token);
    assert.notEqual(refreshed.refresh_token, tokens.refresh_token);
    assert.notEqual(refreshed.access_token, tokens.access_token);
    holds("a refresh token is exchanged, and replaced");

    const introspect = async (token) => {
        const answer = await oauth.introspectionRequest(server, client, authentication, token);
        return oauth.processIntrospectionResponse(server, client, answer);
    };
    // Introspection is only for confidential clients.
    const introspects = client_id !== clients.public.client_id;
    if (introspects) {
        const { active, username } = await introspect(refreshed.access_token);
        assert.deepEqual([active, username], [true, user.username]);
        holds("introspection knows a live access token");
    }

    const revocation = await oauth.revocationRequest(server, client, authentication, refreshed.refresh_token);
    await oauth.processRevocationResponse(revocation);
    await refused(refresh(refreshed.refresh_token), oauth.ResponseBodyError, { error: "invalid_grant" });
    if (introspects) assert.deepEqual(await introspect(refreshed.access_token), { active: false });
    holds("a revoked refresh token is dead, and its session with it");
}

const stranger = oauth.refreshTokenGrantRequest(server, clients.basic, oauth.ClientSecretBasic("wrong"), "any");
await refused(
    stranger.then((answer) => oauth.processRefreshTokenResponse(server, clients.basic, answer)),
    oauth.WWWAuthenticateChallengeError,
    { status: 401 },
);
rules("oauth4webapi")("a wrong secret in Basic is a WWWAuthenticateChallengeError");
