// Two operators on one client, and one at a time with two windows: nobody overwrites what they have not seen.

import assert from "node:assert/strict";
import { examined } from "./accessible.mjs";
import { headed, press, section, type } from "./flow.mjs";
import { browse, ending, enter, folder, holds, openConsole, passgrant, serve } from "./rig.mjs";

/// Opens the form that changes the client `id`.
async function change(page, id) {
    await section(page, "Clients");
    await press(page, id);
    await press(page, "Change");
    await headed(page, `Change the client ${id}`);
}

export const operators = () => ending(async (keep) => {
    const data = keep(folder());
    keep(await serve(data.path));
    await passgrant(data.path, "client", "create", "shared", "--name", "Before", "--scope", "a");
    const named = async () => {
        const { name, scopes } = await passgrant(data.path, "client", "show", "shared");
        return [name, [scopes].flat().join(" ")];
    };
    const browser = keep(await browse());
    const [ann, bob] = [
        await enter(browser, keep(await openConsole(data.path))),
        await enter(browser, keep(await openConsole(data.path))),
    ];
    await change(ann.page, "shared");
    await change(bob.page, "shared");
    await type(ann.page, "Name", "Ann's");
    await press(ann.page, "Save the changes");
    await press(ann.page, "Change it");
    await headed(ann.page, "The client shared is changed");
    await type(bob.page, "Scopes", "a b");
    await press(bob.page, "Save the changes");
    await bob.page.getByText("Somebody else has changed this client meanwhile.").waitFor();
    await examined(bob.page);
    assert.deepEqual(await named(), ["Ann's", "a"]);
    assert.equal(await bob.page.getByLabel("Name", { exact: true }).inputValue(), "Ann's");
    assert.equal(await bob.page.getByLabel("Scopes", { exact: true }).inputValue(), "a b");
    holds("a change over another operator's change is shown, and not made; the form has both where they are of different fields");

    // Looked at, and confirmed only when it is old again.
    await change(bob.page, "shared");
    await type(bob.page, "Name", "Bob's");
    await press(bob.page, "Save the changes");
    await headed(bob.page, "Change the client shared?");
    await passgrant(data.path, "client", "update", "shared", "--name", "Carol's");
    await press(bob.page, "Change it");
    await bob.page.getByRole("alert").waitFor();
    assert.deepEqual(await named(), ["Carol's", "a"]);
    holds("neither is one that was looked at before, and confirmed afterwards");

    await section(bob.page, "Clients");
    await press(bob.page, "shared");
    await passgrant(data.path, "client", "update", "shared", "--name", "Dave's");
    await press(bob.page, "Delete");
    await press(bob.page, "Delete it");
    await bob.page.getByRole("alert").waitFor();
    assert.deepEqual(await named(), ["Dave's", "a"]);
    holds("a client that has changed since it was looked at is not deleted");

    await section(ann.page, "Clients");
    await press(ann.page, "shared");
    await passgrant(data.path, "client", "delete", "shared");
    await press(ann.page, "Change");
    await ann.page.getByText("there is no client shared").waitFor();
    await examined(ann.page);
    holds("a client that is gone is said to be gone");
    assert.deepEqual([ann.wrongs, bob.wrongs], [[], []]);
});
