import assert from "node:assert/strict";
import { createRemoteJWKSet, errors, jwtVerify } from "jose";
import * as client from "openid-client";
import { audience, clients, issuer, refused, rules, scope, user, wrongPassword } from "./service.mjs";

const { client_id, client_secret } = clients.special;
const holds = rules("openid-client");

const authentication = client.ClientSecretBasic(client_secret);
const configuration = await client.discovery(new URL(issuer), client_id, undefined, authentication);
client.enableNonRepudiationChecks(configuration);
const login = (password) =>
    client.genericGrantRequest(configuration, "password", { username: user.username, password, scope });

await refused(login(wrongPassword), client.ResponseBodyError, { error: "invalid_grant", status: 400 });
holds("a wrong password is a ResponseBodyError invalid_grant");

const tokens = await login(user.password);
const { sub, name } = tokens.claims();
assert.equal(name, user.name);
holds("a password is exchanged for tokens, and the ID token is verified");

// It is a client's library; a resource server's is its author's other one.
const keys = createRemoteJWKSet(new URL(configuration.serverMetadata().jwks_uri));
const verify = (token) => jwtVerify(token, keys, { issuer, audience, typ: "at+jwt" });
assert.equal((await verify(tokens.access_token)).payload.sub, sub);
rules("jose")("the access token is verified from the published keys");
await refused(verify(tokens.id_token), errors.JWTClaimValidationFailed);
rules("jose")("an ID token is not an access token: a JWTClaimValidationFailed");

assert.equal((await client.fetchUserInfo(configuration, tokens.access_token, sub)).email, user.username);
holds("userinfo is the user's");

const refreshed = await client.refreshTokenGrant(configuration, tokens.refresh_token);
assert.notEqual(refreshed.refresh_token, tokens.refresh_token);
holds("a refresh token is exchanged, and replaced");

assert.equal((await client.tokenIntrospection(configuration, refreshed.access_token)).active, true);
holds("introspection knows a live access token");

await client.tokenRevocation(configuration, refreshed.refresh_token);
const afterwards = client.refreshTokenGrant(configuration, refreshed.refresh_token);
await refused(afterwards, client.ResponseBodyError, { error: "invalid_grant" });
assert.deepEqual({ ...(await client.tokenIntrospection(configuration, refreshed.access_token)) }, { active: false });
holds("a revoked refresh token is dead, and its session with it");
