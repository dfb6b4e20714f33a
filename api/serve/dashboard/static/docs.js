// The page of all routes. What it sends goes to where it came from, whatever prefix a proxy has put before it.

const address = new URL("openapi.json", document.baseURI);
const description = await (await fetch(address)).json();
description.servers = [{ url: new URL(".", address).href.replace(/\/$/, "") }];
globalThis.SwaggerUIBundle({ spec: description, dom_id: "#routes", deepLinking: true, validatorUrl: null });
