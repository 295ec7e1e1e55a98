// Pages of other origins, open in the browser that has opened the console: they read nothing and change nothing.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createServer } from "node:http";
import { once } from "node:events";
import { browse, ending, enter, folder, holds, openConsole, passgrant, REBOUND, serve, STRANGER } from "./rig.mjs";

/// A server that another page is from. It keeps the headers that it was sent.
async function otherServer() {
    const seen = [];
    const server = createServer((request, response) => {
        seen.push(request.headers);
        response.setHeader("content-type", "text/html").end("<!doctype html><title>Elsewhere</title><body>");
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return { seen, port: server.address().port, end: () => (server.closeAllConnections(), server.close()) };
}

/// Everything that a page can try: what it could read, by the name of the attempt. Runs in that page.
async function attempts({ target, paths, secret }) {
    const read = {};
    const url = (path) => target + path;
    const kept = (name, text) => {
        if (text) read[name] = text;
    };
    const event = (element, name) => new Promise((done) => {
        element.addEventListener("load", () => done(`loaded ${name}`));
        element.addEventListener("error", () => done(null));
        document.body.append(element);
        setTimeout(() => done(null), 3000);
    });
    const element = (tag, attributes) => Object.assign(document.createElement(tag), attributes);
    const form = new URLSearchParams(secret);

    for (const path of paths) {
        for (const [name, options] of Object.entries({
            "fetch": { credentials: "include" },
            "fetch without CORS": { credentials: "include", mode: "no-cors" },
            "fetch, POST": { credentials: "include", method: "POST", body: form },
            "fetch without CORS, POST": { credentials: "include", mode: "no-cors", method: "POST", body: form },
            "fetch, DELETE": { credentials: "include", method: "DELETE" },
            "fetch with a header": { credentials: "include", headers: { "x-own": "1" } },
        })) {
            kept(`${name} ${path}`, await fetch(url(path), options).then((answer) => answer.text(), () => null));
        }
        navigator.sendBeacon(url(path), form);
        kept(`image ${path}`, await event(element("img", { src: url(path) }), "image"));
        kept(`script ${path}`, await event(element("script", { src: url(path) }), "script"));
        kept(`module ${path}`, await event(element("script", { src: url(path), type: "module" }), "module"));
        kept(`style ${path}`, await event(element("link", { href: url(path), rel: "stylesheet" }), "style"));
        await event(element("link", { href: url(path), rel: "prefetch" }), "prefetch");
        const frame = element("iframe", { src: url(path) });
        await event(frame, "frame");
        kept(`frame ${path}`, (() => { try { return frame.contentDocument?.body?.textContent; } catch { return null; } })());
        kept(`object ${path}`, await event(element("object", { data: url(path) }), "object"));
        kept(`WebSocket ${path}`, await new Promise((done) => {
            const socket = new WebSocket(url(path).replace("http", "ws"));
            socket.onopen = () => done("open");
            socket.onerror = () => done(null);
        }));
        kept(`EventSource ${path}`, await new Promise((done) => {
            const source = new EventSource(url(path), { withCredentials: true });
            source.onopen = () => { source.close(); done("open"); };
            source.onerror = () => { source.close(); done(null); };
        }));
    }
    return read;
}

/// Sends a form to `action` as another page does, in a window of its own.
function sendForm({ action, fields }) {
    const form = document.createElement("form");
    Object.assign(form, { method: "post", action, target: "_blank" });
    for (const [name, value] of fields) {
        form.append(Object.assign(document.createElement("input"), { name, value, type: "hidden" }));
    }
    document.body.append(form);
    form.submit();
}

/// The pages whose forms change something.
const FORMS = ["/clients/new", "/clients/one?id=demo-client", "/users/new", "/users/user?name=demo-user"];

/// The addresses of the console that are worth an attack: the sections, and where its forms are sent to.
async function addresses(page, origin) {
    const paths = new Set(["/", "/clients", "/users", "/keys", "/try", "/assets/console.css"]);
    for (const path of FORMS) {
        assert.equal((await page.goto(origin + path)).status(), 200, path);
        const found = await page.evaluate(() =>
            [...document.querySelectorAll("form[method=post]")].map((form) => new URL(form.action).pathname));
        found.forEach((path) => paths.add(path));
    }
    await page.goto(`${origin}/`);
    return [...paths];
}

export const attack = () => ending(async (keep) => {
    const data = keep(folder());
    keep(await serve(data.path, "--demo"));
    const target = keep(await openConsole(data.path));
    const other = keep(await otherServer());
    const browser = keep(await browse());
    const { context, page } = await enter(browser, target);
    const port = new URL(target.url).port;
    const before = [await passgrant(data.path, "client", "list"), await passgrant(data.path, "user", "list")];
    const paths = await addresses(page, target.origin);
    const fields = [["client_id", "intruder"], ["id", "demo-client"], ["name", "demo-user"], ["username", "intruder"], ["confirmed", "yes"]];

    const answered = [];
    context.on("response", (response) => {
        const [{ origin, pathname }, request] = [new URL(response.url()), response.request()];
        // What a refusal looks like, it asks for itself.
        const isOwn = !request.isNavigationRequest() && request.frame().url().startsWith(target.origin);
        if (origin === target.origin && !isOwn) answered.push(`${response.status()} ${request.method()} ${pathname}`);
    });
    for (const [name, origin] of [
        ["another site", `http://${STRANGER}:${other.port}`],
        ["another port of the same address", `http://127.0.0.1:${other.port}`],
        ["this machine by its name", `http://localhost:${other.port}`],
    ]) {
        const hostile = await context.newPage();
        await hostile.goto(`${origin}/`);
        assert.deepEqual(await hostile.evaluate(attempts, { target: target.origin, paths, secret: fields }), {});
        for (const path of paths) {
            const popup = context.waitForEvent("page");
            await hostile.evaluate(sendForm, { action: target.origin + path, fields });
            const opened = await popup;
            await opened.getByRole("heading", { name: "Refused" }).waitFor();
            await opened.close();
        }
        const popup = context.waitForEvent("page");
        const kept = await hostile.evaluate((url) => {
            globalThis.opened = window.open(url);
            return globalThis.opened !== null;
        }, `${target.origin}/users`);
        const opened = await popup;
        await opened.waitForLoadState();
        const read = await hostile.evaluate(() => {
            try { return globalThis.opened.document.body.textContent; } catch { return null; }
        });
        assert(kept && !read, `${name}: ${read}`);
        await hostile.close();
        await opened.close();
        assert(answered.length > 0, "it reached the console at all");
        assert.deepEqual(answered.filter((answer) => !answer.startsWith("403 ")), [], name);
        answered.length = 0;
        holds(`a page of ${name} reads nothing, and each of its requests is refused`);
    }

    for (const name of [REBOUND, "localhost"]) {
        const rebound = await context.newPage();
        // The name led to the attacker's server when the page was loaded, and leads here from now on.
        const url = `http://${name}:${port}`;
        await rebound.route(`${url}/`, (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html>" }), { times: 1 });
        await rebound.goto(`${url}/`);
        for (const path of paths) {
            const answer = await rebound.evaluate(async ({ path, body }) => {
                const got = await fetch(path);
                const posted = await fetch(path, { method: "POST", body: new URLSearchParams(body) });
                return { statuses: [got.status, posted.status], text: await got.text() };
            }, { path, body: fields });
            assert.deepEqual(answer.statuses, [403, 403], path);
            assert(answer.text.includes("Refused") && !answer.text.includes("form_token"), path);
        }
        await rebound.close();
    }
    holds("a name that is led to this address after its page was loaded (DNS rebinding) reads nothing");

    const after = [await passgrant(data.path, "client", "list"), await passgrant(data.path, "user", "list")];
    assert.deepEqual(after, before);
    holds("no page of another origin has changed anything");

    const stolen = other.seen.map((headers) => headers.cookie).find((cookie) => cookie?.includes("passgrant-console-"));
    assert(stolen, "browsers send the cookie to the other ports of the address");
    const strangers = other.seen.filter((headers) => !headers.host.startsWith("127.0.0.1"));
    assert(strangers.length > 0 && !strangers.some((headers) => headers.cookie?.includes("passgrant-console-")));
    const curl = ["curl", "--silent", "--show-error", "--output", "-", "--header", `cookie: ${stolen}`, `${target.origin}/`];
    assert(execFileSync(curl[0], curl.slice(1), { encoding: "utf8" }).includes("Overview"), "the operator's own programs may");
    if (process.getuid() === 0) {
        const nobody = spawnSync("setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups", ...curl], { encoding: "utf8" });
        assert.equal(nobody.stdout, "");
        assert.match(nobody.stderr, /Empty reply|reset by peer/);
        holds("a cookie that a server of another user has seen is of no use to that user");
    } else {
        console.log("not checked without root: a connection of another user of this machine");
    }
    assert.equal(await target.end(), "", "nothing is logged");
});
