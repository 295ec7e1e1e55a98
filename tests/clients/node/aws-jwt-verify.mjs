import assert from "node:assert/strict";
import { JwtVerifier } from "aws-jwt-verify";
import { JwtInvalidAudienceError, JwtInvalidSignatureError } from "aws-jwt-verify/error";
import { audience, clients, issuer, refused, rules, scope, user } from "./service.mjs";

const holds = rules("aws-jwt-verify");
const { client_id } = clients.public;

// It verifies and does nothing else: metadata and tokens are asked for by hand.
const metadata = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
const { username, password } = user;
const body = new URLSearchParams({ grant_type: "password", username, password, client_id, scope });
const tokens = await (await fetch(metadata.token_endpoint, { method: "POST", body })).json();

const { jwks_uri: jwksUri } = metadata;
const resourceServer = JwtVerifier.create({ issuer, audience, jwksUri, scope: "email" });
const client = JwtVerifier.create({ issuer, audience: client_id, jwksUri });

const { sub } = await resourceServer.verify(tokens.access_token);
holds("the access token is verified from the published keys");
const claims = await client.verify(tokens.id_token);
assert.deepEqual([claims.sub, claims.name], [sub, user.name]);
holds("the ID token is verified from the published keys");

await refused(resourceServer.verify(tokens.id_token), JwtInvalidAudienceError);
holds("an ID token is not an access token: a JwtInvalidAudienceError");
const [header, , signature] = tokens.access_token.split(".");
const forged = [header, tokens.id_token.split(".")[1], signature].join(".");
await refused(client.verify(forged), JwtInvalidSignatureError);
holds("other claims under the same signature are a JwtInvalidSignatureError");
