// The single-page application in Debian's Chromium, from an origin that the service knows and from one that it does not.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:tls";
import { chromium } from "playwright-core";
import { clients, issuer, rules, scope, service, user, wrongPassword } from "./service.mjs";

const holds = rules("single-page application in Chromium");
const { origin, stranger, screenshot } = service.page;

/// The digest of the service's public key, once Node has verified its certificate.
async function trustedKey() {
    const { hostname, port } = new URL(issuer);
    const socket = connect({ host: hostname, port });
    await once(socket, "secureConnect");
    const key = socket.getPeerX509Certificate().publicKey.export({ type: "spki", format: "der" });
    socket.destroy();
    return createHash("sha256").update(key).digest("base64");
}

const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: [
        // Chromium takes no certificate authority from a file: it is told to trust this key instead.
        `--ignore-certificate-errors-spki-list=${await trustedKey()}`,
        // Chromium has no sandbox when it runs as root.
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ],
});

async function open(from) {
    const context = await browser.newContext({ viewport: { width: 1024, height: 720 } });
    const page = await context.newPage();
    await page.goto(`${from}/?${new URLSearchParams({ issuer, client_id: clients.public.client_id, scope })}`);
    return page;
}

async function signIn(page, password) {
    await page.getByLabel("Username").fill(user.username);
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
}

const complaint = (page) => page.getByRole("alert").textContent();

try {
    const page = await open(origin);
    await signIn(page, wrongPassword);
    assert.equal(await complaint(page), "That username and password do not fit together.");
    holds("a wrong password is shown as such");

    await signIn(page, user.password);
    await page.getByRole("heading", { name: `Welcome, ${user.name}` }).waitFor();
    await page.getByText(user.username).waitFor();
    await page.screenshot({ path: screenshot });
    holds(`the user is signed in across origins, and shown: ${screenshot}`);

    const revoked = page.waitForResponse(`${issuer}/oauth2/revoke`);
    await page.getByRole("button", { name: "Sign out" }).click();
    assert.equal((await revoked).status(), 200);
    await page.getByLabel("Username").waitFor();
    holds("signing out revokes the session");

    const elsewhere = await open(stranger);
    const blocked = elsewhere.waitForEvent("console", (message) => message.type() === "error");
    await signIn(elsewhere, user.password);
    assert.match((await blocked).text(), new RegExp(`from origin '${stranger}' has been blocked by CORS policy`));
    assert.equal(await complaint(elsewhere), "The sign-in service cannot be reached from this page.");
    holds("an origin that is not configured is blocked by the browser");
} finally {
    await browser.close();
}
