"use strict";
const APIS = [
  ["ordering", "Ordering", "MEF 99.1", "/docs/ordering.json"],
  ["inventory", "Inventory", "MEF 135.1", "/docs/inventory.json"],
  ["restconf", "PoC operations", "RESTCONF", "/docs/restconf.json"],
  ["extensions", "Extensions", "ours", "/presto-sdwan/v1/openapi.json"],
];

function link([name, title, standard], chosen) {
  const anchor = document.createElement("a");
  anchor.href = `?api=${name}`;
  anchor.append(title, " ");
  const small = document.createElement("small");
  small.textContent = standard;
  anchor.append(small);
  if (name === chosen) anchor.setAttribute("aria-current", "page");
  return anchor;
}

const wanted = new URLSearchParams(location.search).get("api");
const api = APIS.find(([name]) => name === wanted) || APIS[0];
document.getElementById("apis").append(...APIS.map((entry) => link(entry, api[0])));
document.getElementById("lead").textContent =
  "Four APIs over the same services: what is ordered through one is seen through all. Every request below is sent to this server.";

// The examples are written for what the server has now: whoever has a token gets them anew when the dialog closes, as
// far as he may see it.
let token = null;
let stale = false;
const ReadAnew = () => ({
  statePlugins: {
    auth: {
      wrapActions: {
        authorizeOauth2: (authorize) => (payload) => {
          token = payload.token.access_token;
          stale = true;
          return authorize(payload);
        },
        logout: (logout) => (names) => {
          token = null;
          stale = true;
          return logout(names);
        },
        showDefinitions: (show, system) => (shown) => {
          if (!shown && stale) system.specActions.download(api[3]);
          stale = stale && Boolean(shown);
          return show(shown);
        },
      },
    },
  },
});

SwaggerUIBundle({
  url: api[3],
  plugins: [ReadAnew],
  requestInterceptor: (request) => {
    if (request.loadSpec && token) request.headers.Authorization = `Bearer ${token}`;
    // A refused secret is for the dialog to tell; else the browser would ask for another one itself (Fetch, 401).
    if (request.headers?.Authorization?.startsWith("Basic ")) request.credentials = "omit";
    return request;
  },
  dom_id: "#document",
  deepLinking: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  defaultModelExpandDepth: 3,
  docExpansion: "list",
  validatorUrl: null,
});
