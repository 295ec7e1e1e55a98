// A folder with a server and a console on it, and Debian's Chromium.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRequire } from "node:module";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

const program = process.env.PASSGRANT ?? "passgrant";
/// Where screenshots are kept.
export const artefacts = process.env.PASSGRANT_CI_ARTEFACTS ?? tmpdir();

/// Says that a rule held.
export const holds = (rule) => console.log(`ok  ${rule}`);

/// Names that no resolver knows, for pages of other origins.
export const STRANGER = "attacker.example";
export const REBOUND = "rebound.example";

// Hashes that cost next to nothing.
const cheap = { PASSGRANT_ARGON2_MEMORY_KIB: "64", PASSGRANT_ARGON2_ITERATIONS: "1" };
const environment = { ...process.env, ...cheap };

/// Hashes as an operator has them, until it ends.
export function usualHashes() {
    for (const name of Object.keys(cheap)) delete environment[name];
    return { end: () => Object.assign(environment, cheap) };
}

/// Does `work`, which is given a function that keeps what has an end; all of it has ended afterwards, the newest first.
export async function ending(work) {
    const kept = [];
    const keep = (thing) => (kept.unshift(thing), thing);
    try {
        return await work(keep);
    } finally {
        for (const thing of kept) await (thing.end ?? thing.close).call(thing);
    }
}

/// A folder of its own, which is removed at the end.
export function folder() {
    const path = mkdtempSync(join(tmpdir(), "passgrant-console-"));
    return { path, end: () => rmSync(path, { recursive: true, force: true }) };
}

/// A file of its own that contains `text`, as JSON lines.
export function file(text) {
    const { path, end } = folder();
    const name = join(path, "lines.jsonl");
    writeFileSync(name, text);
    return { path: name, end };
}

/// What the command line answers.
export async function passgrant(data, ...words) {
    const ran = await promisify(execFile)(program, ["--data", data, ...words, "--output", "json"], { env: environment });
    return ran.stdout ? JSON.parse(ran.stdout) : null;
}

/// A process that says in JSON what it is, and then runs until it is stopped.
async function started(words) {
    const child = spawn(program, [...words, "--output", "json"], { env: environment, stdio: ["ignore", "pipe", "pipe"] });
    let log = "";
    child.stderr.setEncoding("utf8").on("data", (text) => (log += text));
    let said = "";
    for await (const text of child.stdout.setEncoding("utf8").iterator({ destroyOnReturn: false })) {
        said += text;
        if (said.trimEnd().split("\n").at(-1) === "}") break;
    }
    assert(said, `${words.join(" ")}: ${log}`);
    const end = async () => {
        if (child.exitCode === null && child.signalCode === null) {
            child.kill("SIGTERM");
            await once(child, "exit");
        }
        return log;
    };
    return { ...JSON.parse(said), end };
}

/// `passgrant serve` on the folder at `data`.
export const serve = (data, ...words) => started(["--data", data, "serve", "--listen", "127.0.0.1:0", ...words]);

/// `passgrant console` on the folder at `data`; its `url` opens it once.
export async function openConsole(data, ...words) {
    const console_ = await started(["--data", data, "console", "--no-open", ...words]);
    return Object.assign(console_, { origin: new URL(console_.url).origin });
}

/// Chromium, which finds every name that these tests use on this machine.
export const browse = () =>
    chromium.launch({
        executablePath: "/usr/bin/chromium",
        args: [
            `--host-resolver-rules=MAP ${STRANGER} 127.0.0.1,MAP ${REBOUND} 127.0.0.1,MAP * ~NOTFOUND,EXCLUDE 127.0.0.1,EXCLUDE localhost`,
            // Chromium has no sandbox when it runs as root.
            "--no-sandbox",
            // The console has to hold in browsers that let any page send requests to this machine.
            "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ],
    });

/// A browser window that has opened `console_`, in which nothing may go wrong unseen: no request to another host, and no
/// error of the page itself.
export async function enter(browser, console_, options = {}) {
    const context = await browser.newContext({ viewport: { width: 1200, height: 800 }, ...options });
    context.setDefaultTimeout(15_000);
    const page = await context.newPage();
    const wrongs = watched(page, console_);
    await page.goto(console_.url);
    await page.waitForURL(`${console_.origin}/`);
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    return { context, page, wrongs };
}

/// What goes wrong on `page` from now on.
export function watched(page, console_) {
    const wrongs = [];
    page.on("request", (request) => {
        if (new URL(request.url()).origin !== console_.origin) wrongs.push(`a request to ${request.url()}`);
    });
    page.on("pageerror", (error) => wrongs.push(String(error)));
    page.on("console", (message) => {
        // A refusal that a test asks for is said here too.
        if (message.type() === "error" && !/status of (400|404)/.test(message.text())) wrongs.push(message.text());
    });
    return wrongs;
}

export const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
