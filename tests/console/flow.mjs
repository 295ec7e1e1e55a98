// Somebody who never read the documentation: from an empty folder to a token, by what the pages say.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { examined } from "./accessible.mjs";
import { artefacts, browse, ending, enter, folder, holds, openConsole, serve, usualHashes } from "./rig.mjs";

const PASSWORD = "a walrus in the attic";

/// Follows the link or presses the button that says `name`.
export async function press(page, name) {
    const named = page.getByRole("link", { name, exact: true }).or(page.getByRole("button", { name, exact: true }));
    await named.first().click();
    await page.waitForLoadState();
}

/// Goes to the section that is called `name`, by the links at the top.
export async function section(page, name) {
    await page.getByRole("navigation", { name: "Sections" }).getByRole("link", { name, exact: true }).click();
    await page.waitForLoadState();
}

/// Types `text` into the field that is labelled `label`.
export const type = (page, label, text) => page.getByLabel(label, { exact: true }).fill(text);

/// Waits for the page that is headed `text`.
export const headed = (page, text) => page.getByRole("heading", { name: text, exact: true, level: 1 }).waitFor();

/// Takes a picture.
export async function picture(page, name) {
    await page.evaluate(() => window.scrollTo(0, 0));
    await page.screenshot({ path: join(artefacts, `console-${name}.png`) });
}

/// Checks that nothing of what was typed as a secret is in the page, or in its address.
async function hides(page, ...secrets) {
    const seen = `${page.url()} ${await page.content()}`;
    for (const secret of secrets) assert(!seen.includes(secret), `${page.url()} shows ${secret}`);
}

/// What the button beside `label` copies.
async function copied(page, label) {
    await page.getByRole("button", { name: `Copy: ${label}`, exact: true }).click();
    return page.evaluate(() => navigator.clipboard.readText());
}

export async function createUser(page, name) {
    await section(page, "Users");
    await press(page, "New user");
    await type(page, "Username", name);
    await press(page, "Go on to the password");
    await headed(page, `Create the user ${name}?`);
    await type(page, "Password", PASSWORD);
    await type(page, "The password again", PASSWORD);
    await press(page, "Create the user");
    await headed(page, `User ${name} is created`);
}

export const flow = () => ending(async (keep) => {
    keep(usualHashes());
    // The pages name the folder as it is given to the console.
    process.chdir(keep(folder()).path);
    keep({ end: () => process.chdir("/") });
    keep(await serve(".passgrant"));
    const target = keep(await openConsole(".passgrant"));
    const browser = keep(await browse());
    const { page, wrongs } = await enter(browser, target, { permissions: ["clipboard-read", "clipboard-write"] });

    await section(page, "Clients");
    await page.getByText("There are no clients yet.").waitFor();
    await press(page, "New client");
    await press(page, "Create the client");
    await page.getByRole("alert").waitFor();
    await examined(page);
    holds("a form that is not filled in says what is wrong, to everybody");
    await type(page, "Client ID", "orders-app");
    await type(page, "Name", "Order terminals");
    await type(page, "Scopes", "openid profile orders.read");
    await picture(page, "client-form");
    await press(page, "Create the client");
    await headed(page, "Create the client orders-app?");
    await press(page, "Back to the form");
    assert.equal(await page.getByLabel("Scopes", { exact: true }).inputValue(), "openid profile orders.read");
    holds("a form can be gone back to, with what was in it");
    await press(page, "Create the client");
    await press(page, "Create it");
    await headed(page, "The client orders-app is registered");
    await examined(page);
    await picture(page, "client");
    const secret = await copied(page, "The secret");
    const line = await copied(page, "curl");
    assert(line.includes(secret), "the line is ready to be sent");
    holds("a client is made, its secret is shown, and both are copied");

    await createUser(page, "ann");
    await examined(page);
    await hides(page, PASSWORD, secret);
    holds("a user is made");

    // What the page says to put in.
    const filled = line.replace("=USERNAME", "=ann").replace("=PASSWORD", `=${PASSWORD}`);
    const { stdout } = await promisify(execFile)("sh", ["-c", `${filled} --silent`]);
    const answer = JSON.parse(stdout);
    assert.equal(answer.token_type, "Bearer", stdout);
    assert(answer.access_token && answer.refresh_token && answer.id_token, stdout);
    holds("the line that the page shows gets tokens");

    await section(page, "Try it");
    await type(page, "Client ID", "orders-app");
    await type(page, "Client secret", secret);
    await type(page, "Username", "ann");
    await type(page, "Password", PASSWORD);
    await press(page, "Ask for tokens");
    await page.getByText("Answered with 200").waitFor();
    await examined(page);
    await hides(page, PASSWORD, secret);
    await picture(page, "try");
    await press(page, "Use the refresh token");
    await headed(page, "A refresh");
    await page.getByText("Answered with 200").waitFor();
    holds("the page itself logs in and refreshes, and shows no secret");
    await section(page, "Try it");
    await type(page, "Client ID", "orders-app");
    await type(page, "Client secret", `${secret}x`);
    await type(page, "Username", "ann");
    await type(page, "Password", PASSWORD);
    await press(page, "Ask for tokens");
    await page.getByText("Answered with 401").waitFor();
    await examined(page);
    holds("a refusal is explained");

    await section(page, "Clients");
    await press(page, "orders-app");
    await hides(page, secret);
    await press(page, "New secret");
    await press(page, "Go on");
    await press(page, "Give it the new secret");
    await headed(page, "The client orders-app has a new secret");
    await examined(page);
    const second = await copied(page, "The secret");
    assert.notEqual(second, secret);
    holds("a secret is replaced");

    await section(page, "Clients");
    await press(page, "orders-app");
    await press(page, "Delete");
    await page.getByText("passgrant").first().waitFor();
    await examined(page);
    await press(page, "Cancel");
    await headed(page, "Client orders-app");
    holds("whatever loses something is asked about, with its command, and can be left");

    await section(page, "Users");
    await press(page, "ann");
    await picture(page, "user");
    await section(page, "Overview");
    await picture(page, "overview");
    await page.emulateMedia({ colorScheme: "dark" });
    await picture(page, "overview-dark");
    assert.deepEqual(wrongs, []);
    holds("nothing is loaded from another host, and no page has an error");
});
