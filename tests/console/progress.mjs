// What takes long says how far it is, and stops when it is told to.

import assert from "node:assert/strict";
import { examined } from "./accessible.mjs";
import { headed, section } from "./flow.mjs";
import { browse, ending, enter, file, folder, holds, openConsole, passgrant, serve } from "./rig.mjs";

const THERE = 20_000;
const MORE = 20_000;

const lines = (prefix, count) => Array.from({ length: count }, (_, number) => JSON.stringify({ username: `${prefix}${number}` })).join("\n");

const follow = (page, name) => page.getByRole("link", { name, exact: true }).or(page.getByRole("button", { name, exact: true })).first().click({ noWaitAfter: true });

/// Waits until the page, which is still growing, says that more than none have been read; of its steps only the last is seen.
async function counting(page, noun) {
    await page.getByText(new RegExp(`^[1-9][0-9]* ${noun} so far$`)).filter({ visible: true }).waitFor();
    assert.equal(await page.locator(".step").filter({ visible: true }).count(), 1, "only the last step is seen");
    assert.equal(await page.getByRole("progressbar", { name: "How far it is" }).filter({ visible: true }).count(), 1);
}

/// Presses Stop, and waits for the page that is headed `heading`.
async function stop(page, heading) {
    await follow(page, "Stop");
    await headed(page, heading);
}

export const progress = () => ending(async (keep) => {
    const data = keep(folder());
    keep(await serve(data.path));
    await passgrant(data.path, "user", "import", keep(file(lines("there", THERE))).path);
    const target = keep(await openConsole(data.path));
    const browser = keep(await browse());
    const { page, wrongs } = await enter(browser, target);
    // Most of it is work of this machine, which may be busy.
    page.setDefaultTimeout(120_000);

    await follow(page, "Count the users");
    await counting(page, "users");
    await stop(page, "Users");
    holds("a report that is long says how far it is, and is stopped");
    await section(page, "Overview");
    await follow(page, "Count the users");
    await page.getByRole("heading", { name: "When users last logged in" }).waitFor();
    await page.waitForLoadState();
    assert.equal(await page.locator(".steps").filter({ visible: true }).count(), 0, "the steps are gone once there is a result");
    assert.equal(await page.locator(".facts dd").first().textContent(), String(THERE));
    await examined(page);
    holds("one that is not stopped comes to its end, and only that is seen");

    await page.goto(`${target.origin}/users/import`);
    await page.getByLabel("Users", { exact: true }).setInputFiles(keep(file(lines("more", MORE))).path);
    await follow(page, "Try it, without writing");
    await follow(page, `Import ${MORE} users`);
    await counting(page, "users");
    await stop(page, "Import users");
    await page.getByRole("heading", { name: "lines.jsonl is still here" }).waitFor();
    await page.getByText("Its import was begun, and is not complete.").waitFor();
    await examined(page);
    holds("an import that is stopped is said to be incomplete");
    await follow(page, "Go on with the import");
    await page.getByText("The import is done.").waitFor();
    await page.waitForLoadState();
    await examined(page);
    const { users } = await passgrant(data.path, "user", "report");
    assert.equal(users, THERE + MORE);
    assert.deepEqual(wrongs, []);
    holds("it goes on from where it was");
});
