// Everybody can use every page: axe-core finds nothing in the light, in the dark and in a narrow window.

import assert from "node:assert/strict";
import { axe, browse, ending, enter, file, folder, holds, openConsole, passgrant, serve, STRANGER } from "./rig.mjs";

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
/// A name that would be more than text in a page that does not expect it: it would load something from another host.
const HOSTILE = `'"><img src="//${STRANGER}/x"><script src="//${STRANGER}/y"></script>`;

const WIDE = { width: 1200, height: 800 };
const NARROW = { width: 360, height: 740 };

/// What axe-core finds on `page`, and what does not fit into a narrow window, in each way to look at it.
export async function examined(page) {
    for (const [colorScheme, viewport] of [["light", WIDE], ["dark", WIDE], ["light", NARROW], ["dark", NARROW]]) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize(viewport);
        await page.evaluate(axe);
        const found = await page.evaluate(async (rules) => {
            const { violations } = await globalThis.axe.run({ runOnly: rules });
            return violations.map(({ id, nodes }) => ({ id, where: nodes.map((node) => `${node.html} ${node.any[0]?.message ?? ""}`) }));
        }, RULES);
        const where = `${new URL(page.url()).pathname}, ${colorScheme}, ${viewport.width} pixels`;
        assert.deepEqual(found, [], where);
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        assert(width <= viewport.width, `${where}: it is ${width} pixels wide`);
    }
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize(WIDE);
}

/// The addresses that the links of `page` lead to.
const links = (page) =>
    page.evaluate(() => [...document.querySelectorAll("a[href]")].map((link) => new URL(link.href)).map(({ pathname, search }) => pathname + search));

export const accessible = () => ending(async (keep) => {
    const data = keep(folder());
    keep(await serve(data.path, "--demo"));
    await passgrant(data.path, "client", "create", "worker", "--name", HOSTILE, "--scope", "orders", "--default-scope", "orders");
    await passgrant(data.path, "user", "import", keep(file(`{"username":"mallory","claims":{"name":${JSON.stringify(HOSTILE)}}}\n`)).path);
    const { url, origin } = keep(await openConsole(data.path));
    const browser = keep(await browse());
    const { page, wrongs } = await enter(browser, { url, origin });
    const [seen, next] = [new Set(), ["/", "/nowhere"]];
    while (next.length) {
        const path = next.shift();
        // One page of each kind: what is asked of it makes another one.
        const [kind] = path.split("?");
        if (seen.has(kind)) continue;
        seen.add(kind);
        const answer = await page.goto(origin + path);
        if (!answer.headers()["content-type"].startsWith("text/html")) continue;
        assert(answer.status() === 200 || path === "/nowhere", `${path} is linked, and answers ${answer.status()}`);
        await examined(page);
        assert.equal(await page.locator("h1").count(), 1, path);
        next.push(...(await links(page)));
    }
    assert.deepEqual(wrongs, []);
    holds(`axe-core ${await page.evaluate(() => globalThis.axe.version)} finds nothing on ${seen.size} pages, in light, dark and 360 pixels:`);
    console.log(`    ${[...seen].join(" ")}`);
});
