"use strict";

// Signing in with a passkey, accepting an invitation, and adding a passkey. All but the passkeys work without a script.
const problem = document.getElementById("problem");

function tell(text) {
  problem.hidden = !text;
  problem.querySelector("p").textContent = text;
}

async function post(path, body) {
  const response = await fetch(path, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.detail);
  return answer;
}

// A person who closes the browser's dialog did not fail.
function reason(error) {
  return ["NotAllowedError", "AbortError"].includes(error.name) ? "" : error.message;
}

async function act(button, action) {
  button.disabled = true;
  tell("");
  try {
    location.assign((await action()).next);
  } catch (error) {
    tell(reason(error));
    button.disabled = false;
  }
}

const passkey = document.getElementById("passkey");
const offers = passkey && window.PublicKeyCredential?.parseRequestOptionsFromJSON;
if (offers) document.getElementById("passkey-part").hidden = false;

const own = document.getElementById("own-passkey");
if (own && window.PublicKeyCredential?.parseCreationOptionsFromJSON) {
  document.getElementById("own-part").hidden = false;
  own.addEventListener("click", () => act(own, async () => {
    const options = await post("/account/passkey/begin", {});
    const credential = await navigator.credentials.create({
      publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options.publicKey),
    });
    return post("/account/passkey", { credential: credential.toJSON() });
  }));
}

const invitation = document.getElementById("invitation");
if (offers && !invitation) {
  passkey.addEventListener("click", () => act(passkey, async () => {
    const options = await post("/login/passkey/begin", {});
    const credential = await navigator.credentials.get({
      publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options.publicKey),
    });
    return post("/login/passkey", { next: passkey.dataset.next, credential: credential.toJSON() });
  }));
}

if (invitation) {
  const field = (name) => invitation.elements[name];
  const show = (id, shown) => { document.getElementById(id).hidden = !shown; };

  const open = async () => {
    try {
      const invited = await post("/invitation/open", { secret: field("secret").value });
      const { first, name, email, role } = invited;
      show("who-part", first);
      field("name").required = field("email").required = first;
      document.getElementById("who-hint").hidden = true;
      document.getElementById("whom").textContent = first ?
        "You are the first person here and become its admin." : `${name}, you are invited as ${role} with ${email}.`;
      if (!first) field("email").value = email;
    } catch (error) {
      tell(error.message);
    }
  };

  // Browsers keep the fragment over the redirect after a form that was not right.
  const take = () => {
    const secret = location.hash.slice(1);
    if (!secret) return;
    field("secret").value = secret;
    invitation.setAttribute("action", "/invitation#" + secret);
    show("code-part", false);
    open();
  };
  addEventListener("hashchange", take);
  take();

  field("again").addEventListener("input", () => {
    const same = field("again").value === field("password").value;
    field("again").setCustomValidity(same ? "" : "The two passwords differ.");
  });

  if (offers) {
    passkey.addEventListener("click", () => {
      const asked = [field("secret"), field("name"), field("email")];
      if (!asked.every((input) => input.reportValidity())) return;
      act(passkey, async () => {
        const secret = field("secret").value;
        const options = await post("/invitation/passkey/begin",
          { secret, name: field("name").value, email: field("email").value });
        const credential = await navigator.credentials.create({
          publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options.publicKey),
        });
        return post("/invitation/passkey", { secret, credential: credential.toJSON() });
      });
    });
  }
}
