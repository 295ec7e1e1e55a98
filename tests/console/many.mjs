// 100,000 users feel like a hundred.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { browse, ending, enter, folder, holds, openConsole, passgrant, serve } from "./rig.mjs";

const USERS = 100_000;
const GOAL = 100;
/// What this machine does at the same time is no fault of the page.
const PATIENCE = 10;

/// The milliseconds from the request of the page that is loaded to the end of its answer, and until it is drawn.
const timing = (page) =>
    page.evaluate(() => {
        const [{ requestStart, responseEnd, domContentLoadedEventEnd }] = performance.getEntriesByType("navigation");
        return { answered: responseEnd - requestStart, drawn: domContentLoadedEventEnd - requestStart };
    });

export const many = () => ending(async (keep) => {
    const data = keep(folder());
    const service = keep(await serve(data.path, "--demo"));
    const file = join(data.path, "users.jsonl");
    const lines = Array.from({ length: USERS }, (_, number) => JSON.stringify({ username: `user${String(number).padStart(6, "0")}` }));
    writeFileSync(file, lines.join("\n"));
    await passgrant(data.path, "user", "import", file);
    const browser = keep(await browse());
    for (const state of ["with the server running", "with no server on the folder"]) {
        const target = keep(await openConsole(data.path));
        const { page, wrongs } = await enter(browser, target);
        for (const path of ["/", "/clients", "/users", "/keys"]) {
            // The first look at anything is the slowest one, and is counted.
            assert.equal((await page.goto(target.origin + path)).status(), 200, path);
            const { answered, drawn } = await timing(page);
            console.log(`    ${path} ${state}: answered in ${answered.toFixed(1)} ms, drawn after ${drawn.toFixed(1)} ms`);
            assert(drawn < GOAL * PATIENCE, `${path} takes ${drawn} ms`);
        }
        assert.deepEqual(wrongs, []);
        await target.end();
        await service.end();
    }
    holds(`pages come quickly with ${USERS} users`);
});
