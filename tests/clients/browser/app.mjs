// A single-page application that signs its users in at a Passgrant of another origin, as a public client.
// Its address says who the issuer is and which client it is: /?issuer=...&client_id=...&scope=...

const { issuer, client_id, scope } = Object.fromEntries(new URLSearchParams(location.search));
const form = document.querySelector("#sign-in");
const account = document.querySelector("#account");
const alert = document.querySelector("[role=alert]");
const button = form.querySelector("button");

// In memory alone: a session does not outlive its page.
let refreshToken;

/// An OAuth error of the service.
class Refusal extends Error {}

async function call(endpoint, options) {
    const answer = await fetch(`${issuer}${endpoint}`, options);
    if (!answer.ok) throw new Refusal((await answer.json()).error);
    return answer;
}

const post = (endpoint, parameters) =>
    call(endpoint, { method: "POST", body: new URLSearchParams({ client_id, ...parameters }) });

async function signIn(username, password) {
    const granted = await post("/oauth2/token", { grant_type: "password", username, password, scope });
    const tokens = await granted.json();
    refreshToken = tokens.refresh_token;
    const headers = { authorization: `Bearer ${tokens.access_token}` };
    const claims = await (await call("/oauth2/userinfo", { headers })).json();
    return { ...claims, scope: tokens.scope, issuer };
}

/// What went wrong, in the user's words.
function explained(error) {
    if (!(error instanceof Refusal)) return "The sign-in service cannot be reached from this page.";
    if (error.message === "invalid_grant") return "That username and password do not fit together.";
    return `The sign-in service refused this application: ${error.message}.`;
}

form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    alert.hidden = true;
    try {
        const { username, password } = Object.fromEntries(new FormData(form));
        const user = await signIn(username, password);
        for (const place of account.querySelectorAll("[data-claim]")) place.textContent = user[place.dataset.claim];
        form.reset();
        [form.hidden, account.hidden] = [true, false];
    } catch (error) {
        alert.textContent = explained(error);
        alert.hidden = false;
    } finally {
        button.disabled = false;
    }
});

document.querySelector("#sign-out").addEventListener("click", async () => {
    await post("/oauth2/revoke", { token: refreshToken });
    refreshToken = undefined;
    [form.hidden, account.hidden] = [false, true];
});
