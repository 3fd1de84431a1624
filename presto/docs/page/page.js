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
  "Four faces over the same services: what is ordered through one is seen through all. Every request below is sent to this server.";
SwaggerUIBundle({
  url: api[3],
  dom_id: "#document",
  deepLinking: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  defaultModelExpandDepth: 3,
  docExpansion: "list",
  validatorUrl: null,
});
