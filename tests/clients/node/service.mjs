// The service that the clients are run against.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

export const service = JSON.parse(readFileSync(process.env.PASSGRANT_SERVICE, "utf8"));
export const { issuer, audience, scope, user, clients } = service;
export const wrongPassword = `${user.password} `;

/// Says that a rule of `client` held.
export const rules = (client) => (rule) => console.log(`ok  ${client}: ${rule}`);

/// Checks that `promise` is refused with an error of class `type`, and with these members.
export async function refused(promise, type, members = {}) {
    await assert.rejects(promise, (error) => {
        assert(error instanceof type, error);
        for (const [name, value] of Object.entries(members)) assert.equal(error[name], value, error);
        return true;
    });
}
