// By keyboard only: from the one-time address to a client.

import assert from "node:assert/strict";
import { browse, ending, folder, holds, openConsole, passgrant, serve, watched } from "./rig.mjs";

/// More steps than any page has.
const FAR = 150;

/// What has the focus: what it is called, and whether that can be seen.
const focused = (page) =>
    page.evaluate(() => {
        const element = document.activeElement;
        const label = element.labels?.[0]?.textContent ?? element.getAttribute("aria-label") ?? element.textContent;
        const { outlineStyle, outlineWidth } = getComputedStyle(element);
        const { top, bottom, left, width } = element.getBoundingClientRect();
        return {
            name: label.trim(),
            isSeen: outlineStyle !== "none" && outlineWidth !== "0px" && width > 0 && left >= 0 && bottom > 0 && top < innerHeight,
        };
    });

/// Goes on with Tab until what is called `name` has the focus, which can be seen on the whole way.
async function tabTo(page, name) {
    for (let step = 0; step < FAR; step++) {
        await page.keyboard.press("Tab");
        const { name: reached, isSeen } = await focused(page);
        // Beyond the last element is the browser itself.
        if (reached && !reached.startsWith("Skip to") && (await page.evaluate(() => document.activeElement !== document.body))) {
            assert(isSeen, `the focus cannot be seen on ${reached}`);
        }
        if (reached === name) return;
    }
    assert.fail(`${name} cannot be reached with Tab`);
}

async function enter(page, name) {
    await tabTo(page, name);
    await page.keyboard.press("Enter");
}

export const keyboard = () => ending(async (keep) => {
    const data = keep(folder());
    keep(await serve(data.path));
    const target = keep(await openConsole(data.path));
    const browser = keep(await browse());
    const page = await (await browser.newContext({ viewport: { width: 1200, height: 800 }, reducedMotion: "reduce" })).newPage();
    const wrongs = watched(page, target);
    await page.goto(target.url);
    await page.waitForURL(`${target.origin}/`);
    await page.keyboard.press("Tab");
    assert.deepEqual(await focused(page), { name: "Skip to the content", isSeen: true });
    await enter(page, "Clients");
    await page.getByRole("heading", { name: "Clients", level: 1 }).waitFor();
    await enter(page, "New client");
    await page.getByRole("heading", { name: "New client", level: 1 }).waitFor();
    await tabTo(page, "Client ID");
    await page.keyboard.type("typed");
    await tabTo(page, "Scopes");
    await page.keyboard.type("orders");
    await enter(page, "Create the client");
    await page.getByRole("heading", { name: "Create the client typed?", level: 1 }).waitFor();
    await enter(page, "Create it");
    await page.getByRole("heading", { name: "The client typed is registered", level: 1 }).waitFor();
    await enter(page, "Copy: The secret");
    assert.equal((await passgrant(data.path, "client", "show", "typed")).client_id, "typed");
    assert.deepEqual(wrongs, []);
    holds("a client is made by keyboard only, and the focus is seen all the way");
});
